"""What every kind of export has in common: folders, hostile bundles, the command."""

from __future__ import annotations

import importlib.resources
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.bundle import pack_eval
from edgeprune.errors import InputError
from edgeprune.exports import export, folder, literals, names
from edgeprune.exports.names import RESERVED
from edgeprune.types import TensorInfo
from tests.exports.bundles import change_manifest, contents, float_bundle, int8_bundle

KINDS = ("android", "cmake", "ios", "python", "ci")


def all_kinds(place: Path) -> dict[str, Path]:
    return {kind: place / kind for kind in KINDS}


def test_a_re_run_and_another_place_give_identical_bytes(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    export(bundle, all_kinds(tmp_path / "a"))
    first = contents(tmp_path / "a")
    export(bundle, all_kinds(tmp_path / "a"))
    assert contents(tmp_path / "a") == first
    export(int8_bundle(tmp_path / "elsewhere"), all_kinds(tmp_path / "b" / "c"))
    assert contents(tmp_path / "b" / "c") == first
    assert {name.split("/")[0] for name in first} == set(KINDS)
    assert not [path for path in tmp_path.rglob(".*") if path.is_dir()]


def test_a_folder_of_somebody_else_s_is_refused_even_by_force(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match=r"holds no edgeprune-export\.json"):
            export(bundle, {"ios": tmp_path / "new", "cmake": tmp_path / "mine"}, force=force)
    assert contents(tmp_path / "mine") == {"notes.txt": b"mine"}
    assert not (tmp_path / "new").exists()
    export(bundle, {"ios": tmp_path / "new"})
    with pytest.raises(InputError, match="is an export for ios"):
        export(bundle, {"cmake": tmp_path / "new"}, force=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        export(bundle, {"cmake": tmp_path / "file" / "below"})


@pytest.mark.parametrize("change", ["edit", "add", "link"])
def test_what_was_edited_or_added_is_kept_unless_forced(change: str, tmp_path: Path) -> None:
    bundle, place = int8_bundle(tmp_path / "bundle"), tmp_path / "out"
    export(bundle, {"cmake": place})
    first = contents(place)
    path = place / ("src/runtime.cpp" if change == "edit" else "src/mine.cpp")
    if change == "link":
        path.symlink_to(place / "src/runtime.cpp")
    else:
        path.write_text("mine")
    with pytest.raises(InputError, match=rf"was edited after it was exported: {path.relative_to(place)}"):
        export(bundle, {"cmake": place})
    assert path.read_bytes() == (first["src/runtime.cpp"] if change == "link" else b"mine")
    export(bundle, {"cmake": place}, force=True)
    assert contents(place) == first


def test_a_file_that_is_gone_comes_back_and_build_output_stays(tmp_path: Path) -> None:
    bundle, place = int8_bundle(tmp_path / "bundle"), tmp_path / "out"
    export(bundle, {"android": place})
    first = contents(place)
    (place / "README.md").unlink()
    (place / "build" / "deep").mkdir(parents=True)
    (place / "build" / "deep" / "app.apk").write_bytes(b"apk")
    export(bundle, {"android": place})
    assert contents(place) == {**first, "build/deep/app.apk": b"apk"}


def test_a_failed_write_leaves_the_previous_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "out"
    export(int8_bundle(tmp_path / "one"), {"android": place})
    (place / "build").mkdir()
    first = contents(tmp_path)
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if Path(target).name == "out" and re.fullmatch(r"\.out\.[^.]+", self.name):
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(InputError, match="The disk is full"):
        export(tmp_path / "one", {"android": place}, name="other")
    assert contents(tmp_path) == first
    assert (place / "build").is_dir()


def test_kinds_may_not_share_a_folder(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    for second in (tmp_path / "out", tmp_path / "out" / "x" / ".." / "deeper"):
        with pytest.raises(InputError, match="twice, or holds another"):
            export(bundle, {"ios": tmp_path / "out", "cmake": second})
    with pytest.raises(InputError, match="--android"):
        export(bundle, {})


def test_hostile_names_and_tasks_stay_out_of_generated_text(tmp_path: Path) -> None:
    evil = 'x"; system("id") //*/\n#{`evil`}$(id)\\(1)${1}"""'
    tensors = {
        "inputs": (TensorInfo(evil, (1, 12, 12, 1), "int8", 0.5, -1),),
        "outputs": (TensorInfo(evil + "2", (1, 5), "int8", 0.25, 3),),
    }
    export(int8_bundle(tmp_path / "bundle", task=evil, **tensors), all_kinds(tmp_path / "out"))
    for name, content in contents(tmp_path / "out").items():
        if not name.endswith((".tflite", ".json", "README.md")):
            text = content.decode()
            assert "system(" not in text, name
            assert "`evil`" not in text, name
            assert "//*/" not in text, name
            if name.endswith(".py"):
                compile(text, name, "exec")
    kotlin = next((tmp_path / "out/android").rglob("*Model.kt")).read_text()
    assert "class XSystemIdEvilId11Model(" in kotlin
    assert "fun run(xSystemIdEvilId11: ByteArray)" in kotlin


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        (("inputs", 0, "dtype"), "float16", "in float16"),
        (("inputs", 0, "dtype"), '"; rm -rf', "the dtype is"),
        (("inputs", 0, "shape"), [], "has the shape"),
        (("inputs", 0, "shape"), [1, -1, 12], "the shape is"),
        (("inputs", 0, "shape"), [1, 1 << 40], "the shape is"),
        (("inputs", 0, "scale"), math.nan, "is not finite"),
        (("inputs", 0, "scale"), -0.5, "the scale is"),
        (("inputs", 0, "zero_point"), 1000, "the zero point is 1000"),
        (("outputs", 0, "scale"), math.inf, "is not finite"),
        (("inputs",), [], "0 inputs"),
        (("outputs",), [], "0 outputs"),
        (("preprocessing", 0, "scale"), "1; system()", "cannot be read"),
        (("preprocessing", 0, "scale"), math.inf, "is not finite"),
        (("preprocessing", 0, "scale"), 1e300, r"holds the number 1e\+300"),
        (("preprocessing", 0, "scale"), None, "cannot be read"),
        (("preprocessing",), [{"op": "standardize", "mean": [1, 2], "std": {}}], "cannot be read"),
        (("preprocessing",), [{"op": "standardize", "mean": [1] * 7, "std": 1}], "cannot be read"),
        (("preprocessing",), [{"op": "pad_or_crop", "samples": -5}], "cannot be read"),
        (("preprocessing",), [{"op": "pad_or_crop", "samples": 10**12}], "has the sizes"),
        (("files", "labels.txt", "sha256"), "0" * 64, "corrupted"),
        (("files", "../../x"), {"bytes": 1, "sha256": ""}, "cannot be right"),
    ],
)
def test_manifests_that_cannot_be_are_refused_before_anything_is_written(
    place: tuple[str | int, ...], value: Any, match: str, tmp_path: Path
) -> None:
    bundle = change_manifest(int8_bundle(tmp_path / "whole"), tmp_path / "edited", {place: value})
    for kind in ("android", "cmake", "ios"):
        with pytest.raises(InputError, match=match):
            export(bundle, {kind: tmp_path / "out"})
    assert not (tmp_path / "out").exists()


def test_a_vocabulary_that_is_missing_or_elsewhere_is_refused(tmp_path: Path) -> None:
    for name in ("vocab.txt", "../../etc/passwd"):
        steps = ({"op": "tokenize", "kind": "word", "length": 144, "vocabulary": name},)
        place = tmp_path / name.replace("/", "_")
        texts = {"eval.npz": pack_eval([np.array(["a"])], np.zeros(1))}
        bundle = float_bundle(place, preprocessing=steps, files=texts)
        for kind in ("android", "python"):
            with pytest.raises(InputError, match=re.escape(name)):
                export(bundle, {kind: tmp_path / "out"})


def test_pictures_of_any_size_are_taken_as_bytes(tmp_path: Path) -> None:
    steps = (
        {"op": "resize", "height": 12, "width": 12}, {"op": "channels", "count": 1},
        {"op": "rescale", "scale": 0.5},
    )
    pictures = {"eval.npz": pack_eval([np.zeros((2, 12, 12, 1), np.uint8)], np.zeros(2))}
    bundle = float_bundle(tmp_path / "bundle", preprocessing=steps, files=pictures)
    export(bundle, {"android": tmp_path / "out"})
    kotlin = next((tmp_path / "out").rglob("*Model.kt")).read_text()
    assert "fun run(audioIn: Picture)" in kotlin
    assert "one picture, of any size; done here: Resize, Channels, Affine." in kotlin


PIXELS = np.zeros((2, 12, 12, 1))
BYTES = PIXELS.astype(np.uint8)
WORDS = {"op": "tokenize", "kind": "word", "length": 144}


@pytest.mark.parametrize(
    ("steps", "samples", "match"),
    [
        ([{"op": "augment"}, {"op": "rescale", "scale": 2}], PIXELS, "cannot do .* 'augment'"),
        ([{"op": 'x"; system("id")'}], PIXELS, "cannot do"),
        ([{"op": "resize", "height": 6, "width": 24}], PIXELS, "changes pictures of floats"),
        ([{"op": "rescale", "scale": 2}, {"op": "channels", "count": 3}], BYTES, "changes pictures"),
        ([{"op": "resize", "height": 24, "width": 12}], BYTES, "gives 288 values"),
        ([{"op": "transpose", "axes": [0, 1]}], PIXELS, "cannot be read"),
        ([{"op": "transpose", "axes": [0, 0, 1]}], PIXELS, "cannot be read"),
        ([{"op": "resample", "from_hz": 0, "to_hz": 8000}], np.zeros((2, 144), np.int16), "cannot be read"),
        ([{"op": "resample", "from_hz": 8000, "to_hz": 16000}], np.zeros((2, 144), np.int16), "gives 288"),
        ([{"op": "mfcc", "coefficients": 12}], np.zeros((2, 144), np.int16), "cannot be read"),
        ([WORDS], PIXELS, "given what it cannot read"),
        ([{"op": "rescale", "scale": 2}, WORDS], PIXELS, "given what it cannot read"),
    ],
)
def test_steps_that_cannot_be_generated_are_refused(
    steps: list[dict[str, Any]], samples: np.ndarray, match: str, tmp_path: Path
) -> None:
    """An app that left one out would get answers, wrong ones."""
    stored = {"eval.npz": pack_eval([samples], np.zeros(2)), "vocab.txt": b"[PAD]\n[UNK]\n"}
    bundle = float_bundle(tmp_path / "bundle", preprocessing=tuple(steps), files=stored)
    for kind in ("android", "cmake", "ios"):
        with pytest.raises(InputError, match=match):
            export(bundle, {kind: tmp_path / "out"})
    assert not (tmp_path / "out").exists()


@given(st.text(max_size=60))
def test_any_text_becomes_a_safe_identifier(text: str) -> None:
    for name in (names.camel(text, "input"), names.snake(text, "input")):
        assert re.fullmatch(r"[a-z][A-Za-z0-9_]{0,49}", name)
        assert name.lower() not in RESERVED
        assert not re.fullmatch(r"step\d+", name)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_survives_as_a_literal(text: str) -> None:
    octal = literals.cpp(text)
    assert octal.isascii()
    raw = re.sub(
        rb"\\([0-7]{3}|.)", lambda m: bytes([int(m[1], 8)]) if len(m[1]) == 3 else m[1], octal[1:-1].encode()
    )
    assert raw.decode() == text
    kotlin = literals.kotlin(text)
    assert "$" not in re.sub(r"\\u[0-9A-F]{4}", "", kotlin)
    assert json.loads(kotlin) == text
    assert "\n" not in literals.swift(text)
    safe = literals.comment(text)
    assert not set(safe) & set("*/\\\n\"'`{}$#@")


def test_distinct_names_stay_distinct() -> None:
    assert names.distinct(["a", "a", "a2", "a", "b"]) == ["a", "a2", "a22", "a3", "b"]
    assert names.camel("class", "input") == "classValue"
    assert names.snake("class", "input") == "class_value"
    assert names.camel("1:0", "input") == "input"


def test_a_class_is_never_called_what_the_generated_code_declares() -> None:
    """`--name audio` would put one file in the place of another, or two classes of one name side by side."""
    templates = importlib.resources.files("edgeprune.exports") / "templates"
    text = "".join(
        path.read_text() for kind in ("android", "ios") for path in (templates / kind).iterdir()
    )
    declared = set(re.findall(r"(?m)^(?:\w+ )*(?:class|object|struct|enum|extension) ([A-Z]\w+)", text))
    assert {"Audio", "Bundle", "Numbers", "Picture", "Stream", "Tokenizer"} <= declared
    for name in declared:
        assert names.class_name(name.lower()) == f"{name.capitalize()}Model"
    assert names.class_name("audio_model") == "AudioModel"
    assert names.class_name("digits") == "Digits"


@pytest.mark.parametrize(
    ("kind", "name"), [("cmake", "test"), ("cmake", "install"), ("python", "json"), ("python", "numpy")]
)
def test_a_name_that_a_language_has_given_away_is_refused_there(kind: str, name: str, tmp_path: Path) -> None:
    """CMake stops at a target called test; a package called numpy hides numpy from its own code."""
    bundle = int8_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match=rf"--name is '{name}'.*--name={name}_model"):
        export(bundle, {"android": tmp_path / "android", kind: tmp_path / kind}, name=name)
    assert not (tmp_path / "android").exists()
    export(bundle, {"android": tmp_path / "android"}, name=name)


