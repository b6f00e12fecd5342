"""Edits a bundle as somebody might who knows that it has hashes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from edgeprune.bundle.seal import seal_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent=1) + "\n")


def edit_report(folder: Path, change: Callable[[Any], None]) -> None:
    edit_json(folder / "report.json", change)
    rehash(folder)


def edit_manifest(folder: Path, change: Callable[[Any], None]) -> None:
    edit_json(folder / "manifest.json", change)
    rehash(folder)


def rehash(folder: Path) -> None:
    """New sizes, hashes and seal: from outside, all is well again."""

    def mend(manifest: Any) -> None:
        for name in manifest["files"]:
            content = (folder / name).read_bytes()
            manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest["seal"] = seal_of(manifest)

    edit_json(folder / "manifest.json", mend)
