"""What the page draws of each output: how errors spread, which classes are confused, and a few test samples.

Small and bounded, since report.json travels: at most `MOST_EXAMPLES` samples of at most `MOST_PIXELS` on the
longer side. Pixels are bytes of `packed`; what is read is checked by `unpacked`, whoever wrote the file.
"""

import base64
import binascii
import dataclasses
import zlib

import numpy as np

MOST_EXAMPLES = 4
MOST_PIXELS = 96
UNLABELLED = 255
"""In a mask: nothing is said about this pixel."""


@dataclasses.dataclass(frozen=True)
class ConfusionReport:
    """Counts (true class, predicted class) on the test split."""

    baseline: tuple[tuple[int, ...], ...]
    deployed: tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True)
class LabelsReport:
    """Of an output that may give several labels at once: counts by label, on the test split."""

    true: tuple[int, ...]  # samples that have the label
    baseline_hits: tuple[int, ...]  # those among them for which the original gave it
    baseline_false: tuple[int, ...]  # samples without the label for which it gave it
    deployed_hits: tuple[int, ...]
    deployed_false: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ErrorsReport:
    """Counts of prediction - truth between `edges`, and of those beyond them.

    `unit` is empty for the values' own; values of several columns are divided by each one's deviation.
    Where the original's outputs stand for the truth (`of_original`), all its own differences are 0.
    """

    edges: tuple[float, ...]
    baseline: tuple[int, ...]
    deployed: tuple[int, ...]
    baseline_beyond: int = 0
    deployed_beyond: int = 0
    unit: str = ""
    of_original: bool = False


@dataclasses.dataclass(frozen=True)
class BoxReport:
    """A box, as fractions of the picture; true ones have no score."""

    label: int
    ymin: float
    xmin: float
    ymax: float
    xmax: float
    score: float | None = None


@dataclasses.dataclass(frozen=True)
class MarksReport:
    """What belongs onto a sample's picture: true, or as a model gave it.

    Attributes:
        mask: class numbers (height, width), `UNLABELLED` where none counts; `packed`.
        pixels: a picture (height, width, 3) that the model gave; `packed`.
    """

    boxes: tuple[BoxReport, ...] = ()
    mask: str = ""
    pixels: str = ""


@dataclasses.dataclass(frozen=True)
class ExampleReport:
    """One test sample: its number, its picture (height, width, 3), `packed`, and what belongs onto it."""

    sample: int
    height: int
    width: int
    pixels: str
    true: MarksReport
    baseline: MarksReport
    deployed: MarksReport


@dataclasses.dataclass(frozen=True)
class OutputReport:
    """One output, in the model's order; see `edgeprune.types.OutputTask`."""

    name: str = ""
    kind: str = ""
    confusion: ConfusionReport | None = None
    errors: ErrorsReport | None = None
    labels: LabelsReport | None = None
    examples: tuple[ExampleReport, ...] = ()


def packed(pixels: np.ndarray) -> str:
    """Bytes of an array of uint8, compressed, as text."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(pixels, np.uint8).tobytes(), 9)).decode()


def unpacked(text: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """The array of uint8 that `packed` wrote; None for anything else, or for more than `MOST_PIXELS`."""
    size = int(np.prod(shape))
    if not text or not all(1 <= side <= MOST_PIXELS for side in shape[:2]):
        return None
    try:
        unzip = zlib.decompressobj()
        found = unzip.decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, zlib.error, ValueError):
        return None
    return np.frombuffer(found, np.uint8).reshape(shape) if len(found) == size else None
