"""`--ios`: a Swift package and local pod with a Swift class and its resources.

Package.swift                depends on LiteRT's own package
CLASS.podspec                depends on TensorFlowLiteSwift, LiteRT's pod for Swift
Sources/CLASS.swift          the class: typed input and output, labels
Sources/Numbers.swift        normalisation, (de)quantization
Sources/Pictures.swift …     preprocessing and decoding that only some models need
Resources/MODULE.tflite      in the bundle of the package or pod, or of the app where the files are dragged in
Resources/vocab.txt          where the model takes text
"""

import base64
import dataclasses
import unicodedata
from collections.abc import Mapping

from edgeprune.exports import literals, names, steps, unicode_tables
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number, render
from edgeprune.exports.plan import CodePart, ModelPlan, OutputPlan, detection_limits
from edgeprune.exports.words import sentences

CALLS = {
    steps.Resize: "Pictures.resize({x}, {height}, {width})",
    steps.Channels: "try Pictures.channels({x}, {count})",
    steps.Pixels: "try Pictures.pixels({x}, {height}, {width}, {channels})",
    steps.Cast: "Numbers.floats({x})",
    steps.ReverseChannels: "Numbers.reverseChannels({x}, {channels})",
    steps.Transpose: "Numbers.transpose({x}, [{sizes}], [{axes}])",
    steps.StandardizeEach: "Numbers.standardizeEach({x})",
    steps.Affine: "Numbers.affine({x}, {scale}, {offset})",
    steps.Standardize: "Numbers.standardize({x}, Self.mean{owner}, Self.deviation{owner})",
    steps.PcmToFloat: "Numbers.pcm({x})",
    steps.PadOrCrop: "Numbers.padOrCrop({x}, {samples}, {centre})",
    steps.Resample: "Self.resample{owner}.of({x})",
    steps.LogMel: "Self.logMel{owner}.of({x})",
    steps.Mfcc: "Self.mfcc{owner}.of({x})",
    steps.Tokenize: '{tokenizer}.tokenize({x}, "{kind}", {length}, {keep_end})',
}
_TYPES = {
    RawType.TEXT: "String", RawType.PICTURE: "Picture", RawType.PCM: "[Int16]", RawType.BYTES: "[UInt8]",
    RawType.FLOATS: "[Float]", RawType.INT32: "[Int32]", RawType.INT64: "[Int64]",
}
_ELEMENTS = {
    "float32": "Float", "int8": "Int8", "uint8": "UInt8", "int16": "Int16", "int32": "Int32",
    "int64": "Int64",
}
_MADE: Mapping[type, tuple[str, str]] = {
    steps.Resample: ("resample", "Resample"), steps.LogMel: ("logMel", "LogMel"),
    steps.Mfcc: ("mfcc", "Mfcc"),
}


