"""What a user's model takes and gives, so that data can be brought into its form or be refused.

Only attributes that Keras 2 and Keras 3 models share are read; Keras itself is not imported.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, Literal

from edgeprune.keras_types import KerasLayer, KerasLoss, KerasModel, KerasTensor

Head = Literal["softmax", "sigmoid", "values"]
"""The output's numbers: probabilities that sum to 1, single ones, or else (logits and regression)."""
Shape = tuple["int | None", ...]
LossForm = Literal["numbers", "one_hot", "binary", "same", "direction", "any"]
"""Labels that a loss takes: class numbers, one-hot rows, 0 or 1 or values of the output's shape, vectors of
which only the direction counts, or what its author wanted."""
_FORMS: dict[str, LossForm] = {
    "sparse_categorical_crossentropy": "numbers", "categorical_crossentropy": "one_hot",
    "categorical_focal_crossentropy": "one_hot", "kl_divergence": "one_hot", "kullback_leibler_divergence":
    "one_hot", "categorical_hinge": "one_hot", "binary_crossentropy": "binary",
    "binary_focal_crossentropy": "binary", "mean_squared_error": "same", "mean_absolute_error": "same",
    "mean_absolute_percentage_error": "same", "mean_squared_logarithmic_error": "same", "huber": "same",
    "huber_loss": "same", "log_cosh": "same", "logcosh": "same", "poisson": "same",
    "cosine_similarity": "direction", "hinge": "binary", "squared_hinge": "binary",
}
_SIGNED = ("hinge", "squared_hinge")
_SHORT = {
    "mse": "mean_squared_error", "mae": "mean_absolute_error", "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error", "bce": "binary_crossentropy", "kld": "kl_divergence",
}
_SCALING = ("Rescaling", "Normalization")
_SHAPING = ("Reshape", "Permute", "Flatten")  # they hand on what the layer before them activated


@dataclasses.dataclass(frozen=True)
class InputSignature:
    """One input of a model."""

    shape: Shape  # without the batch axis; None where any size is taken
    dtype: str = "float32"  # numpy name, or ``string``
    vocabulary: int = 0  # rows of the embedding that reads this input; 0 where none does
    name: str = dataclasses.field(default="", compare=False)

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
class OutputSignature:
    """One output of a model, and what its compiled loss takes."""

    shape: Shape  # without the batch axis
    head: Head = "values"
    name: str = ""
    loss: LossForm | None = None  # None: the model was not compiled with a loss for this output
    logits: bool = False  # the loss takes them for logits, or for scores around 0
    signed: bool = False  # the loss takes -1 and 1 for 0 and 1
    ignored: int | None = None  # the class number that the loss leaves out


@dataclasses.dataclass(frozen=True)
class ModelSignature:
    """A model seen from its data."""

    inputs: tuple[InputSignature, ...]
    output: Shape = ()  # of its (first) output without the batch axis
    head: Head = "values"
    scales: bool = False  # the model rescales or normalizes its raw input itself, so nobody else must
    pixels: tuple[float, float] = (0.0, 1.0)  # what black and white are to a model that does not
    outputs: tuple[OutputSignature, ...] = ()  # all of them; the one above where nothing more is known

    @property
    def each_output(self) -> tuple[OutputSignature, ...]:
        """All outputs, in the model's order."""
        return self.outputs or (OutputSignature(self.output, self.head),)

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


def signature_of(model: KerasModel, loss: object = None) -> ModelSignature:
    """Reads a functional or sequential model of Keras 2 or 3; `loss` counts instead of its compiled one."""
    inputs = tuple(
        InputSignature(
            _shape(one), getattr(one.dtype, "name", str(one.dtype)), _vocabulary(model, one), name
        )
        for one, name in zip(model.inputs, _input_names(model), strict=True)
    )
    # Where a model's own preprocessing would stand: the first two layers that do something.
    first = [layer for layer in _layers(model) if type(layer).__name__ != "InputLayer"][:2]
    scales = any(type(layer).__name__ in _SCALING for layer in first)
    outputs = tuple(_output(model, number, loss) for number in range(len(model.outputs)))
    return ModelSignature(inputs, outputs[0].shape, outputs[0].head, scales, outputs=outputs)


