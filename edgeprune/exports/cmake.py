"""`--cmake`: a C++17 package with the model inside, for `find_package` or `add_subdirectory`.

CMakeLists.txt, cmake/            library, install, MODULEConfig.cmake, FindLiteRt.cmake
include/edgeprune/MODULE.hpp      typed inputs and outputs, labels; nothing of LiteRT shows
src/                              normalisation, (de)quantization, LiteRT's C API
model/model.tflite                taken in by .incbin, or as an array where that is missing
example/                          a consumer that prints outputs exactly
"""

import dataclasses

import numpy as np

from edgeprune.bundle.read import MODEL
from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number, render
from edgeprune.exports.plan import ModelPlan, OutputPlan
from edgeprune.exports.words import sentences

CALLS = {
    steps.Affine: "detail::affine({x}, {scale}f, {offset}f)",
    steps.Standardize: "detail::standardize({x}, mean_{owner}, deviation_{owner})",
    steps.PcmToFloat: "detail::pcm({x})",
    steps.PadOrCrop: "detail::pad_or_crop({x}, {samples}, {centre})",
    steps.LogMel: "made{position}_.of({x})",
    steps.Mfcc: "made{position}_.of({x})",
}
_TYPES = {
    RawType.PCM: "std::int16_t", RawType.BYTES: "std::uint8_t", RawType.FLOATS: "float",
    RawType.INT32: "std::int32_t", RawType.INT64: "std::int64_t",
}
_ELEMENTS = {
    "float32": "float", "int8": "std::int8_t", "uint8": "std::uint8_t", "int16": "std::int16_t",
    "int32": "std::int32_t", "int64": "std::int64_t",
}


def cmake_files(plan: ModelPlan) -> dict[str, bytes]:
    """The package's files by path, for a plan made with the steps of `CALLS`."""
    module, symbol = plan.module, f"edgeprune_{plan.module}_tflite"
    return {
        "CMakeLists.txt": render("cmake/CMakeLists.txt", module=module, symbol=symbol),
        "cmake/Config.cmake.in": render("cmake/Config.cmake.in", module=module),
        "cmake/FindLiteRt.cmake": render("cmake/FindLiteRt.cmake"),
        "cmake/array.cmake": render("cmake/array.cmake"),
        f"include/edgeprune/{module}.hpp": _header(plan),
        f"src/{module}.cpp": _source(plan, symbol),
        "src/numbers.hpp": render("cmake/numbers.hpp", module=module),
        "src/spectrum.hpp": render("cmake/spectrum.hpp", module=module),
        "src/runtime.hpp": render("cmake/runtime.hpp", module=module),
        "src/runtime.cpp": render("cmake/runtime.cpp", module=module),
        "src/model_data.S": render("cmake/model_data.S", symbol=symbol),
        f"model/{MODEL}": plan.bundle.model.read_bytes(),
        "example/CMakeLists.txt": render("cmake/example_CMakeLists.txt", module=module),
        "example/main.cpp": _example(plan),
    }


def _header(plan: ModelPlan) -> bytes:
    return render(
        "cmake/model.hpp", module=plan.module, task=plan.task,
        inputs="".join(f"using {_alias(one)} = {_container(one)};\n" for one in plan.inputs),
        outputs="".join(
            f"  std::array<{_value_type(one)}, {one.size}> {one.name};\n" for one in plan.outputs
        ),
        labels=_labels(plan), doc="\n".join(f"// - {line}" for line in sentences(plan)),
        parameters=_parameters(plan),
    )


def _source(plan: ModelPlan, symbol: str) -> bytes:
    return render(
        "cmake/model.cpp", module=plan.module, symbol=symbol, constants=_constants(plan),
        input_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.inputs),
        output_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.outputs),
        parameters=_parameters(plan),
        encode="".join(_encode(index, one) for index, one in enumerate(plan.inputs)),
        decode="".join(_decode(index, one) for index, one in enumerate(plan.outputs)),
        ranked=_ranked(plan),
    )


def _encode(index: int, one: InputPlan) -> str:
    name, before = one.name, "raw_"
    copied = one.bytes_to_floats or (one.raw is RawType.FLOATS and one.steps)
    lines = [f"    const auto& raw_ = {f'detail::floats({name})' if copied else name};"]
    for position, step in enumerate(one.steps):
        if isinstance(step, steps.LogMel | steps.Mfcc):
            made = ", ".join(map(str, dataclasses.astuple(step)))
            lines.append(f"    static const detail::{type(step).__name__} made{position}_({made});")
        done = literals.call(CALLS, step, x=before, owner=f"{name}_{position}", position=position)
        lines.append(f"    const auto step{position}_ = {done};")
        before = f"step{position}_"
    lines.append(f'    detail::expect("{name}", {before}.size(), {one.size});')
    if one.quantized:
        if not one.steps and one.raw is RawType.FLOATS:
            before = f"detail::floats({before})"
        given = f"{before}, {number(one.tensor.scale)}f, {one.tensor.zero_point}"
        lines.append(f"    const auto packed_ = detail::quantize<{_ELEMENTS[one.tensor.dtype]}>({given});")
        before = "packed_"
    lines.append(f"    runtime_.set_input({index}, {before}.data());")
    return "\n".join(["  {", *lines, "  }\n"])


