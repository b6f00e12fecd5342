"""Lower case and normal form of texts in generated C++ are those of Python."""

from __future__ import annotations

import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from edgeprune.exports import export
from tests.exports.bundles import run
from tests.exports.compilers import need
from tests.exports.preprocessing_cases import CASES

_NORMAL = """
#include <cstdio>
#include <iostream>
#include <string>
#include "unicode.hpp"
namespace detail = edgeprune::texts_model::detail;
int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    for (char32_t point : detail::lower_case(detail::nfkc(detail::decoded(line)))) std::printf("%x ", point);
    std::puts("");
  }
}
"""


@pytest.mark.heavy
def test_unicode_is_python_s_for_every_code_point_and_for_marks_in_any_order(tmp_path: Path) -> None:
    """Swift has the same tables; its code for them is tested by the texts alone."""
    need("g++")
    (case,) = (one for one in CASES if one.kind == "text")
    export(case.write(tmp_path / "bundle"), {"cmake": tmp_path / "out"}, name="texts_model")
    rng = np.random.default_rng(7)
    # Bases, marks of several classes, jamo, sigmas and what a sigma looks at; then all there are.
    mixed = [
        *range(0x300, 0x370), *map(ord, "aeoq\u03a3\u03a9'.\u00ad1 \u0130\u1e9e\u212b\ufb01\uff21"),
        *range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3),
        0xAC00, 0xAC01, 0x915, 0x94D, 0x93C, 0x5B0, 0x5BC, 0x345,
    ]
    lines = ["".join(map(chr, rng.choice(mixed, size))) for size in range(2, 9) for _ in range(2000)]
    unused = ("Cn", "Co", "Cs", "Cc")
    lines += [one for one in map(chr, range(0x110000)) if unicodedata.category(one) not in unused]
    (tmp_path / "main.cpp").write_text(_NORMAL)
    flags = ("-std=c++17", "-O1", "-Werror", f"-I{tmp_path}/out/src")
    run("g++", *flags, tmp_path / "main.cpp", "-o", tmp_path / "normal")
    done = subprocess.run(
        [tmp_path / "normal"], input="\n".join(lines).encode(), capture_output=True, check=True
    ).stdout.decode().splitlines()
    assert len(done) == len(lines)
    for line, found in zip(lines, done, strict=True):
        wanted = unicodedata.normalize("NFKC", line).lower()
        assert "".join(chr(int(one, 16)) for one in found.split()) == wanted, ascii(line)
