"""Cases of all layers; operations have theirs in `operation_cases`, attention in `attention_cases`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.layers.attention_cases import ATTENTION
from tests.layers.cases import IMAGE, K3, SEQUENCE, between, dense, layer, merge, model, read

if TYPE_CHECKING:
    from tests.layers.cases import Case

VOLUME = (4, 4, 4, 2)


def _stateful(k: Any, inputs: list[Any]) -> Any:
    h, c = dense(k, inputs[1]), dense(k, inputs[1])
    y, *states = k.layers.LSTM(8, return_state=True, return_sequences=True)(
        dense(k, inputs[0]), initial_state=[h, c]
    )
    return [read(k, y), read(k, states[0]), read(k, states[1])]


def _masked_text(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.Embedding(10, 8, mask_zero=True)(inputs[0])
    x = k.layers.GRU(6, return_sequences=True)(x)
    return k.layers.Dense(3)(k.layers.Bidirectional(k.layers.LSTM(4))(x))


def _both_ends(k: Any, inputs: list[Any]) -> Any:
    states = [dense(k, inputs[1], 5) for _ in range(2)]
    y, *ends = k.layers.Bidirectional(k.layers.GRU(5, return_state=True))(
        dense(k, inputs[0]), initial_state=states
    )
    return [read(k, y), read(k, ends[0]), read(k, ends[1])]


def _unlike_directions(k: Any, inputs: list[Any]) -> Any:
    backward = k.layers.LSTM(4, go_backwards=True, return_sequences=True, name="back")
    wrapped = k.layers.Bidirectional(k.layers.LSTM(6, return_sequences=True), backward_layer=backward)
    return read(k, wrapped(dense(k, inputs[0])))


def _unmerged(k: Any, inputs: list[Any]) -> Any:
    forward, backward = k.layers.Bidirectional(k.layers.SimpleRNN(5), merge_mode=None)(dense(k, inputs[0]))
    return [read(k, forward), read(k, backward)]


def _stack(k: Any) -> Any:
    cells = [k.layers.LSTMCell(6), k.layers.GRUCell(5), k.layers.SimpleRNNCell(4)]
    return k.layers.RNN(cells, return_sequences=True)


def _stacked_states(k: Any, inputs: list[Any]) -> Any:
    """The states of stacked cells are nested: [gru, [h, c]]."""
    first, second = (
        k.layers.RNN([k.layers.GRUCell(5), k.layers.LSTMCell(4)], return_state=True) for _ in range(2)
    )
    _, *states = first(inputs[0])
    y, *ends = second(inputs[1], initial_state=states)
    return [read(k, y), read(k, ends[0]), read(k, ends[1][1])]


def _statistics(k: Any, **axis: Any) -> Any:
    return k.layers.Normalization(mean=np.arange(8.0), variance=np.arange(1.0, 9.0), **axis)


def _squeeze_and_excite(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.Conv2D(8, 3, padding="same", activation="relu")(inputs[0])
    gate = k.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = k.layers.Conv2D(4, 1, activation="relu")(gate)
    gate = k.layers.Conv2D(8, 1, activation="sigmoid")(gate)
    return read(k, k.layers.Multiply()([x, gate]))


def _residual(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.Conv2D(8, 3, padding="same")(inputs[0])
    y = k.layers.DepthwiseConv2D(3, padding="same")(k.layers.BatchNormalization()(x))
    return read(k, k.layers.Add()([x, k.layers.Conv2D(8, 1)(y)]))


def _two_ends(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.Conv2D(8, 3, activation="relu")(inputs[0])
    joined = k.layers.Concatenate()([k.layers.MaxPooling2D(2)(x), k.layers.AveragePooling2D(2)(x)])
    return [read(k, joined), read(k, x)]


def _mixing_steps(k: Any, inputs: list[Any]) -> Any:
    """MLP-Mixer: a kernel over the steps of each channel, and back."""
    x = dense(k, inputs[0])
    steps = k.layers.Dense(10, activation="tanh")(k.layers.Permute((2, 1))(x))
    steps = k.layers.Permute((2, 1))(k.layers.Dense(6)(steps))
    return read(k, k.layers.Add()([x, steps]))


def _mixing_steps_pointwise(k: Any, inputs: list[Any]) -> Any:
    """The same by convolutions of one tap, one of which is the other's gate."""
    x = dense(k, inputs[0])
    turned = k.layers.Permute((2, 1))(x)
    steps, gate = (k.layers.Conv1D(10, 1, use_bias=False)(turned) for _ in range(2))
    steps = k.layers.Dropout(0.3)(k.layers.Multiply()([steps, k.layers.Activation("sigmoid")(gate)]))
    steps = k.layers.Permute((2, 1))(k.layers.Conv1D(6, 1, activation="tanh")(steps))
    return read(k, k.layers.Add()([x, steps]))


