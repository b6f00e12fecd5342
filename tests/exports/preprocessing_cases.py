"""Raw samples, steps and tensors: what generated code feeds its model with has to be what Python feeds.

A file of samples, little-endian, is the same for every language: their number, then of each the number of
its values (of bytes for a text; height, width and channels for a picture) and the values.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device_runners.agent.tensors import quantize
from edgeprune import preprocessing
from edgeprune.bundle import pack_eval
from edgeprune.preprocessing.image import picture_area
from edgeprune.preprocessing.text import format_vocabulary
from edgeprune.tasks import OutputTask, detections
from edgeprune.types import TensorInfo
from tests.exports.bundles import SPOKEN, int8_bundle

RNG = np.random.default_rng(23)
FLOAT = TensorInfo("given", (1, 12, 12, 1), "float32")
BOXED = 97, 13
HEADS = RNG.random((3, 4, 9)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class PreprocessingCase:
    """`stored` are the bundle's own samples, which tell their type; `samples` are what an app has.

    With several `inputs`, each of which gets the same sample, `steps` say which of them they are for.
    """

    name: str
    steps: Sequence[Mapping[str, Any]]
    samples: Sequence[Any]
    stored: np.ndarray
    tensor: TensorInfo = FLOAT
    tolerance: float = 0.0
    inputs: int = 1
    files: Mapping[str, bytes] = dataclasses.field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What an app hands over."""
        if isinstance(self.samples[0], str):
            return "text"
        return "picture" if self.samples[0].ndim == 3 else "pcm"

    def write(self, folder: Path) -> Path:
        """The bundle, whose output is a detector's raw heads."""
        outputs = (TensorInfo("heads", (1, *HEADS.shape), "float32"),)
        tasks = (OutputTask("boxes", ("map_50",), classes=tuple("abcde")),)
        stored = pack_eval([self.stored] * self.inputs, np.zeros(len(self.stored)))
        return int8_bundle(
            folder, inputs=(self.tensor,) * self.inputs, outputs=outputs, tasks=tasks,
            preprocessing=tuple(self.steps), files={"eval.npz": stored, **self.files},
        )

    @property
    def barred(self) -> bool:
        """Whether pictures keep their aspect ratio, so that boxes are of a picture of `BOXED`."""
        return any(step["op"] == "letterbox" for step in self.steps)

    def boxes(self) -> np.ndarray:
        """(K, 6) objects in the heads: class, score, and ymin, xmin, ymax, xmax of the picture."""
        found = detections(HEADS[None])[0]
        if self.barred:
            top, left, bottom, right = picture_area(BOXED, self.tensor.shape[1:3])
            inside = (found[:, 2:].astype(np.float64) - [top, left] * 2) / ([bottom - top, right - left] * 2)
            found[:, 2:] = inside.clip(0, 1)
        return found

    @property
    def arguments(self) -> list[str]:
        """What the inputs are called."""
        return ["given", *(f"given{number}" for number in range(2, self.inputs + 1))]

    def expected(self) -> bytes:
        """What Python feeds the model with, sample after sample."""
        texts = {name: content.decode() for name, content in self.files.items()}
        fed = b""
        for sample in self.samples:
            batch = np.array([sample]) if isinstance(sample, str) else sample[None]
            made = preprocessing.apply(self.steps, (batch,) * self.inputs, texts)
            fed += b"".join(quantize(np.asarray(one), self.tensor).tobytes() for one in made)
        return fed

    def packed(self) -> bytes:
        """The file of samples."""
        parts = [struct.pack("<i", len(self.samples))]
        for sample in self.samples:
            content = sample.encode() if isinstance(sample, str) else np.ascontiguousarray(sample).tobytes()
            sizes = (len(content),) if isinstance(sample, str) else sample.shape
            parts += [struct.pack(f"<{len(sizes)}i", *sizes), content]
        return b"".join(parts)

    def assert_fed(self, found: bytes) -> None:
        """Compare to the last bit, or within the case's tolerance for floats."""
        wanted = self.expected()
        if not self.tolerance:
            assert found == wanted, self.name
            return
        both = (np.frombuffer(one, np.float32) for one in (found, wanted))
        np.testing.assert_allclose(*both, rtol=self.tolerance, atol=self.tolerance, err_msg=self.name)


def _picture(*shape: int) -> np.ndarray:
    return RNG.integers(0, 256, shape, np.uint8)


def _sound(samples: int) -> np.ndarray:
    return (RNG.normal(0, 6000, samples)).clip(-32768, 32767).astype(np.int16)


