"""`Stream` of every language: steps, resets and raw values as they come in, compared with the Python runtime.

C++ and Python run the real files; Kotlin and Swift an interpreter that keeps what it is fed and replays the
Python runtime's answers, so that states which are not handed on are seen.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections.abc import Sequence
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
from tests.exports.compilers import (
    DECLARATIONS,
    compile_kotlin,
    compile_swift,
    need,
    run_java,
    run_swift,
)
from tests.exports.streaming_cases import CHUNKS, StreamingCase, made_up_case, ran, streaming_cases

pytestmark = pytest.mark.xdist_group("streams")  # the models are built once
Answers = tuple[list[bytes], list[list[bytes]], list[np.ndarray]]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[StreamingCase, Answers]]:
    """Every case and what the Python runtime makes of its turns; `made_up` comes last."""
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("streams")
    return [(case, ran(case)) for case in (*streaming_cases(folder), made_up_case(folder))]


def laid_out(kind: str, answered: Sequence[tuple[StreamingCase, Answers]], folder: Path) -> None:
    """Each export, with the case's steps, its recording, and the runtime's answers."""
    for case, (_, answers, _) in answered:
        export(case.bundle, {kind: folder / case.name}, name=case.name, package=f"com.example.{case.name}")
        (folder / f"{case.name}.steps").write_bytes(case.steps.tobytes())
        (folder / f"{case.name}.raw").write_bytes(case.raw.tobytes())
        (folder / f"{case.name}.answers").write_bytes(b"".join(one for turn in answers for one in turn))


def assert_numbers(case: StreamingCase, expected: Sequence[np.ndarray], found: bytes) -> None:
    wanted = np.concatenate(expected)
    np.testing.assert_allclose(
        np.frombuffer(found, np.float32), wanted, rtol=1e-5, atol=1e-6, err_msg=case.name
    )


def assert_fed(case: StreamingCase, expected: Sequence[bytes], found: bytes) -> None:
    """States to the last bit, steps made of recordings to rounding."""
    sizes = [np.dtype(one.dtype).itemsize * int(np.prod(one.shape)) for one in case.info().inputs]
    turns = np.frombuffer(found, np.uint8).reshape(len(expected), sum(sizes))
    wanted = np.frombuffer(b"".join(expected), np.uint8).reshape(turns.shape)
    np.testing.assert_array_equal(turns[:, sizes[0] :], wanted[:, sizes[0] :], err_msg=case.name)
    kind = case.info().inputs[0].dtype
    both = (np.ascontiguousarray(one[:, : sizes[0]]).view(kind) for one in (turns, wanted))
    tolerance = 2e-6 if kind == "float32" else 0
    np.testing.assert_allclose(*both, rtol=tolerance, atol=tolerance, err_msg=case.name)


@pytest.mark.heavy
def test_python_streams_what_the_whole_model_computes(
    answered: list[tuple[StreamingCase, Answers]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    answered: list[tuple[StreamingCase, Answers]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    library = Path(pytest.importorskip("ai_edge_litert").__file__).parent / "libLiteRt.so"
    export(made_up_case(tmp_path).bundle, {"cmake": tmp_path / "out"}, name="sensor")
    options = [f"-DLITERT_LIBRARY={library}", "-DEDGEPRUNE_WERROR=ON", f"-DEDGEPRUNE_MODEL_AS_ARRAY={array}"]
    run("cmake", "-S", tmp_path / "out", "-B", tmp_path / "build", *options)
    run("cmake", "--build", tmp_path / "build")
    symbols = run("nm", tmp_path / "build" / "libsensor.a")
    for name in ("edgeprune_sensor_model_tflite", "edgeprune_sensor_streaming_tflite"):
        assert re.search(rf" R {name}$", symbols, re.MULTILINE), symbols


def readme_code(folder: Path, language: str, scope: str) -> tuple[str, str]:
    """What a README tells to write into an app: lines that import something, and all others in scopes."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    imports, code = "", ""
    for block in blocks:
        lines = block.split("// in the app\n")[-1].splitlines()
        lines = [line for line in lines if not line.startswith("dependencies:")]
        imported = [line for line in lines if line.startswith(("#include", "import"))]
        imports += "".join(f"{line}\n" for line in imported)
        code += f"{scope} {{\n" + "".join(f"{line}\n" for line in lines if line not in imported) + "}\n"
    return imports, code


def parameters(folder: Path, run_begins: str) -> str:
    """Those of the generated function ``run``."""
    text = "".join(path.read_text() for path in folder.rglob("*") if path.suffix in (".kt", ".swift"))
    (found,) = re.findall(rf"{run_begins}\((.*?)\)", text)
    return found


