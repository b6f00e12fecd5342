"""Refuses a model whose weights stayed in its file, because Keras could not build its layers.

A subclassed model whose ``build()`` leaves its layers alone loads without an error, and gets new random
weights when it is first called.
"""

from __future__ import annotations

import io
import pathlib
import zipfile

from edgeprune.errors import InputError
from edgeprune.keras_bridge.inside.composites import all_layers
from edgeprune.keras_types import KerasModel

_WEIGHTS = "model.weights.h5"


def refuse_unread_weights(path: pathlib.Path, model: KerasModel) -> None:
    """Compares what a ``.keras`` file of Keras 3 holds with the weights of the model that came out of it.

    Raises:
        InputError: there are more in the file, and the model has layers that are not built.
    """
    unbuilt = [layer.name for layer in all_layers(model) if not getattr(layer, "built", True)]
    if not unbuilt or not zipfile.is_zipfile(path):
        return
    held, read = _weights_in(path), len(model.variables)
    if held > read:
        names = [f"'{name}'" for name in unbuilt[:3]] + [f"{len(unbuilt) - 3} more"] * (len(unbuilt) > 3)
        listed, kind = " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))), type(model).__name__
        raise InputError(
            f"Keras reads {read} of the {held} weights in {path}: build() of {kind} leaves {listed} out.",
            "A model whose weights can all be read is expected.",
            f"Let build() of {kind} build its layers, or leave build() out; then save the model again.",
        )


def _weights_in(path: pathlib.Path) -> int:
    """How many arrays a file holds, those of its optimizer aside."""
    import h5py  # type: ignore[import-untyped]

    found: list[str] = []
    with zipfile.ZipFile(path) as archive:
        if _WEIGHTS not in archive.namelist():
            return 0
        data = io.BytesIO(archive.read(_WEIGHTS))
    with h5py.File(data, "r") as file:
        file.visititems(lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None)
    return sum(not name.startswith("optimizer") for name in found)
