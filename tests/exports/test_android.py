"""The Android export: the Kotlin class, compiled by kotlinc and run on the JVM, but for LiteRT itself.

The SDK and LiteRT's archive are not to be had here: what is called of them is declared in `declarations/`.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import pack_eval, read_bundle
from edgeprune.errors import InputError
from edgeprune.exports import export
from edgeprune.preprocessing.text import format_vocabulary
from edgeprune.types import TensorInfo
from tests.exports.bundles import (
    CLIPS,
    HOSTILE,
    SPOKEN,
    contents,
    every_tensor_bundle,
    fed_and_answered,
    float_bundle,
    int8_bundle,
    plausible_names_bundle,
    raw_samples,
)
from tests.exports.compilers import compile_kotlin, run_java, syntax_errors

# Feeds every sample of a file to the class and writes what the interpreter was fed, outputs and labels.
_MAIN = """
package {package}

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

fun main(words: Array<String>) {{
    val folder = File(words[0])
    val context = object : android.content.Context() {{
        override fun getAssets() = android.content.res.AssetManager(File(words[1]))
    }}
    Interpreter.answers = ByteBuffer.wrap(File(folder, "answers").readBytes()).order(ByteOrder.nativeOrder())
    {class_name}(context).use {{ model ->
        for (sample in samples(File(folder, "samples"))) {{
            val output = model.run(sample)
            println(output.{output}.joinToString(" ") {{ it.toRawBits().toString() }})
            for (one in output.ranked().take(1)) println("${{one.label.map {{ it.code }}}}=${{one.score}}")
        }}
    }}
    File(folder, "fed").writeBytes(Interpreter.fed.toByteArray())
    File(folder, "model").writeBytes(Interpreter.model)
    File(folder, "mapped").writeText(Interpreter.mapped.toString())
}}
"""
_SAMPLES = {
    "ByteArray": "fun samples(file: File) = file.readBytes().toList().chunked({size}) {{ it.toByteArray() }}",
    "ShortArray": "fun samples(file: File): List<ShortArray> {{\n"
    "    val all = ByteBuffer.wrap(file.readBytes()).order(ByteOrder.nativeOrder()).asShortBuffer()\n"
    "    return List(all.capacity() / {size}) {{ ShortArray({size}).also {{ one -> all.get(one) }} }}\n}}",
    "String": 'fun samples(file: File) = file.readText().split("\\u0000")',
}


def ran_on_the_jvm(
    bundle: Path, folder: Path, kind: str, samples: bytes, size: int = 0, tolerance: float = 0,
    *, compressed: bool = False,
) -> list[str]:
    """Lines of the program above, having compared what the interpreter was fed with the agent's own bytes."""
    exported = folder / "export"
    export(bundle, {"android": exported}, name="hostile_one", package="com.example.hostile")
    fed, answers, _ = fed_and_answered(bundle)
    (folder / "samples").write_bytes(samples)
    (folder / "answers").write_bytes(b"".join(one.tobytes() for row in answers for one in row))
    main = _MAIN.format(package="com.example.hostile", class_name="HostileOne", output="scores")
    (folder / "Main.kt").write_text(main + _SAMPLES[kind].format(size=size))
    if compressed:
        (exported / "src/main/assets/edgeprune/hostile_one/model.tflite.compressed").touch()
    path = compile_kotlin([folder / "Main.kt", *exported.rglob("*.kt")], folder)
    lines = run_java(path, "com.example.hostile.MainKt", folder, exported / "src/main/assets").splitlines()
    if tolerance:
        both = ((folder / "fed").read_bytes(), b"".join(fed))
        found, wanted = (np.frombuffer(one, np.float32) for one in both)
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    else:
        assert (folder / "fed").read_bytes() == b"".join(fed)
    assert (folder / "model").read_bytes() == (bundle / "model.tflite").read_bytes()
    assert (folder / "mapped").read_text() == ("false" if compressed else "true")
    return lines


@pytest.mark.heavy
def test_audio_becomes_the_same_features_on_the_jvm(tmp_path: Path) -> None:
    """The FFT is another one: equal to rounding, far below a step of an int8 model."""
    clips = {"eval.npz": pack_eval([CLIPS], np.zeros(len(CLIPS), np.int64))}
    bundle = float_bundle(tmp_path / "bundle", preprocessing=SPOKEN, files=clips)
    ran_on_the_jvm(bundle, tmp_path, "ShortArray", CLIPS.tobytes(), 1280, tolerance=2e-6)


