"""Sign a bundle, and say whether it is the one that was signed: OpenSSF model signing with keys of one's own.

`model.sig` in the folder is a Sigstore bundle over the hashes of all other files, as the ``model_signing``
command writes and reads it (method "key", elliptic curve P-256, P-384 or P-521 in PEM form). What git keeps
in a folder (``.gitignore``), which that command leaves out by default, counts here: nothing may be added.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune import jsonable
from edgeprune.bundle.read import MANIFEST, SIGNATURE, Bundle, read_bundle
from edgeprune.errors import EdgepruneError, InputError, shown
from edgeprune.gate.result import Status, VerifiedPart
from edgeprune.install_source import install_command

if TYPE_CHECKING:
    from model_signing import hashing

_NAME = "signature"
PASSWORD = "EDGEPRUNE_KEY_PASSWORD"  # noqa: S105  (the variable that holds it)
_DIFFERENCES = (
    (re.compile(r"Extra files found in model .*?: (.*?)[\"']"), "was added"),
    (re.compile(r"Missing files in model .*?: (.*?)[\"']"), "was removed"),
    (re.compile(r"Hash mismatch for \\?'(.*?)\\?'"), "was changed"),
)
_MAKE_A_KEY = (
    "Make a pair: openssl ecparam -name prime256v1 -genkey -noout -out key.pem; "
    "openssl ec -in key.pem -pubout -out pub.pem."
)


def sign(folder: Path | str, key: Path | str) -> Path:
    """Write `model.sig` into a bundle, over all its files; returns its path.

    Args:
        key: a private key; its password, where it has one, is in the environment variable `PASSWORD`.

    Raises:
        InputError: model-signing is not installed, no such key, or a folder that is not a bundle alone.
    """
    _require()
    from model_signing import signing

    bundle = read_bundle(Path(folder))
    if others := _others(bundle):
        raise InputError(
            f"{folder} holds {shown(others[0])}, which is not of the bundle.",
            "Only its own files are signed.", "Move it elsewhere.",
        )
    target = bundle.path / SIGNATURE
    staging = bundle.path.with_name(f".{bundle.path.name}.{secrets.token_hex(8)}.sig")
    try:
        config = signing.Config().use_elliptic_key_signer(
            private_key=_key(key), password=os.environ.get(PASSWORD)
        )
        config.set_hashing_config(_hashing()).sign(bundle.path, staging)
        staging.replace(target)
    except EdgepruneError:
        raise
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error.strerror}).") from error
    except Exception as error:  # of the library and of cryptography, each its own
        raise _no_key(key, "private", error) from error
    finally:
        staging.unlink(missing_ok=True)
    return target


def signature_of(folder: Path | str, key: Path | str) -> VerifiedPart:
    """Whether a bundle is as the owner of the public `key` has signed it.

    Raises:
        InputError: model-signing is not installed, or no such key.
    """
    _require()
    from model_signing import verifying

    folder = Path(folder)
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=_key(key))
    except EdgepruneError:
        raise
    except Exception as error:
        raise _no_key(key, "public", error) from error
    path = folder / SIGNATURE
    if path.is_symlink() or not path.is_file():
        return VerifiedPart(_NAME, Status.BROKEN, f"{folder} has no {SIGNATURE}: it was not signed.")
    links = [one.name for one in sorted(folder.rglob("*")) if one.is_symlink() or not one.is_file()]
    if links:
        return VerifiedPart(_NAME, Status.BROKEN, f"{shown(links[0])} is not a plain file.")
    try:
        jsonable.parse_file(path)  # bounds its size and depth
        config.set_hashing_config(_hashing()).verify(folder, path)
    except Exception as error:  # noqa: BLE001 - of the library and of cryptography, each its own
        return VerifiedPart(_NAME, Status.BROKEN, shown(_difference(error, Path(key))))
    return VerifiedPart(_NAME, Status.HELD)


def _difference(error: Exception, key: Path) -> str:
    """In words, without the hashes that the library shows."""
    said = str(error)
    for pattern, what in _DIFFERENCES:
        if names := pattern.findall(said):
            return f"{', '.join(names)[:300]} {what} after it was signed."
    reason = said.rstrip(".")[:200] or type(error).__name__
    return f"{SIGNATURE} was not made with the private key of {key.name}, or is damaged ({reason})."


def _others(bundle: Bundle) -> list[str]:
    own = {*bundle.manifest.files, MANIFEST, SIGNATURE}
    return sorted(path.name for path in bundle.path.iterdir() if path.name not in own)


def _hashing() -> hashing.Config:
    from model_signing import hashing

    return hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _key(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no key {path}.", "A file in PEM form is expected.", _MAKE_A_KEY)
    return path


def _no_key(path: Path | str, kind: str, error: Exception) -> InputError:
    found = f"{path} cannot be used as a {kind} key ({type(error).__name__}: {str(error)[:200]})."
    expected = f"An elliptic-curve key in PEM form is expected, its password in {PASSWORD}."
    return InputError(found, expected, _MAKE_A_KEY)


def _require() -> None:
    try:
        import model_signing.signing  # noqa: F401
    except ImportError as error:
        name = (error.name or "model_signing").partition(".")[0]
        raise InputError(
            f"Signatures need the package {name}, which is not installed.",
            way_out=f"Install it: {install_command('signing')}",
        ) from error