def _input_names(model: KerasModel) -> list[str]:
    """Names as `fit` takes them in a dictionary; Keras 2 has a list of them, Keras 3 the tensors' own."""
    names = [str(name) for name in getattr(model, "input_names", ())]
    return names if len(names) == len(model.inputs) else [str(tensor.name) for tensor in model.inputs]


def _output(model: KerasModel, number: int, stated: object) -> OutputSignature:
    names = [str(name) for name in getattr(model, "output_names", ())]
    name = names[number] if number < len(names) else f"output_{number}"
    loss = compiled_loss(model, number, stated)
    logits, form, signed, ignored = False, None, False, None
    if loss is not None:
        config = loss.get_config() if hasattr(loss, "get_config") else {}
        logits = bool(getattr(loss, "from_logits", False) or config.get("from_logits"))
        form = label_form(loss)
        signed = form == "binary" and loss_name(loss) in _SIGNED
        ignored = ignored_class(loss)
    head = _head(model, number)
    return OutputSignature(
        _shape(model.outputs[number]), head, name, form, logits or (signed and head == "values"), signed,
        ignored,
    )


def compiled_loss(model: KerasModel, output: int, stated: object = None) -> KerasLoss | str | None:
    """The loss of one output as it was given to `compile`, or `stated` instead; None if there was none."""
    loss: Any = getattr(model, "loss", None) if stated is None else stated
    if isinstance(loss, dict):
        names = list(getattr(model, "output_names", ()))
        loss = loss.get(names[output]) if output < len(names) else None
    elif isinstance(loss, (list, tuple)):
        loss = loss[output] if output < len(loss) else None
    return loss


def ignored_class(loss: KerasLoss | str) -> int | None:
    """The class number that a loss of Keras' own leaves out, its `ignore_class`."""
    config = loss.get_config() if hasattr(loss, "get_config") and _keras_own(loss) else {}
    found = config.get("ignore_class")
    return int(found) if isinstance(found, int) else None


def label_form(loss: KerasLoss | str) -> LossForm:
    """The labels that a loss takes; "any" for a loss of its author's own, which alone knows."""
    own = isinstance(loss, str) or _keras_own(loss)
    return _FORMS.get(loss_name(loss), "any") if own else "any"


def loss_name(loss: KerasLoss | str) -> str:
    """Keras' name of a loss of its own, ``mean_squared_error`` for "mse" too; else what the author chose."""
    given = [loss] if isinstance(loss, str) else [
        getattr(loss, "name", None), getattr(loss, "__name__", None), type(loss).__name__
    ]
    names = [str(name) for name in given if name]
    if isinstance(loss, str) or _keras_own(loss):
        for name in names:
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
            if (found := _SHORT.get(snake, snake)) in _FORMS:
                return found
    return names[0]


def _keras_own(loss: KerasLoss) -> bool:
    """Whether Keras itself defines a loss, whose name then tells what it takes."""
    module = getattr(loss, "__module__", None) or type(loss).__module__
    return str(module).partition(".")[0] in ("keras", "tf_keras")


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


def _head(model: KerasModel, output: int = 0) -> Head:
    """The activation of the layer that gives the output, found by its tensor, else the last layer."""
    layers = list(_layers(model))
    made = [layer for layer in layers if getattr(layer, "output", None) is model.outputs[output]]
    layer = (made or layers)[-1]
    while hasattr(layer, "layers") or type(layer).__name__ in _SHAPING:
        if hasattr(layer, "layers"):
            layer = layer.layers[-1]
            continue
        before = [one for one in layers if getattr(one, "output", None) is getattr(layer, "input", layer)]
        if not before:
            break
        layer = before[-1]
    name = getattr(getattr(layer, "activation", None), "__name__", "") or type(layer).__name__.lower()
    return "softmax" if name == "softmax" else "sigmoid" if name == "sigmoid" else "values"
