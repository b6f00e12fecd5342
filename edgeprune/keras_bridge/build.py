"""Builds the smaller Keras model: the same classes and names, in the same Keras, fewer neurons.

Every layer is made anew from its (changed) configuration and called as the original was; nested
and shared layers stay nested and shared. Weights are slices of the original's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError, VerificationError
from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.class_owner import who_mends
from edgeprune.keras_bridge.clone import derive
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.read import Reading
from edgeprune.keras_bridge.steps import FoldSteps
from edgeprune.keras_types import KerasLayer, KerasModel, KerasNode, KerasTensor
from edgeprune.pruning.compaction import Compaction, take


def build(
    reading: Reading, compaction: Compaction, weights: Mapping[str, Sequence[np.ndarray]] | None = None
) -> KerasModel:
    """Builds a smaller model with the kept slices of the original's weights.

    It is of the original's Keras version and not compiled. `weights` are arrays to slice in place of the
    original's, by layer path.

    Raises:
        InputError: a layer cannot be made anew.
        VerificationError: a layer came out at another size than its weights.
    """
    builder = _ModelBuilder(reading, compaction, weights or {})
    can_wait = _initializers_can_wait(reading.model)
    # In a stateless scope Keras puts off every initializer to the scope's end: no random values are drawn
    # and assigned over, which takes a third of the time that a model takes to build.
    with keras_of(reading.model).StatelessScope() if can_wait else contextlib.nullcontext():
        model = builder.model(reading.model)
        for layer, values in builder.values():
            _check_shapes(layer, values)
            if not can_wait:
                layer.set_weights(values)
                continue
            for variable, value in zip(layer.weights, values, strict=True):
                variable._initializer = _giving(value)  # noqa: SLF001 - there is no public name
    derive(model)
    return model


class _ModelBuilder:
    """Makes one new layer for each old one, whatever its nesting."""

    def __init__(
        self, reading: Reading, compaction: Compaction, weights: Mapping[str, Sequence[np.ndarray]]
    ) -> None:
        self.made: dict[Identity, KerasLayer] = {}
        self._reading, self._compaction, self._weights = reading, compaction, weights
        wrappers = {
            path: layer.wrapper for path, layer in reading.layers.items() if isinstance(layer, FoldSteps)
        }
        self._wrappers = {Identity(wrapper) for wrapper in wrappers.values()}
        self._configs = {
            Identity(wrappers.get(path, reading.layers[path])): config
            for path, config in compaction.configs.items()
        }
        calls = reading.graph.calls
        self._arguments = {
            Identity(calls[number].key): (calls[number].inputs, arguments)
            for number, arguments in compaction.arguments.items()
        }
        self._variables = {
            Identity(weight): (layer, number)
            for layer in reading.layers.values()
            for number, weight in enumerate(getattr(layer, "weights", ()))
        }

    def layer(self, old: KerasLayer) -> KerasLayer:
        key = Identity(old)
        if key not in self.made:
            changed = self._configs.get(key, {})
            if nodes.is_graph_model(old):
                self.made[key] = self.model(old)
            elif key in self._wrappers:
                self.made[key] = type(old)(**{**old.get_config(), **changed, "layer": self.layer(old.layer)})
            else:
                self.made[key] = made_anew(old, changed)
        return self.made[key]

    def model(self, old: KerasModel) -> KerasModel:
        """Rebuilds a functional or sequential model."""
        if type(old).__name__ == "Sequential":
            inner = nodes.functional_part(old)
            first = nodes.operation_of(next(node for node in nodes.nodes_in_order(inner) if node.is_input))
            return type(old)([self.layer(layer) for layer in (first, *old.layers)], name=old.name)
        return self._functional(old)

    def values(self) -> Iterator[tuple[KerasLayer, list[np.ndarray]]]:
        for path, slices in self._compaction.weights.items():
            old = self._reading.layers[path]
            arrays = self._weights.get(path) or old.get_weights()
            factors = self._compaction.factors.get(path, {})
            yield self.made[Identity(old)], [
                take(array, positions) * array.dtype.type(factors.get(number, 1))
                for number, (array, positions) in enumerate(zip(arrays, slices, strict=True))
            ]

    def _functional(self, old: KerasModel) -> KerasModel:
        symbols: dict[Identity, KerasTensor] = {}
        for node in nodes.nodes_in_order(old):
            operation = self.layer(nodes.operation_of(node))
            if node.is_input:
                made = operation.output
            else:
                args, kwargs = self._call_arguments(node, symbols)
                made = _called(operation, args, kwargs)
            symbols.update(zip(map(Identity, nodes.outputs_of(node)), nodes.tensors_in(made), strict=True))

        def new(symbol: KerasTensor) -> KerasTensor:
            return symbols[Identity(symbol)]

        ends = {side: nodes.map_tensors(nodes.structure_of(old, side), new) for side in ("inputs", "outputs")}
        try:
            return type(old)(**ends, name=old.name)
        except TypeError:  # a class whose own __init__ makes the graph: its plain parent takes any
            return keras_of(old).Model(**ends, name=old.name)

    def _call_arguments(
        self, node: KerasNode, symbols: dict[Identity, KerasTensor]
    ) -> tuple[Sequence[object], Mapping[str, object]]:
        """The arguments of the new call: new symbols in place of old ones, or of the compaction's tensors."""
        arguments = nodes.arguments_of(node)
        if Identity(node) in self._arguments:
            tensors, changed = self._arguments[Identity(node)]
            flat = nodes.tensors_in(arguments)
            by_index = {t.index: symbols[Identity(old)] for t, old in zip(tensors, flat, strict=True)}
            arguments = nodes.map_values(changed, lambda v: by_index[v.index] if isinstance(v, Tensor) else v)
        else:
            arguments = nodes.map_tensors(arguments, lambda symbol: symbols[Identity(symbol)])
        args, kwargs = nodes.map_values(arguments, self._own_variable)
        return args, kwargs

    def _own_variable(self, value: object) -> object:
        """The new layer's variable where an operation takes an old one's; anything else as it is."""
        layer, number = self._variables.get(Identity(value), (None, 0))
        weights = [] if layer is None else self.layer(layer).weights
        return weights[number] if weights else value


