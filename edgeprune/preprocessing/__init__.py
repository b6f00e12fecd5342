"""From a raw sample to the model's float input, alike on the host and on the device.

A step is a plain JSON mapping as it stands in `manifest.json`: ``{"op": NAME, option: value, ...}``.
`apply` runs the steps in order over a batch; the first axis counts samples throughout:

    raw (N, ...)  --op-->  (N, ...)  --op-->  ...  -->  model input (N, ...) float32 or int32

Adding a step = one function ``(x, *, options) -> array`` in the module of its family and one row in
`STEPS`; a step that reads a file takes it from the option ``files``. numpy only
and Python 3.9 syntax: this package travels to the device.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from edgeprune.errors import InputError
from edgeprune.preprocessing import audio, image, numeric, text
from edgeprune.preprocessing.text import Files

Inputs = TypeVar("Inputs", bound="np.ndarray | tuple[np.ndarray, ...]")
StepFunction = Callable[..., np.ndarray]
Step = Mapping[str, Any]  # {"op": NAME, option: value, ...}, as JSON holds it


def table(*families: Mapping[str, StepFunction]) -> dict[str, StepFunction]:
    """Merges the families' rows; a name given twice is an error, never an override."""
    names = [name for family in families for name in family]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"Two preprocessing steps are called {twice[0]!r}.")
    return {name: function for family in families for name, function in family.items()}


STEPS = table(numeric.STEPS, image.STEPS, audio.STEPS, text.STEPS)


def apply(steps: Sequence[Step], x: Inputs, folder: Path | Mapping[str, str] | None = None) -> Inputs:
    """Runs `steps` in order over a batch of raw samples; gives an array (N, ...), or a tuple as `x` is.

    Args:
        steps: mappings with ``op``; the rest are that step's options. With several inputs, ``input``
            names the index a step is for; without it the step is for every input.
        x: raw samples (N, ...), or a tuple of such arrays, one an input.
        folder: where files named by options (a vocabulary) lie, or their texts by name.

    Raises:
        InputError: an unknown op, an option that does not fit it, or a missing file.
    """
    inputs: list[np.ndarray] = [*x] if isinstance(x, tuple) else [x]
    for step in steps:
        function = _function(step, Files(folder))
        for index in [step["input"]] if "input" in step else range(len(inputs)):
            inputs[index] = function(inputs[index])
    return cast("Inputs", tuple(inputs) if isinstance(x, tuple) else inputs[0])


def _function(step: Step, files: Files) -> StepFunction:
    """The function of `step`, its options filled in."""
    name = step.get("op")
    if name not in STEPS:
        raise InputError(
            f"The preprocessing step {name!r} is not known.", f"Expected one of {', '.join(sorted(STEPS))}.",
            "Correct the step's \"op\", or update edgeprune where this runs.",
        )
    options = {key: value for key, value in step.items() if key not in ("op", "input", "files")}
    parameters = inspect.signature(STEPS[name]).parameters
    given = {**options, "files": files} if "files" in parameters else options
    try:
        inspect.signature(STEPS[name]).bind(None, **given)
    except TypeError as error:
        accepted = [option for option in list(parameters)[1:] if option != "files"]
        raise InputError(
            f"The preprocessing step {name!r} does not take these options: {error}.",
            f"Expected options out of {', '.join(accepted)}.", "Correct the step.",
        ) from error
    return functools.partial(STEPS[name], **given)
