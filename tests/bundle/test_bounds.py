"""Values of a manifest, arrays and documents that are larger than anything that is meant."""

from __future__ import annotations

import dataclasses
import io
import json
import resource
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edgeprune import jsonable
from edgeprune.bundle import pack_eval, read_bundle, write_bundle
from edgeprune.bundle.manifest_problems import manifest_problems
from edgeprune.errors import InputError
from edgeprune.preprocessing.text import Files
from edgeprune.types import OutputTask, Part, StreamInfo, TensorInfo
from tests.bundle.samples import MANIFEST, files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edgeprune.types import Manifest

def one(**changes: object) -> Callable[[Manifest], Manifest]:
    return lambda manifest: dataclasses.replace(manifest, **changes)


def tensor(**changes: object) -> Callable[[Manifest], Manifest]:
    return lambda manifest: dataclasses.replace(
        manifest, inputs=(dataclasses.replace(manifest.inputs[0], **changes),)
    )


IMPOSSIBLE = {
    "no outputs": (one(outputs=()), "0 outputs"),
    "5000 inputs": (one(inputs=(TensorInfo("x", (1,), "int8"),) * 5000), "5000 inputs"),
    "size 0": (tensor(shape=(1, 0)), "shape"),
    "negative size": (tensor(shape=(1, -4)), "shape"),
    "huge": (tensor(shape=(1, 1 << 20, 1 << 20)), "shape"),
    "many axes": (tensor(shape=(1,) * 40), "shape"),
    "negative scale": (tensor(scale=-0.5), "scale"),
    "infinite scale": (tensor(scale=float("inf")), "scale"),
    "no scale": (tensor(scale=0.0), "zero point is -3"),
    "zero point": (tensor(zero_point=128), "zero point is 128"),
    "unsigned": (tensor(dtype="uint8"), "zero point is -3"),
    "dtype": (tensor(dtype="object"), "dtype"),
    "stream": (one(stream=StreamInfo(0, 10, 10)), "stream"),
    "standing stream": (one(stream=StreamInfo(8000, 10, 0)), "moves on by 0"),
    "resize": (one(preprocessing=({"op": "resize", "height": 1 << 20, "width": 1 << 20},)), "resize"),
    "steps": (one(preprocessing=({"op": "rescale", "scale": 1.0},) * 101), "101 preprocessing steps"),
    "two tasks": (one(tasks=(OutputTask("values", ("r2",)),) * 2), "describes 2 outputs"),
    "column": (one(tasks=(OutputTask("values", ("r2",), parts=(Part((3,)),)),)), "column 3"),
    "fed back": (one(tasks=(OutputTask("classes", ("accuracy",), fed_back=1),)), "input 1, which is not"),
    "fed nowhere": (one(tasks=(OutputTask("classes", ("accuracy",), fed_back=0),)), "cannot be fed back"),
    "threshold": (one(threshold=float("nan")), "threshold"),
    "seal": (one(seal="x"), "seal"),
    "name": (one(task="x" * 2000), "2000 characters"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_manifest_that_cannot_be_right(name: str) -> None:
    change, reason = IMPOSSIBLE[name]
    assert not list(manifest_problems(MANIFEST))
    problems = list(manifest_problems(change(MANIFEST)))
    assert reason in " ".join(problems)
    assert max(map(len, problems)) < 300


@pytest.mark.parametrize("info", [{"bytes": -1, "sha256": "0" * 64}, {"bytes": 1, "sha256": "0" * 63 + "G"}])
def test_files_that_cannot_be(info: dict[str, object], tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "out", MANIFEST, files()).path
    document = json.loads((folder / "manifest.json").read_text())
    document["files"]["labels.txt"] = info
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"labels.txt.*Build the bundle again"):
        read_bundle(folder)


def zipped(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def header(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def lying_list(content: bytes, claimed: int) -> bytes:
    """The archive's list says another size than is packed."""
    at = content.rindex(b"PK\x01\x02")
    return content[: at + 24] + claimed.to_bytes(4, "little") + content[at + 28 :]


BOMBS = {
    "one huge sample": lambda: pack_eval([np.zeros((1, 64 << 20), np.uint8)], np.zeros(1)),
    "many huge labels": lambda: pack_eval([np.zeros((2, 4, 4, 1))], np.zeros((2, 20 << 20), np.uint8)),
    "claims a petabyte": lambda: zipped(x=header((1 << 50,)), y=header((1,)) + b"0"),
    "claims too little": lambda: zipped(x=header((1,)) + bytes(32 << 20), y=header((1,)) + b"0"),
    "negative": lambda: zipped(x=header((-1, 5)) + bytes(5), y=header((1,)) + b"0"),
    "a list that lies": lambda: lying_list(zipped(x=header((1,)) + b"0", y=header((1,)) + bytes(1)), 1 << 31),
}


@pytest.mark.parametrize(
    "name", [name if "claims" in name else pytest.param(name, marks=pytest.mark.heavy) for name in BOMBS]
)
def test_samples_that_would_outgrow_memory_are_not_unpacked(name: str, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "out", MANIFEST, {**files(), "eval.npz": BOMBS[name]()})
    np.zeros(64 << 20, np.uint8).sum()  # what was used so far, the test's own arrays among it, counts not
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"eval\.npz cannot be"):
        bundle.samples()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def test_samples_larger_than_what_the_model_reads_are_read(tmp_path: Path) -> None:
    clips = np.zeros((3, 16_000), np.float32)  # of a model that reads 16 values
    bundle = write_bundle(tmp_path / "out", MANIFEST, {**files(), "eval.npz": pack_eval([clips], np.ones(3))})
    assert bundle.samples().inputs[0].shape == clips.shape


def test_documents_have_a_size_and_a_depth(tmp_path: Path) -> None:
    deep = "[" * 101 + "]" * 101
    assert jsonable.parse("[" * 100 + "]" * 100, "x")
    for text in (deep, '{"a": ' * 150 + "1" + "}" * 150):
        with pytest.raises(InputError, match="nested deeper than 100 levels"):
            jsonable.parse(text, "front.json")
    (tmp_path / "large.json").touch()
    with (tmp_path / "large.json").open("r+b") as stream:
        stream.truncate(jsonable.MOST_BYTES + 1)
    for read in (jsonable.parse_file, lambda path: jsonable.parse(path.read_bytes(), str(path))):
        with pytest.raises(InputError, match=r"large\.json is larger than"):
            read(tmp_path / "large.json")
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        jsonable.parse_file(tmp_path / "none.json")


def test_a_vocabulary_is_text_of_a_size(tmp_path: Path) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "large.txt").touch()
    with (tmp_path / "large.txt").open("r+b") as stream:
        stream.truncate(1 << 30)
    for name in ("binary.txt", "large.txt"):
        with pytest.raises(InputError, match=name):
            Files(tmp_path).read(name)