def _mixing_steps_by_letters(k: Any, inputs: list[Any]) -> Any:
    x = dense(k, inputs[0])
    hidden = k.layers.EinsumDense("btc,th->bch", (8, 10), bias_axes="h", activation="tanh")(x)
    return read(k, k.layers.Add()([x, k.layers.EinsumDense("bch,ht->btc", (6, 8), bias_axes="t")(hidden)]))


def _in_two_ways(k: Any, inputs: list[Any]) -> Any:
    """One kernel reads the channels of a tensor and the steps of another."""
    shared, x, other = k.layers.Dense(6), dense(k, inputs[0], 6), dense(k, inputs[0], 8)
    across = k.layers.Permute((2, 1))(shared(k.layers.Permute((2, 1))(other)))
    return [read(k, shared(x)), read(k, across), read(k, dense(k, inputs[0], 4))]


def _shared(k: Any, inputs: list[Any]) -> Any:
    shared = k.layers.Dense(6, activation="tanh", name="shared")
    return read(k, k.layers.Concatenate()([shared(inputs[0]), shared(inputs[1])]))


def _nested_twice(k: Any, inputs: list[Any]) -> Any:
    inner_input = k.Input((6, 8))
    inner = k.Model(inner_input, dense(k, dense(k, inner_input, 7)), name="block")
    return read(k, inner(inner(dense(k, inputs[0]))))


def _nested_sequential(k: Any, inputs: list[Any]) -> Any:
    inner = k.Sequential([k.Input((6, 8)), k.layers.Dense(7, activation="relu"), k.layers.Dense(5)])
    return read(k, inner(dense(k, inputs[0])))


def _along_time(k: Any, inputs: list[Any]) -> Any:
    return read(k, k.layers.Concatenate(axis=1)([dense(k, inputs[0]), dense(k, inputs[1])]))


def _along_time_and_channels(k: Any, inputs: list[Any]) -> Any:
    """A dense layer of channels reads what was joined along time."""
    x = k.layers.Concatenate(axis=1)([dense(k, inputs[0]), dense(k, inputs[1])])
    return read(k, k.layers.Dense(5, activation="tanh")(x))


def _unfolded(k: Any, inputs: list[Any]) -> Any:
    """A decoder's first feature map, with more steps than channels."""
    x = k.layers.Reshape((7, 4))(dense(k, inputs[0], 28))
    return read(k, k.layers.Conv1D(3, 2)(x))


def _weighted_steps(k: Any, inputs: list[Any]) -> Any:
    """The sum of the steps, each weighted by one neuron."""
    x = dense(k, inputs[0])
    return read(k, k.layers.Dot(axes=(1, 1))([x, k.layers.Softmax(axis=1)(dense(k, x, 1))]))


def _split_and_joined(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.EinsumDense("abc,cde->abde", (6, 3, 5), bias_axes="de", activation="relu")(
        dense(k, inputs[0])
    )
    return read(k, k.layers.EinsumDense("abde,def->abf", (6, 7), bias_axes="f")(x))


def _application_layer(k: Any, module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"{k.__name__}.src.applications.{module}"), name)


def _scaled(k: Any, inputs: list[Any]) -> Any:
    x, y = dense(k, inputs[0]), dense(k, inputs[0])
    return read(k, _application_layer(k, "inception_resnet_v2", "CustomScaleLayer")(0.3)([x, y]))


