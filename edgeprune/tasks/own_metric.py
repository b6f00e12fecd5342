"""A metric of the user's own: a function of labels and outputs, which then decides in place of the task's.

    f(y_true, outputs) -> {"name": value, ...}

Both are arrays (N, ...); tuples of them, in the model's order, where the model has several outputs. The first
figure is the primary one. More of it is better, unless a word of its name says that less is: loss, error,
distance, mae, mse, rmse, perplexity, divergence.

It runs on the host, on what devices send back, and nowhere unless its name was typed or it was passed.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Union

import numpy as np

from edgeprune.errors import InputError, plain
from edgeprune.metrics import METRICS
from edgeprune.tasks.output_task import Targets

_LESS_IS_BETTER = {"loss", "error", "errors", "distance", "mae", "mse", "rmse", "perplexity", "divergence"}
_MOST_FIGURES, _LONGEST_NAME = 100, 80
_FORM = "A dictionary of names and finite numbers is expected, the primary one first."


def less_is_better(figure: str) -> bool:
    """What the name of a user's figure says of its direction."""
    return not _LESS_IS_BETTER.isdisjoint(re.split(r"[^a-z]+", figure.lower()))


@dataclasses.dataclass(frozen=True)
class OwnMetric:
    """The function, what it is called, and the primary figure by which scores are counted.

    Attributes:
        scale: of the primary figure; what is lost counts in these units, so that limits in points hold for
            figures beyond 1 too.
    """

    function: Callable[..., object]
    origin: str
    names: tuple[str, ...] = ()  # of the figures, the primary one first; known once it was called
    scale: float = 1.0

    @property
    def primary(self) -> str:
        """The figure that decides."""
        return self.names[0]

    def figures(
        self, y: Union[np.ndarray, Targets, None], outputs: Sequence[np.ndarray]  # noqa: UP007
    ) -> dict[str, float]:
        """All figures by name; those that are no finite number may only be so of a worse model.

        Raises:
            InputError: the function fails, or gives something else.
        """
        taken = tuple(map(np.asarray, outputs))
        try:
            given = self.function(y, taken if len(taken) > 1 else taken[0])
        except Exception as error:
            raise InputError(
                f"The metric {self.origin} failed: {type(error).__name__}: {error}.",
                "f(y_true, outputs) is called with arrays (N, ...), or tuples of them for several outputs.",
                "Correct it; --debug shows where.",
            ) from error
        return self._read(given)

    def _read(self, given: object) -> dict[str, float]:
        found = f"The metric {self.origin} gives {plain(str(given))[:80] or type(given).__name__}."
        if not isinstance(given, Mapping) or not 0 < len(given) <= _MOST_FIGURES:
            raise InputError(found, _FORM, "Correct it.")
        figures: dict[str, float] = {}
        for name, value in given.items():
            number = np.asarray(value)
            if number.size != 1 or number.dtype.kind not in "biuf":
                raise InputError(found, _FORM, "Correct it.")
            if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
                raise InputError(found, _FORM, "Give its figures printable names.")
            if name.split("/")[0] in METRICS:
                raise InputError(
                    f"The metric {self.origin} gives a figure called {name}, as one of edgeprune's own is.",
                    "Another name is expected.", f"Call it my_{name}, for example.",
                )
            figures[name] = float(number.reshape(()))
        if self.names and tuple(figures) != self.names:
            raise InputError(
                f"The metric {self.origin} gives {', '.join(figures)}; before, {', '.join(self.names)}.",
                "The same figures are expected every time.", "Correct it.",
            )
        return figures

    def tried(self, y: Union[np.ndarray, Targets, None], outputs: Sequence[np.ndarray]) -> OwnMetric:  # noqa: UP007
        """The metric with its names and its scale, by what it says of the original model.

        Raises:
            InputError: also for what is no finite number.
        """
        figures = self.figures(y, outputs)
        bad = [name for name, value in figures.items() if not math.isfinite(value)]
        if bad:
            raise InputError(
                f"The metric {self.origin} gives {bad[0]} = {figures[bad[0]]} for the original model.", _FORM,
                "Correct it.",
            )
        primary = next(iter(figures.values()))
        return dataclasses.replace(self, names=tuple(figures), scale=max(1.0, abs(primary)))

    def score(self, figures: Mapping[str, float]) -> float:
        """The primary figure such that more is better; what is no number is worse than any."""
        value = figures[self.primary] / self.scale
        if not math.isfinite(value):
            return -math.inf
        return -value if less_is_better(self.primary) else value
