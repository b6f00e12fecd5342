"""The whole preprocessing and decoding of every language, compiled and compared with Python's.

Each case is a module of its own. One program feeds all of them, and writes what their models were fed with;
for pictures also each EXIF orientation, for audio a stereo recording made mono, and for all the objects in
the raw heads that the model answers with.
"""

from __future__ import annotations

import struct
import subprocess
import unicodedata
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgeprune.data.wav import read_wav
from edgeprune.exports import android, cmake, export, ios, steps
from edgeprune.preprocessing import STEPS
from edgeprune.tasks import detections
from tests.exports.bundles import HOSTILE, run
from tests.exports.compilers import DECLARATIONS, compile_kotlin, compile_swift, need, run_java, run_swift
from tests.exports.preprocessing_cases import CASES, HEADS, PICTURES, PreprocessingCase

STEREO, RATES = 2, ((44100, 16000), (8000, 22050), (16000, 16000))


def test_every_language_has_every_step() -> None:
    made = set(steps.Step.__args__)  # type: ignore[attr-defined]
    for calls in (android.CALLS, cmake.CALLS, ios.CALLS):
        assert set(calls) == made
    assert set(steps.READERS) == set(STEPS)


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
        assert_boxes((folder / f"{case.name}.boxes").read_text())


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


def assert_boxes(text: str) -> None:
    expected = detections(HEADS[None])[0]
    rows = [line.rsplit("|", 6) for line in text.splitlines()]
    assert len(rows) == len(expected) > 3
    found = np.array([[float(value) for value in row[1:]] for row in rows], np.float32)
    np.testing.assert_array_equal(found, expected)
    assert [row[0] for row in rows] == [HOSTILE[int(number)] for number in expected[:, 0]]


_CPP = """
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
@INCLUDES@
std::string fed, answers;
static std::string given;
static std::size_t place;
static std::string content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
static void store(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
template <class T> static T next() {
  T value;
  std::memcpy(&value, given.data() + place, sizeof value);
  place += sizeof value;
  return value;
}
template <class T> static std::vector<T> values(std::size_t count) {
  std::vector<T> result(count);
  std::memcpy(result.data(), given.data() + place, count * sizeof(T));
  place += count * sizeof(T);
  return result;
}
template <class T> static void append(std::string& to, const std::vector<T>& values) {
  to.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
template <class T> static void fill(std::vector<T>& to, const std::vector<T>& from) { to = from; }
template <class T, std::size_t N> static void fill(std::array<T, N>& to, const std::vector<T>& from) {
  if (from.size() != N) throw 1;
  std::copy(from.begin(), from.end(), to.begin());
}
int main() {
  answers = content("answers");
@BODY@}
"""
_CPP_CASE = """  {
    namespace model = edgeprune::@NAME@_model;
    given = content("@NAME@.samples");
    place = 0;
    fed.clear();
    model::Model runner;
    model::Output output;
    std::string helped, boxes;
    for (int left = next<std::int32_t>(); left > 0; left--) {
@READ@      output = runner.run(@CPP@);
    }
    for (const auto& one : model::detections(output)) {
      char line[200];
      const auto wide = [](float value) { return static_cast<double>(value); };
      std::snprintf(line, sizeof line, "|%zu|%.9g|%.9g|%.9g|%.9g|%.9g\\n", one.number, wide(one.score),
                    wide(one.ymin), wide(one.xmin), wide(one.ymax), wide(one.xmax));
      boxes += one.label + line;
    }
    store("@NAME@.fed", fed);
    store("@NAME@.helped", helped);
    store("@NAME@.boxes", boxes);
  }
"""
_CPP_READ = {
    "text": "      const auto bytes = values<char>(static_cast<std::size_t>(next<std::int32_t>()));\n"
            "      const std::string sample(bytes.begin(), bytes.end());\n",
    "picture": """      model::Picture sample{};
      sample.height = static_cast<std::size_t>(next<std::int32_t>());
      sample.width = static_cast<std::size_t>(next<std::int32_t>());
      sample.channels = static_cast<std::size_t>(next<std::int32_t>());
      sample.pixels = values<std::uint8_t>(sample.height * sample.width * sample.channels);
      for (int orientation = 0; orientation < 10 && fed.empty(); orientation++) {
        const auto turned = sample.upright(orientation);
        const std::vector<std::size_t> sizes{turned.height, turned.width};
        append(helped, std::vector<std::int32_t>(sizes.begin(), sizes.end()));
        append(helped, turned.pixels);
      }
""",
    "pcm": """      const auto all = values<std::int16_t>(static_cast<std::size_t>(next<std::int32_t>()));
      model::GivenInput sample{};
      fill(sample, all);
      if (left == 1) {
        auto even = all;
        even.resize(all.size() - all.size() % 2);
@MONO@      }
""",
}


