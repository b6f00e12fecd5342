"""Kotlin for one input or output: from raw values to a tensor's bytes, and from a tensor to numbers."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number
from edgeprune.exports.outputs import OutputPlan
from edgeprune.types import TensorInfo

CALLS = {
    steps.Resize: "Pictures.resize({x}, {height}, {width})",
    steps.Letterbox: "Letterbox.of({x}, {height}, {width}, {fill})",
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
TYPES = {
    RawType.TEXT: "String", RawType.PICTURE: "Picture", RawType.PCM: "ShortArray",
    RawType.BYTES: "ByteArray", RawType.FLOATS: "FloatArray", RawType.INT32: "IntArray",
    RawType.INT64: "LongArray",
}
_ARRAYS = {
    "float32": ("FloatArray", "0.0f"), "int8": ("ByteArray", "({}).toByte()"),
    "uint8": ("ByteArray", "({}).toByte()"), "int16": ("ShortArray", "({}).toShort()"),
    "int32": ("IntArray", "{}"), "int64": ("LongArray", "{}L"),
}
_READERS = {
    "float32": "readFloats", "int32": "readInts", "int64": "readLongs", "int8": "readInt8",
    "uint8": "readUint8", "int16": "readInt16",
}


def encoder(one: InputPlan, owner: int, tokenizers: Mapping[str, str] = MappingProxyType({})) -> str:
    """A function ``encodeNAME``; `tokenizers` are variables by their vocabulary, `owner` names constants."""
    name = one.name
    lines = [f"        val raw = {name}"]
    if one.length not in (None, one.size):
        lines.append(f'        Numbers.expect("{name}", raw.size, {one.length})')
    before = "raw"
    for index, step in enumerate(one.steps):
        tokenizer = ""
        if isinstance(step, steps.Tokenize):
            tokenizer = tokenizers[step.vocabulary]
        done = literals.call(CALLS, step, x=before, owner=f"{owner}_{index}", tokenizer=tokenizer)
        lines.append(f"        val step{index} = {done}")
        before = f"step{index}"
    if one.raw is not RawType.TEXT:
        lines.append(f'        Numbers.expect("{name}", {before}.size, {one.size})')
    lines.append(f"        return {_packed(before, one)}")
    head = f"    private fun encode{names.capitalized(name)}({name}: {TYPES[one.raw]}): ByteBuffer {{"
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


def decoder(index: int, one: OutputPlan) -> str:
    """The values of an output."""
    read = f"Numbers.{_READERS[one.tensor.dtype]}(outputs.getValue({index}) as ByteBuffer)"
    if not one.tensor.scale:
        return read
    return f"Numbers.dequantize({read}, {number(one.tensor.scale)}f, {one.tensor.zero_point})"


def output_type(one: OutputPlan) -> str:
    """Of these values."""
    return "FloatArray" if one.floats else "LongArray" if one.tensor.dtype == "int64" else "IntArray"


def output_class(outputs: Sequence[OutputPlan], body: str) -> str:
    """The class of the outputs, with functions in its `body`."""
    properties = ", ".join(f"val {one.name}: {output_type(one)}" for one in outputs)
    return f"class Output({properties})" + (f" {{\n{body}    }}" if body else "")


def ranked(one: OutputPlan | None, owner: str = "", indent: str = "        ") -> str:
    """A function that ranks the labels; empty where no output has scores of them."""
    if one is None:
        return ""
    scores = f"listOf(1.0f - {one.name}[0], {one.name}[0])" if one.binary else f"{one.name}.asList()"
    return (
        f"{indent}/** Labels with their scores, the best one first. */\n"
        f"{indent}fun ranked(): List<{owner}Prediction> = {owner}LABELS.zip({scores})\n"
        f"{indent}    .map {{ (label, score) -> {owner}Prediction(label, score) }}"
        ".sortedByDescending { it.score }\n"
    )


def detections(made: str, bars: steps.Letterbox | None) -> str:
    """A function that gives the boxes that are `made`, in fractions of the picture without its `bars`."""
    head = "        /** Objects without those that others suppress, the most certain first"
    if bars is None:
        return f"{head}. */\n        fun detections(): List<Detection> = {made}\n"
    return (
        f"{head}; of a picture of this size. */\n"
        "        fun detections(height: Int, width: Int): List<Detection> {\n"
        "            val area = pictureArea(height, width)\n"
        f"            return {made}.map {{\n"
        "                Detection(\n"
        "                    it.label, it.number, it.score,\n"
        "                    area.y(it.ymin), area.x(it.xmin), area.y(it.ymax), area.x(it.xmax)\n"
        "                )\n            }\n        }\n"
    )


def picture_area(bars: steps.Letterbox | None) -> str:
    """For a companion object: where a picture stands in the model's input; empty where it fills that."""
    if bars is None:
        return ""
    return (
        "        /** Where a picture of this size stands in the model's input. */\n"
        "        fun pictureArea(height: Int, width: Int): PictureArea =\n"
        f"            Letterbox.area(height, width, {bars.height}, {bars.width})\n"
    )


def allocated(outputs: Sequence[OutputPlan]) -> str:
    """Statements that make memory for outputs."""
    return "\n".join(
        f"        outputs[{index}] = Numbers.buffer({np.dtype(one.tensor.dtype).itemsize * one.size})"
        for index, one in enumerate(outputs)
    )


def filled(state: TensorInfo) -> str:
    """The memory of a state that stands for 0."""
    kind, value = _ARRAYS[state.dtype]
    return f"Numbers.pack({kind}({math.prod(state.shape)}) {{ {value.format(state.zero_point)} }})"


def constants(inputs: Sequence[InputPlan]) -> str:
    """What steps are made with, for a companion object."""
    text = ""
    for owner, one in enumerate(inputs):
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
