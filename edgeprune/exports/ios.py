"""`--ios`: a local pod with a Swift class and its resources.

CLASS.podspec                depends on TensorFlowLiteSwift, LiteRT's pod for Swift
Sources/CLASS.swift          the class: typed input and output, labels
Sources/Numbers.swift        normalisation, (de)quantization
Resources/MODULE.tflite      in the bundle of the pod, or of the app where the files are dragged in
"""

from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number, render
from edgeprune.exports.plan import ModelPlan, OutputPlan
from edgeprune.exports.words import left_to_caller, sentences

CALLS = {
    steps.Affine: "Numbers.affine({x}, {scale}, {offset})",
    steps.Standardize: "Numbers.standardize({x}, Self.mean{owner}, Self.deviation{owner})",
    steps.PcmToFloat: "Numbers.pcm({x})",
    steps.PadOrCrop: "Numbers.padOrCrop({x}, {samples}, {centre})",
}
_TYPES = {
    RawType.PCM: "Int16", RawType.BYTES: "UInt8", RawType.FLOATS: "Float", RawType.INT32: "Int32",
    RawType.INT64: "Int64",
}
_ELEMENTS = {
    "float32": "Float", "int8": "Int8", "uint8": "UInt8", "int16": "Int16", "int32": "Int32",
    "int64": "Int64",
}


def ios_files(plan: ModelPlan) -> dict[str, bytes]:
    """The pod's files by path, for a plan made with the steps of `CALLS`."""
    return {
        f"{plan.class_name}.podspec": render("ios/podspec", class_name=plan.class_name),
        f"Sources/{plan.class_name}.swift": _model(plan),
        "Sources/Numbers.swift": render("ios/Numbers.swift", class_name=plan.class_name),
        f"Resources/{plan.module}.tflite": plan.bundle.model.read_bytes(),
        "README.md": render(
            "ios/README.md", class_name=plan.class_name,
            left="".join(f"\n{line}\n" for line in map(left_to_caller, plan.inputs) if line),
            arguments=", ".join(f"{one.name}: {one.name}" for one in plan.inputs),
        ),
    }


def _model(plan: ModelPlan) -> bytes:
    return render(
        "ios/Model.swift", class_name=plan.class_name, module=plan.module, task=plan.task,
        doc="\n".join(f"/// - {line}" for line in sentences(plan)),
        outputs="".join(f"        public let {one.name}: [{_output_type(one)}]\n" for one in plan.outputs),
        ranked=_ranked(plan), labels=_labels(plan),
        parameters=", ".join(f"{one.name}: [{_TYPES[one.raw]}]" for one in plan.inputs),
        encode="".join(_encode(index, one) for index, one in enumerate(plan.inputs)),
        decode=",\n".join(
            f"            {one.name}: {_decode(index, one)}" for index, one in enumerate(plan.outputs)
        ),
        constants=_constants(plan),
    )


def _encode(index: int, one: InputPlan) -> str:
    name, owner = one.name, names.capitalized(one.name)
    before = f"Numbers.floats({name})" if one.bytes_to_floats else name
    for position, step in enumerate(one.steps):
        before = literals.call(CALLS, step, x=before, owner=f"{owner}Step{position}")
    element = "Float" if one.floats else _TYPES[one.raw]
    packed = f"encoded{owner}"
    lines = [
        f"        let {packed}: [{element}] = {before}",
        f"        guard {packed}.count == {one.size} else {{",
        f'            throw WrongLength(input: "{name}", found: {packed}.count, expected: {one.size})',
        "        }",
    ]
    if one.quantized:
        quantized = f"Numbers.quantize({packed}, {number(one.tensor.scale)}, {one.tensor.zero_point})"
        packed = f"quantized{owner}"
        lines.append(f"        let {packed}: [{_ELEMENTS[one.tensor.dtype]}] = {quantized}")
    lines.append(f"        try interpreter.copy(Numbers.data({packed}), toInputAt: {index})")
    return "\n".join(lines) + "\n"


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


def _constants(plan: ModelPlan) -> str:
    text = ""
    for one in plan.inputs:
        for index, step in enumerate(one.steps):
            if isinstance(step, steps.Standardize):
                owner = f"{names.capitalized(one.name)}Step{index}"
                for kind, values in (("mean", step.mean), ("deviation", step.std)):
                    items = literals.rows(map(number, values), " " * 8)
                    text += f"\n    private static let {kind}{owner}: [Float] = [\n{items}\n    ]\n"
    return text
