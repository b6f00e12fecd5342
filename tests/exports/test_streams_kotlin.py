"""`Stream` of Kotlin, with an interpreter that keeps what it is fed and replays the Python runtime's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.exports.compilers import compile_kotlin, run_java
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
    same_outputs,
)

pytestmark = pytest.mark.xdist_group("streams")  # the models are built once

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



@pytest.mark.heavy
def test_kotlin_streams_what_python_streams(answered: Answered, tmp_path: Path) -> None:
    laid_out("android", answered, tmp_path)
    body = ""
    for case, _ in answered:
        whole = case.steps.dtype == np.int32
        keep = "".join(
            f"            output.{camel(name)}.forEach {{ numbers.putFloat(float(it)) }}\n"
            for name in names_of_outputs(case)
        )
        body += program(
            _KOTLIN_CASE, case, keep, _KOTLIN_FEED, KIND="Int" if whole else "Float",
            GET="Int" if whole else "Float", BYTES=str(case.raw.itemsize),
            RAW="Short" if case.raw.dtype == np.int16 else "Float",
            OUTPUT=f"{pascal(case.name)}.Output" if same_outputs(case) else "Stream.Output",
        )
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
    assert_written(answered, tmp_path)