@pytest.mark.heavy
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_feeds_what_python_feeds(compiler: str, tmp_path: Path) -> None:
    need(compiler)
    exports = laid_out("cmake", tmp_path)
    mono = "".join(f"        append(helped, model::mono(even, 2, {rate}, {to}));\n" for rate, to in RATES)
    body, includes, objects = "", "", []
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for case in CASES:
        place, module = exports[case.name], f"{case.name}_model"
        read = _CPP_READ[case.kind].replace("@MONO@", mono)
        text = _CPP_CASE.replace("@CPP@", ", ".join(["sample"] * case.inputs))
        body += text.replace("@READ@", read).replace("@NAME@", case.name)
        includes += f"#include <edgeprune/{module}.hpp>\n"
        recorder = (DECLARATIONS / "cpp" / "runtime.cpp").read_text().replace("MODULE", module)
        (place / "src" / "recorder.cpp").write_text(recorder)
        for source in (f"{module}.cpp", "recorder.cpp", "model_data.S"):
            objects.append(tmp_path / f"{module}_{source}.o")
            places = [f"-I{place}/include", f"-I{place}/src", f"-I{place}/model"]
            run(compiler, *flags, *places, "-c", place / "src" / source, "-o", objects[-1])
    (tmp_path / "main.cpp").write_text(_CPP.replace("@INCLUDES@", includes).replace("@BODY@", body))
    places = [f"-I{place}/include" for place in exports.values()]
    run(compiler, *flags, *places, tmp_path / "main.cpp", *objects, "-o", tmp_path / "program")
    run(tmp_path / "program", cwd=tmp_path)
    assert_same(tmp_path)


_NORMAL = """
#include <cstdio>
#include <iostream>
#include <string>
#include "unicode.hpp"
namespace detail = edgeprune::texts_model::detail;
int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    for (char32_t point : detail::lower_case(detail::nfkc(detail::decoded(line)))) std::printf("%x ", point);
    std::puts("");
  }
}
"""


@pytest.mark.heavy
def test_unicode_is_python_s_for_every_code_point_and_for_marks_in_any_order(tmp_path: Path) -> None:
    """Swift has the same tables; its code for them is tested by the texts alone."""
    need("g++")
    (case,) = (one for one in CASES if one.kind == "text")
    export(case.write(tmp_path / "bundle"), {"cmake": tmp_path / "out"}, name="texts_model")
    rng = np.random.default_rng(7)
    # Bases, marks of several classes, jamo, sigmas and what a sigma looks at; then all there are.
    mixed = [
        *range(0x300, 0x370), *map(ord, "aeoq\u03a3\u03a9'.\u00ad1 \u0130\u1e9e\u212b\ufb01\uff21"),
        *range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3),
        0xAC00, 0xAC01, 0x915, 0x94D, 0x93C, 0x5B0, 0x5BC, 0x345,
    ]
    lines = ["".join(map(chr, rng.choice(mixed, size))) for size in range(2, 9) for _ in range(2000)]
    unused = ("Cn", "Co", "Cs", "Cc")
    lines += [one for one in map(chr, range(0x110000)) if unicodedata.category(one) not in unused]
    (tmp_path / "main.cpp").write_text(_NORMAL)
    flags = ("-std=c++17", "-O1", "-Werror", f"-I{tmp_path}/out/src")
    run("g++", *flags, tmp_path / "main.cpp", "-o", tmp_path / "normal")
    done = subprocess.run(
        [tmp_path / "normal"], input="\n".join(lines).encode(), capture_output=True, check=True
    ).stdout.decode().splitlines()
    assert len(done) == len(lines)
    for line, found in zip(lines, done, strict=True):
        wanted = unicodedata.normalize("NFKC", line).lower()
        assert "".join(chr(int(one, 16)) for one in found.split()) == wanted, ascii(line)


