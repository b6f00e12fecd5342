"""Folders that cannot be written, are full, or are somebody else's: found before anything is trained."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import check_out_dir, write_bundle
from edgeprune.errors import InputError
from edgeprune.pipeline.places import check_places
from edgeprune.sweep.sweep import Sweep, sweep
from tests.bundle.samples import MANIFEST, files

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small or read-only file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def build(*arguments: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeprune", "build", *map(str, arguments)], capture_output=True, text=True,
        check=False, timeout=500, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, cwd=folder,
    )


@pytest.mark.parametrize("options", ["ro", "size=64k"])
def test_an_out_that_cannot_be_written_is_found_at_once(options: str, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", options) as disk:
        started = time.monotonic()
        done = build("--out", disk / "new" / "out", folder=tmp_path)
        assert done.returncode == 2
        assert "--out" in done.stderr
        assert ("Read-only" if options == "ro" else "free") in done.stderr
        assert time.monotonic() - started < 30  # nothing was trained
        assert list(disk.iterdir()) == []


def test_a_full_folder_for_temporary_files_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        monkeypatch.setenv("TMPDIR", str(disk))
        with pytest.raises(InputError, match=rf"{disk} .*set TMPDIR to another"):
            check_places(tmp_path / "out")
        (disk / "ballast").write_bytes(bytes(60_000))
        with pytest.raises(InputError, match=r"No space left.*set TMPDIR to another"):
            check_places(tmp_path / "out")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    check_places(tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["disk"]


@pytest.mark.heavy
@pytest.mark.parametrize("options", ["ro", "size=64k"])
def test_a_home_that_cannot_be_written_builds_without_resuming_and_says_so(
    options: str, tmp_path: Path
) -> None:
    import tf_keras as k

    k.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    y = (x.sum(1) > 0).astype(np.int64)
    model = k.Sequential([k.Input((4,)), k.layers.Dense(16, "relu"), k.layers.Dense(2, "softmax")])
    model.compile(k.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=5, verbose=0)
    model.save(tmp_path / "mine.keras")
    np.savez(tmp_path / "data.npz", x=x, y=y)
    with mounted(tmp_path / "home", options) as home:
        done = build(
            "mine.keras", "--data", "data.npz", "--out", "out", "--epochs", "1", "--gradual-epochs", "0",
            folder=tmp_path, HOME=str(home), XDG_CACHE_HOME="",
        )
        assert done.returncode == 0, done.stderr
        assert "cannot be resumed" in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any(f"{home}/.cache" in one["text"] for one in report["warnings"])


def test_the_folder_one_is_in_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = tmp_path / "project" / "below"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    for out in (Path(), Path(".."), below.parent, Path("../below")):
        with pytest.raises(InputError, match=r"folder that you are in.*--out build/edgeprune"):
            check_out_dir(out)
    assert check_out_dir(Path("build")) == below / "build"
    assert check_out_dir(Path("../beside")) == below.parent / "beside"


def test_a_folder_with_anything_else_is_never_replaced(tmp_path: Path) -> None:
    app = tmp_path / "app"  # a web app has a manifest.json, too
    app.mkdir()
    for text in ('{"name": "My app", "icons": []}', "", "[1]", '{"files": {"index.html": 1}}'):
        (app / "manifest.json").write_text(text)
        with pytest.raises(InputError, match="not a bundle's"):
            check_out_dir(app)
    bundle = write_bundle(tmp_path / "out", MANIFEST, files()).path
    assert check_out_dir(bundle) == bundle
    (bundle / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.md"):
        write_bundle(bundle, MANIFEST, files())
    assert (bundle / "notes.md").read_text() == "mine"


def test_a_sweep_takes_no_folder_with_anything_else(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    (tmp_path / "baseline").mkdir()
    (tmp_path / "baseline" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds baseline, which does not belong to a sweep"):
        sweep(Sweep(fixed={"epochs": 0}), tmp_path)
    assert (tmp_path / "baseline" / "mine.txt").read_text() == "mine"
