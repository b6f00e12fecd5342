"""A training that was interrupted continues after its last complete epoch, to the same end."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np

from edgeprune.keras_types import KerasModel, KerasTensor


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One point of the training curve; `score` is on validation data."""

    number: int
    loss: float
    score: float


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingState:
    """What is known after an epoch."""

    curve: tuple[Epoch, ...]  # all epochs so far; number 0 is the model before training
    best_score: float
    best_weights: list[np.ndarray] | None  # None where nothing is scored

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.curve) - 1


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last complete epoch."""

    path: Path

    def save(self, model: KerasModel, state: TrainingState) -> None:
        """Writes the model's and its optimizer's variables; the file appears complete or not at all."""
        arrays = {f"model_{i}": np.asarray(value) for i, value in enumerate(model.variables)}
        optimizer = _optimizer_variables(model)
        arrays |= {f"optimizer_{i}": np.asarray(value) for i, value in enumerate(optimizer)}
        arrays |= {f"best_{i}": value for i, value in enumerate(state.best_weights or ())}
        facts = {
            "curve": [dataclasses.astuple(epoch) for epoch in state.curve], "best": state.best_score,
            "has_best": state.best_weights is not None,
        }
        arrays["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        os.replace(part, self.path)  # noqa: PTH105 - the atomic one

    def load(self, model: KerasModel) -> TrainingState | None:
        """Restores a compiled model's variables from the file; None if there is no file."""
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
        return TrainingState(tuple(Epoch(*values) for values in facts["curve"]), facts["best"], best)


def _optimizer_variables(model: KerasModel) -> list[KerasTensor]:
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    return list(optimizer.variables)
