"""Layers that hold the weights which opened layers made themselves, each made once: Embedding or Dense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inside import own_weights
from edgeprune.keras_bridge.inside.names import Names
from edgeprune.keras_bridge.inside.recorded_calls import RecordedCall, Recording
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor


class WeightLayers:
    """Those of one model, in its own Keras; see `edgeprune.keras_bridge.inside.own_weights`.

    Attributes:
        arrays: what each layer is to hold.
    """

    def __init__(
        self, model: KerasModel, recording: Recording, paths: Mapping[Identity, str], names: Names
    ) -> None:
        self._model, self._recording, self._paths, self._names = model, recording, paths, names
        self._keras = keras_of(model)
        self._kernels = own_weights.dense_weights(recording)
        self._equations = own_weights.einsum_weights(recording)
        self._biases = own_weights.biases(recording, self._kernels)
        self._layers: dict[Identity, KerasLayer] = {}
        self._fused: dict[Identity, KerasTensor] = {}
        self.arrays: list[tuple[KerasLayer, list[np.ndarray]]] = []

    def is_kernel(self, value: object) -> bool:
        """Whether a value is a weight that matrix products alone read."""
        return Identity(value) in self._kernels

    def fused(self, call: RecordedCall) -> KerasTensor | None:
        """The result that an addition has already, as the bias of a Dense layer."""
        return self._fused.get(Identity(call))

    def table(self, key: Identity) -> KerasLayer:
        """The Embedding that holds a weight."""
        variable, owner = self._recording.weights[key]
        if Identity(variable) not in self._layers:
            name = self._name(variable, owner)
            layer = own_weights.table(self._keras, variable, name, nodes.policy_of(owner))
            self._hold(variable, layer, [own_weights.table_array(np.asarray(variable))])
        return self._layers[Identity(variable)]

    def dense(self, call: RecordedCall, kernel: KerasTensor, x: KerasTensor) -> KerasTensor:
        """A matrix product with a weight as a Dense layer; the weight that is added to it is its bias."""
        variable, owner = self._recording.weights[Identity(kernel)]
        addition = self._biases.get(Identity(call))
        if Identity(variable) not in self._layers:
            arrays = [np.asarray(variable)]
            if addition is not None:
                arrays.append(np.asarray(self._recording.weights[Identity(own_weights.bias_of(addition))][0]))
            layer = self._keras.layers.Dense(
                int(variable.shape[1]), use_bias=addition is not None, name=self._name(variable, owner),
                dtype=nodes.policy_of(owner),
            )
            layer.build((None, int(variable.shape[0])))
            layer.trainable = bool(variable.trainable)
            self._hold(variable, layer, arrays)
        made = self._layers[Identity(variable)](x)
        if addition is not None:
            self._fused[addition] = made
        return made

    def einsum(self, kernel: KerasTensor, x: KerasTensor, shape: Sequence[int | None]) -> KerasTensor | None:
        """A product by letters with a weight as an EinsumDense layer, to a shape; None where it is none."""
        if (equation := self._equations.get(Identity(kernel))) is None:
            return None
        variable, owner = self._recording.weights[Identity(kernel)]
        if Identity(variable) not in self._layers:
            layer = self._keras.layers.EinsumDense(
                equation, shape, name=self._name(variable, owner), dtype=nodes.policy_of(owner)
            )
            layer.build(tuple(x.shape))
            layer.trainable = bool(variable.trainable)
            self._hold(variable, layer, [np.asarray(variable)])
        return self._layers[Identity(variable)](x)

    def _hold(self, variable: KerasTensor, layer: KerasLayer, arrays: list[np.ndarray]) -> None:
        self._layers[Identity(variable)] = layer
        self.arrays.append((layer, arrays))

    def _name(self, variable: KerasTensor, owner: KerasLayer) -> str:
        path = "" if owner is self._model else self._paths.get(Identity(owner), owner.name) + "."
        # Keras 2 writes "layer/weight:0".
        return self._names.new(path + variable.name.partition(":")[0].rpartition("/")[2])
