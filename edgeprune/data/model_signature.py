"""What a user's model takes and gives, so that data can be brought into its form or be refused.

Only attributes that Keras 2 and Keras 3 models share are read; Keras itself is not imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

from edgeprune.keras_types import KerasLayer, KerasModel, KerasTensor

Head = Literal["softmax", "sigmoid", "values"]
"""The output's numbers: probabilities that sum to 1, single ones, or else (logits and regression)."""
Shape = tuple["int | None", ...]
_SCALING = ("Rescaling", "Normalization")


@dataclasses.dataclass(frozen=True)
class InputSignature:
    """One input of a model."""

    shape: Shape  # without the batch axis; None where any size is taken
    dtype: str = "float32"  # numpy name, or ``string``
    vocabulary: int = 0  # rows of the embedding that reads this input; 0 where none does

    @property
    def is_text(self) -> bool:
        """Whether it takes strings or token numbers."""
        return self.dtype == "string" or self.vocabulary > 0

    @property
    def is_integer(self) -> bool:
        """Whether it takes whole numbers: token numbers, or an integer dtype such as uint8 pixels."""
        return self.vocabulary > 0 or self.dtype.startswith(("int", "uint"))

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether samples of `shape` (without the batch axis) fit."""
        return len(shape) == len(self.shape) and all(
            expected in (None, size) for expected, size in zip(self.shape, shape, strict=True)
        )


@dataclasses.dataclass(frozen=True)
class ModelSignature:
    """A model seen from its data."""

    inputs: tuple[InputSignature, ...]
    output: Shape = ()  # of its (first) output without the batch axis
    head: Head = "values"
    scales: bool = False  # the model rescales or normalizes its raw input itself, so nobody else must
    pixels: tuple[float, float] = (0.0, 1.0)  # what black and white are to a model that does not

    @property
    def output_size(self) -> int:
        """Size of the output's last axis; 0 where it is not known."""
        return (self.output[-1] if self.output else 0) or 0

    @property
    def reconstructs(self) -> bool:
        """Whether the output looks like the input: an autoencoder, whose labels mark anomalies."""
        return len(self.output) > 0 and self.output == self.inputs[0].shape and self.head != "softmax"

    @property
    def is_text(self) -> bool:
        """Whether the first input takes strings or token numbers."""
        return self.inputs[0].is_text

    def classes(self) -> int:
        """How many classes the model tells apart; 0 where its output is no class scores."""
        if self.reconstructs:
            return 0
        if self.output_size == 1:  # linear, it is regression; several linear outputs are taken for logits
            return 2 if self.head == "sigmoid" else 0
        return self.output_size


def signature_of(model: KerasModel) -> ModelSignature:
    """Reads a functional or sequential model of Keras 2 or 3."""
    inputs = tuple(
        InputSignature(_shape(one), getattr(one.dtype, "name", str(one.dtype)), _vocabulary(model, one))
        for one in model.inputs
    )
    # Where a model's own preprocessing would stand: the first two layers that do something.
    first = [layer for layer in _layers(model) if type(layer).__name__ != "InputLayer"][:2]
    scales = any(type(layer).__name__ in _SCALING for layer in first)
    return ModelSignature(inputs, _shape(model.outputs[0]), _head(model), scales)


def _shape(tensor: KerasTensor) -> Shape:
    return tuple(None if size is None else int(size) for size in tensor.shape[1:])


def _vocabulary(model: KerasModel, tensor: KerasTensor) -> int:
    """Rows of the embedding that reads `tensor`, or of any where rows of numbers can be nothing else."""
    embeddings = [
        layer for layer in _layers(model)
        if hasattr(layer, "input_dim") and any(kind.__name__ == "Embedding" for kind in type(layer).__mro__)
    ]
    for layer in embeddings:
        if getattr(layer, "input", None) is tensor:
            return int(layer.input_dim)
    alone = len(model.inputs) == 1 and len(tensor.shape) == 2
    return max((int(layer.input_dim) for layer in embeddings), default=0) if alone else 0


def _layers(model: KerasModel) -> Iterator[KerasLayer]:
    """Nested models' layers included."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from _layers(layer)


def _head(model: KerasModel) -> Head:
    """The activation of the layer that gives the output, found by its tensor, else the last layer."""
    layers = list(_layers(model))
    made = [layer for layer in layers if getattr(layer, "output", None) is model.outputs[0]]
    layer = (made or layers)[-1]
    while hasattr(layer, "layers"):
        layer = layer.layers[-1]
    name = getattr(getattr(layer, "activation", None), "__name__", "") or type(layer).__name__.lower()
    return "softmax" if name == "softmax" else "sigmoid" if name == "sigmoid" else "values"
