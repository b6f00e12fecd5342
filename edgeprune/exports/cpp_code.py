"""C++ for one input or output: from raw values to a tensor's bytes, and from a tensor to numbers."""

import dataclasses
from collections.abc import Sequence

from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number
from edgeprune.exports.outputs import OutputPlan

CALLS = {
    steps.Resize: "detail::resize({x}, {height}, {width})",
    steps.Letterbox: "detail::letterbox({x}, {height}, {width}, {fill})",
    steps.Channels: "detail::channels({x}, {count})",
    steps.Pixels: "detail::pixels({x}, {height}, {width}, {channels})",
    steps.Cast: "detail::floats({x})",
    steps.ReverseChannels: "detail::reverse_channels({x}, {channels})",
    steps.Transpose: "detail::transpose({x}, {{{sizes}}}, {{{axes}}})",
    steps.StandardizeEach: "detail::standardize_each({x})",
    steps.Resample: "made{position}_.of({x})",
    steps.Tokenize: 'detail::tokenizer_{tokenizer}().tokenize({x}, "{kind}", {length}, {keep_end})',
    steps.Affine: "detail::affine({x}, {scale}f, {offset}f)",
    steps.Standardize: "detail::standardize({x}, mean_{owner}, deviation_{owner})",
    steps.PcmToFloat: "detail::pcm({x})",
    steps.PadOrCrop: "detail::pad_or_crop({x}, {samples}, {centre})",
    steps.LogMel: "made{position}_.of({x})",
    steps.Mfcc: "made{position}_.of({x})",
}
TYPES = {
    RawType.TEXT: "std::string", RawType.PICTURE: "Picture",
    RawType.PCM: "std::int16_t", RawType.BYTES: "std::uint8_t", RawType.FLOATS: "float",
    RawType.INT32: "std::int32_t", RawType.INT64: "std::int64_t",
}
ELEMENTS = {
    "float32": "float", "int8": "std::int8_t", "uint8": "std::uint8_t", "int16": "std::int16_t",
    "int32": "std::int32_t", "int64": "std::int64_t",
}


def encode(index: int, one: InputPlan, files: Sequence[str] = ()) -> str:
    """Statements that set an input of ``runtime_``; `files` are the vocabularies."""
    name, before = one.name, "raw_"
    copied = one.raw is RawType.FLOATS and one.steps
    lines = [f"    const auto& raw_ = {f'detail::floats({name})' if copied else name};"]
    for position, step in enumerate(one.steps):
        tokenizer = files.index(step.vocabulary) if isinstance(step, steps.Tokenize) else 0
        if isinstance(step, steps.LogMel | steps.Mfcc | steps.Resample):
            made = ", ".join(map(str, dataclasses.astuple(step)))
            lines.append(f"    static const detail::{type(step).__name__} made{position}_({made});")
        owner = f"{name}_{position}"
        done = literals.call(CALLS, step, x=before, owner=owner, position=position, tokenizer=tokenizer)
        lines.append(f"    const auto step{position}_ = {done};")
        before = f"step{position}_"
    lines.append(f'    detail::expect("{name}", {before}.size(), {one.size});')
    element = ELEMENTS[one.tensor.dtype]
    if one.raw is RawType.TEXT and one.tensor.dtype != "int32":
        lines.append(f"    const std::vector<{element}> packed_({before}.begin(), {before}.end());")
        before = "packed_"
    if one.quantized:
        if not one.steps and one.raw is RawType.FLOATS:
            before = f"detail::floats({before})"
        given = f"{before}, {number(one.tensor.scale)}f, {one.tensor.zero_point}"
        lines.append(f"    const auto packed_ = detail::quantize<{element}>({given});")
        before = "packed_"
    lines.append(f"    runtime_.set_input({index}, {before}.data());")
    return "\n".join(["  {", *lines, "  }\n"])


def decode(index: int, one: OutputPlan) -> str:
    """Statements that read an output of ``runtime_`` into ``output_``."""
    tensor = one.tensor
    if not tensor.scale:
        return f"  runtime_.get_output({index}, output_.{one.name}.data());\n"
    scale = f"{number(tensor.scale)}f, {tensor.zero_point}"
    return (
        f"  {{\n    std::vector<{ELEMENTS[tensor.dtype]}> steps_({one.size});\n"
        f"    runtime_.get_output({index}, steps_.data());\n"
        f"    detail::dequantize(steps_, output_.{one.name}, {scale});\n  }}\n"
    )


def constants(inputs: Sequence[InputPlan]) -> str:
    """What steps are made with, for a source file."""
    text = ""
    for one in inputs:
        for index, step in enumerate(one.steps):
            if isinstance(step, steps.Standardize):
                for kind, values in (("mean", step.mean), ("deviation", step.std)):
                    items = literals.rows((f"{number(value)}f" for value in values), "    ")
                    array = f"std::array<float, {len(values)}> {kind}_{one.name}_{index}"
                    text += f"\nstatic constexpr {array} = {{{{\n{items}\n}}}};\n"
    return text


def alias(one: InputPlan) -> str:
    """The name of the type of an input."""
    return f"{names.pascal(one.name)}Input"


def container(one: InputPlan) -> str:
    """This type."""
    kind = TYPES[one.raw]
    if one.raw in (RawType.TEXT, RawType.PICTURE):
        return kind
    return f"std::vector<{kind}>" if one.length is None else f"std::array<{kind}, {one.length}>"


def value_type(one: OutputPlan) -> str:
    """Of an output's elements."""
    return "float" if one.floats else ELEMENTS[one.tensor.dtype]
