"""The zoo, importable as `edgeprune_models`: small models with recipe, data and measured results.

Adding a model = one function and its `ZooModel` in the module of its task, and one row here.
"""

from __future__ import annotations

from edgeprune.errors import InputError
from edgeprune_models import dense, speech, tabular, text, translation, vision
from edgeprune_models.entry import TrainingRecipe, ZooModel

__all__ = ["ZOO", "TrainingRecipe", "ZooModel", "default_for", "default_of", "find", "table"]


def table(*models: ZooModel) -> dict[str, ZooModel]:
    """Models by name; a name given twice is an error."""
    names = [model.name for model in models]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"Two models of the zoo are called {twice[0]!r}.")
    return dict(zip(names, models, strict=True))


ZOO = table(
    vision.DIGITS_CNN, vision.LENET_300_100, vision.LENET_5, vision.RESNET8, vision.MOBILENET_V1,
    vision.MOBILENET_V2,
    dense.UNET, dense.MOBILE_SEGMENTER, dense.SINGLE_SHOT,
    speech.DNN, speech.DS_CNN, speech.CRNN, speech.STREAMING_DS_CNN, speech.CTC_CRNN,
    text.BAG, text.CNN, text.BILSTM, text.GRU, text.TRANSFORMER, text.TAGGER,
    translation.TRANSFORMER,
    tabular.MLP_BINARY, tabular.MLP, tabular.AUTOENCODER,
)

_DEFAULTS = {
    "vision": "digits-cnn", "speech": "streaming-ds-cnn", "text": "text-cnn", "segmentation": "unet",
    "detection": "single-shot", "translation": "number-translator",
}


def find(name: str) -> ZooModel:
    """The model `name`."""
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
    """The model that ``build --task`` trains when none is given."""
    if task not in _DEFAULTS:
        raise InputError(
            f"There is no default model for the task {task!r}.",
            f"Expected one of {', '.join(_DEFAULTS)}.", "Pass a model file, or another --task.",
        )
    return find(_DEFAULTS[task])
