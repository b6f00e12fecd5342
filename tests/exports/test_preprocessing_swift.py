"""The whole preprocessing and decoding in Swift; see `test_preprocessing`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.compilers import DECLARATIONS, compile_swift, run_swift
from tests.exports.preprocessing_answers import RATES, assert_same, laid_out
from tests.exports.preprocessing_cases import BOXED, CASES

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
                    boxes = output.detections@SIZE@.map {
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
        size = "(height: {}, width: {})".format(*BOXED) if case.barred else ""
        body += text.replace("@VOCABULARY@", vocabulary).replace("@SIZE@", size)
    imports = "".join(f"import {module}\n" for module in modules)
    (tmp_path / "main_.swift").write_text(_SWIFT.replace("@IMPORTS@", imports).replace("@BODY@", body))
    linked = [f"-l{module}" for module in ("TensorFlowLite", *modules)]
    flags = ("-swift-version", "5", "-parse-as-library", "-I", ".", "-L", ".")
    path = ("-Xlinker", "-rpath", "-Xlinker", "$ORIGIN")
    run_swift(tmp_path, "swiftc", *flags, *path, *linked, "main_.swift", "-o", "program")
    run_swift(tmp_path, "./program")
    assert_same(tmp_path)
