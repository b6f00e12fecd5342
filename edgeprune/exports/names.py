"""Names for generated code, out of whatever a bundle calls its tensors.

A bundle's names may hold anything: quotes, newlines, other scripts. What comes out here is ASCII letters and
digits (and `_` in modules), starts with a letter, and is no keyword of any language that is generated.

    "serving_default_input-1:0" --camel-->  servingDefaultInput10
                                --snake-->  serving_default_input_1_0
"""

import itertools
import re
from collections.abc import Callable, Collection, Sequence

from edgeprune.errors import InputError

_MODULE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_SEGMENT = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST = 40

# Keywords of every language, and what the generated classes call their own.
RESERVED = frozenset(
    """
    abstract alignas alignof and and_eq any array as asm assert associatedtype async auto await bitand bitor
    bool boolean break byte case catch char class close co_await co_return co_yield companion compl concept
    const consteval constexpr constinit continue decltype default defer deinit del delete detections do double
    dynamic elif else enum except explicit export extends extension extern fallthrough false fileprivate final
    finally float for friend from fun func global goto guard if implements import in indirect infix init
    inline inner inout inputs instanceof int interface internal interpreter is it labels lambda lateinit
    lazy let long match model mutable namespace native new nil noexcept none nonlocal not not_eq np null
    nullptr object open operator or or_eq out outputs override package pass postfix precedencegroup prefix
    preprocessing private protected protocol public raise ranked raw register reinterpret_cast repeat
    requires rethrows return run sealed self short signed sizeof static std strictfp string struct subscript
    super suspend switch synchronized tailrec template this thread_local threads throw throws transient true
    try type typealias typedef typeid typename typeof union unsigned using val values var vararg virtual
    void volatile wchar_t weak when where while with xor xor_eq yield
    """.split()  # noqa: SIM905  (hundreds of quoted words are harder to read)
)
_CLASSES = frozenset(
    """
    array audio autocloseable boolean boxes bufferedreader bundle bytearray bytebuffer character charsets
    codingerror collection comparable context data date detection dictionary double error exception file
    filechannel filemanager floatarray foundation hashmap intarray integer interpreter iterable iterator
    jsondecoder letterbox list logmel longarray map math mfcc nothing number numbers optional output pair
    picture picturearea pictures prediction process range resample resampler result sequence set
    shortarray spectrum stream swift system tensorflowlite thread timer tokenizer triple tuple unicode
    unicodetables unit url
    """.split()  # noqa: SIM905
)
"""Classes of the generated code, and of what every Kotlin or Swift program sees, in lower case."""
Naming = Callable[[str, str], str]  # `camel` or `snake`


def camel(text: str, fallback: str) -> str:
    """`text` as ``lowerCamelCase``; `fallback` where nothing of it is left."""
    words = _words(text)
    return _free(words[0].lower() + "".join(map(str.capitalize, words[1:])) if words else fallback)


def snake(text: str, fallback: str) -> str:
    """`text` as ``snake_case``; `fallback` where nothing of it is left."""
    return _free("_".join(word.lower() for word in _words(text)) or fallback, "_value")


def pascal(text: str) -> str:
    """A module name such as ``vision_model`` as a class name such as ``VisionModel``."""
    return "".join(map(capitalized, _words(text)))


def class_name(module: str) -> str:
    """The name of a module's class; ``AudioModel`` where there is a class ``Audio`` already."""
    name = pascal(module)
    return f"{name}Model" if name.lower() in _CLASSES else name


def refuse(module: str, taken: Collection[str], kind: str) -> None:
    """Raises `InputError` where a kind of export cannot use the name."""
    if module in taken:
        raise InputError(
            f"--name is {module!r}.", f"Something else of that name is there already for --{kind}.",
            f"For example --name={module}_model.",
        )


def capitalized(name: str) -> str:
    """`name` with an upper-case first letter."""
    return name[:1].upper() + name[1:]


def distinct(names: Sequence[str]) -> list[str]:
    """`names` with a number behind each that was there before."""
    seen: set[str] = set()
    result = []
    for name in names:
        one, number = name, 2
        while one in seen:
            one, number = f"{name}{number}", number + 1
        seen.add(one)
        result.append(one)
    return result


def module_name(asked: str | None, task: str) -> str:
    """What the generated module is called: as asked, if every language takes that, or after the task."""
    if asked is None:
        return f"{snake(task, 'edge')}_model"
    if not _MODULE.fullmatch(asked) or "__" in asked or asked.endswith("_") or asked.lower() in RESERVED:
        raise InputError(
            f"--name is {asked[:60]!r}.",
            "Letters, digits and single '_' are allowed; a letter first, at most 40, and no keyword.",
            "For example --name=digit_model.",
        )
    return asked.lower()


def package_name(asked: str | None, module: str) -> str:
    """The Kotlin package: as asked, or ``edgeprune.MODULE``; Android asks for two parts at least."""
    package = asked or f"edgeprune.{module}"
    parts = package.split(".")
    if len(parts) < 2 or not all(_SEGMENT.fullmatch(part) and part not in RESERVED for part in parts):
        raise InputError(
            f"--package is {package[:60]!r}.",
            "Two or more lower-case words with dots between them are expected, none of them a keyword.",
            "For example --package=com.example.digits.",
        )
    return package


def _words(text: str) -> list[str]:
    found = re.findall(r"[A-Za-z0-9]+", text[: 4 * _LONGEST])
    kept: list[str] = []
    for word in itertools.dropwhile(lambda one: not one[0].isalpha(), found):
        if sum(map(len, kept)) + len(word) <= _LONGEST:
            kept.append(word)
    return kept


def _free(name: str, suffix: str = "Value") -> str:
    return f"{name}{suffix}" if name.lower() in RESERVED or re.fullmatch(r"step\d+", name) else name
