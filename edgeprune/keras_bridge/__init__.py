"""Keras 2 and Keras 3 models in and out of `ModelGraph`; the structural core's only door to TensorFlow."""

# Sets what TensorFlow reads on its first import, so that tf_keras and keras live side by side.
from edgeprune.keras_bridge import keras_version as keras_version
