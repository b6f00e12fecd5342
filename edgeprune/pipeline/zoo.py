"""`zoo:NAME` where a model's path may stand: a model of the zoo, trained before it is pruned.

Light: the zoo's table is read without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError

if TYPE_CHECKING:
    from edgeprune_models import ZooModel

PREFIX = "zoo:"
_LEARN_ANYWAY = {
    "epochs", "max_drop", "threshold", "ratios", "method", "device", "max_latency", "max_memory", "max_size",
    "max_macs",
}
"""Settings that train, or prune by another measure than a ratio."""


def is_zoo(model: object) -> bool:
    """Whether no trained model is given: none at all, or a name of the zoo's."""
    return model is None or (isinstance(model, str) and model.startswith(PREFIX))


def entry_of(model: object, task: str) -> ZooModel:
    """The entry that `zoo:NAME` means, or the default of a task.

    Raises:
        InputError: no such model or task.
    """
    from edgeprune_models import default_for, find

    return default_for(task) if model is None else find(str(model).removeprefix(PREFIX))


def with_defaults(model: object, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a recipe with the task and the fine-tuning of the zoo's model below them.

    Where nothing is pruned nothing is trained, unless epochs are asked for: ``--prune 0`` quantizes only.

    Args:
        model: a path, a Keras model, ``zoo:NAME`` or None.
        settings: what was asked for; it wins.

    Raises:
        InputError: no such model, or one of another task than the one asked for.
    """
    task = settings.get("task")
    if settings.get("prune") == 0 and not _LEARN_ANYWAY & settings.keys():
        settings = {**settings, "epochs": 0}
    if not is_zoo(model):
        return _counted(settings)
    from edgeprune_models import default_of

    if model is None and task is not None and default_of(task) is None:
        return _counted(settings)
    entry = entry_of(model, task or "vision")
    if task not in (None, entry.task):
        raise InputError(
            f"--task {task} does not fit {model}.", f"That model's task is {entry.task}.", "Leave --task out."
        )
    return {"task": entry.task, **_counted({**entry.fine_tuning, **settings})}


def _counted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings; epochs that are asked for are all that a recurrent model gets."""
    return {"least_steps": 0, **settings} if settings.get("epochs") else dict(settings)
