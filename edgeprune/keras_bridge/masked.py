"""Runs the masked original, the reference for a compacted model; see `edgeprune.pruning.equivalence`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeprune.graph import channel_ids
from edgeprune.graph.channel_ids import KeepMask
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.float32 import reading_in_float32
from edgeprune.keras_bridge.read import Reading, read
from edgeprune.keras_bridge.run import Around, CallStep, predict, repeatable, with_mask
from edgeprune.keras_types import KerasTensor
from edgeprune.layers import rule_for
from edgeprune.pruning.compaction import unchanged
from edgeprune.pruning.equivalence import Equivalence, compare, silence, silence_weight
from edgeprune.pruning.network import Data


def equivalence(
    reading: Reading, dependencies: DependencyGraph, keep: np.ndarray, smaller: Reading, samples: Data
) -> Equivalence:
    """Compares a compacted model, before any refitting, with the masked original; few samples do."""
    expected = masked_outputs(reading_in_float32(reading), dependencies, keep, samples)
    smaller = reading_in_float32(smaller)
    left = repeatable(smaller, samples)
    found = predict(smaller, samples)
    return compare([expected[place] for place in left], [found[place] for place in left])


def masked_outputs(
    reading: Reading, dependencies: DependencyGraph, keep: np.ndarray, samples: Data
) -> list[np.ndarray]:
    """The outputs of the original with every removed channel silenced."""
    kept = KeepMask(dependencies.channel_of, keep)
    copy = read(build(reading, unchanged(reading.graph)))
    for path, flows in dependencies.layer_flows.items():
        if flows:
            weights = copy.layers[path].get_weights()
            copy.layers[path].set_weights(
                [silence_weight(weight, flow, kept) for weight, flow in zip(weights, flows, strict=True)]
            )
    return predict(copy, samples, _silencing(dependencies, kept))


def _silencing(dependencies: DependencyGraph, kept: KeepMask) -> Around:
    """Runs a layer, or its masked stand-in, and silences what comes out."""
    import tensorflow as tf

    def around(step: CallStep, compute: Callable[[], list[KerasTensor]]) -> list[KerasTensor]:
        view, flow = dependencies.views[step.number], dependencies.flows[step.number]
        stand_in = rule_for(view.layer).stand_in(view, kept)
        if stand_in is None:
            outputs = compute()
        else:
            arrays = stand_in(step.arrays, step.layer.get_weights() if view.layer.weight_shapes else [])
            mask = getattr(step.inputs[0], "_keras_mask", None)
            outputs = [with_mask(tf.convert_to_tensor(array), mask) for array in arrays]
        outputs = [_silenced(value, ids, kept) for value, ids in zip(outputs, flow.outputs, strict=True)]
        crossed = [_silenced(value, ids, kept) for value, ids in zip(outputs, flow.crossing, strict=False)]
        return crossed or outputs

    return around


def _silenced(value: KerasTensor, ids: channel_ids.ChannelIds, kept: KeepMask) -> KerasTensor:
    import tensorflow as tf

    small = channel_ids.collapse(ids)
    if kept.mask(small).all():
        return value
    silenced = tf.convert_to_tensor(silence(np.asarray(value), small, kept))
    return with_mask(silenced, getattr(value, "_keras_mask", None))
