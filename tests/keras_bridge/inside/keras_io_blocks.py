"""What models in the style of keras.io's examples share: Keras 3, and layers of one's own."""

import importlib

keras = importlib.import_module("keras")
layers, ops = keras.layers, keras.ops


class Block(layers.Layer):
    """A layer of one's own, whose options are its configuration."""

    def __init__(self, name=None, *, trainable=True, dtype=None, **options):
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.options = options
        self.make(**options)

    def get_config(self):
        return {**super().get_config(), **self.options}


class Patches(Block):
    def make(self, size):
        self.size = size

    def call(self, images):
        patches = ops.image.extract_patches(images, size=self.size)
        count = patches.shape[1] * patches.shape[2]
        return ops.reshape(patches, (-1, count, patches.shape[-1]))


class MixerBlock(Block):
    def make(self, patches, width):
        self.tokens = keras.Sequential([layers.Dense(24, activation="gelu"), layers.Dense(patches)])
        self.channels = keras.Sequential([layers.Dense(24, activation="gelu"), layers.Dense(width)])
        self.normalize = layers.LayerNormalization(epsilon=1e-6)

    def call(self, inputs):
        x = self.tokens(ops.transpose(self.normalize(inputs), axes=(0, 2, 1)))
        x = ops.transpose(x, axes=(0, 2, 1)) + inputs
        return x + self.channels(self.normalize(x))
