"""Swift for one input or output: from raw values to a tensor's bytes, and from a tensor to numbers."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number
from edgeprune.exports.outputs import OutputPlan

CALLS = {
    steps.Resize: "Pictures.resize({x}, {height}, {width})",
    steps.Letterbox: "Letterbox.of({x}, {height}, {width}, {fill})",
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
TYPES = {
    RawType.TEXT: "String", RawType.PICTURE: "Picture", RawType.PCM: "[Int16]", RawType.BYTES: "[UInt8]",
    RawType.FLOATS: "[Float]", RawType.INT32: "[Int32]", RawType.INT64: "[Int64]",
}
ELEMENTS = {
    "float32": "Float", "int8": "Int8", "uint8": "UInt8", "int16": "Int16", "int32": "Int32",
    "int64": "Int64",
}
_MADE: Mapping[type, tuple[str, str]] = {
    steps.Resample: ("resample", "Resample"), steps.LogMel: ("logMel", "LogMel"),
    steps.Mfcc: ("mfcc", "Mfcc"),
}


def encode(index: int, one: InputPlan, tokenizers: Mapping[str, str] = MappingProxyType({})) -> str:
    """Statements that set an input of ``interpreter``; `tokenizers` are variables by their vocabulary."""
    name, owner, before = one.name, names.capitalized(one.name), one.name
    lines = []
    if one.length not in (None, one.size):
        lines += _guard(name, name, one.length or 0)
    for position, step in enumerate(one.steps):
        tokenizer = ""
        if isinstance(step, steps.Tokenize):
            tokenizer = tokenizers[step.vocabulary]
        done = literals.call(CALLS, step, x=before, owner=f"{owner}Step{position}", tokenizer=tokenizer)
        before = f"step{position}"
        lines.append(f"let {before} = {done}")
    lines += _guard(name, before, one.size)
    after = f"step{len(one.steps)}"
    element = ELEMENTS[one.tensor.dtype]
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


def decode(index: int, one: OutputPlan) -> str:
    """The values of an output of ``interpreter``."""
    values, tensor = f"Numbers.values(try interpreter.output(at: {index}).data)", one.tensor
    if not tensor.scale:
        return values
    steps_read = f"{values} as [{ELEMENTS[tensor.dtype]}]"
    return f"Numbers.dequantize({steps_read}, {number(tensor.scale)}, {tensor.zero_point})"


def output_type(one: OutputPlan) -> str:
    """Of an output's elements."""
    return "Float" if one.floats else ELEMENTS[one.tensor.dtype]


def decoded(outputs: Sequence[OutputPlan]) -> str:
    """The arguments that an ``Output`` is made of."""
    return ",\n".join(f"            {one.name}: {decode(index, one)}" for index, one in enumerate(outputs))


def properties(outputs: Sequence[OutputPlan]) -> str:
    """The outputs in a structure."""
    return "".join(f"        public let {one.name}: [{output_type(one)}]\n" for one in outputs)


def ranked(one: OutputPlan | None, owner: str) -> str:
    """A property that ranks the labels of `owner`; empty where no output has scores of them."""
    if one is None:
        return ""
    scores = f"[1 - {one.name}[0], {one.name}[0]]" if one.binary else one.name
    return (
        "\n        /// Labels with their scores, the best one first.\n"
        "        public var ranked: [(label: String, score: Float)] {\n"
        f"            Swift.zip({owner}.labels, {scores}).map {{ (label: $0, score: $1) }}"
        ".sorted { $0.score > $1.score }\n        }\n"
    )


def detections(made: str, owner: str, bars: steps.Letterbox | None) -> str:
    """The boxes that are `made`, in fractions of the picture without its `bars`."""
    head = "\n        /// Objects without those that others suppress, the most certain first"
    if bars is None:
        return f"{head}.\n        public var detections: [Detection] {{\n            {made}\n        }}\n"
    return (
        f"{head}; of a picture of this size.\n"
        "        public func detections(height: Int, width: Int) -> [Detection] {\n"
        f"            let area = {owner}.pictureArea(height: height, width: width)\n"
        f"            return {made}.map {{\n"
        "                Detection(\n"
        "                    label: $0.label, number: $0.number, score: $0.score,\n"
        "                    ymin: area.y($0.ymin), xmin: area.x($0.xmin),\n"
        "                    ymax: area.y($0.ymax), xmax: area.x($0.xmax)\n"
        "                )\n            }\n        }\n"
    )


def picture_area(bars: steps.Letterbox | None) -> str:
    """For a class: where a picture stands in the model's input; empty where it fills that."""
    if bars is None:
        return ""
    return (
        "\n    /// Where a picture of this size stands in the model's input.\n"
        "    public static func pictureArea(height: Int, width: Int) -> PictureArea {\n"
        f"        Letterbox.area(height, width, {bars.height}, {bars.width})\n    }}\n"
    )


def constants(inputs: Sequence[InputPlan]) -> str:
    """What steps are made with, for a class."""
    text = ""
    for one in inputs:
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
