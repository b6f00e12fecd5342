"""Names for what Keras hands us.

Keras and TensorFlow ship no types, and each object may be of either Keras (Keras 3, or Keras 2 as tf_keras),
so these are `Any` to a type checker. They say to the reader what goes in and what comes out.
"""

from typing import Any, TypeAlias

KerasModel: TypeAlias = Any  # sequential, functional or subclassed
KerasLayer: TypeAlias = Any  # or a layer's wrapper
KerasTensor: TypeAlias = Any  # symbolic, or an eager one of TensorFlow
KerasLoss: TypeAlias = Any  # a loss function or object
KerasModule: TypeAlias = Any  # the namespace `keras` or `tf_keras`, or a part of it
KerasNode: TypeAlias = Any  # one call in the graph of a functional model
Strategy: TypeAlias = Any  # a `tf.distribute.Strategy`, or None
