"""The user's own metric and loss: by name (``package.module:function``), or as they are in Python."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from edgeprune.data.callables import find_function
from edgeprune.data.model_signature import Head, loss_name, signature_of
from edgeprune.errors import InputError
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_types import KerasLoss, KerasModel, KerasModule
from edgeprune.tasks import OwnMetric

_LOGITS = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy", "binary_crossentropy": "BinaryCrossentropy",
}


def own_metric_of(given: object) -> OwnMetric | None:
    """The metric of a function or of its name; None where none is given.

    Raises:
        InputError: there is no such function.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return OwnMetric(find_function(given, "f(y_true, outputs) -> {name: value} is expected."), given)
    if not callable(given):
        raise InputError(
            f"The metric is a {type(given).__name__}.",
            "A function f(y_true, outputs) is expected, or its name.", "Pass one.",
        )
    return OwnMetric(given, getattr(given, "__name__", type(given).__name__))


def stated_loss(given: object, model: KerasModel) -> object:
    """The loss as `compile` takes it, of names and functions; None where none is given.

    Args:
        given: names, functions or losses of Keras: one for every output, a dictionary by output name, or a
            sequence of texts ``NAME`` or ``OUTPUT=NAME``.

    Raises:
        InputError: no such loss, function or output.
    """
    if given is None or given == ():
        return None
    outputs = signature_of(model).each_output
    by_output = _by_output(given, [one.name for one in outputs])
    losses = {
        one.name: _loss(by_output[one.name], model, one.head) for one in outputs if one.name in by_output
    }
    return losses if len(outputs) > 1 else next(iter(losses.values()), None)


def _by_output(given: object, names: Sequence[str]) -> dict[str, Any]:
    if isinstance(given, Mapping):
        found = {str(name): loss for name, loss in given.items()}
    elif isinstance(given, Sequence) and not isinstance(given, str):
        texts = [str(one).rpartition("=") for one in given]
        if len(texts) == 1 and not texts[0][0]:
            return dict.fromkeys(names, texts[0][2])
        found = {name: loss for name, _, loss in texts}
    else:
        return dict.fromkeys(names, given)
    if other := [name for name in found if name not in names]:
        raise InputError(
            f"--loss names the output {other[0]!r}.", f"The model's outputs are {', '.join(names)}.",
            "Write OUTPUT=LOSS, or one loss for all outputs.",
        )
    return found


def _loss(given: Any, model: KerasModel, head: Head) -> KerasLoss | str:
    """A loss of the model's Keras; cross-entropies by name take logits where the output has no activation."""
    keras = keras_of(model)
    if isinstance(given, str) and ":" in given:
        given = find_function(given, "A loss f(y_true, y_pred) is expected.")
    if isinstance(given, type):
        given = given()
    if not isinstance(given, str):
        return given
    try:
        keras.losses.get(given)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"There is no loss {given!r}.",
            "A name of Keras' losses, or package.module:function, is expected.", _near(given, keras),
        ) from error
    made = _LOGITS.get(loss_name(given))
    return given if made is None or head != "values" else getattr(keras.losses, made)(from_logits=True)


def _near(name: str, keras: KerasModule) -> str:
    names = [one for one in dir(keras.losses) if not one.startswith("_") and one.islower()]
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {near[0]!r}?" if near else "Check the name."
