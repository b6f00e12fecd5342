"""Layers inside of a layer's configuration: their views, and their changed configurations."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph import Arrays, Config, Layer, LinearRead, Masks


def with_config(serialized: Config, changed: Config) -> Config:
    """A serialized layer with changed entries; without the shapes it was once built for."""
    kept = {key: value for key, value in serialized.items() if key != "build_config"}
    return {**kept, "config": {**serialized["config"], **changed}}


def inner_layer(serialized: Config, outer: Layer, name: str, first: int, count: int) -> Layer:
    """The layer that a wrapper holds, with `count` of the wrapper's weights."""
    return Layer(
        path=f"{outer.path}/{name}",
        kind=str(serialized["class_name"]),
        config=serialized["config"],
        weight_shapes=outer.weight_shapes[first : first + count],
        weight_names=outer.weight_names[first : first + count],
        module=outer.module if is_built_in(serialized) else str(serialized.get("module")),
    )


def is_built_in(serialized: Config) -> bool:
    """Whether a serialized layer is Keras' own; a user's carries the name it is registered by."""
    home = str(serialized.get("module") or "keras").split(".")[0]
    return serialized.get("registered_name") is None and home in ("keras", "tf_keras")


def shifted(read: LinearRead, first: int, count: int, sources: Sequence[int]) -> LinearRead:
    """A read of an inner layer as one of the wrapper's, whose weights from `first` on are the inner layer's.

    For each input of the inner layer, `sources` tells which of the wrapper's it is.
    """
    hidden = read.hidden

    def outer_hidden(inputs: Arrays, weights: Arrays, masks: Masks) -> np.ndarray:
        if hidden is None:
            raise ValueError("this read sees its input as it is")
        mine = weights[first : first + count]
        return hidden([inputs[at] for at in sources], mine, [masks[at] for at in sources])

    return dataclasses.replace(
        read, source=sources[read.source], kernel=read.kernel + first,
        bias=None if read.bias is None else read.bias + first,
        hidden=None if hidden is None else outer_hidden,
    )
