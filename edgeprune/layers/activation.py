"""Layers that treat every element by itself: activations, dropout, noise, scaling.

An activation that mixes the channels (softmax) needs all of them: its channels stay.
"""

from collections.abc import Callable, Mapping

import numpy as np

from edgeprune.graph import CallView, ChannelIds, ChannelSpace, Config, KeepMask, Layer, channel_ids
from edgeprune.graph.flow import Arrays, Flow, WeightFlow
from edgeprune.layers.operation import axes_of
from edgeprune.layers.rule import ChannelwiseRule, ConstantElements, named_activation, scaled_to_zero

ELEMENTWISE = frozenset((  # noqa: SIM905 - a list of words
    "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
    "leakyrelu linear log_sigmoid mish relu relu6 selu sigmoid silu soft_shrink softplus softsign "
    "sparse_plus sparse_sigmoid squareplus swish tanh tanh_shrink threshold thresholdedrelu"
).split())
"""Activations, by their Keras names in lower case, whose every output depends on one input."""

NUMPY_ACTIVATIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda h: np.maximum(h, 0),
    "linear": lambda h: h,
    "tanh": np.tanh,
    "sigmoid": lambda h: 0.5 * (1 + np.tanh(0.5 * h)),
    "elu": lambda h: np.where(h > 0, h, np.expm1(np.minimum(h, 0))),
    "swish": lambda h: h * 0.5 * (1 + np.tanh(0.5 * h)),
    "silu": lambda h: h * 0.5 * (1 + np.tanh(0.5 * h)),
    "softplus": lambda h: np.logaddexp(h, 0),
}
"""The ones that numpy can stand in for."""


class ElementwiseRule(ChannelwiseRule):
    """Passes the ids on as they are."""

    elementwise = True
    crosses = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        fix_if_mixing(view, view.inputs[0], space)
        return Flow((view.inputs[0],))


class IdentityRule(ElementwiseRule):
    """Dropout, noise and regularization: they change nothing at inference."""

    def activation(self, layer: Layer) -> str:
        return "linear"


class ActivationRule(ElementwiseRule):
    """Activation: any function by its name."""

    def activation(self, layer: Layer) -> str | None:
        return named_activation(layer)


class ReLURule(ElementwiseRule):
    """ReLU, with an upper limit or without; with a slope or a threshold it is another function."""

    def activation(self, layer: Layer) -> str | None:
        if layer.config.get("negative_slope") or layer.config.get("threshold"):
            return None
        return "relu" if layer.config.get("max_value") is None else "capped_relu"


class SoftmaxRule(ChannelwiseRule):
    """Softmax over some axes: the channels there stay, along other axes they pass."""

    depends_on_size = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        if set(axes_of(view.option("axis", -1), ids.ndim)) & set(channel_ids.varying_axes(ids)):
            space.fix(ids, view.layer.path, "takes a softmax over all of its neurons")
        return Flow((ids,))

    def activation(self, layer: Layer) -> str | None:
        return "softmax" if layer.config.get("axis", -1) == -1 else None


class PReLURule(ChannelwiseRule):
    """Learned slopes, one for each element that `shared_axes` does not share."""

    elementwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        varying = channel_ids.varying_axes(ids)
        axes = tuple(
            space.fix_unless_vector(ids, axis, view.layer.path) if size > 1 and axis in varying else None
            for axis, size in enumerate(view.layer.weight_shapes[0], start=1)
        )
        return Flow((ids,), (WeightFlow(axes),))


class LayerScaleRule(ChannelwiseRule):
    """LayerScale of keras.applications' ConvNeXt: one factor for each channel of the last axis."""

    elementwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        line = space.fix_unless_vector(view.inputs[0], -1, view.layer.path)
        return Flow((view.inputs[0],), (WeightFlow((line,)),), sizes={"projection_dim": line})

    def constant_elements(self, layer: Layer, flow: Flow, weights: Arrays) -> ConstantElements | None:
        return scaled_to_zero(flow.weights[0], weights[0])


class PerChannelOptionRule(ChannelwiseRule):
    """Rescaling and Normalization: constants of the configuration, one number or one per channel.

    As everywhere in numpy, the constants' last axis meets the last one of the input, or the last one
    of those that the layer names.
    """

    elementwise = True
    channels_alike = False
    width_free = False

    def __init__(self, *options: str) -> None:
        self.options = options

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        own = set(channel_ids.varying_axes(ids)) & set(axes_of(view.option("axis"), ids.ndim))
        lines = {axis: space.fix_unless_vector(ids, axis, view.layer.path) for axis in own}
        weights = tuple(
            WeightFlow(tuple(lines.get(axis) for axis in _met(view, ids.ndim, len(shape))))
            for shape in view.layer.weight_shapes
        )
        return Flow((ids,), weights)

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """Takes the kept channels out of constants that have one entry for each."""
        ids = flow.outputs[0]
        changed: dict[str, object] = {}
        for option in self.options:
            values = _array(view.option(option, 0.0))
            for place, axis in enumerate(_met(view, ids.ndim, values.ndim)):
                line = channel_ids.vector(ids, axis) if axis in channel_ids.varying_axes(ids) else None
                if line is not None and values.shape[place] > 1:
                    values = np.compress(kept.mask(line), values, axis=place)
                    changed[option] = values.tolist()
        return changed


def _met(view: CallView, rank: int, count: int) -> list[int]:
    """The axes of the input that `count` axes of a constant meet, among those that the layer names."""
    axes = sorted(axes_of(view.option("axis"), rank))
    return axes[len(axes) - count :]


def _array(value: object) -> np.ndarray:
    """A constant of a configuration; Keras 3 writes an array down as a dictionary."""
    return np.asarray(value["config"]["value"] if isinstance(value, dict) else value)


def made_channels(view: CallView, option: str, space: ChannelSpace) -> ChannelIds:
    """Fresh channels of a layer, as many as an option says; see `fix_if_mixing`."""
    made = space.fresh(view.layer.path, int(view.option(option)))
    fix_if_mixing(view, made, space)
    return made


def fix_if_mixing(view: CallView, ids: ChannelIds, space: ChannelSpace, config: Config | None = None) -> None:
    """Keeps the channels whose layer ends in an activation that is not known to be element-wise.

    A cell's `config` may differ from that of its layer, and name an activation of its gates.
    """
    config = view.layer.config if config is None else config
    for option in ("activation", "recurrent_activation"):
        name = activation_name(config.get(option))
        if name.lower() not in ELEMENTWISE:
            space.fix(ids, view.layer.path, f"needs all of its neurons for {name}")


def activation_name(activation: object) -> str:
    """Keras' name of a serialized activation: a function, or a layer used as one."""
    if activation is None:
        return "linear"
    if isinstance(activation, str):
        return activation
    if isinstance(activation, dict):
        config = activation.get("config")
        return config if isinstance(config, str) else str(activation.get("class_name", "activation"))
    return str(getattr(activation, "__name__", "activation"))