def _called(operation: KerasLayer, args: Sequence[object], kwargs: Mapping[str, object]) -> KerasTensor:
    """The symbolic outputs of a new layer, which must take the smaller inputs."""
    try:
        return operation(*args, **kwargs)
    except Exception as error:
        raise VerificationError(
            f"Layer '{operation.name}' of class {type(operation).__name__} refuses its inputs in the "
            f"smaller model ({error_text(error)}).",
            "A layer that takes as many channels as there are, or a rule that keeps them, is expected.",
            "Protect the layers around it by name, and please report the model's layers.",
        ) from error


def _giving(value: np.ndarray) -> Callable[..., np.ndarray]:
    return lambda shape, dtype=None: value  # noqa: ARG005


def check_weight_count(layer: KerasLayer, values: Sequence[np.ndarray]) -> None:
    """Stops where a layer that was made anew has another number of weights than the original's.

    Raises:
        InputError: it has.
    """
    if len(layer.weights) != len(values):
        raise InputError(
            f"Layer '{layer.name}' of class {type(layer).__name__} has {len(layer.weights)} weights when it "
            f"is made anew from its configuration, and {len(values)} in the model.",
            "A class that makes the same weights from the same configuration is expected.",
            who_mends(type(layer), "Make all weights in build(), whatever call() does."),
        )


def _check_shapes(layer: KerasLayer, values: list[np.ndarray]) -> None:
    """Stops before a layer is given weights that it has no place for."""
    check_weight_count(layer, values)
    for variable, value in zip(layer.weights, values, strict=True):
        shape = tuple(variable.shape)
        if not nodes.fits(shape, value.shape):
            raise VerificationError(
                f"Layer '{layer.name}' has a weight of shape {shape} in the smaller model.",
                f"One of shape {value.shape} is what stays of it.",
                "Protect the layer by name (--protect), and please report how it is set up.",
            )


def _initializers_can_wait(model: KerasModel) -> bool:
    """Whether all variables come from initializers.

    A stateful recurrent layer, and perhaps a layer of the user's own, makes variables from values: in a
    stateless scope Keras refuses that.
    """
    return is_keras3(model) and all(
        type(part).__module__.split(".")[0] == "keras" and not getattr(part, "stateful", False)
        for part in model._flatten_layers()  # noqa: SLF001 - there is no public name
    )


def made_anew(old: KerasLayer, changed: Mapping[str, object]) -> KerasLayer:
    """A layer of the same class from its configuration, with some entries changed; without weights."""
    if type(old).__name__ == "Lambda":  # Keras refuses to read its code back from a configuration
        return type(old)(
            old.function, output_shape=getattr(old, "_output_shape", None), mask=getattr(old, "mask", None),
            arguments=old.arguments, name=old.name, dtype=changed.get("dtype", nodes.policy_of(old)),
        )
    try:
        config = {**_config_of(old), **changed}
        made = type(old).from_config(_without_arrays(config) if changed else config)
        if _has_adapted_vocabulary(old):  # which is in no configuration and no weight
            made.set_vocabulary(old.get_vocabulary())
    except Exception as error:
        raise InputError(
            f"Layer '{old.name}' of class {type(old).__name__} cannot be made anew ({error_text(error)}).",
            "A class whose from_config() takes what its get_config() gives is expected.",
            who_mends(
                type(old), "Add get_config(), and register classes and functions of your own with Keras."
            ),
        ) from error
    name = changed.get("name", old.name)
    if made.name != name:  # a class of the user's own that forgets it
        setattr(made, "name" if is_keras3(made) else "_name", name)
    return made


def _config_of(layer: KerasLayer) -> Mapping[str, object]:
    """A layer's configuration; Keras' own Identity refuses to give one where it was made with a policy."""
    if type(layer).__name__ == "Identity" and is_keras3(layer):
        return {"name": layer.name, "trainable": layer.trainable, "dtype": layer.dtype_policy.name}
    config: Mapping[str, object] = layer.get_config()
    return config


def _has_adapted_vocabulary(layer: KerasLayer) -> bool:
    """Whether a lookup's words, its own or those of the text vectorization around it, came from data."""
    lookup = getattr(layer, "_lookup_layer", layer)
    return getattr(lookup, "input_vocabulary", "") is None


def _without_arrays(config: object) -> object:
    """A configuration without the arrays that variables start from: they have the original's size.

    The variables get the original's values in any case.
    """
    if isinstance(config, tuple):
        return tuple(map(_without_arrays, config))
    if isinstance(config, list):  # or TensorFlow's wrapper of one
        return [_without_arrays(item) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "Constant" and not isinstance(config["config"]["value"], (int, float)):
        return "zeros"
    return {key: _without_arrays(value) for key, value in config.items()}