_SWIFT = """
import Foundation
import TensorFlowLite
@IMPORTS@
struct Reader {
    let bytes: [UInt8]
    var place = 0
    init(_ path: String) { bytes = [UInt8](FileManager.default.contents(atPath: path)!) }
    mutating func next() -> Int { Int(values(1)[0] as Int32) }
    mutating func values<T: FixedWidthInteger>(_ count: Int) -> [T] {
        let size = MemoryLayout<T>.size
        defer { place += count * size }
        return (0..<count).map { at in
            (0..<size).reduce(T(0)) { sum, k in
                sum | T(truncatingIfNeeded: Int(bytes[place + at * size + k]) << (8 * k))
            }
        }
    }
}
func data<T>(_ values: [T]) -> Data { values.withUnsafeBytes { Data($0) } }

@main struct Program {
    static func main() throws {
        Interpreter.answers = [FileManager.default.contents(atPath: "answers")!]
@BODY@    }
}
"""
_SWIFT_CASE = """        do {
            Interpreter.fed = Data()
            var reader = Reader("@NAME@.samples")
            var helped = Data()
            var boxes = ""
            let model = try @CLASS@(modelPath: "@NAME@/Resources/@NAME@_model.tflite"@VOCABULARY@)
            for left in (1...reader.next()).reversed() {
@READ@                let output = try model.run(@SWIFT@)
                if left == 1 {
                    boxes = output.detections.map {
                        "\\($0.label)|\\($0.number)|\\($0.score)|\\($0.ymin)|\\($0.xmin)|\\($0.ymax)|\\($0.xmax)\\n"
                    }.joined()
                }
            }
            try Interpreter.fed.write(to: URL(fileURLWithPath: "@NAME@.fed"))
            try helped.write(to: URL(fileURLWithPath: "@NAME@.helped"))
            try boxes.write(toFile: "@NAME@.boxes", atomically: false, encoding: .utf8)
            _ = helped.popFirst()
        }
"""
_SWIFT_READ = {
    "text": "                let bytes: [UInt8] = reader.values(reader.next())\n"
            "                let sample = String(decoding: bytes, as: UTF8.self)\n"
            "                _ = left\n",
    "picture": """                let height = reader.next()
                let width = reader.next()
                let channels = reader.next()
                let pixels: [UInt8] = reader.values(height * width * channels)
                let sample = try @MODULE@.Picture(
                    pixels: pixels, height: height, width: width, channels: channels)
                for orientation in 0..<10 where helped.isEmpty || Interpreter.fed.isEmpty {
                    let turned = sample.upright(orientation)
                    helped += data([Int32(turned.height), Int32(turned.width)]) + data(turned.pixels)
                }
""",
    "pcm": """                let sample: [Int16] = reader.values(reader.next())
                if left == 1 {
                    let even = Array(sample.dropLast(sample.count % 2))
@MONO@                }
""",
}


@pytest.mark.heavy
def test_swift_feeds_what_python_feeds(tmp_path: Path) -> None:
    exports = laid_out("ios", tmp_path)
    declared = (DECLARATIONS / "swift" / "TensorFlowLite.swift").read_bytes()
    (tmp_path / "TensorFlowLite.swift").write_bytes(declared)
    compile_swift(tmp_path, "TensorFlowLite", "TensorFlowLite.swift")
    body, modules = "", []
    for case in CASES:
        name = f"{case.name.title().replace('_', '')}Model"
        sources = [path.relative_to(tmp_path) for path in (exports[case.name] / "Sources").glob("*.swift")]
        compile_swift(tmp_path, f"{name}Module", "-lTensorFlowLite", *sources)
        modules.append(f"{name}Module")
        vocabulary = ""
        if case.files:
            text = f'"{case.name}/Resources/vocab.txt"'
            vocabulary = f", vocabTxt: try String(contentsOfFile: {text}, encoding: .utf8)"
        mono = "".join(
            f"                    helped += data({name}Module.Audio.mono(\n"
            f"                        even, channels: 2, fromHz: {rate}, toHz: {to}))\n"
            for rate, to in RATES
        )
        read = _SWIFT_READ[case.kind].replace("@MONO@", mono).replace("@MODULE@", f"{name}Module")
        text = _SWIFT_CASE.replace("@READ@", read).replace("@CLASS@", name).replace("@NAME@", case.name)
        text = text.replace("@SWIFT@", ", ".join(f"{one}: sample" for one in case.arguments))
        body += text.replace("@VOCABULARY@", vocabulary)
    imports = "".join(f"import {module}\n" for module in modules)
    (tmp_path / "main_.swift").write_text(_SWIFT.replace("@IMPORTS@", imports).replace("@BODY@", body))
    linked = [f"-l{module}" for module in ("TensorFlowLite", *modules)]
    flags = ("-swift-version", "5", "-parse-as-library", "-I", ".", "-L", ".")
    path = ("-Xlinker", "-rpath", "-Xlinker", "$ORIGIN")
    run_swift(tmp_path, "swiftc", *flags, *path, *linked, "main_.swift", "-o", "program")
    run_swift(tmp_path, "./program")
    assert_same(tmp_path)


