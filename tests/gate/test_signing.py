"""A signed bundle is the one that was signed, by the owner of that key; anything else is exit 1."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeprune.errors import InputError, VerificationError
from edgeprune.gate import Status, check, verify
from edgeprune.gate.signing import sign, signature_of
from tests.gate.edit import edit_report, rehash
from tests.tools import need_package, need_programs

pytestmark = pytest.mark.heavy  # importing the library takes seconds


@pytest.fixture(autouse=True)
def library() -> None:
    need_package("model_signing", "pip install 'edgeprune[signing]'")


def make_keys(folder: Path, name: str, curve: str = "prime256v1") -> tuple[Path, Path]:
    """With openssl, as the messages tell people to."""
    need_programs("openssl", hint="apt install openssl")
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    make = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", private]
    subprocess.run(make, check=True, capture_output=True)
    show = ["openssl", "ec", "-in", private, "-pubout", "-out", public]
    subprocess.run(show, check=True, capture_output=True)
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return make_keys(tmp_path, "ours")


def edit_text(folder: Path) -> None:
    (folder / "labels.txt").write_text("other\n")


def edit_all(folder: Path) -> None:
    """With new hashes and a new seal: only the signature can tell."""
    edit_report(folder, lambda found: found["notes"].append("All is well."))
    rehash(folder)


def cut(folder: Path) -> None:
    (folder / "model.sig").write_bytes((folder / "model.sig").read_bytes()[:-40])


def link(folder: Path) -> None:
    (folder / "labels.txt").rename(folder.parent / "labels.txt")
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a changed file": (edit_text, "labels.txt was changed"),
    "changed with new hashes": (edit_all, "report.json"),
    "an added file": (lambda folder: (folder / "extra.bin").write_bytes(b"x"), "extra.bin was added"),
    "an added .gitignore": (lambda folder: (folder / ".gitignore").write_text("x"), ".gitignore"),
    "an added folder": (lambda folder: (folder / ".git").mkdir(), ".git"),
    "a missing file": (lambda folder: (folder / "labels.txt").unlink(), "labels.txt was removed"),
    "a link": (link, "labels.txt"),
    "no signature": (lambda folder: (folder / "model.sig").unlink(), "was not signed"),
    "half a signature": (cut, "model.sig was not made"),
    "an empty one": (lambda folder: (folder / "model.sig").write_text("{}"), "model.sig"),
    "a deep one": (lambda folder: (folder / "model.sig").write_text("[" * 5000), "model.sig"),
}


def test_what_was_signed_verifies_wherever_it_is_brought(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    assert sign(bundle, keys[0]) == bundle / "model.sig"
    assert signature_of(bundle, keys[1]).status is Status.HELD
    moved = bundle.rename(tmp_path / "elsewhere")
    assert check(moved, verify_key=keys[1]).passed
    sign(moved, keys[0])  # again, over the old one
    assert signature_of(moved, keys[1]).status is Status.HELD
    assert not list(tmp_path.glob(".*.sig"))


@pytest.mark.parametrize("name", TAMPERED)
def test_anything_else_is_refused(name: str, bundle: Path, keys: tuple[Path, Path]) -> None:
    change, named = TAMPERED[name]
    sign(bundle, keys[0])
    change(bundle)
    with pytest.raises(VerificationError, match="signature") as caught:
        check(bundle, verify_key=keys[1]).require()
    assert named in str(caught.value)
    assert caught.value.exit_code == 1
    assert len(str(caught.value)) < 800


def test_another_key_is_refused(bundle: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    other = make_keys(tmp_path, "other", "secp384r1")
    same_curve = make_keys(tmp_path, "same")
    sign(bundle, keys[0])
    for _, public in (other, same_curve):
        assert signature_of(bundle, public).status is Status.BROKEN


def test_keys_that_are_none(bundle: Path, keys: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("no key")
    for path in (tmp_path / "none.pem", tmp_path / "text.pem", bundle):
        with pytest.raises(InputError, match=r"key.*openssl"):
            sign(bundle, path)
        with pytest.raises(InputError, match=r"key.*openssl"):
            signature_of(bundle, path)
    with pytest.raises(InputError, match="private key"):
        sign(bundle, keys[1])
    assert not (bundle / "model.sig").exists()


def test_only_a_whole_bundle_is_signed(bundle: Path, keys: tuple[Path, Path]) -> None:
    (bundle / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.md"):
        sign(bundle, keys[0])
    (bundle / "notes.md").unlink()
    edit_text(bundle)
    with pytest.raises(InputError, match=r"labels\.txt"):
        sign(bundle, keys[0])


def test_a_signature_is_no_foreign_file(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign(bundle, keys[0])
    assert not [one for one in verify(bundle) if one.part == "files" and one.status is Status.BROKEN]


def edgeprune(*arguments: object, missing: bool = False) -> subprocess.CompletedProcess[str]:
    start = "import sys; sys.modules['model_signing'] = None; " if missing else ""
    code = f"{start}import sys; from edgeprune.cli import main; sys.argv[0] = 'edgeprune'; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False,
        timeout=120,
    )


def test_the_command_signs_and_verifies(bundle: Path, keys: tuple[Path, Path]) -> None:
    private, public = keys
    broken = edgeprune("check", bundle, "--max-size", "1B", "--sign", private)
    assert broken.returncode == 1
    assert not (bundle / "model.sig").exists()
    assert edgeprune("check", bundle, "--max-size", "10MB", "--sign", private).returncode == 0
    done = edgeprune("check", bundle, "--verify-key", public, "--json")
    assert (done.returncode, '"passed": true' in done.stdout) == (0, True)
    edit_text(bundle)
    done = edgeprune("check", bundle, "--verify-key", public)
    assert done.returncode == 1
    assert done.stderr.count("Error") == 1
    assert "Traceback" not in done.stderr
    for arguments in (("--sign", private), ("--verify-key", public)):
        lacking = edgeprune("check", bundle, *arguments, missing=True)
        assert lacking.returncode == 2
        assert "pip install" in " ".join(lacking.stderr.split())
        assert "signing]" in lacking.stderr