@pytest.mark.parametrize("kind", ["android", "cmake", "ios"])
def test_a_readme_tells_of_nothing_that_is_not_there(kind: str, tmp_path: Path) -> None:
    words = ("Picture", "mono", "EXIF")
    export(int8_bundle(tmp_path / "numbers"), {kind: tmp_path / "out"})
    text = (tmp_path / "out" / "README.md").read_text()
    assert not [word for word in words if word in text]
    export(float_bundle(tmp_path / "spoken"), {kind: tmp_path / "spoken_out"})
    text = (tmp_path / "spoken_out" / "README.md").read_text()
    assert [word for word in words if word in text] == ["mono"]


def test_the_command_exports_several_kinds_without_tensorflow(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    words = ["export", bundle, "--android", "a", "--cmake", "c", "--json", "--name", "digits"]
    code = (
        "import sys; sys.argv = ['edgeprune', *sys.argv[1:]]\nfrom edgeprune.cli import main\n"
        "try: main()\nfinally: assert not {'tensorflow', 'keras', 'tf_keras'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    kinds = {one["kind"]: one for one in json.loads(done.stdout)["exported"]}
    assert list(kinds) == ["android", "cmake"]
    for kind, place in (("android", "a"), ("cmake", "c")):
        assert set(kinds[kind]["files"]) | {folder.RECORD} == set(contents(tmp_path / place))
    again = subprocess.run(
        [*command[:-2], "--package", "Bad"], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=environment,
    )
    assert again.returncode == 2
    assert again.stderr.startswith("Error: --package is 'Bad'.")
