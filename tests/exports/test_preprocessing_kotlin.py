"""The whole preprocessing and decoding in Kotlin; see `test_preprocessing`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.compilers import compile_kotlin, run_java
from tests.exports.preprocessing_answers import RATES, assert_same, laid_out
from tests.exports.preprocessing_cases import BOXED, CASES

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
                File("@NAME@.boxes").writeText(output.detections(@SIZE@).joinToString("") {
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
        size = "{}, {}".format(*BOXED) if case.barred else ""
        text = _KOTLIN_CASE.replace("@KOTLIN@", ", ".join(["sample"] * case.inputs)).replace("@SIZE@", size)
        body += text.replace("@READ@", read).replace("@CLASS@", name).replace("@NAME@", case.name)
    (tmp_path / "Main.kt").write_text(_KOTLIN.replace("@BODY@", body))
    sources = [path for place in exports.values() for path in place.rglob("*.kt")]
    path = compile_kotlin([tmp_path / "Main.kt", *sources], tmp_path)
    run_java(path, "MainKt", cwd=tmp_path)
    assert_same(tmp_path)
