"""`--cmake`: a C++17 package with the model inside, for `find_package` or `add_subdirectory`.

CMakeLists.txt, cmake/            library, install, MODULEConfig.cmake, FindLiteRt.cmake
include/edgeprune/MODULE.hpp      typed inputs and outputs, labels; nothing of LiteRT shows
src/                              preprocessing, (de)quantization, decoding, LiteRT's C API
model/model.tflite                taken in by .incbin, or as an array where that is missing
include/edgeprune/MODULE_stream.hpp   where the bundle has streaming.tflite: one step a call
example/                          a consumer that prints outputs exactly
"""

import unicodedata

import numpy as np

from edgeprune.bundle.read import MODEL, STREAMING
from edgeprune.exports import cmake_parts, cpp_code, literals, unicode_tables
from edgeprune.exports.cmake_stream import stream_files
from edgeprune.exports.literals import render
from edgeprune.exports.plan import CodePart, ModelPlan, detection_limits
from edgeprune.exports.words import helpers, sentences, streaming_section

TARGETS = frozenset({"all", "clean", "edit_cache", "help", "install", "preinstall", "rebuild_cache", "test"})
"""CMake's own, which no library may be called."""

_HELPERS = {
    CodePart.PICTURES: "`Picture::upright` turns a picture as its file's EXIF orientation says.",
    CodePart.AUDIO: "Recordings in stereo or of another rate become the model's by `mono`.",
}


def cmake_files(plan: ModelPlan) -> dict[str, bytes]:
    """The package's files by path, for a plan made with the steps of `CALLS`."""
    module, symbol = plan.module, f"edgeprune_{plan.module}_{{}}_tflite"
    models = {"model": MODEL, **({} if plan.stream is None else {"streaming": STREAMING})}
    files = {
        "CMakeLists.txt": render(
            "cmake/CMakeLists.txt", module=module, models=" ".join(models),
            sources="" if plan.stream is None else " src/stream.cpp",
        ),
        "cmake/Config.cmake.in": render("cmake/Config.cmake.in", module=module),
        "cmake/FindLiteRt.cmake": render("cmake/FindLiteRt.cmake"),
        "cmake/array.cmake": render("cmake/array.cmake"),
        f"include/edgeprune/{module}.hpp": _header(plan),
        f"src/{module}.cpp": _source(plan, symbol.format("model")),
        "src/numbers.hpp": render("cmake/numbers.hpp", module=module),
        "src/runtime.hpp": render("cmake/runtime.hpp", module=module),
        "src/runtime.cpp": render("cmake/runtime.cpp", module=module),
        "example/CMakeLists.txt": render("cmake/example_CMakeLists.txt", module=module),
        "example/main.cpp": _example(plan),
        "README.md": _readme(plan),
    }
    for name, file in models.items():
        files[f"model/{file}"] = plan.bundle.file(file).read_bytes()
        files[f"src/{name}_data.S"] = render("cmake/model_data.S", file=file, symbol=symbol.format(name))
    if plan.stream is not None:
        files |= stream_files(plan, plan.stream, symbol.format("streaming"))
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
        inputs="".join(f"using {cpp_code.alias(one)} = {cpp_code.container(one)};\n" for one in plan.inputs),
        output=cmake_parts.output_struct(plan.outputs),
        types=cmake_parts.types(plan.parts), functions=cmake_parts.declarations(plan.parts),
        labels=_labels(plan), doc="\n".join(f"// - {line}" for line in sentences(plan)),
        parameters=_parameters(plan),
    )


def _source(plan: ModelPlan, symbol: str) -> bytes:
    return render(
        "cmake/model.cpp", module=plan.module, symbol=symbol, constants=cpp_code.constants(plan.inputs),
        input_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.inputs),
        output_bytes=", ".join(str(one.size * np.dtype(one.tensor.dtype).itemsize) for one in plan.outputs),
        parameters=_parameters(plan),
        encode="".join(cpp_code.encode(index, one, plan.files) for index, one in enumerate(plan.inputs)),
        includes="".join(f'#include "{name}"\n' for name in _includes(plan)),
        decode="".join(cpp_code.decode(index, one) for index, one in enumerate(plan.outputs)),
        functions=cmake_parts.ranked(plan.ranked, "Output") + _functions(plan),
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
    if plan.predicts:
        text += "struct Prediction {\n  std::string_view label;\n  float score;\n};\n"
        text += cmake_parts.RANKED.format("Output") if plan.ranked is not None else ""
        text += "\n"
    return text


def _includes(plan: ModelPlan) -> list[str]:
    extra = ["vocabularies.hpp"] if plan.files else []
    return sorted([f"{part.value}.hpp" for part in plan.parts] + extra)


def _functions(plan: ModelPlan) -> str:
    text = cmake_parts.definitions(plan.parts) + cmake_parts.picture_area(plan.bars)
    if plan.heads is None:
        return text
    return text + cmake_parts.detections(plan.heads, plan.bars, labelled=bool(plan.labels))


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
        f"  model::{cpp_code.alias(one)} {one.name}_;\n  fill({one.name}_, content(words[{index}]));\n"
        for index, one in enumerate(plan.inputs, 1)
    )
    return render(
        "cmake/example_main.cpp", module=plan.module, words=str(len(plan.inputs) + 1),
        inputs=str(len(plan.inputs)), read=read, arguments=", ".join(f"{one.name}_" for one in plan.inputs),
        picture_fill=cmake_parts.PICTURE_FILL if CodePart.PICTURES in plan.parts else "",
        print=show + (label if plan.ranked else ""),
    )


def _parameters(plan: ModelPlan) -> str:
    return ", ".join(f"const {cpp_code.alias(one)}& {one.name}" for one in plan.inputs)


def _readme(plan: ModelPlan) -> bytes:
    space, shown = f"edgeprune::{plan.module}", f"output.{plan.outputs[0].name}[0]"
    shown = shown if plan.ranked is None else f"{space}::ranked(output)[0].label"
    if plan.heads is not None:
        size = "" if plan.bars is None else f", {plan.picture}.height, {plan.picture}.width"
        shown = f"{space}::detections(output{size}).size()"
    return render(
        "cmake/README.md", module=plan.module, arguments=plan.arguments, shown=shown,
        inputs="\n".join(f"- {line}" for line in sentences(plan)), stream=_streamed(plan),
        helpers=helpers(plan, _HELPERS),
    )


def _streamed(plan: ModelPlan) -> str:
    """What the README tells of the stream."""
    if plan.stream is None:
        return ""
    space = f"edgeprune::{plan.module}"
    shown = f"output.{plan.stream.outputs[0].name}[0]"
    shown = shown if plan.stream.ranked is None else f"{space}::ranked(output)[0].label"
    call = f"for (const auto& output : stream.feed(samples)) std::cout << {shown} << '\\n';"
    if plan.stream.feeding is None:
        call = f"const auto output = stream.step(values);\nstd::cout << {shown} << '\\n';"
    code = f"#include <edgeprune/{plan.module}_stream.hpp>\n\n{space}::Stream stream;\n{call}"
    return streaming_section(plan.stream, "cpp", code)
