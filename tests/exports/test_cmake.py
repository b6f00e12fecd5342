"""The C++ export, compiled by the machine's own compiler against the wheel's libLiteRt.so, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from device_runners.native.job import read_infos
from edgeprune.bundle import pack_eval
from edgeprune.exports import export
from tests.exports.bundles import (
    CLIPS,
    HOSTILE,
    SPOKEN,
    every_tensor_bundle,
    fed_and_answered,
    float_bundle,
    int8_bundle,
    plausible_names_bundle,
    raw_samples,
    run,
)
from tests.exports.compilers import HINT
from tests.tools import lacking

if shutil.which("cmake") is None or shutil.which("g++") is None:
    lacking("cmake and g++", HINT, module_level=True)
litert = pytest.importorskip("ai_edge_litert")
LIBRARY = Path(litert.__file__).parent / "libLiteRt.so"


def built(bundle: Path, tmp_path: Path, *options: str) -> Path:
    """Export, build, install, then build the example as a consumer of its own that finds the package."""
    source, prefix = tmp_path / "export", tmp_path / "prefix"
    export(bundle, {"cmake": source}, name="digit_reader")
    library = f"-DLITERT_LIBRARY={LIBRARY}"
    first = ["-S", source, "-B", tmp_path / "library", library, f"-DCMAKE_INSTALL_PREFIX={prefix}"]
    run("cmake", *first, "-DEDGEPRUNE_WERROR=ON", *options)
    run("cmake", "--build", tmp_path / "library")
    run("cmake", "--install", tmp_path / "library")
    second = ["-S", source / "example", "-B", tmp_path / "consumer", library, f"-DCMAKE_PREFIX_PATH={prefix}"]
    run("cmake", *second)
    run("cmake", "--build", tmp_path / "consumer")
    return tmp_path / "consumer" / "example"


def assert_same_bits(program: Path, bundle: Path, folder: Path, count: int) -> None:
    """The program prints each sample's outputs as the Python runtime gives them, to the last bit."""
    _, _, expected = fed_and_answered(bundle)
    for row, sample in enumerate(raw_samples(bundle)[0][:count]):
        path = folder / f"{row}.bin"
        path.write_bytes(sample.tobytes())
        lines = run(program, path).splitlines()
        scores = expected[row][0].ravel()
        printed = np.array([float.fromhex(line) for line in lines[: len(scores)]], np.float32)
        np.testing.assert_array_equal(printed, scores)
        best = HOSTILE[int(np.argmax(scores))]
        assert lines[len(scores)] == f"{best} {scores.max():.4f}"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An int8 bundle and its example, by the compiler alone; a warning is an error."""
    folder = tmp_path_factory.mktemp("compiled")
    bundle = int8_bundle(folder / "bundle")
    export(bundle, {"cmake": folder / "export"})
    source = folder / "export"
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    places = [f"-I{source}/include", f"-I{source}/model", f"-Wl,-rpath,{LIBRARY.parent}"]
    sources = [*source.glob("src/*.cpp"), source / "src/model_data.S", source / "example/main.cpp"]
    run("g++", *flags, *places, *sources, LIBRARY, "-o", folder / "example")
    return bundle, folder / "example"


def test_int8_answers_are_python_s_bit_for_bit(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    bundle, program = compiled
    assert_same_bits(program, bundle, tmp_path, 40)


def test_no_gpu_library_that_lies_beside_the_runtime_is_loaded(
    compiled: tuple[Path, Path], tmp_path: Path
) -> None:
    """Some end the program on processors that they were not made for; so does this one, on any."""
    source = "#include <signal.h>\n__attribute__((constructor)) static void load(void) { raise(SIGILL); }\n"
    (tmp_path / "gpu.c").write_text(source)
    for name in ("libLiteRtGpuAccelerator.so", "libLiteRtWebGpuAccelerator.so", "libLiteRtDispatch.so"):
        run("gcc", "-shared", "-fPIC", tmp_path / "gpu.c", "-o", tmp_path / name)
    (tmp_path / LIBRARY.name).symlink_to(LIBRARY)
    bundle, program = compiled
    path = tmp_path / "sample.bin"
    path.write_bytes(raw_samples(bundle)[0][0].tobytes())
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([program, path], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done
    assert len(done.stdout.splitlines()) == 5 + len(HOSTILE)


def compiles(source: Path, module: str) -> None:
    flags = ["-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for name in (f"src/{module}.cpp", "example/main.cpp"):
        run("g++", *flags, f"-I{source}/include", source / name)


@pytest.mark.heavy
def test_plausible_names_compile(tmp_path: Path) -> None:
    export(plausible_names_bundle(tmp_path / "bundle"), {"cmake": tmp_path / "export"}, name="audio")
    compiles(tmp_path / "export", "audio")


@pytest.mark.heavy
def test_every_kind_of_tensor_compiles(tmp_path: Path) -> None:
    export(every_tensor_bundle(tmp_path / "bundle"), {"cmake": tmp_path / "export"})
    compiles(tmp_path / "export", "text_model")
    header = (tmp_path / "export/include/edgeprune/text_model.hpp").read_text()
    for line in (
        "using WideInput = std::array<std::int16_t, 6>;",
        "using Tokens1Input = std::array<std::int64_t, 4>;",
        "using Tokens2Input = std::array<std::int32_t, 4>;",
        "using PictureInput = std::array<std::uint8_t, 12>;",
        "using PcmInput = std::vector<std::int16_t>;",
        "using RawValueInput = std::array<float, 5>;",
        "std::array<std::int64_t, 3> ids;",
        "std::array<float, 1> score;",
    ):
        assert line in header, header


@pytest.mark.heavy
def test_a_consumer_finds_the_package(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    assert_same_bits(built(bundle, tmp_path), bundle, tmp_path, 40)


@pytest.mark.heavy
@pytest.mark.parametrize("make", [int8_bundle, float_bundle])
def test_the_model_as_an_array_is_the_same(make: Callable[[Path], Path], tmp_path: Path) -> None:
    bundle = make(tmp_path / "bundle")
    program = built(bundle, tmp_path, "-DEDGEPRUNE_MODEL_AS_ARRAY=ON")
    assert_same_bits(program, bundle, tmp_path, 20)
    data = (tmp_path / "library" / "model_data.c").read_text()
    numbers = data[data.index("{") + 1 : data.index("}")].replace("\n", "").split(",")
    assert bytes(int(one, 16) for one in numbers if one) == (bundle / "model.tflite").read_bytes()


@pytest.mark.heavy
def test_audio_is_padded_or_cut_and_standardized_as_python_does(tmp_path: Path) -> None:
    for samples in (101, 144, 211):
        folder = tmp_path / str(samples)
        folder.mkdir()
        bundle = float_bundle(
            folder / "bundle",
            preprocessing=(
                {"op": "pad_or_crop", "samples": 144, "align": "end" if samples == 144 else "centre"},
                {"op": "pcm_to_float"},
                {"op": "reshape", "shape": [48, 3]},
                {"op": "standardize", "mean": 0.25, "std": [0.5, 0.3, 0.7]},
                {"op": "rescale", "scale": 0.3, "offset": 0.1},
                {"op": "reshape", "shape": [12, 12, 1]},
            ),
            files={"eval.npz": clips(samples)},
        )
        assert_same_bits(built(bundle, folder), bundle, folder, 10)


@pytest.mark.heavy
def test_audio_gives_the_same_scores(tmp_path: Path) -> None:
    clips = {"eval.npz": pack_eval([CLIPS], np.zeros(len(CLIPS), np.int64))}
    bundle = float_bundle(tmp_path / "bundle", preprocessing=SPOKEN, files=clips)
    program = built(bundle, tmp_path)
    _, _, expected = fed_and_answered(bundle)
    for row, clip in enumerate(CLIPS):
        (tmp_path / "clip.bin").write_bytes(clip.tobytes())
        printed = [float.fromhex(line) for line in run(program, tmp_path / "clip.bin").splitlines()[:5]]
        np.testing.assert_allclose(printed, expected[row][0].ravel(), rtol=2e-5, atol=1e-6)


def clips(samples: int) -> bytes:
    rng = np.random.default_rng(samples)
    return pack_eval([rng.integers(-32768, 32767, (10, samples), np.int16)], np.zeros(10, np.int64))


def test_a_wrong_input_is_named(compiled: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(143))
    words = [compiled[1], tmp_path / "short.bin"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "the file has 143 bytes; 144 were expected\n")


@pytest.mark.heavy
def test_several_inputs_and_outputs_keep_the_manifest_s_order(tmp_path: Path) -> None:
    """The runtime sorts by the signature's names, which here are the other way round."""
    tf = pytest.importorskip("tensorflow")

    class Both(tf.Module):
        @tf.function(input_signature=[
            tf.TensorSpec((1, 3), tf.float32, name="zebra"), tf.TensorSpec((1, 2), tf.float32, name="ant")
        ])
        def serve(self, zebra: object, ant: object) -> dict[str, object]:
            return {"wide": tf.concat([zebra * 2.0, ant], 1), "narrow": tf.reduce_sum(zebra, 1) - ant[:, 0]}

    both = Both()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([both.serve.get_concrete_function()], both)
    (tmp_path / "both.tflite").write_bytes(converter.convert())
    inputs, outputs = read_infos(tmp_path / "both.tflite")
    rng = np.random.default_rng(5)
    samples = [rng.normal(size=(4, *one.shape[1:])).astype(np.float32) for one in inputs]
    bundle = float_bundle(
        tmp_path / "bundle", inputs=inputs, outputs=outputs, preprocessing=(),
        files={"model.tflite": tmp_path / "both.tflite", "eval.npz": pack_eval(samples, np.zeros(4))},
    )
    program = built(bundle, tmp_path)
    _, _, expected = fed_and_answered(bundle)
    for row in range(4):
        for index, values in enumerate(samples):
            (tmp_path / f"{index}.bin").write_bytes(values[row].tobytes())
        lines = run(program, tmp_path / "0.bin", tmp_path / "1.bin").splitlines()
        wanted = np.concatenate([one.ravel() for one in expected[row]])
        printed = np.array([float.fromhex(one) for one in lines[: len(wanted)]], np.float32)
        np.testing.assert_array_equal(printed, wanted)
    assert {one.shape for one in inputs} == {(1, 3), (1, 2)}