def assert_same_scores(lines: list[str], bundle: Path, labels: tuple[str, ...]) -> None:
    """Dequantized outputs to the last bit, and the best label, as UTF-16 units."""
    _, _, expected = fed_and_answered(bundle)
    assert len(lines) == 2 * len(expected)
    for row, numbers in enumerate(expected):
        scores = numbers[0].ravel()
        bits = np.array(lines[2 * row].split(), np.int64).astype(np.int32).view(np.float32)
        np.testing.assert_array_equal(bits, scores)
        best = labels[int(np.argmax(scores))].encode("utf-16-le")
        units = [int.from_bytes(best[i : i + 2], "little") for i in range(0, len(best), 2)]
        assert lines[2 * row + 1].startswith(f"{units}=")


SCORES = (TensorInfo("scores", (1, 5), "int8", 0.00390625, -128),)


@pytest.mark.heavy
def test_an_int8_image_model_on_the_jvm(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle", outputs=SCORES)
    samples = raw_samples(bundle)[0].tobytes()
    assert_same_scores(ran_on_the_jvm(bundle, tmp_path, "ByteArray", samples, 144), bundle, HOSTILE)


@pytest.mark.heavy
def test_a_float_audio_model_on_the_jvm(tmp_path: Path) -> None:
    bundle = float_bundle(tmp_path / "bundle")
    samples = raw_samples(bundle)[0].tobytes()
    lines = ran_on_the_jvm(bundle, tmp_path, "ShortArray", samples, 101, compressed=True)
    assert_same_scores(lines, bundle, HOSTILE)


TEXTS = (
    "Great film!", "", "  \t\n ", "<br />don't STOP; it\u2019s 3\u00bd \ufb01ne",
    "\u1e9e\u0130 \u03a3\u0391\u03a3 \u017f",
    "na\u0308ive \u0915\u094d\u0937\u093f \u4f60\u597d \U0001f600\U0001f680 \uff21\uff22 a\u200db",
    "x" * 120 + " y", "word " * 200,
    "under_score \u2167 \u0663\u0664 \u00a0nbsp\u2003em \u3000cjk \x07bell \x1c \x85",
    "e-mail: a@b.c <b>bold</B> < c > 12.5%",
)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("kind", "keep"),
    [("word", "start"), ("word", "end"), ("char", "end"), ("subword", "start"), ("given", "end"),
     ("keras", "start")],
)
def test_texts_become_the_same_tokens_on_the_jvm(kind: str, keep: str, tmp_path: Path) -> None:
    pieces = [*("##" + one for one in "estofilmdy"), "great", "st", "\u092e", "12", "00.0%", *"sidxyen !"]
    words = ["don't", "it\u2019s", "fine", "\u4f60\u597d", "\U0001f600", "word", "n\u00e4ive", "\u00e4"]
    known = dict.fromkeys([*words, *pieces])
    steps = ({"op": "tokenize", "kind": kind, "length": 144, "keep": keep},)
    bundle = float_bundle(
        tmp_path / "bundle", preprocessing=steps,
        files={
            "vocab.txt": format_vocabulary(known).encode(),
            "eval.npz": pack_eval([np.array(TEXTS)], np.zeros(len(TEXTS), np.int64)),
        },
    )
    assert_same_scores(
        ran_on_the_jvm(bundle, tmp_path, "String", "\0".join(TEXTS).encode()), bundle, HOSTILE
    )


@pytest.mark.heavy
def test_every_kind_of_tensor_compiles(tmp_path: Path) -> None:
    export(every_tensor_bundle(tmp_path / "bundle"), {"android": tmp_path / "out"})
    (kotlin,) = tmp_path.glob("out/src/main/kotlin/edgeprune/text_model/TextModel.kt")
    export(plausible_names_bundle(tmp_path / "names"), {"android": tmp_path / "other"}, name="audio")
    compile_kotlin([*kotlin.parent.iterdir(), *(tmp_path / "other").rglob("*.kt")], tmp_path)
    assert (
        "fun run(wide: ShortArray, tokens1: LongArray, tokens2: IntArray, picture: ByteArray, "
        "pcm: ShortArray, rawValue: FloatArray, step0Value: ByteArray, text: String): Output {"
    ) in kotlin.read_text()


