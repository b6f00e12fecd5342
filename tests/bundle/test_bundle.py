from __future__ import annotations

import contextlib
import errno
import json
import os
import pickle
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeprune import jsonable
from edgeprune.bundle import check_out_dir, load_eval, pack_eval, read_bundle, write_bundle
from edgeprune.bundle.read import HOST_ONLY, check_name
from edgeprune.errors import InputError
from tests.bundle.samples import MANIFEST, files


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = write_bundle(tmp_path / "new" / "out", MANIFEST, files())
    read = read_bundle(tmp_path / "new" / "out")
    assert jsonable.encode(read.manifest) == jsonable.encode(written.manifest)
    assert read.manifest.inputs == MANIFEST.inputs
    assert set(_content(written.path)) == {*files(), "manifest.json"}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_a_path_is_copied_and_the_previous_bundle_replaced(tmp_path: Path) -> None:
    write_bundle(tmp_path / "out", MANIFEST, {**files(), "vocab.txt": b"old"})
    (tmp_path / "m").write_bytes(b"new model")
    bundle = write_bundle(tmp_path / "out", MANIFEST, {**files(), "model.tflite": tmp_path / "m"})
    assert bundle.model.read_bytes() == b"new model"
    assert not (tmp_path / "out" / "vocab.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "out"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), RuntimeError("boom")]
)
@pytest.mark.parametrize("step", ["write", "swap"])
def test_a_failed_write_leaves_the_previous_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str
) -> None:
    before = _content(write_bundle(tmp_path / "out", MANIFEST, files()).path)
    calls = []
    original = Path.rename if step == "swap" else Path.write_bytes

    def fail_at_second_call(self: Path, *arguments: object) -> object:
        calls.append(self)
        if len(calls) == 2:
            raise error
        return original(self, *arguments)

    monkeypatch.setattr(Path, original.__name__, fail_at_second_call)
    expected = InputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        write_bundle(tmp_path / "out", MANIFEST, files(b"another"))
    monkeypatch.undo()
    assert _content(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_file_system_is_named(tmp_path: Path) -> None:
    """With a real one: /dev/full cannot hold a folder, so this needs a tiny tmpfs and root."""
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=64k tmpfs {small} 2>/dev/null") != 0:  # noqa: S605
        pytest.skip("mounting a small file system needs root")
    try:
        before = _content(write_bundle(small / "out", MANIFEST, files()).path)
        with pytest.raises(InputError, match=r"disk is full.*another --out"):
            write_bundle(small / "out", MANIFEST, files(bytes(1 << 20)))
        assert _content(small / "out") == before
        assert [path.name for path in small.iterdir()] == ["out"]
    finally:
        os.system(f"umount {small}")  # noqa: S605


def test_places_that_cannot_be_a_bundle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below", tmp_path):
        with pytest.raises(InputError, match="another --out"):
            check_out_dir(out)
    assert (tmp_path / "file").read_text() == "x"


def _break_hash(folder: Path) -> None:
    path = folder / "model.tflite"
    path.write_bytes(path.read_bytes()[::-1])


def _break_size(folder: Path) -> None:
    with (folder / "labels.txt").open("ab") as stream:
        stream.write(b"x")


def _link(folder: Path) -> None:
    (folder / "labels.txt").rename(folder.parent / "labels.txt")
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")


def _edit(folder: Path, **changes: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))


