"""The zoo, importable as `edgeprune_models`: small models with recipe, data and measured results.

Adding a model = one module that exports `MODEL` and one row here.
"""

from __future__ import annotations

from edgeprune.errors import InputError
from edgeprune_models.entry import TrainingRecipe, ZooModel
from edgeprune_models.speech import crnn, ctc_crnn, dnn, ds_cnn, streaming_ds_cnn
from edgeprune_models.tabular import autoencoder, mlp
from edgeprune_models.text import bag, cnn, recurrent, tagger, transformer
from edgeprune_models.vision import digits_cnn, lenet, mobilenet, resnet8

__all__ = ["ZOO", "TrainingRecipe", "ZooModel", "default_for", "default_of", "find", "table"]


def table(*models: ZooModel) -> dict[str, ZooModel]:
    """Models by name; a name given twice is an error."""
    merged: dict[str, ZooModel] = {}
    for model in models:
        if model.name in merged:
            raise ValueError(f"Two models of the zoo are called {model.name!r}.")
        merged[model.name] = model
    return merged


ZOO = table(
    digits_cnn.MODEL, lenet.LENET_300_100, lenet.LENET_5, resnet8.MODEL, mobilenet.V1, mobilenet.V2,
    dnn.MODEL, ds_cnn.MODEL, crnn.MODEL, streaming_ds_cnn.MODEL, ctc_crnn.MODEL,
    bag.MODEL, cnn.MODEL, recurrent.BILSTM, recurrent.GRU, transformer.MODEL, tagger.MODEL,
    mlp.BINARY, mlp.SEVERAL, autoencoder.MODEL,
)

_DEFAULTS = {"vision": "digits-cnn", "speech": "streaming-ds-cnn", "text": "text-cnn"}


def find(name: str) -> ZooModel:
    """The model `name`.

    Raises:
        InputError: there is none of that name.
    """
    if name not in ZOO:
        raise InputError(
            f"The zoo has no model {name!r}.", f"Expected one of {', '.join(sorted(ZOO))}.",
            "List them with: edgeprune zoo",
        )
    return ZOO[name]


def default_of(task: str) -> ZooModel | None:
    """The default model of a task; None where it has none."""
    return ZOO.get(_DEFAULTS.get(task, ""))


def default_for(task: str) -> ZooModel:
    """The model that ``build --task`` trains when none is given.

    Raises:
        InputError: a task without a default.
    """
    if task not in _DEFAULTS:
        raise InputError(
            f"There is no default model for the task {task!r}.",
            f"Expected one of {', '.join(_DEFAULTS)}.", "Pass a model file, or another --task.",
        )
    return find(_DEFAULTS[task])
