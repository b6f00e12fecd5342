"""What a run sends to a device: cut, damaged, vanished and foreign uploads, and a full disk."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from device_runners import BenchOptions, bench, scripts
from device_runners.session import CommandResult, Session
from device_runners.transports import open_transport
from edgeprune.bundle import write_bundle
from edgeprune.errors import DeviceError
from tests.bundle.samples import MANIFEST, files

pytestmark = pytest.mark.usefixtures("own_lock", "nothing_left")
QUICK = BenchOptions(min_time_s=0.05, runs=10, time_limit_s=60, lock_wait_s=20)


def test_a_damaged_upload_cache_is_mended(bundle: Path, own_cache: Path) -> None:
    bench(bundle, "local", QUICK)
    for path in (own_cache / "files").iterdir():
        path.write_bytes(b"rotten")
    assert bench(bundle, "local", QUICK).samples == 40


def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        big = write_bundle(tmp_path / "big", MANIFEST, files(bytes(1 << 20)))
        monkeypatch.setenv("XDG_CACHE_HOME", str(small))
        monkeypatch.setattr(tempfile, "tempdir", str(small))  # a full cache alone would not be used
        with pytest.raises(DeviceError, match=r"no space left.*Free some below"):
            bench(big, "local", QUICK)
        left = [path.name for path in small.rglob("*") if path.is_file()]
        assert not [name for name in left if name.endswith(".part")]
        assert not list(small.rglob("run.*"))
    finally:
        subprocess.run(["umount", small], check=True)


def test_an_upload_that_was_cut_goes_on_where_it_stopped(own_cache: Path) -> None:
    content = os.urandom(300_000)
    digest = hashlib.sha256(content).hexdigest()
    part = own_cache / "files" / f"{digest}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(content[:200_000])
    inode = part.stat().st_ino
    with Session(open_transport("local"), 60) as session:
        session.upload({"big": content})
        assert (Path(session.folder) / "big").read_bytes() == content
        # The same file grew: what was there was not sent again.
        assert (own_cache / "files" / digest).stat().st_ino == inode


def test_a_wrong_part_is_sent_again_from_the_start(own_cache: Path) -> None:
    content = os.urandom(300_000)
    part = own_cache / "files" / f"{hashlib.sha256(content).hexdigest()}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(bytes(200_000))
    with Session(open_transport("local"), 60) as session:
        session.upload({"big": content})
        assert (Path(session.folder) / "big").read_bytes() == content


def test_a_cache_that_is_cleared_between_two_steps_is_made_again(own_cache: Path) -> None:
    with Session(open_transport("local"), 60, 20) as session:
        session.upload({"first": b"1"})
        shutil.rmtree(own_cache / "files")
        session.upload({"second": b"2" * 100})
        assert Path(session.folder, "second").read_bytes() == b"2" * 100
        assert (own_cache / "files").stat().st_mode & 0o77 == 0
        shutil.rmtree(own_cache / "files")
        (own_cache / "files").write_text("no folder")
        with pytest.raises(DeviceError, match=rf"cannot be used.*-rw.*{own_cache}/files.*remove"):
            session.upload({"third": b"3"})
    (own_cache / "files").unlink()


def test_uploads_that_vanish_before_they_are_placed_are_sent_again(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; somebody who clears the cache all the time is told."""
    cleared: list[int] = []
    place = Session.shell

    def clear_first(self: Session, script: str, *arguments: str) -> CommandResult:
        if script == scripts.PLACE and len(cleared) < times:
            cleared.append(1)
            shutil.rmtree(own_cache / "files")
        return place(self, script, *arguments)

    monkeypatch.setattr(Session, "shell", clear_first)
    for times in (1, 9):
        cleared.clear()
        with Session(open_transport("local"), 60, 20) as session:
            if times == 1:
                session.upload({"first": b"1"})
                assert Path(session.folder, "first").read_bytes() == b"1"
                continue
            with pytest.raises(DeviceError, match="uploads on local vanished"):
                session.upload({"first": b"1"})


def test_an_upload_folder_of_another_user_is_not_entered(own_cache: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a folder to another user needs root")
    with Session(open_transport("local"), 60, 20) as session:
        shutil.rmtree(own_cache / "files")
        (own_cache / "files").mkdir(mode=0o777)
        os.chown(own_cache / "files", 65534, 65534)
        with pytest.raises(DeviceError, match="folder of your own"):
            session.upload({"first": b"1"})
        assert list((own_cache / "files").iterdir()) == []
        (own_cache / "files").rmdir()


def test_a_run_with_another_lock_is_left_alone_and_a_dead_ones_folder_goes(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    for name, text in (("run.99999999", boot), (f"run.{os.getpid()}", "another boot\n"), ("run.1", "")):
        (own_cache / name).mkdir(parents=True)
        (own_cache / name / "boot").write_text(text)
    with Session(open_transport("local"), 60, 20) as first:
        first.upload({"model": b"1"})
        (tmp_path / "other").mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / "other"))
        with Session(open_transport("local"), 60, 20) as second:
            second.upload({"model": b"2"})
            assert Path(first.folder, "model").read_bytes() == b"1"
            assert {path.name for path in own_cache.glob("run.*")} == {
                Path(one.folder).name for one in (first, second)
            }