def test_the_module_has_all_that_gradle_needs(tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle", outputs=SCORES)
    export(bundle, {"android": tmp_path / "out"}, name="digits", package="com.example.digits")
    files = contents(tmp_path / "out")
    assert files["src/main/assets/edgeprune/digits/model.tflite"] == (bundle / "model.tflite").read_bytes()
    gradle = files["build.gradle.kts"].decode()
    chain = re.findall(r'tasks\.register<Exec>\("(\w+)"\)', gradle)
    assert chain == ["edgepruneBuild", "edgepruneCheck", "edgepruneExport"]
    assert 'namespace = "com.example.digits"' in gradle
    assert '"--name", "digits", "--package", "com.example.digits"' in gradle
    for task in gradle.split("tasks.register<Exec>")[1:]:
        assert "inputs." in task
        assert "outputs." in task


def test_the_module_is_what_google_documents_for_plugins_8_and_9_and_litert(tmp_path: Path) -> None:
    """Compared by eye and here, not run: neither Gradle's plugins nor LiteRT's archive are to be had.

    developer.android.com/build/migrate-to-built-in-kotlin: version 9 stops where the Kotlin plugin is applied
    beside its own, "an extension already registered with that name", kotlin; sources are in
    android.sourceSets, never in kotlin.sourceSets. ai.google.dev/edge/litert/android: LiteRT 2.1 needs API 23
    and has Interpreter.
    """
    export(int8_bundle(tmp_path / "bundle"), {"android": tmp_path / "out"}, package="com.example.digits")
    files = contents(tmp_path / "out")
    gradle = files["build.gradle.kts"].decode()
    assert re.findall(r'^ *id\("(.*)"\)', gradle.replace("plugins { ", "plugins {\n"), re.MULTILINE) == [
        "com.android.library"
    ]
    guarded = 'if (extensions.findByName("kotlin") == null) apply(plugin = "org.jetbrains.kotlin.android")'
    assert gradle.count("org.jetbrains.kotlin.android") == 1
    assert guarded in gradle
    assert "kotlin {" not in gradle
    assert "kotlin.sourceSets" not in gradle
    assert re.search(r"minSdk = 23\b", gradle)
    assert re.search(r'litert:" \+ .*"2\.1\.\d+"', gradle)
    assert 'noCompress += "tflite"' in gradle
    assert 'namespace = "com.example.digits"' in gradle
    assert b"package=" not in files["src/main/AndroidManifest.xml"]
    assert 'consumerProguardFiles("consumer-rules.pro")' in gradle
    assert b"-keep class org.tensorflow.lite.** { *; }" in files["consumer-rules.pro"]


@pytest.mark.heavy
def test_the_gradle_script_parses(tmp_path: Path) -> None:
    """Parsed only: neither Gradle's Kotlin DSL nor the Android plugin is to be had here."""
    export(int8_bundle(tmp_path / "bundle"), {"android": tmp_path / "out"})
    assert syntax_errors("kotlin", (tmp_path / "out" / "build.gradle.kts").read_bytes()) == []
    assert syntax_errors("kotlin", b"val a = (\n") != []


@pytest.mark.parametrize(
    ("name", "package", "match"),
    [
        ("9lives", None, "--name"), ("class", None, "--name"), ("a b", None, "--name"),
        ("a\nb", None, "--name"), ("../up", None, "--name"), ("é", None, "--name"),
        (None, "single", "--package"),
        (None, "com.Example.x", "--package"), (None, "com.class.x", "--package"), (None, 'a.b"', "--package"),
    ],
)
def test_unfit_names_are_refused(name: str | None, package: str | None, match: str, tmp_path: Path) -> None:
    bundle = int8_bundle(tmp_path / "bundle")
    with pytest.raises(InputError, match=match):
        export(bundle, {"android": tmp_path / "out"}, name=name, package=package)
    assert not (tmp_path / "out").exists()


def test_the_labels_of_many_classes_stay_below_a_method_s_limit(tmp_path: Path) -> None:
    labels = [f"label {index} {'x' * (index % 7)}" for index in range(2500)]
    bundle = int8_bundle(tmp_path / "bundle", files={"labels.txt": "\n".join(labels).encode()})
    export(bundle, {"android": tmp_path / "out"})
    kotlin = (tmp_path / "out/src/main/kotlin/edgeprune/vision_model/VisionModel.kt").read_text()
    methods = re.findall(r"private fun labels\d+\(\) = listOf\((.*?)\n        \)", kotlin, re.DOTALL)
    assert [len(re.findall(r'"[^"]*"', method)) for method in methods] == [1000, 1000, 500]
    assert re.findall(r'"(label [^"]*)"', kotlin) == labels
    assert "ranked" not in kotlin
    assert len(read_bundle(bundle).manifest.outputs) == 1