DAMAGE = {
    "hash": (_break_hash, "corrupted"),
    "size": (_break_size, "The manifest says"),
    "link": (_link, "not a regular file"),
    "missing": (lambda folder: (folder / "labels.txt").unlink(), "cannot be read"),
    "folder for a file": (lambda folder: _folder_for(folder / "labels.txt"), "regular"),
    "version": (lambda folder: _edit(folder, format_version=99), "format version 99"),
    "version as text": (lambda folder: _edit(folder, format_version="1"), "Expected int"),
    "no model": (lambda folder: _edit(folder, files={}), "lists no model.tflite"),
    "cut manifest": (lambda folder: (folder / "manifest.json").write_text('{"task": '), "not JSON"),
    "deep manifest": (lambda folder: (folder / "manifest.json").write_text("[" * 200_000), "not JSON"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json"),
    "linked manifest": (lambda folder: _relink(folder / "manifest.json"), "not a regular file"),
    "no folder": (shutil.rmtree, "not a folder"),
}


def _folder_for(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _relink(path: Path) -> None:
    path.rename(path.parent.parent / path.name)
    path.symlink_to(path.parent.parent / path.name)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_bundle_is_refused_with_the_reason(tmp_path: Path, damage: str) -> None:
    folder = write_bundle(tmp_path / "out", MANIFEST, files()).path
    do, reason = DAMAGE[damage]
    do(folder)
    with pytest.raises(InputError, match=reason):
        read_bundle(folder)


def test_host_only_files_may_stay_behind(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "out", MANIFEST, files()).path
    for name in HOST_ONLY:
        (folder / name).unlink()
    assert read_bundle(folder, skip=HOST_ONLY).model.exists()
    with pytest.raises(InputError, match="cannot be read"):
        read_bundle(folder)


@settings(max_examples=300)
@given(
    st.text(max_size=12)
    | st.sampled_from(["../x", "/etc/passwd", "a/../b", "..", ".", "a\\b", "C:x", "a\0b"])
)
def test_an_accepted_name_stays_inside_the_folder(name: str) -> None:
    try:
        check_name(name)
    except InputError:
        return
    folder = Path("/bundle")
    assert os.path.normpath(folder / name) == str(folder / name)
    assert (folder / name).parent == folder
    assert name.isascii()
    assert name != "manifest.json"


@settings(max_examples=150)
@given(st.data())
def test_a_fuzzed_manifest_is_read_or_refused_never_anything_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any mutation ends in a bundle inside the folder or in an InputError."""
    folder = write_bundle(tmp_path_factory.mktemp("fuzz") / "out", MANIFEST, files()).path
    manifest = json.loads((folder / "manifest.json").read_text())
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )
    if data.draw(st.booleans()):
        names = st.text(max_size=10) | st.just("../../outside")
        manifest["files"] = {**manifest["files"], data.draw(names): {"bytes": 1, "sha256": "0"}}
    else:
        manifest[data.draw(st.sampled_from(sorted(manifest)))] = data.draw(json_values)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    try:
        bundle = read_bundle(folder)
    except InputError:
        return
    assert all((bundle.path / name).parent == folder for name in bundle.manifest.files)


@settings(max_examples=150)
@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_flipped_byte_of_eval_data_is_read_or_refused(position: float, byte: int) -> None:
    content = bytearray(pack_eval([np.arange(12).reshape(3, 4)], np.arange(3)))
    content[int(position * len(content))] ^= byte
    with tempfile.NamedTemporaryFile(suffix=".npz") as stream, contextlib.suppress(InputError):
        stream.write(content)
        stream.flush()
        load_eval(Path(stream.name))


def test_eval_data_round_trips_for_one_and_several_inputs(tmp_path: Path) -> None:
    first, second = np.arange(6.0).reshape(3, 2), np.array(["play", "stop", "ok"])
    for inputs in ([first], [first, second]):
        (tmp_path / "eval.npz").write_bytes(pack_eval(inputs, np.arange(3)))
        data = load_eval(tmp_path / "eval.npz")
        assert len(data.inputs) == len(inputs)
        for array, expected in zip(data.inputs, inputs, strict=True):
            np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(data.y, np.arange(3))


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/edgeprune-bomb-went-off",)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    bomb = np.array([_Bomb()], dtype=object)
    np.savez(tmp_path / "eval.npz", x=bomb, y=np.zeros(1))
    with pytest.raises(InputError, match="cannot be read"):
        load_eval(tmp_path / "eval.npz")
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(InputError, match="cannot be read"):
        load_eval(tmp_path / "raw.npz")
    assert not Path("/tmp/edgeprune-bomb-went-off").exists()  # noqa: S108
    with pytest.raises(InputError, match="Python objects"):
        pack_eval([bomb], np.zeros(1))