def ios_files(plan: ModelPlan) -> dict[str, bytes]:
    """The package's files by path, for a plan made with the steps of `CALLS`."""
    resources = [f"{plan.module}.tflite", *plan.files]
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
            arguments=", ".join(f"{one.name}: {one.name}" for one in plan.inputs),
        ),
    }
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
    return render(
        "ios/Model.swift", class_name=plan.class_name, module=plan.module, task=plan.task,
        doc="\n".join(f"/// - {line}" for line in sentences(plan)),
        outputs="".join(f"        public let {one.name}: [{_output_type(one)}]\n" for one in plan.outputs),
        ranked=_ranked(plan) + _detections(plan), labels=_labels(plan),
        parameters=", ".join(f"{one.name}: {_TYPES[one.raw]}" for one in plan.inputs),
        encode="".join(_encode(index, one, plan) for index, one in enumerate(plan.inputs)),
        decode=",\n".join(
            f"            {one.name}: {_decode(index, one)}" for index, one in enumerate(plan.outputs)
        ),
        constants=_constants(plan),
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


def _encode(index: int, one: InputPlan, plan: ModelPlan) -> str:
    name, owner, before = one.name, names.capitalized(one.name), one.name
    lines = []
    if one.length not in (None, one.size):
        lines += _guard(name, name, one.length or 0)
    for position, step in enumerate(one.steps):
        tokenizer = ""
        if isinstance(step, steps.Tokenize):
            tokenizer = _tokenizers(plan)[plan.files.index(step.vocabulary)]
        done = literals.call(CALLS, step, x=before, owner=f"{owner}Step{position}", tokenizer=tokenizer)
        before = f"step{position}"
        lines.append(f"let {before} = {done}")
    lines += _guard(name, before, one.size)
    after = f"step{len(one.steps)}"
    element = _ELEMENTS[one.tensor.dtype]
    if one.quantized:
        quantized = f"Numbers.quantize({before}, {number(one.tensor.scale)}, {one.tensor.zero_point})"
        lines.append(f"let {after}: [{element}] = {quantized}")
        before = after
    if one.raw is RawType.TEXT and one.tensor.dtype != "int32":
        lines.append(f"let {after} = {before}.map {{ {element}($0) }}")
        before = after
    lines.append(f"try interpreter.copy(Numbers.data({before}), toInputAt: {index})")
    return "\n".join(["        do {", *(f"            {line}" for line in lines), "        }\n"])


def _guard(name: str, values: str, expected: int) -> list[str]:
    return [
        f"guard {values}.count == {expected} else {{",
        f'    throw WrongLength(input: "{name}", found: {values}.count, expected: {expected})',
        "}",
    ]


def _decode(index: int, one: OutputPlan) -> str:
    values, tensor = f"Numbers.values(try interpreter.output(at: {index}).data)", one.tensor
    if not tensor.scale:
        return values
    steps_read = f"{values} as [{_ELEMENTS[tensor.dtype]}]"
    return f"Numbers.dequantize({steps_read}, {number(tensor.scale)}, {tensor.zero_point})"


def _output_type(one: OutputPlan) -> str:
    return "Float" if one.floats else _ELEMENTS[one.tensor.dtype]


def _labels(plan: ModelPlan) -> str:
    if not plan.labels:
        return ""
    items = literals.rows(map(literals.swift, plan.labels), " " * 8)
    head = "\n    /// In the order of the output.\n    public static let labels: [String] = [\n"
    return f"{head}{items}\n    ]\n"


def _ranked(plan: ModelPlan) -> str:
    one = plan.ranked
    if one is None:
        return ""
    scores = f"[1 - {one.name}[0], {one.name}[0]]" if one.binary else one.name
    return (
        "\n        /// Labels with their scores, the best one first.\n"
        "        public var ranked: [(label: String, score: Float)] {\n"
        f"            zip({plan.class_name}.labels, {scores}).map {{ (label: $0, score: $1) }}"
        ".sorted { $0.score > $1.score }\n        }\n"
    )


def _detections(plan: ModelPlan) -> str:
    if plan.heads is None:
        return ""
    rows, columns = plan.heads.tensor.shape[1:3]
    labels = f"{plan.class_name}.labels" if plan.labels else "[]"
    return (
        "\n        /// Objects without those that others suppress, the most certain first.\n"
        "        public var detections: [Detection] {\n"
        f"            Boxes.of({plan.heads.name}, {rows}, {columns}, {labels})\n        }}\n"
    )


def _constants(plan: ModelPlan) -> str:
    text = ""
    for one in plan.inputs:
        for index, step in enumerate(one.steps):
            if type(step) in _MADE:
                name, kind = _MADE[type(step)]
                owner = f"{names.capitalized(one.name)}Step{index}"
                made = ", ".join(map(str, dataclasses.astuple(step)))
                text += f"\n    private static let {name}{owner} = {kind}({made})\n"
            if isinstance(step, steps.Standardize):
                owner = f"{names.capitalized(one.name)}Step{index}"
                for kind, values in (("mean", step.mean), ("deviation", step.std)):
                    items = literals.rows(map(number, values), " " * 8)
                    text += f"\n    private static let {kind}{owner}: [Float] = [\n{items}\n    ]\n"
    return text
