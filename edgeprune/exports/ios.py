"""`--ios`: a Swift package and local pod with a Swift class and its resources.

Package.swift                depends on LiteRT's own package
CLASS.podspec                depends on TensorFlowLiteSwift, LiteRT's pod for Swift
Sources/CLASS.swift          the class: typed input and output, labels
Sources/Numbers.swift        normalisation, (de)quantization
Sources/Pictures.swift …     preprocessing and decoding that only some models need
Sources/Stream.swift         where the bundle has streaming.tflite: one step a call
Resources/MODULE.tflite      in the bundle of the package or pod, or of the app where the files are dragged in
Resources/vocab.txt          where the model takes text
"""

import base64
import unicodedata

from edgeprune.bundle.read import STREAMING
from edgeprune.exports import literals, names, swift_code, unicode_tables
from edgeprune.exports.ios_stream import stream_class
from edgeprune.exports.literals import render
from edgeprune.exports.plan import CodePart, ModelPlan, detection_limits
from edgeprune.exports.words import helpers, sentences, streaming_section

_HELPERS = {
    CodePart.PICTURES: "`Picture.upright` turns a picture as its file's EXIF orientation says.",
    CodePart.AUDIO: "Recordings in stereo or of another rate become the model's by `Audio.mono`.",
}


def ios_files(plan: ModelPlan) -> dict[str, bytes]:
    """The package's files by path, for a plan made with the steps of `CALLS`."""
    streaming = [] if plan.stream is None else [f"{plan.module}_streaming.tflite"]
    resources = [f"{plan.module}.tflite", *streaming, *plan.files]
    files = {
        "Package.swift": render(
            "ios/Package.swift", class_name=plan.class_name,
            resources=", ".join(f".copy({literals.swift(f'Resources/{name}')})" for name in resources),
        ),
        f"{plan.class_name}.podspec": render("ios/podspec", class_name=plan.class_name),
        f"Sources/{plan.class_name}.swift": _model(plan),
        "Sources/Numbers.swift": render("ios/Numbers.swift", class_name=plan.class_name),
        f"Resources/{plan.module}.tflite": plan.bundle.model.read_bytes(),
        "README.md": render(
            "ios/README.md", class_name=plan.class_name,
            inputs="\n".join(f"- {line}" for line in sentences(plan)),
            arguments=", ".join(f"{one.name}: {one.name}" for one in plan.inputs), stream=_streamed(plan),
            helpers=helpers(plan, _HELPERS), shown=_shown(plan),
        ),
    }
    if plan.stream is not None:
        files[f"Resources/{streaming[0]}"] = plan.bundle.file(STREAMING).read_bytes()
        files["Sources/Stream.swift"] = stream_class(plan, plan.stream)
    for name in plan.files:
        files[f"Resources/{name}"] = plan.bundle.file(name).read_bytes()
    limits = {key: str(value) for key, value in detection_limits().items()}
    for part in sorted(plan.parts):
        name = f"{part.value.capitalize()}.swift"
        files[f"Sources/{name}"] = render(f"ios/{name}", **limits)
    if CodePart.TOKENIZER in plan.parts:
        packed = b"".join(value.to_bytes(3, "little") for value in unicode_tables.flat())
        files["Sources/Unicode.swift"] = render(
            "ios/Unicode.swift", version=unicodedata.unidata_version, packed=base64.b64encode(packed).decode()
        )
    return files


def _model(plan: ModelPlan) -> bytes:
    tokenizers = _tokenizers(plan)
    by_file = dict(zip(plan.files, tokenizers, strict=True))
    return render(
        "ios/Model.swift", class_name=plan.class_name, module=plan.module, task=plan.task,
        doc="\n".join(f"/// - {line}" for line in sentences(plan)),
        outputs=swift_code.properties(plan.outputs),
        ranked=swift_code.ranked(plan.ranked, plan.class_name) + _detections(plan), labels=_labels(plan),
        parameters=", ".join(f"{one.name}: {swift_code.TYPES[one.raw]}" for one in plan.inputs),
        encode="".join(swift_code.encode(index, one, by_file) for index, one in enumerate(plan.inputs)),
        decode=swift_code.decoded(plan.outputs),
        constants=swift_code.picture_area(plan.bars) + swift_code.constants(plan.inputs),
        members="".join(f"    private let {name}: Tokenizer\n" for name in tokenizers),
        load="".join(
            f"        guard let {name}URL = Bundle.edgeprune{plan.class_name}"
            f".url(forResource: {literals.swift(file)}, withExtension: nil) else {{\n"
            "            throw CocoaError(.fileNoSuchFile)\n        }\n"
            f"        let {name}Text = try String(contentsOf: {name}URL, encoding: .utf8)\n"
            for name, file in zip(tokenizers, plan.files, strict=True)
        ),
        arguments="".join(f"{name}: {name}Text, " for name in tokenizers),
        vocabulary_parameters="".join(f"{name}: String, " for name in tokenizers),
        make="".join(f"        self.{name} = Tokenizer({name})\n" for name in tokenizers),
    )


def _tokenizers(plan: ModelPlan) -> list[str]:
    return names.distinct([names.camel(name, "vocabulary") for name in plan.files])


def _labels(plan: ModelPlan) -> str:
    if not plan.labels:
        return ""
    items = literals.rows(map(literals.swift, plan.labels), " " * 8)
    head = "\n    /// In the order of the output.\n    public static let labels: [String] = [\n"
    return f"{head}{items}\n    ]\n"


def _detections(plan: ModelPlan) -> str:
    if plan.heads is None:
        return ""
    rows, columns = plan.heads.tensor.shape[1:3]
    labels = f"{plan.class_name}.labels" if plan.labels else "[]"
    made = f"Boxes.of(self.{plan.heads.name}, {rows}, {columns}, {labels})"
    return swift_code.detections(made, plan.class_name, plan.bars)


def _streamed(plan: ModelPlan) -> str:
    """What the README tells of the stream."""
    if plan.stream is None:
        return ""
    shown = "ranked[0].label" if plan.stream.ranked is not None else f"{plan.stream.outputs[0].name}[0]"
    call = f"for output in try stream.feed(samples) {{ print(output.{shown}) }}"
    if plan.stream.feeding is None:
        call = f"print(try stream.step(values).{shown})"
    return streaming_section(plan.stream, "swift", f"let stream = try {plan.class_name}.Stream()\n{call}")


def _shown(plan: ModelPlan) -> str:
    """What the README prints of an output."""
    shown = f"{plan.outputs[0].name}[0]" if plan.ranked is None else "ranked[0].label"
    if plan.heads is None:
        return shown
    size = f"(height: {plan.picture}.height, width: {plan.picture}.width)"
    return f"detections{'' if plan.bars is None else size}.count"