_CPP = """
#include <algorithm>
#include <iostream>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
@INCLUDES@
std::string fed, answers;
static std::string content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
static void store(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
int main() {
  std::string numbers;
  [[maybe_unused]] const auto keep = [&](const auto& values) {
    for (const auto value : values) {
      const auto number = static_cast<float>(value);
      numbers.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
  };
@BODY@}
"""
_CPP_CASE = """  {
    namespace model = edgeprune::@NAME@;
    numbers.clear();
    fed.clear();
    answers = content("@NAME@.answers");
    const std::string given = content("@NAME@.steps"), recording = content("@NAME@.raw");
    model::Stream stream = model::Stream(1);
    for (int turn = 0; turn < 2; turn++) {
      stream.reset();
      for (std::size_t place = 0; place < given.size(); place += sizeof(model::Stream::Step)) {
        model::Stream::Step step{};
        std::memcpy(step.data(), given.data() + place, sizeof step);
        const auto output = stream.step(step);
@KEEP@      }
    }
@FEED@    store("@NAME@.fed", fed);
    store("@NAME@.numbers", numbers);
  }
"""
_CPP_FEED = """    stream.reset();
    if (!stream.feed(std::vector<@KIND@>(2)).empty()) return 1;
    stream.reset();
    std::vector<@KIND@> raw(recording.size() / sizeof(@KIND@));
    std::memcpy(raw.data(), recording.data(), recording.size());
    for (std::size_t size : {@CHUNKS@}) {
      const auto end = raw.begin() + static_cast<std::ptrdiff_t>(std::min(size, raw.size()));
      for (const auto& output : stream.feed({raw.begin(), end})) {
@KEEP@      }
      raw.erase(raw.begin(), end);
    }
"""
_CPP_README = """
[[maybe_unused]] static void readme_{name}() {{
  namespace model = edgeprune::{name};
  const model::{kind}Input {argument}{{}};
  const {fed}{{}};
@CODE@}}
"""
_CPP_KINDS = {"float32": "float", "int16": "std::int16_t"}


def names_of_outputs(case: StreamingCase) -> list[str]:
    return [one.name for one in case.read.manifest.outputs]


@pytest.mark.heavy
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_streams_what_python_streams(
    compiler: str, answered: list[tuple[StreamingCase, Answers]], tmp_path: Path
) -> None:
    need(compiler)
    library = Path(pytest.importorskip("ai_edge_litert").__file__).parent / "libLiteRt.so"
    laid_out("cmake", answered, tmp_path)
    body, includes, functions, places, objects = "", "", "", [], []
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for case, _ in answered:
        source = tmp_path / case.name
        keep = "".join(f"        keep(output.{name});\n" for name in names_of_outputs(case))
        feed = _CPP_FEED.replace("@CHUNKS@", ", ".join(f"std::size_t{{{one}}}" for one in CHUNKS))
        text = _CPP_CASE.replace("@FEED@", feed if len(case.raw) else "").replace("@KEEP@", keep)
        kind = _CPP_KINDS.get(case.raw.dtype.name, "")
        body += text.replace("@NAME@", case.name).replace("@KIND@", kind)
        includes += f"#include <edgeprune/{case.name}_stream.hpp>\n"
        imports, code = readme_code(source, "cpp", "")
        (argument,) = re.findall(r"model\.run\((\w+)\);", code)
        fed = f"std::vector<{kind}> samples" if len(case.raw) else "model::Stream::Step values"
        includes += imports
        functions += _CPP_README.format(name=case.name, kind=_pascal(argument), argument=argument, fed=fed)
        functions = functions.replace("@CODE@", code)
        places.append(f"-I{source}/include")
        if case.name == "made_up":
            recorder = (DECLARATIONS / "cpp" / "runtime.cpp").read_text().replace("MODULE", case.name)
            (source / "src" / "runtime.cpp").write_text(recorder)
        for one in (f"{case.name}.cpp", "stream.cpp", "runtime.cpp", "model_data.S", "streaming_data.S"):
            objects.append(tmp_path / f"{case.name}_{one}.o")
            own = [f"-I{source}/include", f"-I{source}/src", f"-I{source}/model"]
            run(compiler, *flags, *own, "-c", source / "src" / one, "-o", objects[-1])
    program = _CPP.replace("@INCLUDES@", includes + functions).replace("@BODY@", body)
    (tmp_path / "main.cpp").write_text(program)
    path = f"-Wl,-rpath,{library.parent}"
    run(compiler, *flags, *places, tmp_path / "main.cpp", *objects, library, path, "-o", tmp_path / "program")
    run(tmp_path / "program", cwd=tmp_path)
    for case, (fed, _, expected) in answered:
        assert_numbers(case, expected, (tmp_path / f"{case.name}.numbers").read_bytes())
        if case.name == "made_up":
            assert_fed(case, fed, (tmp_path / f"{case.name}.fed").read_bytes())


