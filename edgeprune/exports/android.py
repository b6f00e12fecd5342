"""`--android`: a Gradle library module with assets, a Kotlin class and the tasks that keep them current.

    consumer-rules.pro                        what R8 keeps
    build.gradle.kts                          edgepruneBuild -> edgepruneCheck -> edgepruneExport
    src/main/assets/edgeprune/MODULE/         model.tflite, vocab.txt
    src/main/kotlin/PACKAGE/Model.kt          the class: typed input and output, labels
                           /Numbers.kt        normalisation, (de)quantization
                           /Pictures.kt       where the model takes pictures
                           /Letterbox.kt      where they keep their aspect ratio
                           /Audio.kt          where it takes audio, Spectrum.kt where that becomes spectra
                           /Tokenizer.kt      where it takes text
                           /Boxes.kt          where it finds objects
                           /Stream.kt         where the bundle has streaming.tflite: one step a call

The class runs LiteRT through `org.tensorflow.lite.Interpreter`, which com.google.ai.edge.litert:litert
ships in all its versions: its `CompiledModel` has no 16-bit tensors, and names inputs in the signature's
order where a manifest has the graph's.
"""


from edgeprune.bundle.read import MODEL, STREAMING
from edgeprune.exports import kotlin_code, literals, names
from edgeprune.exports.android_stream import stream_class
from edgeprune.exports.literals import render
from edgeprune.exports.plan import CodePart, ModelPlan, detection_limits
from edgeprune.exports.words import helpers, sentences, streaming_section

# A JVM method holds 64 KiB of code, and a listed string takes some 8 bytes of it.
_LABELS_IN_A_METHOD = 1000
_HELPERS = {
    CodePart.PICTURES:
        "A camera's `Bitmap` becomes a picture by `Picture.of(bitmap)`; `upright` turns one as its file's\n"
        "EXIF orientation says.",
    CodePart.AUDIO: "Recordings in stereo or of another rate become the model's by `Audio.mono`.",
}


def android_files(plan: ModelPlan) -> dict[str, bytes]:
    """The module's files by path, for a plan made with the steps of `CALLS`."""
    kotlin = f"src/main/kotlin/{plan.package.replace('.', '/')}"
    assets = f"src/main/assets/edgeprune/{plan.module}"
    files = {
        "build.gradle.kts": render("android/build.gradle.kts", module=plan.module, package=plan.package),
        "consumer-rules.pro": render("android/consumer-rules.pro"),
        "src/main/AndroidManifest.xml": render("android/AndroidManifest.xml"),
        f"{assets}/{MODEL}": plan.bundle.model.read_bytes(),
        f"{kotlin}/{plan.class_name}.kt": _model(plan),
        f"{kotlin}/Numbers.kt": render("android/Numbers.kt", package=plan.package),
        "README.md": _readme(plan),
    }
    for name in plan.files:
        files[f"{assets}/{name}"] = plan.bundle.file(name).read_bytes()
    if plan.stream is not None:
        files[f"{assets}/{STREAMING}"] = plan.bundle.file(STREAMING).read_bytes()
        files[f"{kotlin}/Stream.kt"] = stream_class(plan, plan.stream)
    for part in sorted(plan.parts):
        name = f"{part.value.capitalize()}.kt"
        limits = {key: str(value) for key, value in detection_limits().items()}
        files[f"{kotlin}/{name}"] = render(f"android/{name}", package=plan.package, **limits)
    return files


def _model(plan: ModelPlan) -> bytes:
    body = kotlin_code.ranked(plan.ranked)
    if plan.heads is not None:
        rows, columns = plan.heads.tensor.shape[1:3]
        labels = "LABELS" if plan.labels else "emptyList()"
        made = f"Boxes.of(this.{plan.heads.name}, {rows}, {columns}, {labels})"
        body += kotlin_code.detections(made, plan.bars)
    vocabularies = names.distinct([names.camel(name, "vocabulary") for name in plan.files])
    tokenizers = dict(zip(plan.files, vocabularies, strict=True))
    return render(
        "android/Model.kt",
        package=plan.package, class_name=plan.class_name, task=plan.task,
        doc="\n".join(f" * - {line}" for line in sentences(plan)),
        parameters=", ".join(f"{one.name}: {kotlin_code.TYPES[one.raw]}" for one in plan.inputs),
        encoded=", ".join(f"encode{names.capitalized(one.name)}({one.name})" for one in plan.inputs),
        allocate=kotlin_code.allocated(plan.outputs),
        decoded=", ".join(kotlin_code.decoder(index, one) for index, one in enumerate(plan.outputs)),
        output_class=kotlin_code.output_class(plan.outputs, body),
        prediction="\n" if not plan.predicts else (
            "\n\n    /** One label and its score. */\n"
            "    data class Prediction(val label: String, val score: Float)\n"
        ),
        encoders="\n".join(
            kotlin_code.encoder(one, owner, tokenizers) for owner, one in enumerate(plan.inputs)
        ),
        constants="".join(
            f"{one}\n" for one in (
                _labels(plan.labels), kotlin_code.picture_area(plan.bars), kotlin_code.constants(plan.inputs)
            ) if one
        ),
        assets=f"edgeprune/{plan.module}",
        vocabulary_parameters="".join(f", {name}Text: String" for name in vocabularies),
        vocabulary_members="".join(
            f"    private val {name} = Tokenizer({name}Text)\n" for name in vocabularies
        ),
        vocabulary_arguments="".join(
            f", asset(context, {literals.kotlin(name)}).toString(Charsets.UTF_8)" for name in plan.files
        ),
    )


def _labels(labels: tuple[str, ...]) -> str:
    if not labels:
        return ""
    size = _LABELS_IN_A_METHOD
    parts = [labels[start : start + size] for start in range(0, len(labels), size)]
    joined = " + ".join(f"labels{index}()" for index in range(len(parts)))
    text = f"        /** In the order of the output. */\n        val LABELS: List<String> = {joined}\n"
    for index, part in enumerate(parts):
        items = literals.rows(map(literals.kotlin, part), " " * 12)
        text += f"        private fun labels{index}() = listOf(\n{items}\n        )\n"
    return text


def _readme(plan: ModelPlan) -> bytes:
    shown = "ranked().first().label" if plan.ranked is not None else f"{plan.outputs[0].name}[0]"
    if plan.heads is not None:
        size = "" if plan.bars is None else f"{plan.picture}.height, {plan.picture}.width"
        shown = f"detections({size}).size"
    return render(
        "android/README.md", module=plan.module, class_name=plan.class_name, package=plan.package,
        arguments=plan.arguments, show=f"    println(output.{shown})\n",
        inputs="\n".join(f"- {line}" for line in sentences(plan)), stream=_streamed(plan),
        helpers=helpers(plan, _HELPERS),
    )


def _streamed(plan: ModelPlan) -> str:
    """What the README tells of the stream."""
    if plan.stream is None:
        return ""
    shown = f"{plan.stream.outputs[0].name}[0]" if plan.stream.ranked is None else "ranked().first().label"
    call = f"for (output in stream.feed(samples)) println(output.{shown})"
    if plan.stream.feeding is None:
        call = f"println(stream.step(values).{shown})"
    code = f"import {plan.package}.Stream\n\nStream(context).use {{ stream ->\n    {call}\n}}"
    return streaming_section(plan.stream, "kotlin", code)
