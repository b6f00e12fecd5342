"""The sweep's memory: an Optuna study of a fixed number of slots.

Every slot is one trial that is to be had. Slots wait in the study's queue; whoever takes one keeps its
heartbeat going. A slot whose taker has died (no heartbeat) or failed goes back into the queue with the
same settings. A slot counts once, by its first complete trial: killing workers or drivers can neither
lose nor double one.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import TYPE_CHECKING, Any

from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.search.space import Space

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize", "size": "minimize", "memory": "minimize"}
HEARTBEAT_S = 5
GRACE_S = 20
DRAWN = 24
"""Slots whose settings are drawn evenly from the space; later ones follow the sampler."""
ATTEMPTS = 4
_SLOT, _REFUSED, _FIGURES, _SPACE = "slot", "refused", "figures", "space"


def require(package: str) -> Any:
    """Imports Optuna or Ray.

    Raises:
        InputError: it is not installed.
    """
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"Searching needs {package}, which is not installed ({error}).",
            way_out="Install it with: pip install 'edgeprune[search]'",
        ) from error


@dataclasses.dataclass(frozen=True)
class Done:
    """One slot's result.

    Attributes:
        slot: its number.
        settings: of the recipe.
        figures: see `edgeprune.search.trial.Outcome`; empty if the build refused.
        error: why it refused.
        optimal: whether no other is at least as good in everything and better in something.
    """

    slot: int
    settings: Mapping[str, Any]
    figures: Mapping[str, float]
    error: str = ""
    optimal: bool = False


class Study:
    """One sweep in a storage that several processes share.

    Args:
        storage: an Optuna URL, as ``sqlite:///sweep.db``.
        name: of the sweep in that storage.
        space: what is varied.
        objectives: names out of `OBJECTIVES`.
        trials: how many slots.
        seed: of settings and sampler.

    Raises:
        InputError: Optuna is missing, or the storage holds a sweep of something else by that name.
    """

    def __init__(
        self, storage: str, name: str, space: Space, objectives: Sequence[str], trials: int, seed: int
    ) -> None:
        optuna = self._optuna = require("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Heartbeats are called experimental since 2021; users need not hear of it at each trial.
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.space, self.objectives = space, tuple(objectives)
        kept = optuna.storages.RDBStorage(
            storage,
            heartbeat_interval=HEARTBEAT_S,
            grace_period=GRACE_S,
            # Several processes write: wait for the lock rather than fail.
            engine_kwargs={"connect_args": {"timeout": 60}} if storage.startswith("sqlite") else None,
        )
        self._study = optuna.create_study(
            storage=kept,
            study_name=name,
            directions=[OBJECTIVES[one] for one in objectives],
            sampler=optuna.samplers.TPESampler(seed=seed, multivariate=False),
            load_if_exists=True,
        )
        wanted = {"values": {key: list(values) for key, values in space.values.items()},
                  "objectives": list(objectives), "trials": trials}  # fmt: skip
        known = self._study.user_attrs.get(_SPACE)
        if known is not None and known != wanted:
            raise InputError(
                f"The sweep '{name}' in {storage} varies {known}.", f"This one varies {wanted}.",
                "Give the same settings to go on with it, or another --study or --out.",
            )  # fmt: skip
        self._study.set_user_attr(_SPACE, wanted)
        self.trials = trials
        self._drawn = space.drawn(min(trials, DRAWN), seed)

    def refill(self) -> int:
        """Puts slots back that nobody works on and that are not done; returns how many wait."""
        self._optuna.storages.fail_stale_trials(self._study)
        states = self._optuna.trial.TrialState
        held, waiting = set(self._finished()), 0
        tried: dict[int, list[Any]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            slot = trial.user_attrs.get(_SLOT)
            if slot is None:
                continue
            tried.setdefault(slot, []).append(trial)
            if trial.state in (states.WAITING, states.RUNNING):
                held.add(slot)
                waiting += trial.state == states.WAITING
        for slot in range(self.trials):
            if slot not in held:
                self._enqueue(slot, tried.get(slot, []))
                waiting += 1
        return waiting

    def _enqueue(self, slot: int, before: Sequence[Any]) -> None:
        if len(before) >= ATTEMPTS:
            raise InputError(
                f"Trial {slot} was lost {len(before)} times.", "A worker that stays until its trial is done.",
                "Look at the workers' memory and logs, then start again.",
            )  # fmt: skip
        params = next((trial.params for trial in before if trial.params), None)
        if params is None:
            params = self._drawn[slot] if slot < len(self._drawn) else {}
        self._study.enqueue_trial(params, user_attrs={_SLOT: slot})

    def running(self) -> int:
        """Trials that somebody works on now."""
        states = (self._optuna.trial.TrialState.RUNNING,)
        return len(self._study.get_trials(deepcopy=False, states=states))

    def work(self, run: Callable[[int, dict[str, Any]], Any], number: int, workers: int) -> None:
        """Takes slots out of the queue and runs them, some at once.

        Args:
            run: from slot and settings to an `Outcome`; what it raises gives the slot back.
            number: of slots.
            workers: at once.
        """
        objective = functools.partial(self._objective, run)
        self._study.optimize(objective, n_trials=number, n_jobs=workers, catch=(Exception,))

    def _objective(self, run: Callable[[int, dict[str, Any]], Any], trial: Any) -> tuple[float, ...]:
        slot = trial.user_attrs.get(_SLOT)
        if slot is None or slot in self._finished():
            raise self._optuna.TrialPruned  # another process was quicker
        settings = {
            name: trial.suggest_categorical(name, list(values)) for name, values in self.space.values.items()
        }
        outcome = run(slot, settings)
        missing = [name for name in self.objectives if name not in outcome.figures]
        if outcome.error or missing:
            trial.set_user_attr(_REFUSED, outcome.error or f"It has no {', '.join(missing)}.")
            raise self._optuna.TrialPruned
        trial.set_user_attr(_FIGURES, dict(outcome.figures))
        return tuple(outcome.figures[name] for name in self.objectives)

    def _finished(self) -> dict[int, Any]:
        """By slot, the first trial that is complete, or that the build refused."""
        states = self._optuna.trial.TrialState
        found: dict[int, Any] = {}
        for trial in self._study.get_trials(deepcopy=False):
            done = trial.state == states.COMPLETE or (
                trial.state == states.PRUNED and _REFUSED in trial.user_attrs
            )
            if done and _SLOT in trial.user_attrs:
                found.setdefault(trial.user_attrs[_SLOT], trial)
        return found

    def results(self) -> list[Done]:
        """Every finished slot once, the Pareto front marked."""
        rows = [
            Done(
                slot,
                dict(trial.params),
                dict(trial.user_attrs.get(_FIGURES, {})),
                str(trial.user_attrs.get(_REFUSED, "")),
            )
            for slot, trial in sorted(self._finished().items())
        ]
        signs = [1 if OBJECTIVES[name] == "minimize" else -1 for name in self.objectives]
        points = [
            [sign * row.figures[name] for sign, name in zip(signs, self.objectives, strict=True)]
            if row.figures
            else None
            for row in rows
        ]
        return [
            dataclasses.replace(row, optimal=point is not None and not _beaten(point, points))
            for row, point in zip(rows, points, strict=True)
        ]


def _beaten(point: Sequence[float], others: Sequence[Sequence[float] | None]) -> bool:
    """Whether some other is nowhere worse and somewhere better; smaller is better."""
    return any(
        other is not None
        and all(a <= b for a, b in zip(other, point, strict=True))
        and any(a < b for a, b in zip(other, point, strict=True))
        for other in others
    )
