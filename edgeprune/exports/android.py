"""`--android`: a Gradle library module with assets, a Kotlin class and the tasks that keep them current.

    consumer-rules.pro                        what R8 keeps
    build.gradle.kts                          edgepruneBuild -> edgepruneCheck -> edgepruneExport
    src/main/assets/edgeprune/MODULE/         model.tflite, vocab.txt
    src/main/kotlin/PACKAGE/Model.kt          the class: typed input and output, labels
                           /Numbers.kt        normalisation, (de)quantization
                           /Pictures.kt       where the model takes pictures
                           /Audio.kt          where it takes audio, Spectrum.kt where that becomes spectra
                           /Tokenizer.kt      where it takes text
                           /Boxes.kt          where it finds objects

The class runs LiteRT through `org.tensorflow.lite.Interpreter`, which com.google.ai.edge.litert:litert
ships in all its versions: its `CompiledModel` has no 16-bit tensors, and names inputs in the signature's
order where a manifest has the graph's.
"""

import dataclasses

import numpy as np

from edgeprune.bundle.read import MODEL
from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number, render
from edgeprune.exports.plan import ModelPlan, OutputPlan, detection_limits
from edgeprune.exports.words import sentences

CALLS = {
    steps.Resize: "Pictures.resize({x}, {height}, {width})",
    steps.Channels: "Pictures.channels({x}, {count})",
    steps.Pixels: "Pictures.pixels({x}, {height}, {width}, {channels})",
    steps.Cast: "Numbers.floats({x})",
    steps.ReverseChannels: "Numbers.reverseChannels({x}, {channels})",
    steps.Transpose: "Numbers.transpose({x}, intArrayOf({sizes}), intArrayOf({axes}))",
    steps.StandardizeEach: "Numbers.standardizeEach({x})",
    steps.Resample: "RESAMPLE_{owner}.of({x})",
    steps.Affine: "Numbers.affine({x}, {scale}f, {offset}f)",
    steps.Standardize: "Numbers.standardize({x}, MEAN_{owner}, STD_{owner})",
    steps.PcmToFloat: "Numbers.pcm({x})",
    steps.PadOrCrop: "Numbers.padOrCrop({x}, {samples}, {centre})",
    steps.Tokenize: '{tokenizer}.tokenize({x}, "{kind}", {length}, {keep_end})',
    steps.LogMel: "LOGMEL_{owner}.of({x})",
    steps.Mfcc: "MFCC_{owner}.of({x})",
}
_TYPES = {
    RawType.TEXT: "String", RawType.PICTURE: "Picture", RawType.PCM: "ShortArray",
    RawType.BYTES: "ByteArray", RawType.FLOATS: "FloatArray", RawType.INT32: "IntArray",
    RawType.INT64: "LongArray",
}
_READERS = {
    "float32": "readFloats", "int32": "readInts", "int64": "readLongs", "int8": "readInt8",
    "uint8": "readUint8", "int16": "readInt16",
}
# A JVM method holds 64 KiB of code, and a listed string takes some 8 bytes of it.
_LABELS_IN_A_METHOD = 1000


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
    for part in sorted(plan.parts):
        name = f"{part.value.capitalize()}.kt"
        limits = {key: str(value) for key, value in detection_limits().items()}
        files[f"{kotlin}/{name}"] = render(f"android/{name}", package=plan.package, **limits)
    return files


def _model(plan: ModelPlan) -> bytes:
    scores = None if plan.ranked is None else _scores(plan.ranked)
    body = "" if scores is None else (
        "        /** Labels with their scores, the best one first. */\n"
        f"        fun ranked(): List<Prediction> = LABELS.zip({scores})\n"
        "            .map { (label, score) -> Prediction(label, score) }.sortedByDescending { it.score }\n"
    )
    if plan.heads is not None:
        rows, columns = plan.heads.tensor.shape[1:3]
        labels = "LABELS" if plan.labels else "emptyList()"
        body += (
            "        /** Objects without those that others suppress, the most certain first. */\n"
            "        fun detections(): List<Detection> ="
            f" Boxes.of({plan.heads.name}, {rows}, {columns}, {labels})\n"
        )
    body = f" {{\n{body}    }}\n" if body else ""
    vocabularies = names.distinct([names.camel(name, "vocabulary") for name in plan.files])
    return render(
        "android/Model.kt",
        package=plan.package, class_name=plan.class_name, task=plan.task,
        doc="\n".join(f" * - {line}" for line in sentences(plan)),
        parameters=", ".join(f"{one.name}: {_TYPES[one.raw]}" for one in plan.inputs),
        encoded=", ".join(f"encode{names.capitalized(one.name)}({one.name})" for one in plan.inputs),
        allocate="\n".join(
            f"        outputs[{index}] = Numbers.buffer({np.dtype(one.tensor.dtype).itemsize * one.size})"
            for index, one in enumerate(plan.outputs)
        ),
        decoded=", ".join(_decoder(index, one) for index, one in enumerate(plan.outputs)),
        output_properties=", ".join(f"val {one.name}: {_output_type(one)}" for one in plan.outputs),
        output_body=body,
        prediction="\n" if scores is None else (
            "\n    /** One label and its score. */\n"
            "    data class Prediction(val label: String, val score: Float)\n"
        ),
        encoders="\n".join(_encoder(one, plan, vocabularies) for one in plan.inputs),
        constants="".join(f"{one}\n" for one in (_labels(plan.labels), _constants(plan)) if one),
        assets=f"edgeprune/{plan.module}",
        vocabulary_parameters="".join(f", {name}Text: String" for name in vocabularies),
        vocabulary_members="".join(
            f"    private val {name} = Tokenizer({name}Text)\n" for name in vocabularies
        ),
        vocabulary_arguments="".join(
            f", asset(context, {literals.kotlin(name)}).toString(Charsets.UTF_8)" for name in plan.files
        ),
    )


