"""`Stream` of Python, and what the streams of all languages have in common: plans, manifests, packages.

test_streams_cpp.py, test_streams_kotlin.py and test_streams_swift.py compile and run the others.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from edgeprune import preprocessing
from edgeprune.bundle import pack_eval, read_bundle
from edgeprune.errors import InputError
from edgeprune.exports import export
from edgeprune.exports.outputs import output_plan
from edgeprune.exports.streams import stream_plan
from edgeprune.types import StepInfo, TensorInfo
from tests.exports.bundles import change_manifest, contents, int8_bundle, run
from tests.exports.compilers import need
from tests.exports.stream_programs import Answered, assert_numbers, litert_library
from tests.exports.streaming_cases import made_up_case

pytestmark = pytest.mark.xdist_group("streams")  # the models are built once


@pytest.mark.heavy
def test_python_streams_what_the_whole_model_computes(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    for case, (_, _, expected) in answered[:-1]:
        export(case.bundle, {"python": tmp_path / "exported" / case.name}, name=f"{case.name}_app")
        monkeypatch.syspath_prepend(str(tmp_path / "exported" / case.name))
        stream = importlib.import_module(f"{case.name}_app.streaming").Stream()
        found = []
        for _ in range(2):
            stream.reset()
            found += [stream.step(values) for values in case.steps]
        if len(case.raw):
            stream.reset()
            assert stream.feed(case.raw[:2]) == []
            stream.reset()
            found += [output for chunk in case.chunks() for output in stream.feed(chunk)]
            with pytest.raises(ValueError, match="The samples are complex128"):
                stream.feed(np.zeros(3, complex))
        else:
            assert not hasattr(stream, "feed")
        numbers = np.concatenate([np.ravel(one) for output in found for one in output])
        assert_numbers(case, expected, numbers.astype(np.float32).tobytes())
        with pytest.raises(ValueError, match="cannot reshape array of size 1000"):
            stream.step(np.zeros(1000))


@pytest.mark.heavy
def test_a_stream_ends_where_the_whole_model_does(
    answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole file on the whole recording is the reference: it knows of no step."""
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    case = answered[0][0]
    export(case.bundle, {"python": tmp_path / "out"}, name="ending_app")
    monkeypatch.syspath_prepend(str(tmp_path / "out"))
    stream = importlib.import_module("ending_app.streaming").Stream()
    clip = case.raw[:1280]
    last = [output for chunk in np.array_split(clip, 7) for output in stream.feed(chunk)][-1]
    interpreter = runtime.Interpreter(model_path=str(case.read.model))
    interpreter.allocate_tensors()
    ready = preprocessing.apply(case.read.manifest.preprocessing, clip[None])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], ready)
    interpreter.invoke()
    whole = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    np.testing.assert_allclose(last[0], whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["android", "cmake", "ios", "python"])
def test_each_export_carries_the_file_and_tells_how_to_use_it(kind: str, tmp_path: Path) -> None:
    export(made_up_case(tmp_path).bundle, {kind: tmp_path / "out"}, name="sensor")
    files = contents(tmp_path / "out")
    (name,) = [name for name in files if name.endswith("streaming.tflite")]
    assert files[name] == b"none"
    readme = files["README.md"].decode()
    assert "stream.feed(samples)" in readme
    assert (
        "- feed: floats, any number of values a call. A step reads 3 of them, and the next one begins 3 "
        "later; done here: Standardize."
    ) in readme
    export(int8_bundle(tmp_path / "plain"), {kind: tmp_path / "plain_out"})
    assert not [name for name in contents(tmp_path / "plain_out") if "stream" in name.lower()]
    assert b"tream" not in contents(tmp_path / "plain_out")["README.md"]


@pytest.mark.parametrize(
    ("steps", "shape", "expected"),
    [
        ([], (4, 3), None),
        ([{"op": "standardize_each"}], (4, 3), None),
        ([{"op": "resample", "from_hz": 8000, "to_hz": 4000}], (24,), None),
        ([{"op": "standardize", "mean": np.arange(12.0).reshape(4, 3).tolist(), "std": 1.0}], (4, 3), None),
        ([{"op": "log_mel", "sample_rate": 8000, "frame_length": "8", "frame_step": 4}], (24,), None),
        ([{"op": "rescale", "scale": 2.0}], (4, 3), (3, 3)),
        ([{"op": "rescale", "scale": 2.0}, {"op": "reshape", "shape": [4, 3]}], (4, 3, 1), (3, 3)),
        ([{"op": "pad_or_crop", "samples": 99}, {"op": "pcm_to_float"},
          {"op": "log_mel", "sample_rate": 8000, "frame_length": 8, "frame_step": 9, "mel_bands": 3}],
         (99,), (8, 9)),
    ],
)
def test_raw_values_are_taken_where_a_window_of_them_makes_a_step(
    steps: list[dict[str, object]], shape: tuple[int, ...], expected: tuple[int, int] | None, tmp_path: Path
) -> None:
    """Whatever needs more than a window would be computed of the wrong values."""
    info = StepInfo(
        (TensorInfo("step", (1, 1, 3), "float32"), TensorInfo("state_0", (1, 2), "float32")),
        (TensorInfo("output", (1, 5), "float32"), TensorInfo("next_state_0", (1, 2), "float32")),
        tuple(steps),
    )
    kind = np.int16 if len(shape) == 1 else np.float32
    stored = {"streaming.tflite": b"", "eval.npz": pack_eval([np.zeros((2, *shape), kind)], np.zeros(2))}
    bundle = read_bundle(int8_bundle(tmp_path / "bundle", one_step=info, files=stored))
    plan = stream_plan(bundle, [output_plan(info.outputs[0], "scores", 5)], 5, bundle.samples().inputs[0])
    feeding = None if plan is None else plan.feeding
    assert (None if feeding is None else (feeding.size, feeding.hop)) == expected