_KOTLIN = """
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

fun main() {
    val answers = File("answers").readBytes()
@BODY@}

fun reader(name: String): ByteBuffer =
    ByteBuffer.wrap(File("$name.samples").readBytes()).order(ByteOrder.LITTLE_ENDIAN)

fun bytes(from: ByteBuffer, count: Int): ByteArray = ByteArray(count).also { from.get(it) }

fun shorts(from: ByteBuffer, count: Int): ShortArray = ShortArray(count) { from.getShort() }

fun little(bytes: Int): ByteBuffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN)

fun context(name: String) = object : android.content.Context() {
    override fun getAssets() = android.content.res.AssetManager(File("$name/src/main/assets"))
}
"""
_KOTLIN_CASE = """    com.example.@NAME@.@CLASS@(context("@NAME@")).use { model ->
        Interpreter.fed.reset()
        val reader = reader("@NAME@")
        val helped = File("@NAME@.helped").apply { writeBytes(ByteArray(0)) }
        for (left in reader.getInt() downTo 1) {
            Interpreter.answers = ByteBuffer.wrap(answers)
@READ@            val output = model.run(@KOTLIN@)
            if (left == 1) {
                File("@NAME@.boxes").writeText(output.detections().joinToString("") {
                    "${it.label}|${it.number}|${it.score}|${it.ymin}|${it.xmin}|${it.ymax}|${it.xmax}\\n"
                })
            }
        }
        File("@NAME@.fed").writeBytes(Interpreter.fed.toByteArray())
    }
"""
_KOTLIN_READ = {
    "text": "            val sample = String(bytes(reader, reader.getInt()), Charsets.UTF_8)\n"
            "            check(helped.exists())\n",
    "picture": """            val (height, width) = reader.getInt() to reader.getInt()
            val channels = reader.getInt()
            val pixels = bytes(reader, height * width * channels)
            val sample = com.example.@NAME@.Picture(pixels, height, width, channels)
            if (Interpreter.fed.size() == 0) {
                for (orientation in 0 until 10) {
                    val turned = sample.upright(orientation)
                    val sizes = little(8).putInt(turned.height).putInt(turned.width).array()
                    helped.appendBytes(sizes + turned.pixels)
                }
                val colours = IntArray(height * width) { at ->
                    (0..2).fold(0xFF) { sum, k -> sum * 256 + (pixels[3 * at + k].toInt() and 0xFF) }
                }
                val bitmap = com.example.@NAME@.Picture.of(android.graphics.Bitmap(colours, width))
                check(bitmap.pixels.contentEquals(pixels) && bitmap.height == height && bitmap.width == width)
            }
""",
    "pcm": """            val sample = shorts(reader, reader.getInt())
            if (left == 1) {
                val even = sample.copyOf(sample.size - sample.size % 2)
                for ((rate, to) in listOf(@RATES@)) {
                    val mono = com.example.@NAME@.Audio.mono(even, 2, rate, to)
                    helped.appendBytes(little(2 * mono.size).also { mono.forEach(it::putShort) }.array())
                }
            }
""",
}


@pytest.mark.heavy
def test_kotlin_feeds_what_python_feeds(tmp_path: Path) -> None:
    exports = laid_out("android", tmp_path)
    body = ""
    for case in CASES:
        name = f"{case.name.title().replace('_', '')}Model"
        rates = ", ".join(f"{rate} to {to}" for rate, to in RATES)
        read = _KOTLIN_READ[case.kind].replace("@RATES@", rates)
        text = _KOTLIN_CASE.replace("@KOTLIN@", ", ".join(["sample"] * case.inputs))
        body += text.replace("@READ@", read).replace("@CLASS@", name).replace("@NAME@", case.name)
    (tmp_path / "Main.kt").write_text(_KOTLIN.replace("@BODY@", body))
    sources = [path for place in exports.values() for path in place.rglob("*.kt")]
    path = compile_kotlin([tmp_path / "Main.kt", *sources], tmp_path)
    run_java(path, "MainKt", cwd=tmp_path)
    assert_same(tmp_path)
