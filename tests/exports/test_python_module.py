"""The Python export: imported here, and as a wheel in a folder of its own."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import pack_eval
from edgeprune.errors import InputError
from edgeprune.exports import export
from edgeprune.preprocessing.text import format_vocabulary
from edgeprune.tasks import OutputTask, detections
from edgeprune.types import TensorInfo
from tests.exports.bundles import HOSTILE, contents, fed_and_answered, float_bundle, int8_bundle, run
from tests.exports.compilers import HINT
from tests.tools import need_package

pytest.importorskip("ai_edge_litert")

# Runs where edgeprune cannot be imported, and says so.
_RUN = """
import importlib.util, json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
class NoEdgeprune:
    @staticmethod
    def find_spec(name, *_):
        if name.split(".")[0] == "edgeprune":
            raise ImportError(name)
sys.meta_path.insert(0, NoEdgeprune)
import digits
model = digits.Model(threads=2)
samples = np.load(sys.argv[2], allow_pickle=False)["x"]
outputs = [model.run(str(one) if samples.dtype.kind == "U" else one) for one in samples]
print(json.dumps([[one.scores.ravel().view(np.uint32).tolist(), one.ranked()[0].label] for one in outputs]))
"""


def answers(project: Path, bundle: Path, folder: Path) -> list[tuple[list[int], str]]:
    (folder / "run.py").write_text(_RUN)
    words = [sys.executable, "-I", folder / "run.py", project, bundle / "eval.npz"]
    return json.loads(run(*words))


def expected(bundle: Path) -> list[list[object]]:
    _, _, numbers = fed_and_answered(bundle)
    flat = [one[0].astype(np.float32).ravel() for one in numbers]
    return [[one.view(np.uint32).tolist(), HOSTILE[int(np.argmax(one))]] for one in flat]


def spoken(folder: Path) -> Path:
    """16-bit audio through the spectra, which only the Python export does."""
    rng = np.random.default_rng(9)
    clips = rng.integers(-20000, 20000, (6, 1280), np.int16)
    mel = {
        "op": "log_mel", "sample_rate": 8000, "frame_length": 200, "frame_step": 96, "mel_bands": 12,
        "upper_hz": 3900.0,
    }
    steps = ({"op": "pcm_to_float"}, mel, {"op": "standardize", "mean": -3.0, "std": 2.0})
    return float_bundle(
        folder, preprocessing=steps, files={"eval.npz": pack_eval([clips], np.zeros(6, np.int64))}
    )


def written(folder: Path) -> Path:
    """Texts."""
    texts = np.array(["Great film!", "", "na\u0308ive film\u2019s"])
    step = {"op": "tokenize", "kind": "word", "length": 144, "vocabulary": "words.txt"}
    return float_bundle(
        folder, preprocessing=(step,),
        files={
            "words.txt": format_vocabulary(["great", "film", "!"]).encode(),
            "eval.npz": pack_eval([texts], np.zeros(3, np.int64)),
        },
    )


def scored(folder: Path) -> Path:
    """Int8 in and out."""
    from edgeprune.types import TensorInfo

    return int8_bundle(folder, outputs=(TensorInfo("scores", (1, 5), "int8", 0.00390625, -128),))


@pytest.mark.parametrize("make", [scored, float_bundle, spoken, written])
def test_it_answers_as_the_agent_does(make: Callable[[Path], Path], tmp_path: Path) -> None:
    bundle = make(tmp_path / "bundle")
    export(bundle, {"python": tmp_path / "out"}, name="digits")
    assert answers(tmp_path / "out", bundle, tmp_path) == expected(bundle)


@pytest.mark.heavy
def test_the_wheel_holds_all_of_it(tmp_path: Path) -> None:
    need_package("wheel", HINT)
    bundle = scored(tmp_path / "bundle")
    export(bundle, {"python": tmp_path / "out"}, name="digits")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", tmp_path / "out", "--no-deps", "--no-build-isolation", "-w", tmp_path / "wheels")
    (wheel,) = tmp_path.glob("wheels/*.whl")
    assert wheel.name.startswith("digits-1.0.0+")
    assert wheel.name.endswith("-py3-none-any.whl")
    run(*pip, "install", "--no-deps", "--no-index", "--target", tmp_path / "site", wheel)
    assert answers(tmp_path / "site", bundle, tmp_path) == expected(bundle)


def test_whole_numbers_of_another_type_are_taken_as_the_samples_type(tmp_path: Path) -> None:
    bundle = float_bundle(tmp_path / "bundle")
    export(bundle, {"python": tmp_path / "out"}, name="digits")
    wide = np.load(bundle / "eval.npz")["x"].astype(np.int64)
    np.savez(tmp_path / "wide.npz", x=wide)
    (tmp_path / "run.py").write_text(_RUN)
    found = run(sys.executable, "-I", tmp_path / "run.py", tmp_path / "out", tmp_path / "wide.npz")
    assert json.loads(found) == expected(bundle)


def test_a_wrong_length_is_a_value_error(tmp_path: Path) -> None:
    export(scored(tmp_path / "bundle"), {"python": tmp_path / "out"}, name="digits")
    np.savez(tmp_path / "short.npz", x=np.zeros((1, 143), np.uint8))
    (tmp_path / "run.py").write_text(_RUN)
    words = [sys.executable, "-I", tmp_path / "run.py", tmp_path / "out", tmp_path / "short.npz"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "ValueError: cannot reshape array of size 143" in done.stderr


def test_inputs_by_names_that_functions_have_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = TensorInfo("zip", (1, 12, 12, 1), "float32")
    bundle = float_bundle(tmp_path / "bundle", inputs=(tensor,))
    export(bundle, {"python": tmp_path / "out"}, name="zip_reader")
    monkeypatch.syspath_prepend(str(tmp_path / "out"))
    model = importlib.import_module("zip_reader").Model()
    sample = np.load(bundle / "eval.npz")["x"][0]
    np.testing.assert_array_equal(model.run(zip=sample).scores, fed_and_answered(bundle)[2][0][0][0])


def test_nothing_imports_edgeprune_itself(tmp_path: Path) -> None:
    export(written(tmp_path / "bundle"), {"python": tmp_path / "out"})
    for name, content in contents(tmp_path / "out").items():
        if name.endswith(".py"):
            assert not re.findall(rb"^\s*(?:from|import) edgeprune", content, re.MULTILINE)


@pytest.mark.parametrize(("machine", "runtime", "numpy"), [
    ("aarch64", "ai-edge-litert", ">=1.21"), ("x86_64", "ai-edge-litert", ">=1.21"),
    ("armv7l", "tflite-runtime", "<2,>=1.21"), ("armv6l", "tflite-runtime", "<2,>=1.21"),
])
def test_each_machine_gets_a_runtime_and_a_numpy_that_fit(
    machine: str, runtime: str, numpy: str, tmp_path: Path
) -> None:
    """tflite-runtime of 32-bit machines was compiled against numpy 1 and dies with numpy 2."""
    tomllib = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    requirements = pytest.importorskip("packaging.requirements")
    export(scored(tmp_path / "bundle"), {"python": tmp_path / "out"}, name="digits")
    listed = tomllib.loads((tmp_path / "out" / "pyproject.toml").read_text())["project"]["dependencies"]
    read = [requirements.Requirement(one) for one in listed]
    wanted = {
        one.name: str(one.specifier) for one in read
        if one.marker is None or one.marker.evaluate({"platform_machine": machine})
    }
    assert set(wanted) == {"numpy", runtime}
    assert wanted["numpy"] == numpy


def test_an_unknown_step_is_refused(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle", preprocessing=({"op": "augment"},))
    with pytest.raises(InputError, match="'augment' is not known"):
        export(bundle, {"python": tmp_path / "out"})


_DECODE = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
sys.modules["edgeprune"] = None
import detector
heads = np.load(sys.argv[2])
sizes = json.loads(sys.argv[3])
print(json.dumps([list(one) for one in detector.Output(heads).detections(*sizes)]))
"""
_BARS = ({"op": "letterbox", "height": 12, "width": 12, "fill": 114},)