def _decode(index: int, one: OutputPlan) -> str:
    tensor = one.tensor
    if not tensor.scale:
        return f"  runtime_.get_output({index}, output_.{one.name}.data());\n"
    scale = f"{number(tensor.scale)}f, {tensor.zero_point}"
    return (
        f"  {{\n    std::vector<{_ELEMENTS[tensor.dtype]}> steps_({one.size});\n"
        f"    runtime_.get_output({index}, steps_.data());\n"
        f"    detail::dequantize(steps_, output_.{one.name}, {scale});\n  }}\n"
    )


def _labels(plan: ModelPlan) -> str:
    if not plan.labels:
        return ""
    items = (f"{{{literals.cpp(label)}, {len(label.encode())}}}" for label in plan.labels)
    text = (
        "// In the order of the output, in UTF-8.\n"
        f"inline constexpr std::array<std::string_view, {len(plan.labels)}> labels = {{{{\n"
        f"{literals.rows((f'std::string_view{item}' for item in items), '    ')}\n}}}};\n\n"
    )
    if plan.ranked is not None:
        text += (
            "struct Prediction {\n  std::string_view label;\n  float score;\n};\n\n"
            "// Labels with their scores, the best one first.\n"
            "std::vector<Prediction> ranked(const Output& output);\n\n"
        )
    return text


def _ranked(plan: ModelPlan) -> str:
    one = plan.ranked
    if one is None:
        return ""
    values = f"output.{one.name}"
    score = f"i ? {values}[0] : 1.0f - {values}[0]" if one.binary else f"{values}[i]"
    return (
        "\nstd::vector<Prediction> ranked(const Output& output) {\n  std::vector<Prediction> result;\n"
        f"  for (std::size_t i = 0; i < labels.size(); i++) result.push_back({{labels[i], {score}}});\n"
        "  std::stable_sort(result.begin(), result.end(),\n"
        "                   [](const Prediction& a, const Prediction& b) { return a.score > b.score; });\n"
        "  return result;\n}\n"
    )


def _constants(plan: ModelPlan) -> str:
    text = ""
    for one in plan.inputs:
        for index, step in enumerate(one.steps):
            if isinstance(step, steps.Standardize):
                for kind, values in (("mean", step.mean), ("deviation", step.std)):
                    items = literals.rows((f"{number(value)}f" for value in values), "    ")
                    array = f"std::array<float, {len(values)}> {kind}_{one.name}_{index}"
                    text += f"\nstatic constexpr {array} = {{{{\n{items}\n}}}};\n"
    return text


def _example(plan: ModelPlan) -> bytes:
    show = "".join(
        f"  for (const auto value : output.{one.name}) "
        f"print({'value' if one.floats else '(long long)value'});\n"
        for one in plan.outputs
    )
    label = '  for (const auto& [label, score] : model::ranked(output)) std::printf("%.*s %.4f\\n", '
    label += "static_cast<int>(label.size()), label.data(), static_cast<double>(score));\n"
    read = "".join(
        f"  model::{_alias(one)} {one.name}_;\n  fill({one.name}_, content(words[{index}]));\n"
        for index, one in enumerate(plan.inputs, 1)
    )
    return render(
        "cmake/example_main.cpp", module=plan.module, words=str(len(plan.inputs) + 1),
        inputs=str(len(plan.inputs)), read=read, arguments=", ".join(f"{one.name}_" for one in plan.inputs),
        print=show + (label if plan.ranked else ""),
    )


def _parameters(plan: ModelPlan) -> str:
    return ", ".join(f"const {_alias(one)}& {one.name}" for one in plan.inputs)


def _alias(one: InputPlan) -> str:
    return f"{names.pascal(one.name)}Input"


def _container(one: InputPlan) -> str:
    kind = _TYPES[one.raw]
    return f"std::vector<{kind}>" if one.length is None else f"std::array<{kind}, {one.length}>"


def _value_type(one: OutputPlan) -> str:
    return "float" if one.floats else _ELEMENTS[one.tensor.dtype]
