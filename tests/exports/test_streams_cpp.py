"""`Stream` of C++: the real files in the real runtime, compared with Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.exports.bundles import run
from tests.exports.compilers import DECLARATIONS, need
from tests.exports.stream_programs import (
    Answered,
    assert_fed,
    assert_numbers,
    laid_out,
    litert_library,
    names_of_outputs,
    pascal,
    readme_code,
)
from tests.exports.streaming_cases import CHUNKS

pytestmark = pytest.mark.xdist_group("streams")  # the models are built once

_CPP = """
#include <algorithm>
#include <iostream>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
@INCLUDES@
std::string fed, answers;
static std::string content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
static void store(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
int main() {
  std::string numbers;
  [[maybe_unused]] const auto keep = [&](const auto& values) {
    for (const auto value : values) {
      const auto number = static_cast<float>(value);
      numbers.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
  };
@BODY@}
"""
_CPP_CASE = """  {
    namespace model = edgeprune::@NAME@;
    numbers.clear();
    fed.clear();
    answers = content("@NAME@.answers");
    const std::string given = content("@NAME@.steps"), recording = content("@NAME@.raw");
    model::Stream stream = model::Stream(1);
    for (int turn = 0; turn < 2; turn++) {
      stream.reset();
      for (std::size_t place = 0; place < given.size(); place += sizeof(model::Stream::Step)) {
        model::Stream::Step step{};
        std::memcpy(step.data(), given.data() + place, sizeof step);
        const auto output = stream.step(step);
@KEEP@      }
    }
@FEED@    store("@NAME@.fed", fed);
    store("@NAME@.numbers", numbers);
  }
"""
_CPP_FEED = """    stream.reset();
    if (!stream.feed(std::vector<@KIND@>(2)).empty()) return 1;
    stream.reset();
    std::vector<@KIND@> raw(recording.size() / sizeof(@KIND@));
    std::memcpy(raw.data(), recording.data(), recording.size());
    for (std::size_t size : {@CHUNKS@}) {
      const auto end = raw.begin() + static_cast<std::ptrdiff_t>(std::min(size, raw.size()));
      for (const auto& output : stream.feed({raw.begin(), end})) {
@KEEP@      }
      raw.erase(raw.begin(), end);
    }
"""
_CPP_README = """
[[maybe_unused]] static void readme_{name}() {{
  namespace model = edgeprune::{name};
  const model::{kind}Input {argument}{{}};
  const {fed}{{}};
@CODE@}}
"""
_CPP_KINDS = {"float32": "float", "int16": "std::int16_t"}



@pytest.mark.heavy
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_streams_what_python_streams(
    compiler: str, answered: Answered, tmp_path: Path
) -> None:
    need(compiler)
    library = litert_library()
    laid_out("cmake", answered, tmp_path)
    body, includes, functions, places, objects = "", "", "", [], []
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for case, _ in answered:
        source = tmp_path / case.name
        keep = "".join(f"        keep(output.{name});\n" for name in names_of_outputs(case))
        feed = _CPP_FEED.replace("@CHUNKS@", ", ".join(f"std::size_t{{{one}}}" for one in CHUNKS))
        text = _CPP_CASE.replace("@FEED@", feed if len(case.raw) else "").replace("@KEEP@", keep)
        kind = _CPP_KINDS.get(case.raw.dtype.name, "")
        body += text.replace("@NAME@", case.name).replace("@KIND@", kind)
        includes += f"#include <edgeprune/{case.name}_stream.hpp>\n"
        imports, code = readme_code(source, "cpp", "")
        (argument,) = re.findall(r"model\.run\((\w+)\);", code)
        fed = f"std::vector<{kind}> samples" if len(case.raw) else "model::Stream::Step values"
        includes += imports
        functions += _CPP_README.format(name=case.name, kind=pascal(argument), argument=argument, fed=fed)
        functions = functions.replace("@CODE@", code)
        places.append(f"-I{source}/include")
        if case.name == "made_up":
            recorder = (DECLARATIONS / "cpp" / "runtime.cpp").read_text().replace("MODULE", case.name)
            (source / "src" / "runtime.cpp").write_text(recorder)
        for one in (f"{case.name}.cpp", "stream.cpp", "runtime.cpp", "model_data.S", "streaming_data.S"):
            objects.append(tmp_path / f"{case.name}_{one}.o")
            own = [f"-I{source}/include", f"-I{source}/src", f"-I{source}/model"]
            run(compiler, *flags, *own, "-c", source / "src" / one, "-o", objects[-1])
    program = _CPP.replace("@INCLUDES@", includes + functions).replace("@BODY@", body)
    (tmp_path / "main.cpp").write_text(program)
    path = f"-Wl,-rpath,{library.parent}"
    run(compiler, *flags, *places, tmp_path / "main.cpp", *objects, library, path, "-o", tmp_path / "program")
    run(tmp_path / "program", cwd=tmp_path)
    for case, (fed, _, expected) in answered:
        assert_numbers(case, expected, (tmp_path / f"{case.name}.numbers").read_bytes())
        if case.name == "made_up":
            assert_fed(case, fed, (tmp_path / f"{case.name}.fed").read_bytes())
