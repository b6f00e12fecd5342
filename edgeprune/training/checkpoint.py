"""Training that was cut off goes on after its last whole epoch, to the same end."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

_FIELDS = ("number", "loss", "score")


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One point of the training curve; `score` is on validation data."""

    number: int
    loss: float
    score: float


@dataclasses.dataclass(frozen=True, eq=False)
class Progressed:
    """What is known after an epoch.

    Attributes:
        curve: all epochs so far.
        best: score and weights of the best.
    """

    curve: tuple[Epoch, ...]
    best: tuple[float, list[np.ndarray] | None]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last whole epoch."""

    path: Path

    def save(self, model: Any, state: Progressed) -> None:
        """Writes the model's and its optimizer's variables; the file is there as a whole or not at all."""
        arrays = {f"model_{i}": np.asarray(value) for i, value in enumerate(model.variables)}
        optimizer = _optimizer_variables(model)
        arrays |= {f"optimizer_{i}": np.asarray(value) for i, value in enumerate(optimizer)}
        arrays |= {f"best_{i}": value for i, value in enumerate(state.best[1] or ())}
        facts = {
            "curve": [dataclasses.astuple(epoch) for epoch in state.curve], "best": state.best[0],
            "has_best": state.best[1] is not None,
        }
        arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(part, self.path)  # noqa: PTH105 - the atomic one

    def load(self, model: Any) -> Progressed | None:
        """Puts a compiled model where the file left it; None if there is no file."""
        if not self.path.exists():
            return None
        with np.load(self.path, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            for i, variable in enumerate(model.variables):
                variable.assign(arrays[f"model_{i}"])
            for i, variable in enumerate(_optimizer_variables(model)):
                variable.assign(arrays[f"optimizer_{i}"])
            number = sum(name.startswith("best_") for name in arrays.files)
            best = [arrays[f"best_{i}"] for i in range(number)] if facts["has_best"] else None
        return Progressed(tuple(Epoch(*values) for values in facts["curve"]), (facts["best"], best))


def _optimizer_variables(model: Any) -> list[Any]:
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    return list(optimizer.variables)
