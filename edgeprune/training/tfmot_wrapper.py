"""tfmot's pruning wrapper, so that Keras masks pass through it.

Keras hands a mask to every layer whose `call` takes ``**kwargs``, as the wrapper's does, and the wrapper
hands it on to layers that take none: a `Dense` behind an embedding with ``mask_zero`` raised. Masks that a
wrapped embedding makes were lost.
"""

from __future__ import annotations

from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer


def wrapped_for_pruning(layer: KerasLayer, schedule: object) -> KerasLayer:
    """A tf_keras layer of a kind that tfmot prunes, under its `PruneLowMagnitude` by one of its schedules."""
    tfmot = import_tfmot()

    wrapper = tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)
    wrapper.supports_masking = layer.supports_masking
    wrapper.compute_mask = layer.compute_mask
    wrapper._call_spec.expects_mask_arg = False  # noqa: SLF001 - there is no public setting
    return wrapper
