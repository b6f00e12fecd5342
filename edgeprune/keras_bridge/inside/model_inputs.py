"""The inputs of a model, nested as it takes them: of a functional model, or of a subclassed one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from edgeprune.errors import InputError
from edgeprune.graph.model_graph import Shape
from edgeprune.keras_bridge import nodes
from edgeprune.keras_types import KerasModel, KerasTensor


@dataclasses.dataclass(frozen=True)
class InputForm:
    """One input: its shape, batch first, type and name."""

    shape: Shape
    dtype: str
    name: str

    def symbol(self, samples: int | None, length: int | None) -> KerasTensor:
        """An input of so many samples, and of that length along other axes that are open."""
        import keras

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
            lambda symbol: InputForm(tuple(symbol.shape), symbol.dtype, names[nodes.Identity(symbol)]),
        )
    shapes = getattr(model, "_build_shapes_dict", None)
    if not shapes:
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
    forms = [_forms(shape, name.removesuffix("_shape")) for name, shape in shapes.items()]
    return forms[0] if len(forms) == 1 else forms


def _forms(shape: object, name: str) -> object:
    if isinstance(shape, Mapping):
        return {key: _forms(one, str(key)) for key, one in shape.items()}
    if isinstance(shape, (list, tuple)) and all(size is None or isinstance(size, int) for size in shape):
        return InputForm((None, *shape[1:]), "float32", name)
    if isinstance(shape, (list, tuple)):
        return [_forms(one, f"{name}_{number}") for number, one in enumerate(shape)]
    raise InputError(f"The model was built for {shape!r}.", "Shapes of its inputs are expected.")
