"""The inputs of a model, nested as it takes them: of a functional model, or of a subclassed one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NoReturn

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Shape
from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_types import KerasModel, KerasModule, KerasTensor


@dataclasses.dataclass(frozen=True)
class InputForm:
    """One input: its shape, batch first, type and name."""

    shape: Shape
    dtype: str
    name: str

    def symbol(self, keras: KerasModule, samples: int | None, length: int | None) -> KerasTensor:
        """An input of so many samples, and of that length along other axes that are open."""
        first = samples if self.shape[0] is None else self.shape[0]
        return keras.Input(
            batch_shape=(first, *(length if size is None else size for size in self.shape[1:])),
            dtype=self.dtype, name=self.name,
        )


def input_forms(model: KerasModel) -> object:
    """The inputs as the model nests them, `InputForm` in place of tensors.

    Raises:
        InputError: the model was never called, so that nothing tells what it takes.
    """
    if nodes.is_graph_model(model):
        names = {nodes.Identity(symbol): symbol.name for symbol in nodes.functional_part(model).inputs}
        return nodes.map_tensors(
            nodes.structure_of(nodes.functional_part(model), "inputs"),
            lambda symbol: InputForm(
                tuple(symbol.shape), getattr(symbol.dtype, "name", symbol.dtype),
                names[nodes.Identity(symbol)],
            ),
        )
    if not is_keras3(model):
        return _forms_of_keras2(model)
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
        _refuse(model)
    forms = [_forms(shape, name.removesuffix("_shape")) for name, shape in shapes.items()]
    return forms[0] if len(forms) == 1 else forms


def _refuse(model: KerasModel) -> NoReturn:
    kind = f"Model '{model.name}' of class {type(model).__name__}"
    if model.built:
        raise InputError(
            f"{kind} does not tell the shapes of its inputs, since its call() needs values.",
            "A model whose call() uses Keras' layers and operations is expected.",
            "Rebuild it as keras.Model(inputs, outputs) with such layers and its weights.",
        )
    raise InputError(
        f"{kind} has not been built.", "A model with known input shapes is expected.",
        "Call it once on data before pruning it or saving it.",
    )


def _forms_of_keras2(model: KerasModel) -> object:
    """As the model was called, else as it was built."""
    spec = model.save_spec()
    if spec is not None:
        (given, *_), _ = spec
        return nodes.map_values(
            given, lambda one: InputForm((None, *one.shape[1:]), one.dtype.name, one.name or "input")
        )
    shape = getattr(model, "_build_input_shape", None)
    if shape is None:
        _refuse(model)
    as_tuples = nodes.map_values(shape, lambda one: tuple(one) if hasattr(one, "rank") else one)
    return _forms(as_tuples, "input")


def _forms(shape: object, name: str) -> object:
    if isinstance(shape, Mapping):
        return {key: _forms(one, str(key)) for key, one in shape.items()}
    if isinstance(shape, (list, tuple)) and all(size is None or isinstance(size, int) for size in shape):
        return InputForm((None, *shape[1:]), "float32", name)
    if isinstance(shape, (list, tuple)):
        return [_forms(one, f"{name}_{number}") for number, one in enumerate(shape)]
    raise InputError(f"The model was built for {shape!r}.", "Shapes of its inputs are expected.")
