"""The iOS export. Swift is parsed only: no Swift compiler is to be had here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import pack_eval
from edgeprune.exports import export
from tests.exports.bundles import (
    CLIPS,
    HOSTILE,
    SPOKEN,
    contents,
    every_tensor_bundle,
    float_bundle,
    int8_bundle,
    run,
)
from tests.exports.compilers import need, syntax_errors


@pytest.mark.heavy
@pytest.mark.parametrize("make", [int8_bundle, float_bundle, every_tensor_bundle])
def test_swift_and_podspec_parse(make: Callable[[Path], Path], tmp_path: Path) -> None:
    export(make(tmp_path / "bundle"), {"ios": tmp_path / "out"}, name="hostile_one")
    for path in tmp_path.glob("out/Sources/*.swift"):
        assert syntax_errors("swift", path.read_bytes()) == [], path.name
    assert syntax_errors("swift", b'let a = "\n') != []
    need("ruby")
    assert run("ruby", "-c", tmp_path / "out" / "HostileOne.podspec") == "Syntax OK\n"


def test_labels_are_harmless_and_come_back(tmp_path: Path) -> None:
    export(int8_bundle(tmp_path / "bundle"), {"ios": tmp_path / "out"})
    swift = (tmp_path / "out/Sources/VisionModel.swift").read_text()
    block = swift[swift.index("labels: [String] = [") :].split("\n    ]\n")[0]
    literals = re.findall(r'"((?:[^"\\]|\\u\{[0-9A-F]+\}|\\.)*)"', block)
    back = [
        re.sub(r"\\u\{([0-9A-F]+)\}|\\(.)", lambda m: chr(int(m[1], 16)) if m[1] else m[2], one)
        for one in literals
    ]
    assert tuple(back) == HOSTILE
    assert swift.isascii()


def test_int8_tensors_are_quantized_with_the_manifest_s_scale(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    export(bundle, {"ios": tmp_path / "out"})
    files = contents(tmp_path / "out")
    assert files["Resources/vision_model.tflite"] == (bundle / "model.tflite").read_bytes()
    swift = files["Sources/VisionModel.swift"].decode()
    assert "[Int8] = Numbers.quantize(encodedServingDefaultInput10, 0.007843138, -1)" in swift
    assert "as [Int8], 0.00390625, -128)" in swift
    assert ".count == 144 else" in swift


def test_spectra_are_left_to_the_caller(tmp_path: Path) -> None:
    clips = {"eval.npz": pack_eval([CLIPS], np.zeros(len(CLIPS), np.int64))}
    bundle = float_bundle(tmp_path / "bundle", preprocessing=SPOKEN, files=clips)
    (done,) = export(bundle, {"ios": tmp_path / "out"})
    assert "step(s) pcm_to_float, log_mel, mfcc. A speech bundle built with --embed-frontend" in done.notes[0]
    swift = (tmp_path / "out/Sources/SpeechModel.swift").read_text()
    assert "func run(audioIn: [Float]) throws" in swift
    assert "Numbers.standardize(audioIn, Self.meanAudioInStep0, Self.deviationAudioInStep0)" in swift
