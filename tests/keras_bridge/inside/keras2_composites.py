"""Keras 2: small models with layers made of layers, as users write them with TensorFlow's functions."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

keras, tf = importlib.import_module("tf_keras"), importlib.import_module("tensorflow")
layers = keras.layers
registered = keras.saving.register_keras_serializable("keras2_composites")


@registered
class OwnDense2(layers.Layer):
    """A weight and a bias of its own, as in the guide "making new layers"."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units = units

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="random_normal", name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", name="b")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return tf.nn.relu(tf.matmul(x, self.w) + self.b) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@registered
class ClassToken2(layers.Layer):
    """A learned token before the others, and learned positions; one table is looked up by constants."""

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")
        self.position = layers.Embedding(shape[1] + 1, shape[-1])
        self.position.build(())

    def call(self, x: Any) -> Any:
        tokens = tf.tile(self.token, [tf.shape(x)[0], 1, 1])
        x = tf.concat([tokens, x], axis=1)
        return x + self.position(tf.range(start=0, limit=x.shape[1], delta=1))


@registered
class OwnAttention2(layers.Layer):
    """Heads split by a reshape that names the batch."""

    def __init__(self, width: int, heads: int, **options: Any) -> None:
        super().__init__(**options)
        self.width, self.heads = width, heads
        self.parts = [layers.Dense(width, name=name) for name in ("query", "key", "value")]
        self.out = layers.Dense(width, name="out")

    def call(self, x: Any, mask: Any = None) -> Any:
        batch = tf.shape(x)[0]
        q, k, v = (
            tf.transpose(tf.reshape(part(x), (batch, -1, self.heads, self.width // self.heads)), [0, 2, 1, 3])
            for part in self.parts
        )
        scores = tf.matmul(q, k, transpose_b=True) / tf.math.sqrt(float(self.width // self.heads))
        if mask is not None:
            scores += (1.0 - tf.cast(mask[:, None, None, :], "float32")) * -1e9
        mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores, axis=-1), v), [0, 2, 1, 3])
        return self.out(tf.reshape(mixed, (batch, -1, self.width)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads}


@registered
class Block2(layers.Layer):
    """Attention and two layers inside a Sequential; dropout, a loss of its own, masks passed on."""

    def __init__(self, width: int, heads: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.width, self.heads = width, heads
        self.attention, self.drop = OwnAttention2(width, heads), layers.Dropout(0.2)
        self.norms = {"first": layers.LayerNormalization(), "second": layers.LayerNormalization()}
        self.inner = keras.Sequential([layers.Dense(2 * width, activation="gelu"), layers.Dense(width)])

    def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = x + self.drop(self.attention(self.norms["first"](x), mask=mask), training=training)
        self.add_loss(tf.reduce_mean(x))
        return x + self.inner(self.norms["second"](x))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "heads": self.heads}


@registered
class TwoTowers2(keras.Model):
    """A subclassed model that takes and gives dictionaries."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.left, self.right = layers.Dense(8, activation="relu"), OwnDense2(8)
        self.heads = {"score": layers.Dense(1), "kind": layers.Dense(3, activation="softmax")}

    def call(self, inputs: Any) -> Any:
        x = tf.concat([self.left(inputs["a"]), self.right(inputs["b"])], axis=-1)
        return {name: head(x) for name, head in self.heads.items()}

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@registered
class Residual2(layers.Layer):
    """Two convolutions, statistics, a shortcut where widths differ: nested containers."""

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters
        self.parts = [
            (layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization()) for _ in range(2)
        ]
        self.shortcut = layers.Conv2D(filters, 1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        h = x
        for convolution, norm in self.parts:
            h = tf.nn.relu(norm(convolution(h), training=training))
        return h + self.shortcut(x)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "filters": self.filters}


@registered
class OwnTable2(layers.Layer):
    """A table of its own that is gathered from, and a scale for each channel."""

    def __init__(self, width: int, **options: Any) -> None:
        super().__init__(**options)
        self.width = width

    def build(self, shape: Any) -> None:  # noqa: ARG002
        self.table = self.add_weight(shape=(10, self.width), initializer="random_normal", name="table")
        self.gamma = self.add_weight(shape=(self.width,), initializer="ones", name="gamma")

    def call(self, ids: Any) -> Any:
        return tf.gather(self.table, ids) * (1.0 + self.gamma)

    def compute_mask(self, ids: Any, mask: Any = None) -> Any:  # noqa: ARG002
        return tf.not_equal(ids, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


@registered
def double_relu2(x: Any) -> Any:
    """An activation of one's own."""
    return tf.nn.relu(x) * 2


@registered
class Merged2(layers.Layer):
    """Several inputs, several outputs."""

    def __init__(self, units: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.a, self.b = units, layers.Dense(units), layers.Dense(units)

    def call(self, inputs: Any, factor: float = 1.0) -> Any:
        one, other = inputs
        return tf.nn.tanh(self.a(one)) * factor, {"sum": self.a(one) + self.b(other)}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def own_dense() -> tuple[Any, Any]:
    i = keras.Input((6,))
    return keras.Model(i, layers.Dense(3)(OwnDense2(7)(OwnDense2(8)(i)))), _floats(6)


def class_token() -> tuple[Any, Any]:
    i = keras.Input((5, 4))
    h = Block2(8)(ClassToken2()(layers.Dense(8)(i)))
    return keras.Model(i, layers.Dense(3)(h[:, 0])), _floats(5, 4)


def masked_text() -> tuple[Any, Any]:
    """The mask of an embedding goes through blocks to a pooling layer; one block is used twice."""
    i = keras.Input((6,), dtype="int32")
    block = Block2(8)
    h = block(block(layers.Embedding(10, 8, mask_zero=True)(i)))
    return keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling1D()(h))), _tokens()


def own_table() -> tuple[Any, Any]:
    """A mask of one's own that a recurrent layer reads."""
    i = keras.Input((6,), dtype="int32")
    return keras.Model(i, layers.Dense(3)(layers.LSTM(5)(OwnTable2(8)(i)))), _tokens()


def attention_over_table() -> tuple[Any, Any]:
    i = keras.Input((6,), dtype="int32")
    h = OwnTable2(8)(i)
    h = layers.MultiHeadAttention(2, 4)(h, h, attention_mask=np.tri(6, dtype=bool)[None])
    return keras.Model(i, layers.Dense(3)(h)), _tokens()


def open_text() -> tuple[Any, Any]:
    i = keras.Input((None,), dtype="int32")
    h = Block2(8)(layers.Embedding(10, 8)(i))
    return keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling1D()(h))), _tokens()


