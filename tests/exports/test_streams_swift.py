"""`Stream` of Swift, with an interpreter that keeps what it is fed and replays the Python runtime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.exports.compilers import DECLARATIONS, compile_swift, run_swift
from tests.exports.stream_programs import (
    Answered,
    assert_written,
    camel,
    laid_out,
    names_of_outputs,
    parameters,
    pascal,
    program,
    readme_code,
)

pytestmark = pytest.mark.xdist_group("streams")  # the models are built once

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
def test_swift_streams_what_python_streams(answered: Answered, tmp_path: Path) -> None:
    laid_out("ios", answered, tmp_path)
    declared = (DECLARATIONS / "swift" / "TensorFlowLite.swift").read_bytes()
    (tmp_path / "TensorFlowLite.swift").write_bytes(declared)
    compile_swift(tmp_path, "TensorFlowLite", "TensorFlowLite.swift")
    body, functions, modules = "", "", []
    for case, (_, answers, _) in answered:
        sources = [path.relative_to(tmp_path) for path in (tmp_path / case.name / "Sources").glob("*.swift")]
        modules.append(f"{pascal(case.name)}Module")
        compile_swift(tmp_path, modules[-1], "-lTensorFlowLite", *sources)
        keep = "".join(
            f"                    numbers += output.{camel(name)}.map {{ Float($0) }}\n"
            for name in names_of_outputs(case)
        )
        body += program(
            _SWIFT_CASE, case, keep, _SWIFT_FEED, CLASS=pascal(case.name),
            KIND="Int32" if case.steps.dtype == np.int32 else "Float",
            RAW="Int16" if case.raw.dtype == np.int16 else "Float",
            SIZES=", ".join(str(len(one)) for one in answers[0]),
        )
        _, code = readme_code(tmp_path / case.name, "swift", "do")
        fed = f"samples: [{'Int16' if case.raw.dtype == np.int16 else 'Float'}]"
        fed = fed if len(case.raw) else f"values: [{'Int32' if case.steps.dtype == np.int32 else 'Float'}]"
        given = parameters(tmp_path / case.name / "Sources", "func run")
        functions += f"func readme{pascal(case.name)}({given}, {fed}) throws {{\n{code}}}\n"
    imports = "".join(f"import {module}\n" for module in modules)
    text = _SWIFT.replace("@IMPORTS@", imports + functions).replace("@BODY@", body)
    (tmp_path / "main_.swift").write_text(text)
    linked = [f"-l{module}" for module in ("TensorFlowLite", *modules)]
    flags = ("-swift-version", "5", "-parse-as-library", "-I", ".", "-L", ".")
    path = ("-Xlinker", "-rpath", "-Xlinker", "$ORIGIN")
    run_swift(tmp_path, "swiftc", *flags, *path, *linked, "main_.swift", "-o", "program")
    run_swift(tmp_path, "./program")
    assert_written(answered, tmp_path)