def _encoder(one: InputPlan, plan: ModelPlan, vocabularies: list[str]) -> str:
    name = one.name
    lines = [f"        val raw = {name}"]
    if one.length not in (None, one.size):
        lines.append(f'        Numbers.expect("{name}", raw.size, {one.length})')
    before = "raw"
    for index, step in enumerate(one.steps):
        tokenizer = ""
        if isinstance(step, steps.Tokenize):
            tokenizer = vocabularies[plan.files.index(step.vocabulary)]
        owner = f"{plan.inputs.index(one)}_{index}"
        done = literals.call(CALLS, step, x=before, owner=owner, tokenizer=tokenizer)
        lines.append(f"        val step{index} = {done}")
        before = f"step{index}"
    if one.raw is not RawType.TEXT:
        lines.append(f'        Numbers.expect("{name}", {before}.size, {one.size})')
    lines.append(f"        return {_packed(before, one)}")
    head = f"    private fun encode{names.capitalized(name)}({name}: {_TYPES[one.raw]}): ByteBuffer {{"
    return "\n".join([head, *lines, "    }\n"])


def _packed(values: str, one: InputPlan) -> str:
    tensor = one.tensor
    if one.quantized:
        limits = np.iinfo(tensor.dtype)
        scale = f"{number(tensor.scale)}f"
        return f"Numbers.quantize({values}, {scale}, {tensor.zero_point}, {limits.min}, {limits.max})"
    if one.raw is RawType.TEXT and tensor.dtype != "int32":
        kind = "Long" if tensor.dtype == "int64" else "Float"
        return f"Numbers.pack({kind}Array({values}.size) {{ {values}[it].to{kind}() }})"
    return f"Numbers.pack({values})"


def _decoder(index: int, one: OutputPlan) -> str:
    read = f"Numbers.{_READERS[one.tensor.dtype]}(outputs.getValue({index}) as ByteBuffer)"
    if not one.tensor.scale:
        return read
    return f"Numbers.dequantize({read}, {number(one.tensor.scale)}f, {one.tensor.zero_point})"


def _scores(one: OutputPlan) -> str:
    return f"listOf(1.0f - {one.name}[0], {one.name}[0])" if one.binary else f"{one.name}.asList()"


def _output_type(one: OutputPlan) -> str:
    return "FloatArray" if one.floats else "LongArray" if one.tensor.dtype == "int64" else "IntArray"


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


def _constants(plan: ModelPlan) -> str:
    text = ""
    for owner, one in enumerate(plan.inputs):
        for index, step in enumerate(one.steps):
            if isinstance(step, steps.Resample):
                made = f"Resampler({step.from_hz}, {step.to_hz})"
                text += f"        private val RESAMPLE_{owner}_{index} = {made}\n"
            if isinstance(step, steps.LogMel | steps.Mfcc):
                made = ", ".join(map(str, dataclasses.astuple(step)))
                kind = type(step).__name__
                text += f"        private val {kind.upper()}_{owner}_{index} = {kind}({made})\n"
            if isinstance(step, steps.Standardize):
                for kind, values in (("MEAN", step.mean), ("STD", step.std)):
                    items = literals.rows((f"{number(value)}f" for value in values), " " * 12)
                    text += f"        private val {kind}_{owner}_{index} = floatArrayOf(\n"
                    text += f"{items}\n        )\n"
    return text


def _readme(plan: ModelPlan) -> bytes:
    shown = "ranked().first().label" if plan.ranked is not None else f"{plan.outputs[0].name}[0]"
    shown = "detections().size" if plan.heads is not None else shown
    return render(
        "android/README.md", module=plan.module, class_name=plan.class_name, package=plan.package,
        arguments=plan.arguments, show=f"    println(output.{shown})\n",
        inputs="\n".join(f"- {line}" for line in sentences(plan)),
    )
