"""The exports of all cases, and what a program that feeds them has to have written: what Python computes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgeprune.data.wav import read_wav
from edgeprune.exports import export
from tests.exports.bundles import HOSTILE
from tests.exports.preprocessing_cases import CASES, HEADS, PICTURES, PreprocessingCase

STEREO, RATES = 2, ((44100, 16000), (8000, 22050), (16000, 16000))


def laid_out(kind: str, folder: Path) -> Mapping[str, Path]:
    """The exports by the name of their case, with samples and answers beside them."""
    (folder / "answers").write_bytes(HEADS.tobytes())
    exports = {}
    for case in CASES:
        export(
            case.write(folder / f"bundle_{case.name}"), {kind: folder / case.name}, name=f"{case.name}_model",
            package=f"com.example.{case.name}",
        )
        (folder / f"{case.name}.samples").write_bytes(case.packed())
        exports[case.name] = folder / case.name
    return exports


def assert_same(folder: Path) -> None:
    """Everything that the program wrote is what Python computes."""
    for case in CASES:
        case.assert_fed((folder / f"{case.name}.fed").read_bytes())
        helped = folder / f"{case.name}.helped"
        if case.kind == "picture":
            assert helped.read_bytes() == upright(PICTURES[0])
        if case.kind == "pcm":
            assert_mono(np.frombuffer(helped.read_bytes(), np.int16), case, folder)
        assert_boxes((folder / f"{case.name}.boxes").read_text(), case)


def upright(picture: np.ndarray) -> bytes:
    """Height, width and pixels for each orientation from 0 to 9, by Pillow."""
    images = pytest.importorskip("PIL.Image")
    turn = pytest.importorskip("PIL.ImageOps").exif_transpose
    written = b""
    for orientation in range(10):
        image = images.fromarray(picture)
        image.getexif()[0x0112] = orientation
        turned = np.asarray(turn(image))
        written += struct.pack("<2i", *turned.shape[:2]) + turned.tobytes()
    return written


def assert_mono(found: np.ndarray, case: PreprocessingCase, folder: Path) -> None:
    """As the host reads a file: a step of 16 bits apart at most, where a sum lies between two."""
    from edgeprune import preprocessing

    recording = case.samples[-1][: len(case.samples[-1]) // STEREO * STEREO]
    wanted = []
    for rate, to_hz in RATES:
        size = recording.nbytes
        header = struct.pack("<HHIIHH", 1, STEREO, rate, rate * 2 * STEREO, 2 * STEREO, 16)
        samples = b"data" + struct.pack("<I", size) + recording.tobytes()
        content = b"fmt " + struct.pack("<I", 16) + header + samples
        (folder / "stereo.wav").write_bytes(b"RIFF" + struct.pack("<I", len(content) + 4) + b"WAVE" + content)
        levels, _ = read_wav(folder / "stereo.wav")
        step = {"op": "resample", "from_hz": rate, "to_hz": to_hz}
        made = preprocessing.apply([step], levels[None])[0]
        wanted.append(np.clip(np.round(made), -32768, 32767).astype(np.int16))
    expected = np.concatenate(wanted)
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def assert_boxes(text: str, case: PreprocessingCase) -> None:
    expected = case.boxes()
    rows = [line.rsplit("|", 6) for line in text.splitlines()]
    assert len(rows) == len(expected) > 3
    found = np.array([[float(value) for value in row[1:]] for row in rows], np.float32)
    np.testing.assert_array_equal(found, expected)
    assert [row[0] for row in rows] == [HOSTILE[int(number)] for number in expected[:, 0]]