LAYERS: list[Case] = [
    model("InputLayer", lambda k, i: read(k, dense(k, i[0]))),
    layer("Dense", 6, use_bias=False, activation="gelu"),
    model("Dense", lambda k, i: k.layers.Dense(3)(dense(k, dense(k, i[0]))), (4,), note="vector"),
    layer("Conv1D", 6, 3, strides=2, padding="same"),
    layer("Conv1D", 6, 3, dilation_rate=2, padding="causal", note="causal"),
    layer("Conv2D", 6, (3, 2), strides=(2, 1), shape=IMAGE),
    layer("Conv2D", 8, 3, groups=4, shape=IMAGE, note="grouped"),
    layer("Conv2D", 16, 3, groups=8, shape=IMAGE, note="one channel a group"),
    layer("Conv3D", 6, 2, shape=VOLUME),
    layer("Conv1DTranspose", 6, 3, strides=2, padding="same"),
    layer("Conv2DTranspose", 6, 3, strides=2, shape=IMAGE),
    layer("Conv3DTranspose", 6, 2, strides=2, padding="same", shape=VOLUME),
    layer("DepthwiseConv1D", 3, depth_multiplier=2),
    layer("DepthwiseConv2D", 3, padding="same", depth_multiplier=2, shape=IMAGE),
    layer("SeparableConv1D", 6, 3, depth_multiplier=2, padding="same"),
    layer("SeparableConv2D", 6, 3, strides=2, shape=IMAGE),
    model("EinsumDense", _split_and_joined),
    layer("EinsumDense", "...x,xy->...y", 5, note="ellipsis"),
    model("Embedding", lambda k, i: read(k, k.layers.Embedding(10, 8)(i[0])), (6,), tokens=True),
    layer("SimpleRNN", 5),
    layer("GRU", 5, return_sequences=True),
    layer("GRU", 5, reset_after=False, go_backwards=True, note="reset before"),
    layer("LSTM", 5, return_sequences=True, go_backwards=True),
    model("LSTM", _stateful, SEQUENCE, (4,), note="initial state"),
    model("GRU", _masked_text, (6,), tokens=True, note="masked"),
    between("RNN", _stack),
    between("RNN", lambda k: k.layers.RNN(k.layers.GRUCell(5), go_backwards=True), note="one cell"),
    model("RNN", _stacked_states, SEQUENCE, SEQUENCE, note="states of stacked cells"),
    layer("ConvLSTM1D", 4, 2, shape=(3, 6, 2)),
    layer("ConvLSTM2D", 4, 2, return_sequences=True, padding="same", shape=(3, 5, 5, 2)),
    layer("ConvLSTM3D", 4, 2, shape=(2, 4, 4, 4, 2)),
    between("Bidirectional", lambda k: k.layers.Bidirectional(k.layers.LSTM(5, return_sequences=True))),
    between(
        "Bidirectional", lambda k: k.layers.Bidirectional(k.layers.GRU(5), merge_mode="mul"), note="tied"
    ),
    model("Bidirectional", _both_ends, SEQUENCE, (4,), note="states"),
    model("Bidirectional", _unmerged, note="unmerged"),
    model("Bidirectional", _unlike_directions, note="unlike", keras_versions=("tf_keras",)),
    between("TimeDistributed", lambda k: k.layers.TimeDistributed(k.layers.Dense(6))),
    between(
        "FoldSteps",
        lambda k: k.layers.TimeDistributed(k.Sequential([k.Input((8,)), k.layers.Dense(6)])),
        keras_versions=("tf_keras",),
    ),
    between(
        "UnfoldSteps",
        lambda k: k.layers.TimeDistributed(
            k.Sequential([k.Input((4, 8)), k.layers.Conv1D(6, 3, activation="relu"), k.layers.Flatten()])
        ),
        shape=(3, 4, 4),
        keras_versions=("keras",),
    ),
    between(
        "TimeDistributed",
        lambda k: k.layers.TimeDistributed(k.layers.Conv2D(6, 3)),
        (3, 8, 8, 2),
        note="conv",
    ),
    between(
        "TimeDistributed", lambda k: k.layers.TimeDistributed(k.layers.LayerNormalization()), note="norm"
    ),
    between(
        "TimeDistributed",
        lambda k: k.layers.TimeDistributed(_statistics(k, axis=1)),
        (3, 8, 2),
        note="axis of the norm",
    ),
    *ATTENTION,
    layer("BatchNormalization", shape=IMAGE),
    layer("BatchNormalization", axis=1, shape=(8, 4), note="of each step"),
    layer("LayerNormalization", shape=IMAGE),
    layer("LayerNormalization", axis=[1, 2, 3], shape=IMAGE, note="all axes"),
    layer("RMSNormalization", keras_versions=K3),
    layer("GroupNormalization", groups=2, shape=IMAGE),
    layer("GroupNormalization", groups=-1, shape=IMAGE, note="instance"),
    layer("UnitNormalization"),
    layer("Activation", "silu"),
    layer("Identity", keras_versions=K3),
    layer("ReLU", max_value=0.5),
    layer("LeakyReLU"),
    layer("ELU"),
    layer("ThresholdedReLU", 0.1, keras_versions=("tf_keras",)),
    layer("Softmax", axis=1),
    layer("PReLU", alpha_initializer="uniform"),
    layer("PReLU", alpha_initializer="uniform", shared_axes=[1, 2], shape=IMAGE, note="shared"),
    layer("Dropout", 0.5),
    layer("SpatialDropout1D", 0.5),
    layer("SpatialDropout2D", 0.5, shape=IMAGE),
    layer("SpatialDropout3D", 0.5, shape=VOLUME),
    layer("AlphaDropout", 0.5),
    layer("GaussianDropout", 0.5),
    layer("GaussianNoise", 0.5),
    layer("ActivityRegularization"),
    model("Masking", lambda k, i: read(k, dense(k, k.layers.Masking()(i[0])))),
    layer("Rescaling", [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0], offset=0.25),
    layer("Rescaling", np.arange(1.0, 9.0), offset=np.linspace(0, 1, 48).reshape(6, 8), note="arrays"),
    between("Normalization", _statistics),
    between("Normalization", lambda k: _statistics(k, axis=1), (8, 4), note="as many steps as units"),
    layer("Normalization", axis=(2, 1), shape=(8, 4), note="learned, of each step and channel"),
    layer("Resizing", 5, 7, shape=IMAGE),
    layer("CenterCrop", 5, 6, shape=IMAGE),
    layer("MaxPooling1D"),
    layer("MaxPooling2D", shape=IMAGE),
    layer("MaxPooling3D", shape=VOLUME),
    layer("AveragePooling1D", 2),
    layer("AveragePooling2D", 2, padding="same", strides=3, shape=IMAGE),
    layer("AveragePooling3D", 2, shape=VOLUME),
    layer("ZeroPadding1D", 2),
    layer("ZeroPadding2D", ((1, 0), (0, 2)), shape=IMAGE),
    layer("ZeroPadding3D", shape=VOLUME),
    layer("Cropping1D", (1, 2)),
    layer("Cropping2D", ((1, 0), (0, 2)), shape=IMAGE),
    layer("Cropping3D", shape=VOLUME),
    layer("UpSampling1D", 2),
    layer("UpSampling2D", 2, interpolation="bilinear", shape=IMAGE),
    layer("UpSampling3D", 2, shape=VOLUME),
    layer("GlobalAveragePooling1D"),
    layer("GlobalAveragePooling2D", shape=IMAGE),
    layer("GlobalAveragePooling3D", keepdims=True, shape=VOLUME),
    layer("GlobalMaxPooling1D"),
    layer("GlobalMaxPooling2D", keepdims=True, shape=IMAGE),
    layer("GlobalMaxPooling3D", shape=VOLUME),
    merge("Add"),
    merge("Subtract"),
    merge("Multiply"),
    merge("Maximum"),
    merge("Minimum"),
    merge("Average"),
    merge("Concatenate"),
    model("Concatenate", _along_time, SEQUENCE, (5, 4), note="along time"),
    model("Concatenate", _along_time_and_channels, SEQUENCE, (5, 4), note="along time, by channels"),
    merge("Dot", axes=2),
    model("Dot", _weighted_steps, note="with a single neuron"),
    layer("Flatten"),
    layer("Reshape", (3, 2, 8)),
    layer("Reshape", (6, 2, 4), note="split channels"),
    model("Reshape", _unfolded, (4,), note="unfolded vector"),
    layer("Permute", (2, 1)),
    model("RepeatVector", lambda k, i: read(k, k.layers.RepeatVector(3)(dense(k, i[0]))), (4,)),
    between("LayerScale", lambda k: _application_layer(k, "convnext", "LayerScale")(0.5, 8)),
    between("StochasticDepth", lambda k: _application_layer(k, "convnext", "StochasticDepth")(0.5)),
    model("CustomScaleLayer", _scaled),
    model("Multiply", _squeeze_and_excite, IMAGE, note="squeeze and excite"),
    model("Add", _residual, IMAGE, note="residual"),
    model("Concatenate", _two_ends, IMAGE, note="two outputs"),
    model("Dense", _shared, SEQUENCE, SEQUENCE, note="shared"),
    model("Dense", _mixing_steps, note="across steps"),
    model("Conv1D", _mixing_steps_pointwise, note="across steps"),
    model("EinsumDense", _mixing_steps_by_letters, note="across steps"),
    model("Dense", _in_two_ways, note="in two ways"),
    model("Dense", _nested_twice, note="nested twice"),
    model("Dense", _nested_sequential, note="nested Sequential"),
]