def test_a_stream_of_text_takes_lines_of_the_vocabulary(tmp_path: Path) -> None:
    step = TensorInfo("step", (1, 1), "int32")
    tokenize = {"op": "tokenize", "kind": "word", "length": 4, "vocabulary": "words.txt"}
    info = StepInfo((step, STATE), (TensorInfo("output", (1, 5), "float32"), STATE), (tokenize,))
    bundle = int8_bundle(
        tmp_path / "bundle", inputs=(TensorInfo("text", (1, 4), "int32"),), preprocessing=(tokenize,),
        one_step=info, files={
            "streaming.tflite": b"", "words.txt": b"[PAD]\n[UNK]\ngreat\n",
            "eval.npz": pack_eval([np.array(["great film", "a"])], np.zeros(2)),
        },
    )
    for kind in ("android", "cmake", "ios", "python"):
        export(bundle, {kind: tmp_path / kind})
        text = (tmp_path / kind / "README.md").read_text()
        assert "- step: one token, the number of its line in words.txt, from 0; tokens of padding" in text
        assert "stream.step(values)" in text


STATE = TensorInfo("state_0", (1, 2), "float32")


@pytest.mark.parametrize(
    ("given", "kept", "match"),
    [
        ([STATE], [], "takes 1 states and gives 0 behind 1 outputs"),
        ([], [], "takes 0 states"),
        ([STATE], [dataclasses.replace(STATE, shape=(1, 3))], "each of the shape and type"),
        ([STATE], [dataclasses.replace(STATE, dtype="float16")], "is of type 'float16'"),
        ([dataclasses.replace(STATE, dtype="int8", scale=0.5)],
         [dataclasses.replace(STATE, dtype="int8", scale=0.25)], "each of the shape and type"),
        (None, [], r"does not tell what streaming\.tflite takes"),
    ],
)
def test_states_that_cannot_be_handed_on_are_refused(
    given: list[TensorInfo] | None, kept: list[TensorInfo], match: str, tmp_path: Path
) -> None:
    step, output = TensorInfo("step", (1, 1, 3), "float32"), TensorInfo("output", (1, 5), "float32")
    info = None if given is None else StepInfo((step, *given), (output, *kept))
    bundle = int8_bundle(tmp_path / "bundle", one_step=info, files={"streaming.tflite": b""})
    for kind in ("android", "cmake", "ios", "python"):
        with pytest.raises(InputError, match=match):
            export(bundle, {kind: tmp_path / "out"})


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        (("one_step", "inputs"), [], r"streaming\.tflite has 0 inputs"),
        (("one_step", "inputs", 1, "shape"), [1, 1 << 40], "the shape is"),
        (("one_step", "preprocessing"), [{"op": "pad_or_crop", "samples": 10**12}], "has the sizes"),
        (("one_step", "outputs", 0, "dtype"), "x; y", "the dtype is"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(
    place: tuple[str | int, ...], value: object, match: str, tmp_path: Path
) -> None:
    bundle = change_manifest(made_up_case(tmp_path).bundle, tmp_path / "edited", {place: value})
    with pytest.raises(InputError, match=match):
        read_bundle(bundle)


@pytest.mark.heavy
@pytest.mark.parametrize("array", ["ON", "OFF"])
def test_the_package_builds_with_both_files_in_it(array: str, tmp_path: Path) -> None:
    need("cmake", "g++")
    library = litert_library()
    export(made_up_case(tmp_path).bundle, {"cmake": tmp_path / "out"}, name="sensor")
    options = [f"-DLITERT_LIBRARY={library}", "-DEDGEPRUNE_WERROR=ON", f"-DEDGEPRUNE_MODEL_AS_ARRAY={array}"]
    run("cmake", "-S", tmp_path / "out", "-B", tmp_path / "build", *options)
    run("cmake", "--build", tmp_path / "build")
    symbols = run("nm", tmp_path / "build" / "libsensor.a")
    for name in ("edgeprune_sensor_model_tflite", "edgeprune_sensor_streaming_tflite"):
        assert re.search(rf" R {name}$", symbols, re.MULTILINE), symbols
