"""Builds the smaller Keras model: the same classes and names, in the same Keras, fewer neurons.

Every layer is made anew from its (changed) configuration and called as the original was; nested
and shared layers stay nested and shared. Weights are slices of the original's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError, VerificationError
from edgeprune.graph.model_graph import Tensor
from edgeprune.keras_bridge.derived import derive
from edgeprune.keras_bridge.error_text import error_text
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of
from edgeprune.keras_bridge.nodes import (
    arguments_of,
    functional_part,
    is_graph_model,
    map_tensors,
    map_values,
    nodes_in_order,
    operation_of,
    outputs_of,
    policy_of,
    structure_of,
)
from edgeprune.keras_bridge.steps import FoldSteps
from edgeprune.pruning.compaction import take

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from edgeprune.keras_bridge.read import Reading
    from edgeprune.pruning.compaction import Compaction


def build(
    reading: Reading, stripped: Compaction, weights: Mapping[str, Sequence[np.ndarray]] | None = None
) -> Any:
    """Builds a stripped model with the kept slices of the original's weights.

    Args:
        reading: the original; it is not changed.
        stripped: from `edgeprune.pruning.compaction.strip`.
        weights: layer path to arrays to slice in place of the original's.

    Returns:
        A Keras model of the original's flavour, not compiled.

    Raises:
        InputError: a layer cannot be made anew.
        VerificationError: a layer came out at another size than its weights.
    """
    builder = _Builder(reading, stripped, weights or {})
    if not _initializers_can_wait(reading.model):
        model = builder.model(reading.model)
        for layer, values in builder.values():
            _check_shapes(layer, values)
            layer.set_weights(values)
        derive(model)
        return model
    # In a stateless scope Keras puts off every initializer to the scope's end: no random values are drawn
    # and assigned over, which takes a third of the time that a model takes to build.
    with keras_of(reading.model).StatelessScope():
        model = builder.model(reading.model)
        for layer, values in builder.values():
            _check_shapes(layer, values)
            for variable, value in zip(layer.weights, values, strict=True):
                variable._initializer = _giving(value)  # noqa: SLF001 - there is no public name
    derive(model)
    return model


class _Builder:
    """Makes one new layer for each old one, whatever its nesting."""

    def __init__(
        self, reading: Reading, stripped: Compaction, weights: Mapping[str, Sequence[np.ndarray]]
    ) -> None:
        self.made: dict[int, Any] = {}
        self._reading, self._stripped, self._weights = reading, stripped, weights
        wrappers = {
            path: layer.wrapper for path, layer in reading.layers.items() if isinstance(layer, FoldSteps)
        }
        self._wrappers = set(map(id, wrappers.values()))
        self._configs = {
            id(wrappers.get(path, reading.layers[path])): config for path, config in stripped.configs.items()
        }
        self._arguments = {
            id(reading.graph.calls[number].key): arguments for number, arguments in stripped.arguments.items()
        }
        self._variables = {
            id(weight): (layer, number)
            for layer in reading.layers.values()
            for number, weight in enumerate(getattr(layer, "weights", ()))
        }
        self._symbols = {
            id(reading.graph.calls[number].key): reading.graph.calls[number].inputs
            for number in stripped.arguments
        }

    def layer(self, old: Any) -> Any:
        """The new layer for an old one."""
        if id(old) not in self.made:
            changed = self._configs.get(id(old), {})
            if is_graph_model(old):
                self.made[id(old)] = self.model(old)
            elif id(old) in self._wrappers:
                options = {**old.get_config(), **changed, "layer": self.layer(old.layer)}
                self.made[id(old)] = type(old)(**options)
            else:
                self.made[id(old)] = _made_anew(old, changed)
        return self.made[id(old)]

    def model(self, old: Any) -> Any:
        """Rebuilds a functional or sequential model."""
        if type(old).__name__ == "Sequential":
            inner = functional_part(old)
            first = operation_of(next(node for node in nodes_in_order(inner) if node.is_input))
            return type(old)([self.layer(layer) for layer in (first, *old.layers)], name=old.name)
        return self._functional(old)

    def values(self) -> Iterator[tuple[Any, list[np.ndarray]]]:
        """New layers and their weights."""
        for path, slices in self._stripped.weights.items():
            old = self._reading.layers[path]
            arrays = self._weights.get(path) or old.get_weights()
            factors = self._stripped.factors.get(path, {})
            yield (
                self.made[id(old)],
                [
                    take(array, positions) * array.dtype.type(factors.get(number, 1))
                    for number, (array, positions) in enumerate(zip(arrays, slices, strict=True))
                ],
            )

    def _functional(self, old: Any) -> Any:
        symbols: dict[int, Any] = {}
        for node in nodes_in_order(old):
            operation = self.layer(operation_of(node))
            if node.is_input:
                made = operation.output
            else:
                args, kwargs = self._call_arguments(node, symbols)
                made = _called(operation, args, kwargs)
            flat: list[Any] = []
            map_tensors(made, flat.append)
            symbols.update(zip((id(symbol) for symbol in outputs_of(node)), flat, strict=True))

        def new(symbol: Any) -> Any:
            return symbols[id(symbol)]

        ends = {side: map_tensors(structure_of(old, side), new) for side in ("inputs", "outputs")}
        try:
            return type(old)(**ends, name=old.name)
        except TypeError:  # a class whose own __init__ makes the graph: its plain parent takes any
            return keras_of(old).Model(**ends, name=old.name)

    def _call_arguments(self, node: Any, symbols: dict[int, Any]) -> Any:
        old = arguments_of(node)
        if id(node) not in self._arguments:
            return map_values(map_tensors(old, lambda symbol: symbols[id(symbol)]), self._own_variable)
        flat: list[Any] = []
        map_tensors(old, flat.append)
        by_tensor = {
            tensor.index: symbols[id(symbol)]
            for tensor, symbol in zip(self._symbols[id(node)], flat, strict=True)
        }
        return map_values(_place(self._arguments[id(node)], by_tensor), self._own_variable)

    def _own_variable(self, value: Any) -> Any:
        """The new layer's variable where an operation takes an old one's; anything else as it is."""
        layer, number = self._variables.get(id(value), (None, 0))
        weights = [] if layer is None else self.layer(layer).weights
        return weights[number] if weights else value


def _called(operation: Any, args: Any, kwargs: Any) -> Any:
    """The symbolic outputs of a new layer.

    Raises:
        VerificationError: it refuses the smaller inputs.
    """
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
    """An initializer that gives a value."""

    def initializer(shape: tuple[int, ...], dtype: Any = None) -> np.ndarray:  # noqa: ARG001
        return value

    return initializer


def _check_shapes(layer: Any, values: list[np.ndarray]) -> None:
    """Stops before a layer is given weights that it has no place for.

    Raises:
        VerificationError: the layer came out at another size than its weights.
    """
    for variable, value in zip(layer.weights, values, strict=True):
        shape = tuple(variable.shape)
        fits = len(shape) == value.ndim and all(
            size in (None, have) for size, have in zip(shape, value.shape, strict=True)
        )
        if not fits:
            raise VerificationError(
                f"Layer '{layer.name}' has a weight of shape {shape} in the smaller model.",
                f"One of shape {value.shape} is what stays of it.",
                "This is a defect of a layer rule; please report the model's layers.",
            )


def _initializers_can_wait(model: Any) -> bool:
    """Whether all variables come from initializers.

    A stateful recurrent layer, and perhaps a layer of the user's own, makes variables from values: in a
    stateless scope Keras refuses that.
    """
    return is_keras3(model) and all(
        type(part).__module__.split(".")[0] == "keras" and not getattr(part, "stateful", False)
        for part in model._flatten_layers()  # noqa: SLF001 - there is no public name
    )


def _made_anew(old: Any, changed: Mapping[str, Any]) -> Any:
    """A new layer from an old one's configuration.

    Raises:
        InputError: the layer's class cannot be made from its configuration.
    """
    if type(old).__name__ == "Lambda":  # Keras refuses to read its code back from a configuration
        return type(old)(
            old.function,
            output_shape=getattr(old, "_output_shape", None),
            mask=getattr(old, "mask", None),
            arguments=old.arguments,
            name=old.name,
            dtype=changed.get("dtype", policy_of(old)),
        )
    try:
        config = {**old.get_config(), **changed}
        made = type(old).from_config(_without_arrays(config) if changed else config)
        if _has_adapted_vocabulary(old):  # which is in no configuration and no weight
            made.set_vocabulary(old.get_vocabulary())
    except Exception as error:
        raise InputError(
            f"Layer '{old.name}' of class {type(old).__name__} cannot be made anew ({error}).",
            "A class whose from_config() takes what its get_config() gives is expected.",
            "Add get_config(), and register classes and functions of your own with Keras.",
        ) from error
    if made.name != old.name:  # a class of the user's own that forgets it
        setattr(made, "name" if is_keras3(made) else "_name", old.name)
    return made


def _has_adapted_vocabulary(layer: Any) -> bool:
    """Whether a lookup's words, its own or those of the text vectorization around it, came from data."""
    lookup = getattr(layer, "_lookup_layer", layer)
    return getattr(lookup, "input_vocabulary", "") is None


def _without_arrays(config: Any) -> Any:
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


def _place(value: Any, by_tensor: dict[int, Any]) -> Any:
    """Puts symbolic tensors where `Tensor` placeholders are."""
    if isinstance(value, (list, tuple)):
        return type(value)(_place(item, by_tensor) for item in value)
    if isinstance(value, dict):
        return {key: _place(item, by_tensor) for key, item in value.items()}
    return by_tensor[value.index] if isinstance(value, Tensor) else value
