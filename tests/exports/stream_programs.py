"""What the tests of streams share: exports with the runtime's answers, and what their READMEs tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgeprune.exports import export
from tests.exports.streaming_cases import CHUNKS, StreamingCase
from tests.tools import need_package

Answers = tuple[list[bytes], list[list[bytes]], list[np.ndarray]]
Answered = list[tuple[StreamingCase, Answers]]


def litert_library() -> Path:
    """The runtime that the Python package brings, for programs in C++."""
    return Path(need_package("ai_edge_litert", "pip install -e '.[host]'").__file__).parent / "libLiteRt.so"


def laid_out(kind: str, answered: Sequence[tuple[StreamingCase, Answers]], folder: Path) -> None:
    """Each export, with the case's steps, its recording, and the runtime's answers."""
    for case, (_, answers, _) in answered:
        export(case.bundle, {kind: folder / case.name}, name=case.name, package=f"com.example.{case.name}")
        (folder / f"{case.name}.steps").write_bytes(case.steps.tobytes())
        (folder / f"{case.name}.raw").write_bytes(case.raw.tobytes())
        (folder / f"{case.name}.answers").write_bytes(b"".join(one for turn in answers for one in turn))


def assert_numbers(case: StreamingCase, expected: Sequence[np.ndarray], found: bytes) -> None:
    wanted = np.concatenate(expected)
    np.testing.assert_allclose(
        np.frombuffer(found, np.float32), wanted, rtol=1e-5, atol=1e-6, err_msg=case.name
    )


def assert_fed(case: StreamingCase, expected: Sequence[bytes], found: bytes) -> None:
    """States to the last bit, steps made of recordings to rounding."""
    sizes = [np.dtype(one.dtype).itemsize * int(np.prod(one.shape)) for one in case.info().inputs]
    turns = np.frombuffer(found, np.uint8).reshape(len(expected), sum(sizes))
    wanted = np.frombuffer(b"".join(expected), np.uint8).reshape(turns.shape)
    np.testing.assert_array_equal(turns[:, sizes[0] :], wanted[:, sizes[0] :], err_msg=case.name)
    kind = case.info().inputs[0].dtype
    both = (np.ascontiguousarray(one[:, : sizes[0]]).view(kind) for one in (turns, wanted))
    tolerance = 2e-6 if kind == "float32" else 0
    np.testing.assert_allclose(*both, rtol=tolerance, atol=tolerance, err_msg=case.name)


def assert_written(answered: Sequence[tuple[StreamingCase, Answers]], folder: Path) -> None:
    """Every program fed and answered what Python does."""
    for case, (fed, _, expected) in answered:
        assert_fed(case, fed, (folder / f"{case.name}.fed").read_bytes())
        assert_numbers(case, expected, (folder / f"{case.name}.numbers").read_bytes())


def program(text: str, case: StreamingCase, keep: str, feed: str, **values: str) -> str:
    """A language's program for one case: what stands for ``@KEY@``, and `feed` where samples come in raw."""
    made = text.replace("@FEED@", feed if len(case.raw) else "").replace("@KEEP@", keep)
    chunks, size = ", ".join(map(str, CHUNKS)), str(case.steps[0].size)
    for key, value in {"NAME": case.name, "SIZE": size, "CHUNKS": chunks, **values}.items():
        made = made.replace(f"@{key}@", value)
    return made


def readme_code(folder: Path, language: str, scope: str) -> tuple[str, str]:
    """What a README tells to write into an app: lines that import something, and all others in scopes."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    imports, code = "", ""
    for block in blocks:
        lines = block.split("// in the app\n")[-1].splitlines()
        lines = [line for line in lines if not line.startswith("dependencies:")]
        imported = [line for line in lines if line.startswith(("#include", "import"))]
        imports += "".join(f"{line}\n" for line in imported)
        code += f"{scope} {{\n" + "".join(f"{line}\n" for line in lines if line not in imported) + "}\n"
    return imports, code


def parameters(folder: Path, run_begins: str) -> str:
    """Those of the generated function ``run``."""
    text = "".join(path.read_text() for path in folder.rglob("*") if path.suffix in (".kt", ".swift"))
    (found,) = re.findall(rf"{run_begins}\((.*?)\)", text)
    return found


def names_of_outputs(case: StreamingCase) -> list[str]:
    return [one.name for one in case.read.manifest.outputs]


def same_outputs(case: StreamingCase) -> bool:
    """Whether the outputs have no time axis."""
    return case.name in ("spoken", "written")


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


def pascal(name: str) -> str:
    return "".join(map(str.capitalize, name.split("_")))