_KOTLIN = """
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

fun main() {
@BODY@}

fun float(value: Number): Float = value.toFloat()

fun reader(name: String): ByteBuffer = ByteBuffer.wrap(File(name).readBytes()).order(ByteOrder.LITTLE_ENDIAN)

fun context(name: String) = object : android.content.Context() {
    override fun getAssets() = android.content.res.AssetManager(File("$name/src/main/assets"))
}
"""
_KOTLIN_CASE = """    com.example.@NAME@.Stream(context("@NAME@")).use { stream ->
        Interpreter.fed.reset()
        Interpreter.answers = reader("@NAME@.answers")
        val numbers = ByteBuffer.allocate(1 shl 20).order(ByteOrder.LITTLE_ENDIAN)
        val keep = { output: com.example.@NAME@.@OUTPUT@ ->
@KEEP@        }
        for (turn in 0..1) {
            stream.reset()
            val given = reader("@NAME@.steps")
            while (given.hasRemaining()) keep(stream.step(@KIND@Array(@SIZE@) { given.get@GET@() }))
        }
        try {
            stream.step(@KIND@Array(1000))
            error("1000 values are no step")
        } catch (error: IllegalArgumentException) {
            check(error.message == "step has 1000 values; @SIZE@ were expected.") { error }
        }
@FEED@        File("@NAME@.fed").writeBytes(Interpreter.fed.toByteArray())
        File("@NAME@.numbers").writeBytes(numbers.array().copyOf(numbers.position()))
    }
"""
_KOTLIN_FEED = """        stream.reset()
        check(stream.feed(@RAW@Array(2)).isEmpty())
        stream.reset()
        val recording = reader("@NAME@.raw")
        for (size in listOf(@CHUNKS@)) {
            val count = minOf(size, recording.remaining() / @BYTES@)
            stream.feed(@RAW@Array(count) { recording.get@RAW@() }).forEach { keep(it) }
        }
"""


def same_outputs(case: StreamingCase) -> bool:
    """Whether the outputs have no time axis."""
    return case.name in ("spoken", "written")


@pytest.mark.heavy
def test_kotlin_streams_what_python_streams(
    answered: list[tuple[StreamingCase, Answers]], tmp_path: Path
) -> None:
    laid_out("android", answered, tmp_path)
    body = ""
    for case, _ in answered:
        whole = case.steps.dtype == np.int32
        keep = "".join(
            f"            output.{_camel(name)}.forEach {{ numbers.putFloat(float(it)) }}\n"
            for name in names_of_outputs(case)
        )
        feed = _KOTLIN_FEED.replace("@RAW@", "Short" if case.raw.dtype == np.int16 else "Float")
        feed = feed.replace("@CHUNKS@", ", ".join(map(str, CHUNKS)))
        text = _KOTLIN_CASE.replace("@FEED@", feed if len(case.raw) else "").replace("@KEEP@", keep)
        for key, value in {
            "NAME": case.name, "KIND": "Int" if whole else "Float", "GET": "Int" if whole else "Float",
            "SIZE": str(case.steps[0].size), "BYTES": str(case.raw.itemsize),
            "OUTPUT": f"{_pascal(case.name)}.Output" if same_outputs(case) else "Stream.Output",
        }.items():
            text = text.replace(f"@{key}@", value)
        body += text
        imports, code = readme_code(tmp_path / case.name, "kotlin", "run")
        fed = f"samples: {'Short' if case.raw.dtype == np.int16 else 'Float'}Array"
        fed = fed if len(case.raw) else f"values: {'Int' if whole else 'Float'}Array"
        given = parameters(tmp_path / case.name, "fun run")
        (tmp_path / f"{case.name}.kt").write_text(
            f"package {case.name}\n\n{imports}\n"
            f"fun readme(context: android.content.Context, {given}, {fed}) {{\n{code}}}\n"
        )
    (tmp_path / "Main.kt").write_text(_KOTLIN.replace("@BODY@", body))
    sources = [path for case, _ in answered for path in (tmp_path / case.name).rglob("*.kt")]
    own = [tmp_path / "Main.kt", *(tmp_path / f"{case.name}.kt" for case, _ in answered)]
    run_java(compile_kotlin([*own, *sources], tmp_path), "MainKt", cwd=tmp_path)
    for case, (fed, _, expected) in answered:
        assert_fed(case, fed, (tmp_path / f"{case.name}.fed").read_bytes())
        assert_numbers(case, expected, (tmp_path / f"{case.name}.numbers").read_bytes())


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def _pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))


