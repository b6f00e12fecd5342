"""Login shells that print, folders that another user has prepared, devices without sha256sum."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from device_runners import BenchOptions, bench
from device_runners.session import Session
from device_runners.transports.local import Local
from edgeprune.errors import DeviceError

OPTIONS = BenchOptions(runs=5, warmup=1, min_time_s=0.02, time_limit_s=60, python=sys.executable)
NOISE = "printf 'Welcome\\nedgeprune-ready no\\n42'; echo 'disk 90%' >&2; printf '{\"device\": '"


class Noisy(Local):
    """This machine behind a login shell whose start file prints."""

    def argv(self, line: str, *, lock_holder: bool = False) -> list[str]:  # noqa: ARG002
        return ["sh", "-c", f"{NOISE}; {line}"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_a_shell_that_prints_does_no_harm(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device_runners.benchmark.open_transport", Noisy)
    assert bench(bundle, "local", OPTIONS).samples == 40


@pytest.mark.heavy
@pytest.mark.xdist_group("devices")
def test_a_bashrc_that_prints_over_ssh(here, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR")  # the path of the socket would be too long
    config = here.state / "sshd_config"
    assert config.exists()
    start_file = Path.home() / ".bashrc"
    before = start_file.read_bytes() if start_file.exists() else None
    try:
        start_file.write_text(NOISE + "\n")
        seen = subprocess.run(["ssh", "here", "true"], capture_output=True, check=True).stdout
        if b"Welcome" not in seen:
            pytest.skip("the login shell here reads no .bashrc")
        assert bench(bundle, here.device, OPTIONS).samples == 40
    finally:
        if before is None:
            start_file.unlink()
        else:
            start_file.write_bytes(before)


def roots_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name.startswith("edgeprune-")}


@pytest.mark.parametrize("kind", ["link", "other owner", "link inside"])
def test_a_folder_that_somebody_prepared_is_not_used(
    kind: str, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cache folder cannot be made, the name in TMPDIR can be foreseen."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/none")
    trap, target = own_folder / f"edgeprune-{os.getuid()}", own_folder / "theirs"
    (target / "files").mkdir(parents=True)
    if kind == "link":
        trap.symlink_to(target)
    elif kind == "link inside":
        trap.mkdir()
        (trap / "files").symlink_to(target)
    elif os.geteuid():
        pytest.skip("only root can give a folder away")
    else:
        (trap / "files").mkdir(parents=True)
        os.chown(trap, 12345, 12345)
    with Session(Local("local"), 20) as session:
        session.upload({"file": b"content"})
        assert trap not in Path(session.folder).parents
        assert Path(session.folder).stat().st_mode & 0o077 == 0
        assert (Path(session.folder) / "file").read_bytes() == b"content"
    assert roots_of(own_folder) == {trap.name}
    assert [path.name for path in target.rglob("*")] == ["files"]


def test_what_was_changed_is_not_run(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from device_runners import scripts

    change = 'for one in "$files"/*; do echo x >> "$one"; done'
    harmful = scripts.PLACE.replace("shift 2\n", f"shift 2\n{change}\n", 1)
    assert harmful != scripts.PLACE
    monkeypatch.setattr(scripts, "PLACE", harmful)
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_folder / "cache"))
    with Session(Local("local"), 20) as session, pytest.raises(DeviceError, match="not what was sent"):
        session.upload({"file": b"content"})


def test_a_device_without_sha256sum_is_told_so(own_folder: Path) -> None:
    programs = own_folder / "bin"
    programs.mkdir()
    for name in ("sh", "mkdir", "cat", "rm", "id"):
        (programs / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")

    class Bare(Local):
        def argv(self, line: str, *, lock_holder: bool = False) -> list[str]:  # noqa: ARG002
            return ["/bin/sh", "-c", f"PATH={shlex.quote(str(programs))}; {line}"]

    with pytest.raises(DeviceError, match="no sha256sum"), Session(Bare("local"), 20):
        pass


def test_a_home_with_a_space(own_folder: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_folder / "my own cache"))
    assert bench(bundle, "local", OPTIONS).samples == 40
