"""Python's own Unicode data for tokenizers in languages whose libraries have none, or another version's.

    flat()   sizes of the seven sections | sections, all of them numbers below 2**24

    decomposed   code point -> compatibility decomposition (NFKD), in full; Hangul is computed
    lower        code point -> lower case, in full
    classes      code point -> canonical combining class, if not 0
    composed     first, second -> composed (NFC), without Hangul
    kinds        where a run of code points of one kind begins -> bits: WORD, SPACE, DIGIT, CASED, IGNORED

The last two bits are what a final sigma looks at. `str.lower` alone knows them, so it is asked.
"""

import functools
import itertools
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

WORD, SPACE, DIGIT, CASED, IGNORED = (1 << bit for bit in range(5))
_HANGUL = range(0xAC00, 0xD7A4)
_SIGMA, _FINAL = "\u03a3", "\u03c2"


@functools.lru_cache(maxsize=1)
def flat() -> tuple[int, ...]:
    """All tables behind one another; see the module's docstring."""
    points = [point for point in range(sys.maxunicode + 1) if _has_data(point)]
    decomposed = {
        point: unicodedata.normalize("NFKD", chr(point)) for point in points if point not in _HANGUL
    }
    lower = {point: chr(point).lower() for point in points}
    classes = [(point, unicodedata.combining(chr(point))) for point in points]
    composed = sorted(_compositions(points))
    kinds = [
        (next(run), kind) for kind, run in itertools.groupby(range(sys.maxunicode + 1), _kind)
    ]
    sections = [
        *_mapping(decomposed), *_mapping(lower),
        [number for pair in classes if pair[1] for number in pair],
        [number for row in composed for number in row],
        [number for pair in kinds for number in pair],
    ]
    sizes = [len(section) for section in sections]
    return tuple(itertools.chain(sizes, *sections))


def _mapping(full: Mapping[int, str]) -> tuple[Sequence[int], Sequence[int]]:
    """Pairs of a code point and where its text ends; all texts."""
    pairs: list[int] = []
    texts: list[int] = []
    for point, text in full.items():
        if text != chr(point):
            texts += map(ord, text)
            pairs += (point, len(texts))
    return pairs, texts


def _compositions(points: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    for point in points:
        parts = unicodedata.decomposition(chr(point)).split()
        if len(parts) == 2 and parts[0][0] != "<" and unicodedata.normalize("NFC", chr(point)) == chr(point):
            first, second = (int(part, 16) for part in parts)
            yield first, second, point


def _has_data(point: int) -> bool:
    """Whether Unicode says anything of a code point; it does not of private, unused and surrogate ones."""
    return unicodedata.category(chr(point)) not in ("Cn", "Co", "Cs")


def _kind(point: int) -> int:
    char = chr(point)
    if not _has_data(point):
        return 0
    after = (char + _SIGMA).lower().endswith(_FINAL)  # not so behind what is ignored: nothing is before it
    ignored = not after and ("a" + char + _SIGMA).lower().endswith(_FINAL)
    return (
        WORD * (char.isalnum() or char == "_") | SPACE * char.isspace() | DIGIT * char.isdecimal()
        | CASED * after | IGNORED * ignored
    )