_SWIFT = """
import Foundation
import TensorFlowLite
@IMPORTS@
func values<T>(_ path: String) -> [T] {
    let data = FileManager.default.contents(atPath: path)!
    return data.withUnsafeBytes { Array($0.bindMemory(to: T.self)) }
}

@main struct Program {
    static func main() throws {
@BODY@    }
}
"""
_SWIFT_CASE = """        do {
            Interpreter.fed = Data()
            Interpreter.replies = []
            let answers = FileManager.default.contents(atPath: "@NAME@.answers")!
            var place = 0
            while place < answers.count {
                var reply: [Data] = []
                for size in [@SIZES@] {
                    reply.append(answers.subdata(in: place..<place + size))
                    place += size
                }
                Interpreter.replies.append(reply)
            }
            var numbers: [Float] = []
            let stream = try @CLASS@.Stream(modelPath: "@NAME@/Resources/@NAME@_streaming.tflite")
            let given: [@KIND@] = values("@NAME@.steps")
            for _ in 0..<2 {
                stream.reset()
                for at in stride(from: 0, to: given.count, by: @SIZE@) {
                    let output = try stream.step(Array(given[at..<at + @SIZE@]))
@KEEP@                }
            }
            do {
                _ = try stream.step([@KIND@](repeating: 0, count: 1000))
                fatalError("1000 values are no step")
            } catch let error as @CLASS@.WrongLength {
                precondition(error.input == "step" && error.found == 1000 && error.expected == @SIZE@)
            }
@FEED@            try Interpreter.fed.write(to: URL(fileURLWithPath: "@NAME@.fed"))
            try numbers.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: "@NAME@.numbers"))
        }
"""
_SWIFT_FEED = """            stream.reset()
            let early = try stream.feed([0, 0])
            precondition(early.isEmpty)
            stream.reset()
            var recording: [@RAW@] = values("@NAME@.raw")
            for size in [@CHUNKS@] {
                for output in try stream.feed(Array(recording.prefix(size))) {
@KEEP@                }
                recording.removeFirst(min(size, recording.count))
            }
"""


@pytest.mark.heavy
def test_swift_streams_what_python_streams(
    answered: list[tuple[StreamingCase, Answers]], tmp_path: Path
) -> None:
    laid_out("ios", answered, tmp_path)
    declared = (DECLARATIONS / "swift" / "TensorFlowLite.swift").read_bytes()
    (tmp_path / "TensorFlowLite.swift").write_bytes(declared)
    compile_swift(tmp_path, "TensorFlowLite", "TensorFlowLite.swift")
    body, functions, modules = "", "", []
    for case, (_, answers, _) in answered:
        sources = [path.relative_to(tmp_path) for path in (tmp_path / case.name / "Sources").glob("*.swift")]
        modules.append(f"{_pascal(case.name)}Module")
        compile_swift(tmp_path, modules[-1], "-lTensorFlowLite", *sources)
        keep = "".join(
            f"                    numbers += output.{_camel(name)}.map {{ Float($0) }}\n"
            for name in names_of_outputs(case)
        )
        feed = _SWIFT_FEED.replace("@RAW@", "Int16" if case.raw.dtype == np.int16 else "Float")
        feed = feed.replace("@CHUNKS@", ", ".join(map(str, CHUNKS)))
        text = _SWIFT_CASE.replace("@FEED@", feed if len(case.raw) else "").replace("@KEEP@", keep)
        for key, value in {
            "NAME": case.name, "CLASS": _pascal(case.name), "SIZE": str(case.steps[0].size),
            "KIND": "Int32" if case.steps.dtype == np.int32 else "Float",
            "SIZES": ", ".join(str(len(one)) for one in answers[0]),
        }.items():
            text = text.replace(f"@{key}@", value)
        body += text
        _, code = readme_code(tmp_path / case.name, "swift", "do")
        fed = f"samples: [{'Int16' if case.raw.dtype == np.int16 else 'Float'}]"
        fed = fed if len(case.raw) else f"values: [{'Int32' if case.steps.dtype == np.int32 else 'Float'}]"
        given = parameters(tmp_path / case.name / "Sources", "func run")
        functions += f"func readme{_pascal(case.name)}({given}, {fed}) throws {{\n{code}}}\n"
    imports = "".join(f"import {module}\n" for module in modules)
    program = _SWIFT.replace("@IMPORTS@", imports + functions).replace("@BODY@", body)
    (tmp_path / "main_.swift").write_text(program)
    linked = [f"-l{module}" for module in ("TensorFlowLite", *modules)]
    flags = ("-swift-version", "5", "-parse-as-library", "-I", ".", "-L", ".")
    path = ("-Xlinker", "-rpath", "-Xlinker", "$ORIGIN")
    run_swift(tmp_path, "swiftc", *flags, *path, *linked, "main_.swift", "-o", "program")
    run_swift(tmp_path, "./program")
    for case, (fed, _, expected) in answered:
        assert_fed(case, fed, (tmp_path / f"{case.name}.fed").read_bytes())
        assert_numbers(case, expected, (tmp_path / f"{case.name}.numbers").read_bytes())
