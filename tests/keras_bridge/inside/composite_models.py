"""Small models with layers made of layers, as users write them."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

keras = importlib.import_module("keras")
layers, ops = keras.layers, keras.ops
registered = keras.saving.register_keras_serializable("composite_tests")


@registered
class OwnDense(layers.Layer):
    """A weight and a bias of its own, as in the guide "making new layers"."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="random_normal", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", name="b")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return keras.activations.relu(ops.matmul(x, self.w) + self.b) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@registered
class ClassToken(layers.Layer):
    """A learned token before the others, and a learned position for each."""

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")
        self.position = layers.Embedding(shape[1] + 1, shape[-1])
        self.position.build(())

    def call(self, x: Any) -> Any:
        tokens = ops.broadcast_to(self.token, (ops.shape(x)[0], 1, x.shape[-1]))
        x = ops.concatenate([tokens, x], axis=1)
        return x + self.position(ops.arange(x.shape[1]))


@registered
class OwnAttention(layers.Layer):
    """Heads split by a reshape that names the batch."""

    def __init__(self, width: int, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.heads = width, heads
        self.parts = [layers.Dense(width) for _ in range(3)]
        self.out = layers.Dense(width)

    def build(self, shape: Any) -> None:
        for part in self.parts:
            part.build(shape)
        self.out.build((*shape[:-1], self.width))

    def call(self, x: Any, mask: Any = None) -> Any:
        batch, steps = ops.shape(x)[0], ops.shape(x)[1]
        q, k, v = (
            ops.transpose(ops.reshape(part(x), (batch, steps, self.heads, -1)), (0, 2, 1, 3))
            for part in self.parts
        )
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) / (self.width // self.heads) ** 0.5
        if mask is not None:
            scores = scores + (1.0 - ops.cast(mask[:, None, None, :], "float32")) * -1e9
        mixed = ops.transpose(ops.matmul(ops.softmax(scores), v), (0, 2, 1, 3))
        return self.out(ops.reshape(mixed, (batch, steps, self.width)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads}


@registered
class Block(layers.Layer):
    """Attention and two layers inside a Sequential; dropout, a loss of its own, masks passed on."""

    def __init__(self, width: int, heads: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.width, self.heads = width, heads
        self.attention, self.drop = OwnAttention(width, heads), layers.Dropout(0.2)
        self.norms = [layers.LayerNormalization() for _ in range(2)]
        self.inner = keras.Sequential([layers.Dense(2 * width, activation="gelu"), layers.Dense(width)])

    def build(self, shape: Any) -> None:
        for part in (self.attention, *self.norms, self.inner):
            part.build(shape)

    def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = x + self.drop(self.attention(self.norms[0](x), mask=mask), training=training)
        self.add_loss(ops.mean(x))
        return x + self.inner(self.norms[1](x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads}


@registered
class TwoTowers(keras.Model):
    """A subclassed model that takes and gives dictionaries."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.left, self.right = layers.Dense(8, activation="relu"), OwnDense(8)
        self.heads = {"score": layers.Dense(1), "kind": layers.Dense(3, activation="softmax")}

    def call(self, inputs: Any) -> Any:
        x = ops.concatenate([self.left(inputs["a"]), self.right(inputs["b"])], axis=-1)
        return {name: head(x) for name, head in self.heads.items()}


@registered
class ConvBlock(layers.Layer):
    """Batch normalization below a Resizing, whose default asks for training mode."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters
        self.pool, self.resize = layers.AveragePooling2D(2), layers.Resizing(8, 8)
        self.conv, self.norm = layers.Conv2D(filters, 1), layers.BatchNormalization(momentum=0.5)

    def build(self, shape: Any) -> None:
        self.conv.build(shape)
        self.norm.build((*shape[:-1], self.filters))

    def call(self, x: Any) -> Any:
        return self.norm(self.conv(self.resize(self.pool(x))))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@registered
class CausalMixing(layers.Layer):
    """A causal mask of open length, ones for each sample; gives a cache that is None, as decoders do."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.inner = width, layers.MultiHeadAttention(2, 4)
        self.out = Cached(width)

    def build(self, shape: Any) -> None:
        self.inner.build(shape, shape)
        self.out.build(shape)

    def call(self, x: Any) -> Any:
        batch, steps = ops.shape(x)[0], ops.shape(x)[1]
        place = ops.arange(steps)
        mask = ops.broadcast_to((place[:, None] >= place[None, :])[None, :, :], (batch, steps, steps))
        mask = ops.logical_and(mask, ops.ones((batch, 1, steps), dtype="bool"))
        x, cache = self.out(x + self.inner(x, x, attention_mask=mask))
        return x if cache is None else x * 2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@registered
class Cached(layers.Layer):
    """Gives what it computed, and nothing."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.dense = width, layers.Dense(width, activation="tanh")

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def call(self, x: Any) -> Any:
        return self.dense(x), None


@registered
def double_relu(x: Any) -> Any:
    """An activation of one's own."""
    return ops.relu(x) * 2


@registered
class Drawing(layers.Layer):
    """The sampling of a VAE."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seeds = keras.random.SeedGenerator(1)

    def call(self, x: Any) -> Any:
        mean, spread = x
        return mean + ops.exp(spread) * keras.random.normal(ops.shape(mean), seed=self.seeds)


class OwnMask(layers.Layer):
    """An embedding whose table is scaled, and whose padding is masked by the layer itself."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.table = width, layers.Embedding(10, width)

    def call(self, x: Any) -> Any:
        return self.table(x) * self.width**0.5

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        return ops.not_equal(inputs, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


def own_dense() -> tuple[Any, Any]:
    """Matrix products, biases and a scale that a layer holds itself."""
    i = keras.Input((6,))
    return keras.Model(i, layers.Dense(3)(OwnDense(7)(OwnDense(8)(i)))), _floats(6)


def class_token() -> tuple[Any, Any]:
    """A token and positions added to a sequence of fixed length."""
    i = keras.Input((5, 4))
    h = Block(8)(ClassToken()(layers.Dense(8)(i)))
    return keras.Model(i, layers.Dense(3)(h[:, 0])), _floats(5, 4)


def masked_text() -> tuple[Any, Any]:
    """The mask of an embedding goes through blocks to a pooling layer; one block is used twice."""
    i = keras.Input((6,), dtype="int32")
    block = Block(8)
    h = block(block(layers.Embedding(10, 8, mask_zero=True)(i)))
    model = keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))
    return model, np.random.default_rng(0).integers(1, 10, (4, 6)) * (np.arange(6) < 4)


def own_mask() -> tuple[Any, Any]:
    """A mask of one's own that attention reads off its queries, and one that a call gets besides."""
    i = keras.Input((6,), dtype="int32")
    h = OwnMask(8)(i)
    first = layers.MultiHeadAttention(2, 4)(h, h, attention_mask=np.tri(6, dtype=bool)[None])
    model = keras.Model(i, layers.Dense(3)(first + layers.MultiHeadAttention(2, 4)(first, first)))
    return model, np.random.default_rng(0).integers(1, 10, (4, 6)) * (np.arange(6) < 4)


def open_text() -> tuple[Any, Any]:
    """The same without a fixed length."""
    i = keras.Input((None,), dtype="int32")
    h = Block(8)(layers.Embedding(10, 8)(i))
    model = keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))
    return model, np.random.default_rng(0).integers(1, 10, (4, 6))


def causal_text() -> tuple[Any, Any]:
    """Positions that are compared, over an open length."""
    i = keras.Input((None,), dtype="int32")
    h = CausalMixing(8)(layers.Embedding(10, 8)(i))
    return keras.Model(i, layers.Dense(3)(h)), np.random.default_rng(0).integers(1, 10, (4, 6))


def two_towers() -> tuple[Any, Any]:
    """Dictionaries in and out."""
    x = {"a": _floats(5), "b": _floats(4)}
    model = TwoTowers()
    model(x)
    return model, x


def resized() -> tuple[Any, Any]:
    """Statistics that an original must keep."""
    i = keras.Input((8, 8, 3))
    h = ConvBlock(8)(layers.Conv2D(8, 3, padding="same", activation="relu")(i))
    return keras.Model(i, layers.Dense(3)(layers.Flatten()(h))), _floats(8, 8, 3)


def functions() -> tuple[Any, Any]:
    """A Lambda and an activation of one's own."""
    i = keras.Input((6,))
    h = layers.Lambda(lambda x: x * 2 + 1)(layers.Dense(8, activation=double_relu)(i))
    return keras.Model(i, layers.Dense(3)(layers.Dense(7, activation=double_relu)(h))), _floats(6)


def lora() -> tuple[Any, Any]:
    """Low-rank updates beside two kernels."""
    i = keras.Input((6,))
    model = keras.Model(i, layers.Dense(3)(layers.Dense(8, activation="relu")(i)))
    for layer in model.layers[1:]:
        layer.enable_lora(2)
        layer.set_weights([w + np.arange(w.size).reshape(w.shape) / w.size for w in layer.get_weights()])
    return model, _floats(6)


def spectral() -> tuple[Any, Any]:
    """A wrapper that normalizes in training alone."""
    i = keras.Input((8, 8, 3))
    h = layers.SpectralNormalization(layers.Conv2D(8, 3, activation="relu"))(i)
    return keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling2D()(h))), _floats(8, 8, 3)


OPENED = (
    own_dense, class_token, masked_text, own_mask, open_text, causal_text, two_towers, resized, functions,
    lora, spectral,
)


def _floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