PICTURES = [
    _picture(30, 20, 3), _picture(1, 1, 3), _picture(12, 12, 3), _picture(97, 13, 3), _picture(5, 200, 3),
    _picture(24, 24, 3), _picture(72, 36, 1), np.full((24, 24, 3), 253, np.uint8),
    _picture(12, 12, 1), _picture(1, 1, 1), _picture(37, 64, 1),
]
TEXTS = (
    "Great film!", "", "  \t\n ", "<br />don't STOP; it\u2019s 3\u00bd \ufb01ne", "<", "a<b", "</p",
    "<p><<i>>", "\u1e9e\u0130 \u03a3\u0391\u03a3 \u017f", "a\u03a3\u00ad",
    "\u0301alone a\u0345\u03a3 \u02b0\u03a3",
    "\u0391\u03a3. \u0391\u03a3'\u0391 \u03a3 \u0391\u03a3\u0301\u0392",
    "na\u0308ive \u0915\u094d\u0937\u093f \u4f60\u597d \U0001f600\U0001f680 \uff21\uff22 a\u200db",
    "\ud55c\uae00 \u1112\u1161\u11ab \u1100\u1161 \u1e0b\u0323 q\u0307\u0323 \u0344 \u2126 \u212b",
    "\ufdfa \u0958", "a\u0327\u0301 a\u0301\u0327 a\u030d\u0301 a\u0316\u0317\u0301",
    "\u1100\u1161\u11a7 \uac00\u11a8", "x" * 120 + " y", "word " * 200,
    "under_score \u2167 \u0663\u0664 \u00a0nbsp\u2003em \u3000cjk \x07bell \x1c \x85",
    "e-mail: a@b.c <b>bold</B> < c > 12.5%",
)
KINDS = (
    ("word", "start"), ("word", "end"), ("char", "end"), ("subword", "start"), ("given", "end"),
    ("keras", "start"),
)


def _texts() -> PreprocessingCase:
    pieces = [*("##" + one for one in "estofilmdy"), "great", "st", "\u092e", "12", "00.0%", *"sidxyen !"]
    words = [
        "don't", "it\u2019s", "fine", "\u4f60\u597d", "\U0001f600", "word", "n\u00e4ive", "\u00e4",
        "\ud55c\uae00", "\u03c3\u03b1\u03c2", "\u03b1\u03c2", "\u03b1\u03c3'\u03b1", "\u1e0d\u0307", "\u03c9",
        "\u00e5", "bold", "b", "\u00e1\u0327", "a\u030d\u0301", "\u00e1", "\uac01", "\u11a7",
        *(chr(mark) for mark in (0x301, 0x307, 0x30d, 0x316, 0x317, 0x323, 0x327)),
    ]
    known = dict.fromkeys([*words, *pieces, *map(chr, range(0x3B1, 0x3CA))])
    steps = [
        {"op": "tokenize", "kind": kind, "length": 144, "keep": keep, "input": number}
        for number, (kind, keep) in enumerate(KINDS)
    ]
    return PreprocessingCase(
        "texts", steps, TEXTS, np.array(["a", "b"]), TensorInfo("given", (1, 144), "int32"),
        inputs=len(KINDS), files={"vocab.txt": format_vocabulary(known).encode()},
    )


RESIZED = ({"op": "resize", "height": 12, "width": 12}, {"op": "channels", "count": 1})
CASES = (
    PreprocessingCase(
        "each", [*RESIZED, {"op": "standardize_each"}], PICTURES, _picture(2, 12, 12, 1), tolerance=1e-5
    ),
    PreprocessingCase(
        "caffe",
        [{"op": "resize", "height": 6, "width": 8}, {"op": "channels", "count": 3},
         {"op": "reverse_channels"},
         {"op": "standardize", "mean": [103.939, 116.779, 123.68], "std": [1.0, 2.0, 3.0]},
         {"op": "transpose", "axes": [2, 0, 1]}],
        PICTURES, _picture(2, 6, 8, 3), TensorInfo("given", (1, 3, 6, 8), "float32"),
    ),
    PreprocessingCase(
        "barred",
        [{"op": "letterbox", "height": 12, "width": 20, "fill": 114}, {"op": "channels", "count": 3},
         {"op": "rescale", "scale": 1 / 255}],
        [*PICTURES, _picture(300, 7, 3), _picture(12, 20, 3), _picture(2, 999, 3)], _picture(2, 12, 20, 3),
        TensorInfo("given", (1, 12, 20, 3), "float32"),
    ),
    PreprocessingCase(
        "bytes", [*RESIZED, {"op": "transpose", "axes": [1, 0, 2]}, {"op": "reverse_channels"}], PICTURES,
        _picture(2, 12, 12, 1), TensorInfo("given", (1, 12, 12, 1), "uint8"),
    ),
    PreprocessingCase(
        "steps", [*RESIZED, {"op": "rescale", "scale": 1 / 127.5, "offset": -1.0}], PICTURES,
        _picture(2, 12, 12, 1), TensorInfo("given", (1, 12, 12, 1), "int8", 0.0078431, -1),
    ),
    PreprocessingCase(
        "rates", [{"op": "resample", "from_hz": 44100, "to_hz": 16000}, {"op": "pad_or_crop", "samples": 144},
                  {"op": "rescale", "scale": 1 / 32768}],
        [_sound(size) for size in (1, 2, 396, 397, 4000)], np.zeros((2, 397), np.int16), tolerance=1e-6,
    ),
    PreprocessingCase(
        "upward", [{"op": "pad_or_crop", "samples": 48, "align": "end"}, {"op": "pcm_to_float"},
                   {"op": "resample", "from_hz": 8000, "to_hz": 24000}],
        [_sound(size) for size in (1, 47, 48, 300)], np.zeros((2, 48), np.int16), tolerance=1e-6,
    ),
    PreprocessingCase(
        "spectra", SPOKEN, [_sound(1280), np.zeros(1280, np.int16), np.full(1280, -32768, np.int16)],
        np.zeros((2, 1280), np.int16), tolerance=2e-6,
    ),
    _texts(),
)
