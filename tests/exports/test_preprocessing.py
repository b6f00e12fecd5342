"""The whole preprocessing and decoding of every language, compiled and compared with Python's.

Each case is a module of its own. One program feeds all of them, and writes what their models were fed with;
for pictures also each EXIF orientation, for audio a stereo recording made mono, and for all the objects in
the raw heads that the model answers with.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeprune.exports import cpp_code, kotlin_code, steps, swift_code
from edgeprune.preprocessing import STEPS
from tests.exports.bundles import run
from tests.exports.compilers import DECLARATIONS, need
from tests.exports.preprocessing_answers import RATES, assert_same, laid_out
from tests.exports.preprocessing_cases import BOXED, CASES


def test_every_language_has_every_step() -> None:
    made = set(steps.Step.__args__)  # type: ignore[attr-defined]
    for calls in (kotlin_code.CALLS, cpp_code.CALLS, swift_code.CALLS):
        assert set(calls) == made
    assert set(steps.READERS) == set(STEPS)


_CPP = """
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
@INCLUDES@
std::string fed, answers;
static std::string given;
static std::size_t place;
static std::string content(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}
static void store(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
template <class T> static T next() {
  T value;
  std::memcpy(&value, given.data() + place, sizeof value);
  place += sizeof value;
  return value;
}
template <class T> static std::vector<T> values(std::size_t count) {
  std::vector<T> result(count);
  std::memcpy(result.data(), given.data() + place, count * sizeof(T));
  place += count * sizeof(T);
  return result;
}
template <class T> static void append(std::string& to, const std::vector<T>& values) {
  to.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}
template <class T> static void fill(std::vector<T>& to, const std::vector<T>& from) { to = from; }
template <class T, std::size_t N> static void fill(std::array<T, N>& to, const std::vector<T>& from) {
  if (from.size() != N) throw 1;
  std::copy(from.begin(), from.end(), to.begin());
}
int main() {
  const std::string heads = content("answers");
@BODY@}
"""
_CPP_CASE = """  {
    namespace model = edgeprune::@NAME@_model;
    given = content("@NAME@.samples");
    place = 0;
    fed.clear();
    model::Model runner;
    model::Output output;
    std::string helped, boxes;
    for (int left = next<std::int32_t>(); left > 0; left--) {
@READ@      answers = heads;
      output = runner.run(@CPP@);
    }
    for (const auto& one : model::detections(output@SIZE@)) {
      char line[200];
      const auto wide = [](float value) { return static_cast<double>(value); };
      std::snprintf(line, sizeof line, "|%zu|%.9g|%.9g|%.9g|%.9g|%.9g\\n", one.number, wide(one.score),
                    wide(one.ymin), wide(one.xmin), wide(one.ymax), wide(one.xmax));
      boxes += one.label + line;
    }
    store("@NAME@.fed", fed);
    store("@NAME@.helped", helped);
    store("@NAME@.boxes", boxes);
  }
"""
_CPP_READ = {
    "text": "      const auto bytes = values<char>(static_cast<std::size_t>(next<std::int32_t>()));\n"
            "      const std::string sample(bytes.begin(), bytes.end());\n",
    "picture": """      model::Picture sample{};
      sample.height = static_cast<std::size_t>(next<std::int32_t>());
      sample.width = static_cast<std::size_t>(next<std::int32_t>());
      sample.channels = static_cast<std::size_t>(next<std::int32_t>());
      sample.pixels = values<std::uint8_t>(sample.height * sample.width * sample.channels);
      for (int orientation = 0; orientation < 10 && fed.empty(); orientation++) {
        const auto turned = sample.upright(orientation);
        const std::vector<std::size_t> sizes{turned.height, turned.width};
        append(helped, std::vector<std::int32_t>(sizes.begin(), sizes.end()));
        append(helped, turned.pixels);
      }
""",
    "pcm": """      const auto all = values<std::int16_t>(static_cast<std::size_t>(next<std::int32_t>()));
      model::GivenInput sample{};
      fill(sample, all);
      if (left == 1) {
        auto even = all;
        even.resize(all.size() - all.size() % 2);
@MONO@      }
""",
}


@pytest.mark.heavy
@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp_feeds_what_python_feeds(compiler: str, tmp_path: Path) -> None:
    need(compiler)
    exports = laid_out("cmake", tmp_path)
    mono = "".join(f"        append(helped, model::mono(even, 2, {rate}, {to}));\n" for rate, to in RATES)
    body, includes, objects = "", "", []
    flags = ["-std=c++17", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for case in CASES:
        place, module = exports[case.name], f"{case.name}_model"
        read = _CPP_READ[case.kind].replace("@MONO@", mono)
        size = ", {}, {}".format(*BOXED) if case.barred else ""
        text = _CPP_CASE.replace("@CPP@", ", ".join(["sample"] * case.inputs)).replace("@SIZE@", size)
        body += text.replace("@READ@", read).replace("@NAME@", case.name)
        includes += f"#include <edgeprune/{module}.hpp>\n"
        recorder = (DECLARATIONS / "cpp" / "runtime.cpp").read_text().replace("MODULE", module)
        (place / "src" / "recorder.cpp").write_text(recorder)
        for source in (f"{module}.cpp", "recorder.cpp", "model_data.S"):
            objects.append(tmp_path / f"{module}_{source}.o")
            places = [f"-I{place}/include", f"-I{place}/src", f"-I{place}/model"]
            run(compiler, *flags, *places, "-c", place / "src" / source, "-o", objects[-1])
    (tmp_path / "main.cpp").write_text(_CPP.replace("@INCLUDES@", includes).replace("@BODY@", body))
    places = [f"-I{place}/include" for place in exports.values()]
    run(compiler, *flags, *places, tmp_path / "main.cpp", *objects, "-o", tmp_path / "program")
    run(tmp_path / "program", cwd=tmp_path)
    assert_same(tmp_path)
