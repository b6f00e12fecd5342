"""`--cmake`: a C++17 package with the model inside, for `find_package` or `add_subdirectory`.

CMakeLists.txt, cmake/            library, install, MODULEConfig.cmake, FindLiteRt.cmake
include/edgeprune/MODULE.hpp      typed inputs and outputs, labels; nothing of LiteRT shows
src/                              preprocessing, (de)quantization, decoding, LiteRT's C API
model/model.tflite                taken in by .incbin, or as an array where that is missing
example/                          a consumer that prints outputs exactly
"""

import dataclasses
import unicodedata

import numpy as np

from edgeprune.bundle.read import MODEL
from edgeprune.exports import cmake_parts, literals, names, steps, unicode_tables
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import number, render
from edgeprune.exports.plan import CodePart, ModelPlan, OutputPlan, detection_limits
from edgeprune.exports.words import sentences

CALLS = {
    steps.Resize: "detail::resize({x}, {height}, {width})",
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
_TYPES = {
    RawType.TEXT: "std::string", RawType.PICTURE: "Picture",
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
    files = {
        "CMakeLists.txt": render("cmake/CMakeLists.txt", module=module, symbol=symbol),
        "cmake/Config.cmake.in": render("cmake/Config.cmake.in", module=module),
        "cmake/FindLiteRt.cmake": render("cmake/FindLiteRt.cmake"),
        "cmake/array.cmake": render("cmake/array.cmake"),
        f"include/edgeprune/{module}.hpp": _header(plan),
        f"src/{module}.cpp": _source(plan, symbol),
        "src/numbers.hpp": render("cmake/numbers.hpp", module=module),
        "src/runtime.hpp": render("cmake/runtime.hpp", module=module),
        "src/runtime.cpp": render("cmake/runtime.cpp", module=module),
        "src/model_data.S": render("cmake/model_data.S", symbol=symbol),
        f"model/{MODEL}": plan.bundle.model.read_bytes(),
        "example/CMakeLists.txt": render("cmake/example_CMakeLists.txt", module=module),
        "example/main.cpp": _example(plan),
    }
    limits = {key: str(value) for key, value in detection_limits().items()}
    for part in sorted(plan.parts):
        name = f"{part.value}.hpp"
        files[f"src/{name}"] = render(f"cmake/{name}", module=module, **limits)
    if CodePart.TOKENIZER in plan.parts:
        numbers = literals.rows(map(str, unicode_tables.flat()), "    ")
        files["src/unicode.hpp"] = render(
            "cmake/unicode.hpp", module=module, numbers=numbers, version=unicodedata.unidata_version
        )
        files["src/vocabularies.hpp"] = _vocabularies(plan)
    return files


def _header(plan: ModelPlan) -> bytes:
    return render(
        "cmake/model.hpp", module=plan.module, task=plan.task,
        inputs="".join(f"using {_alias(one)} = {_container(one)};\n" for one in plan.inputs),
        outputs="".join(
            f"  std::array<{_value_type(one)}, {one.size}> {one.name};\n" for one in plan.outputs
        ),
        types=cmake_parts.types(plan.parts), functions=cmake_parts.declarations(plan.parts),
        labels=_labels(plan), doc="\n".join(f"// - {line}" for line in sentences(plan)),
        parameters=_parameters(plan),
    )


def _source(plan: ModelPlan, symbol: str) -> bytes:
    return render(
        "cmake/model.cpp", module=plan.module, symbol=symbol, constants=_constants(plan),
        input_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.inputs),
        output_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.outputs),
        parameters=_parameters(plan),
        encode="".join(_encode(index, one, plan) for index, one in enumerate(plan.inputs)),
        includes="".join(f'#include "{name}"\n' for name in _includes(plan)),
        decode="".join(_decode(index, one) for index, one in enumerate(plan.outputs)),
        functions=_ranked(plan) + _functions(plan),
    )


def _encode(index: int, one: InputPlan, plan: ModelPlan) -> str:
    name, before = one.name, "raw_"
    copied = one.raw is RawType.FLOATS and one.steps
    lines = [f"    const auto& raw_ = {f'detail::floats({name})' if copied else name};"]
    for position, step in enumerate(one.steps):
        tokenizer = plan.files.index(step.vocabulary) if isinstance(step, steps.Tokenize) else 0
        if isinstance(step, steps.LogMel | steps.Mfcc | steps.Resample):
            made = ", ".join(map(str, dataclasses.astuple(step)))
            lines.append(f"    static const detail::{type(step).__name__} made{position}_({made});")
        owner = f"{name}_{position}"
        done = literals.call(CALLS, step, x=before, owner=owner, position=position, tokenizer=tokenizer)
        lines.append(f"    const auto step{position}_ = {done};")
        before = f"step{position}_"
    lines.append(f'    detail::expect("{name}", {before}.size(), {one.size});')
    element = _ELEMENTS[one.tensor.dtype]
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


def _includes(plan: ModelPlan) -> list[str]:
    extra = ["vocabularies.hpp"] if plan.files else []
    return sorted([f"{part.value}.hpp" for part in plan.parts] + extra)


def _functions(plan: ModelPlan) -> str:
    text = cmake_parts.definitions(plan.parts)
    if plan.heads is None:
        return text
    rows, columns = plan.heads.tensor.shape[1:3]
    label = "one.number < labels.size() ? std::string(labels[one.number]) : " if plan.labels else ""
    return text + (
        "\nstd::vector<Detection> detections(const Output& output) {\n  std::vector<Detection> result;\n"
        f"  for (const auto& one : detail::boxes(output.{plan.heads.name}, {rows}, {columns}))\n"
        f"    result.push_back({{{label}std::to_string(one.number), one.number, one.score,\n"
        "                      static_cast<float>(one.box[0]), static_cast<float>(one.box[1]),\n"
        "                      static_cast<float>(one.box[2]), static_cast<float>(one.box[3])});\n"
        "  return result;\n}\n"
    )


def _vocabularies(plan: ModelPlan) -> bytes:
    """The texts as arrays: compilers limit how long a string literal is."""
    arrays = ""
    for index, name in enumerate(plan.files):
        items = literals.rows(map(str, plan.bundle.file(name).read_bytes()), "    ")
        arrays += (
            f"inline constexpr unsigned char kVocabulary{index}[] = {{\n{items}\n}};\n\n"
            f"inline const Tokenizer& tokenizer_{index}() {{\n"
            f"  static const Tokenizer made({{reinterpret_cast<const char*>(kVocabulary{index}), "
            f"sizeof kVocabulary{index}}});\n  return made;\n}}\n\n"
        )
    return render("cmake/vocabularies.hpp", module=plan.module, arrays=arrays)


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
        picture_fill=cmake_parts.PICTURE_FILL if CodePart.PICTURES in plan.parts else "",
        print=show + (label if plan.ranked else ""),
    )


def _parameters(plan: ModelPlan) -> str:
    return ", ".join(f"const {_alias(one)}& {one.name}" for one in plan.inputs)


def _alias(one: InputPlan) -> str:
    return f"{names.pascal(one.name)}Input"


def _container(one: InputPlan) -> str:
    kind = _TYPES[one.raw]
    if one.raw in (RawType.TEXT, RawType.PICTURE):
        return kind
    return f"std::vector<{kind}>" if one.length is None else f"std::array<{kind}, {one.length}>"


def _value_type(one: OutputPlan) -> str:
    return "float" if one.floats else _ELEMENTS[one.tensor.dtype]
