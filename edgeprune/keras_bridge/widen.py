"""A model that computes in half precision, made to compute in float32.

Rounding to 11 or 8 bits after every layer hides whether two models compute the same; their float32
twins, with the very same weights, show it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.read import read
from edgeprune.pruning.strip import strip
from edgeprune.pruning.units import trace

if TYPE_CHECKING:
    from edgeprune.keras_bridge.read import Reading


def in_float32(reading: Reading) -> Reading:
    """The twin of a model, float16 and bfloat16 widened; the model itself where there is neither."""
    changed = {path: _changed(layer.config) for path, layer in reading.graph.layers.items()}
    changed = {path: config for path, config in changed.items() if config}
    if not changed:
        return reading
    units = trace(reading.graph)
    everything = strip(units, np.ones(units.count, bool))
    configs = {path: {**everything.configs.get(path, {}), **config} for path, config in changed.items()}
    return read(build(reading, dataclasses.replace(everything, configs={**everything.configs, **configs})))


def _changed(config: Any) -> dict[str, Any]:
    """The entries of a configuration that name a narrow type, anywhere inside, with float32 in its place."""
    widened = {key: _widened(key, value) for key, value in config.items()}
    return {key: value for key, value in widened.items() if value != config[key]}


def _widened(key: str, value: Any) -> Any:
    if key == "dtype":
        return "float32" if "float16" in str(value) else value
    if isinstance(value, dict):
        return {inner: _widened(inner, one) for inner, one in value.items()}
    if isinstance(value, list):
        return [_widened("", one) for one in value]
    return value