@pytest.mark.parametrize(("steps", "size"), [((), ()), (_BARS, (97, 13))], ids=["stretched", "letterbox"])
def test_raw_heads_become_boxes_as_they_do_here(tmp_path, steps, size):
    heads = np.random.default_rng(4).random((3, 4, 9)).astype(np.float32)
    bundle = int8_bundle(
        tmp_path / "bundle", task="detection", outputs=(TensorInfo("heads", (1, 3, 4, 9), "float32"),),
        tasks=(OutputTask("boxes", ("map_50",), classes=tuple("abcde")),), preprocessing=steps,
    )
    export(bundle, {"python": tmp_path / "out"}, name="detector")
    np.save(tmp_path / "heads.npy", heads)
    (tmp_path / "run.py").write_text(_DECODE)
    given = (tmp_path / "out", tmp_path / "heads.npy", json.dumps(size))
    words = [sys.executable, "-I", tmp_path / "run.py", *given]
    found = json.loads(run(*words))
    expected = detections(heads[None])[0]
    if size:  # 97 x 13 pixels become 12 x 2, between bars of 5 columns
        expected[:, [3, 5]] = (expected[:, [3, 5]] * 12 - 5) / 2
        expected = expected.clip([-1, 0, 0, 0, 0, 0], [9, 1, 1, 1, 1, 1])
    assert len(found) == len(expected) > 3
    np.testing.assert_allclose([row[1:] for row in found], expected[:, 1:], rtol=1e-6, atol=1e-6)
    names = [HOSTILE[int(number)] for number in expected[:, 0]]
    assert [row[0] for row in found] == names
    assert "detector.edgeprune.tasks" in (tmp_path / "out" / "pyproject.toml").read_text()
