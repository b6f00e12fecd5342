"""The iOS export; `test_preprocessing_swift.py` compiles and runs its Swift."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprune.exports import export
from tests.exports.bundles import (
    HOSTILE,
    contents,
    every_tensor_bundle,
    float_bundle,
    int8_bundle,
    plausible_names_bundle,
    run,
)
from tests.exports.compilers import DECLARATIONS, compile_swift, need, run_swift, syntax_errors


@pytest.mark.heavy
@pytest.mark.parametrize("make", [int8_bundle, float_bundle, every_tensor_bundle])
def test_swift_and_podspec_parse(make: Callable[[Path], Path], tmp_path: Path) -> None:
    export(make(tmp_path / "bundle"), {"ios": tmp_path / "out"}, name="hostile_one")
    for path in tmp_path.glob("out/Sources/*.swift"):
        assert syntax_errors("swift", path.read_bytes()) == [], path.name
    assert syntax_errors("swift", b'let a = "\n') != []
    need("ruby")
    assert run("ruby", "-c", tmp_path / "out" / "HostileOne.podspec") == "Syntax OK\n"


@pytest.mark.heavy
def test_every_kind_of_tensor_and_plausible_names_compile(tmp_path: Path) -> None:
    declared = (DECLARATIONS / "swift" / "TensorFlowLite.swift").read_bytes()
    (tmp_path / "TensorFlowLite.swift").write_bytes(declared)
    compile_swift(tmp_path, "TensorFlowLite", "TensorFlowLite.swift")
    for make, name in ((every_tensor_bundle, "text"), (plausible_names_bundle, "audio")):
        export(make(tmp_path / f"{name}_bundle"), {"ios": tmp_path / name}, name=name)
        sources = [path.relative_to(tmp_path) for path in (tmp_path / name / "Sources").glob("*.swift")]
        compile_swift(tmp_path, f"{name}Module", "-lTensorFlowLite", *sources)


@pytest.mark.heavy
def test_the_package_lists_its_resources_and_the_runtime(tmp_path: Path) -> None:
    """Read by Swift's own package manager; LiteRT's repository is not asked."""
    export(every_tensor_bundle(tmp_path / "bundle"), {"ios": tmp_path / "out"}, name="hostile_one")
    package = json.loads(run_swift(tmp_path / "out", "swift", "package", "dump-package"))
    (target,) = package["targets"]
    assert [one["path"] for one in target["resources"]] == [
        "Resources/hostile_one.tflite", "Resources/vocab.txt"
    ]
    assert {one["path"] for one in target["resources"]} <= set(contents(tmp_path / "out"))
    assert target["dependencies"] == [{"product": ["TensorFlowLite", "LiteRT", None, None]}]
    (dependency,) = package["dependencies"]
    (source,) = dependency["sourceControl"]
    assert source["location"] == {"remote": [{"urlString": "https://github.com/google-ai-edge/LiteRT"}]}


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
    assert "let step2: [Int8] = Numbers.quantize(step1, 0.007843138, -1)" in swift
    assert "as [Int8], 0.00390625, -128)" in swift
    assert ".count == 144 else" in swift
