"""Names for what Keras hands us.

Keras and TensorFlow ship no types, and each object may be of either Keras (Keras 3, or Keras 2 as tf_keras),
so these are `Any` to a type checker. They say to the reader what goes in and what comes out.
"""

from __future__ import annotations

from typing import Any, TypeAlias

KerasModel: TypeAlias = Any
"""A Sequential, functional or subclassed model."""
KerasLayer: TypeAlias = Any
"""A layer, or a layer's wrapper."""
KerasTensor: TypeAlias = Any
"""A symbolic tensor, or an eager one of TensorFlow."""
KerasLoss: TypeAlias = Any
"""A loss function or object."""
KerasModule: TypeAlias = Any
"""The namespace `keras` or `tf_keras`, or a part of it."""
KerasNode: TypeAlias = Any
"""One call in the graph of a functional model."""
Strategy: TypeAlias = Any
"""A `tf.distribute.Strategy`, or None."""
