"""From a raw sample to the model's float input, alike on the host and on the device.

A step is a plain JSON mapping as it stands in `manifest.json`: ``{"op": NAME, option: value, ...}``.
`apply` runs the steps in order over a batch; the first axis counts samples throughout:

    raw (N, ...)  --op-->  (N, ...)  --op-->  ...  -->  model input (N, ...) float32 or int32

Adding a step = one function ``(x, files, *, options) -> array`` in the module of its family and one
row in `STEPS`. numpy only and Python 3.9 syntax: this package travels to the device.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.preprocessing import audio, image, numeric, text
from edgeprune.preprocessing.files import Files

Step = Callable[..., np.ndarray]


def table(*families: Mapping[str, Step]) -> dict[str, Step]:
    """Merge the families' rows; a name given twice is an error, never an override."""
    merged: dict[str, Step] = {}
    for family in families:
        for name, step in family.items():
            if name in merged:
                raise ValueError(f"Two preprocessing steps are called {name!r}.")
            merged[name] = step
    return merged


STEPS = table(numeric.STEPS, image.STEPS, audio.STEPS, text.STEPS)


def apply(
    steps: Sequence[Mapping[str, Any]], x: Any, folder: Path | Mapping[str, str] | None = None
) -> Any:
    """Run `steps` in order over a batch of raw samples.

    Args:
        steps: mappings with ``op``; the rest are that step's options. With several inputs, ``input``
            names the index a step is for; without it the step is for every input.
        x: raw samples (N, ...), or a tuple of such arrays, one an input.
        folder: where files named by options (a vocabulary) lie, or their texts by name.

    Returns:
        An array (N, ...), or a tuple of them where `x` is a tuple.

    Raises:
        InputError: an unknown op, an option that does not fit it, or a missing file.
    """
    files = Files(folder)
    several = isinstance(x, tuple)
    inputs = list(x) if isinstance(x, tuple) else [x]
    for step in steps:
        options = {key: value for key, value in step.items() if key not in ("op", "input")}
        function = _find(step)
        _check_options(step, function, options)
        for index in [step["input"]] if "input" in step else range(len(inputs)):
            inputs[index] = function(inputs[index], files, **options)
    return tuple(inputs) if several else inputs[0]


def _find(step: Mapping[str, Any]) -> Step:
    name = step.get("op")
    if name not in STEPS:
        raise InputError(
            f"The preprocessing step {name!r} is not known.",
            f"Expected one of {', '.join(sorted(STEPS))}.",
            "Correct the step's \"op\", or update edgeprune where this runs.",
        )
    return STEPS[name]


def _check_options(step: Mapping[str, Any], function: Step, options: Mapping[str, Any]) -> None:
    try:
        inspect.signature(function).bind(None, None, **options)
    except TypeError as error:
        named = inspect.signature(function).parameters.values()
        accepted = [option.name for option in named if option.kind is option.KEYWORD_ONLY]
        raise InputError(
            f"The preprocessing step {step['op']!r} does not take these options: {error}.",
            f"Expected options out of {', '.join(accepted)}.",
            "Correct the step.",
        ) from error