def two_towers() -> tuple[Any, Any]:
    x = {"a": _floats(5), "b": _floats(4)}
    model = TwoTowers2()
    model(x)
    return model, x


def residual() -> tuple[Any, Any]:
    i = keras.Input((8, 8, 3))
    h = Residual2(8)(Residual2(6)(i))
    return keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling2D()(h))), _floats(8, 8, 3)


def functions() -> tuple[Any, Any]:
    i = keras.Input((6,))
    h = layers.Lambda(lambda x: x * 2 + 1)(layers.Dense(8, activation=double_relu2)(i))
    return keras.Model(i, layers.Dense(3)(layers.Dense(7, activation=double_relu2)(h))), _floats(6)


def several() -> tuple[Any, Any]:
    a, b = keras.Input((5,), name="a"), keras.Input((4,), name="b")
    merged = Merged2(8)
    one, other = merged([layers.Dense(6)(a), layers.Dense(6)(b)], factor=0.5)
    ends = [layers.Dense(3)(one), layers.Dense(2)(other["sum"])]
    return keras.Model([a, b], ends), [_floats(5), _floats(4)]


def spectral() -> tuple[Any, Any]:
    i = keras.Input((8, 8, 3))
    h = layers.SpectralNormalization(layers.Conv2D(8, 3, activation="relu"))(i)
    return keras.Model(i, layers.Dense(3)(layers.GlobalAveragePooling2D()(h))), _floats(8, 8, 3)


def nested_models() -> tuple[Any, Any]:
    """A functional model in a subclassed one in a Sequential."""
    i = keras.Input((6,))
    inner = keras.Model(i, OwnDense2(8)(i))

    @registered
    class Wrapping2(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.inner, self.last = inner, layers.Dense(5)

        def call(self, x: Any) -> Any:
            return self.last(self.inner(x))

    return keras.Sequential([keras.Input((6,)), Wrapping2(), layers.Dense(3)]), _floats(6)


OPENED = (
    own_dense, class_token, masked_text, own_table, attention_over_table, open_text, two_towers, residual,
    functions, several, spectral, nested_models,
)


def _floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")


def _tokens() -> np.ndarray:
    return (np.random.default_rng(0).integers(1, 10, (4, 6)) * (np.arange(6) < 4)).astype("int32")
