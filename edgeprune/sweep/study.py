"""The sweep's memory: an Optuna study of a fixed number of trials, which are numbered by the sweep itself.

A trial waits in the study's queue; whoever takes it keeps its heartbeat going. One whose taker has died (no
heartbeat) or lost its worker goes back into the queue with the same settings, as a new trial of Optuna's.
A number counts once, by its first finished trial: killing workers or drivers can neither lose nor double one.

The names of the attributes that a study keeps never change, so that a sweep begun before goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.sweep.front import TrialResult, mark_front, trial_problems
from edgeprune.sweep.optional_packages import require
from edgeprune.sweep.settings import Settings, Sweep, allowed
from edgeprune.sweep.subprocess_trial import WorkerLostError
from edgeprune.sweep.trial import Outcome
from edgeprune.sweep.trial_pruner import ReferenceTrial, kind_of

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial
    Run = Callable[[int, Settings], Outcome]

DRAWN = 24
"""Trials whose settings are drawn evenly from the space; later ones follow the sampler."""
ATTEMPTS = 3
_NUMBER, _OUTCOME, _PLAN, _LOST, _REPEATED = "slot", "outcome", "plan", "lost", "again"
_SHOWN = ("varies", "keeps", "objectives", "seed")
_CHANGED = {
    "model": "another model (its content changed)", "data": "other data (its content changed)",
    "program": "another edgeprune (it or a package was changed)", "custom_objects": "other custom objects",
}  # fmt: skip


class SweepStudy:
    """One sweep in a storage that several processes share; `made_of` has hashes of model, data and program.

    Raises:
        InputError: the study is a sweep of something else, or no setting can be built.
    """

    def __init__(self, study: Study, what: Sweep, seed: int, made_of: Mapping[str, str]) -> None:
        self._optuna = optuna = require("optuna")
        self._states, self._pruned = optuna.trial.TrialState, optuna.TrialPruned
        category = optuna.distributions.CategoricalDistribution
        self._categories = {name: category(list(values)) for name, values in what.space.values.items()}
        self._study, self._what, self._fixed = study, what, dict(what.fixed)
        self._drawn = what.space.drawn(what.trials, seed, what.fixed)
        self.trials = len(self._drawn)
        if not self._drawn:
            found = "None of the settings to vary goes with the others."
            raise InputError(found, "At least one that can be built is expected.")
        self._check_plan({
            "varies": {name: list(values) for name, values in what.space.values.items()},
            "keeps": {name: jsonable.encode(value) for name, value in what.fixed.items()},
            "objectives": list(what.objectives), "seed": seed, **made_of,
        })  # fmt: skip

    def _check_plan(self, plan: dict[str, object]) -> None:
        if _PLAN not in self._study.user_attrs:
            self._study.set_user_attr(_PLAN, plan)
            return
        before = self._study.user_attrs[_PLAN]
        other = [name for name in {**before, **plan} if before.get(name) != plan.get(name)]
        if not other:
            return
        differences = [
            f"{name} {before.get(name)}, now {plan.get(name)}" if name in _SHOWN else _CHANGED.get(name, name)
            for name in other
        ]
        raise InputError(
            f"The sweep '{self._study.study_name}' was started with {'; '.join(differences)}.",
            "One sweep compares trials of the same model, data and settings.",
            "Repeat the same command to continue it, or choose another --out (in a --storage: --study).",
        )

    def refill(self) -> int:
        """Puts trials back that nobody works on and that are not done; returns how many wait."""
        self._optuna.storages.fail_stale_trials(self._study)
        trials = self._trials()
        held, waiting = set(self._finished(trials)), 0
        tried: dict[int, list[FrozenTrial]] = {}
        for trial in trials:
            number = trial.user_attrs[_NUMBER]
            tried.setdefault(number, []).append(trial)
            if trial.state in (self._states.WAITING, self._states.RUNNING):
                held.add(number)
                waiting += trial.state == self._states.WAITING
        for number in range(self.trials):
            if number not in held:
                waiting += self._enqueue(number, tried.get(number, []), _settings_of_others(trials, number))
        return waiting

    def _enqueue(self, number: int, before: Sequence[FrozenTrial], others: Sequence[Settings]) -> bool:
        lost = [trial for trial in before if _LOST in trial.user_attrs]
        if len(lost) >= ATTEMPTS:
            error = f"Lost {len(lost)} times: {lost[-1].user_attrs[_LOST]}"
            attributes = {_NUMBER: number, _OUTCOME: jsonable.encode(Outcome(error=error))}
            self._study.add_trial(self._optuna.trial.create_trial(
                state=self._states.PRUNED, params=lost[-1].params, distributions=self._categories,
                user_attrs=attributes,
            ))  # fmt: skip
            return False
        if any(_REPEATED in trial.user_attrs for trial in before):
            params = next(settings for settings in self._drawn if settings not in others)
        else:
            # Where most of the space is tried anyhow, a sampler can only repeat itself.
            sampled = number >= DRAWN and 2 * self.trials <= self._what.space.size
            drawn = {} if sampled else self._drawn[number]
            params = next((trial.params for trial in before if trial.params), drawn)
        self._study.enqueue_trial(params, user_attrs={_NUMBER: number})
        return True

    def running(self) -> int:
        """Trials that somebody works on now."""
        return sum(trial.state == self._states.RUNNING for trial in self._trials())

    def work(self, run: Run, number: int, at_once: int, after: Callable[[], None]) -> None:
        """Takes a number of trials out of the queue and runs them, some at once; `after` each one is called.

        A `WorkerLostError` of `run` gives its trial back; any other exception also ends the work.
        """
        try:
            self._study.optimize(
                functools.partial(self._objective, run), n_trials=number, n_jobs=at_once,
                catch=(WorkerLostError,), callbacks=[lambda _study, _trial: after()],
            )  # fmt: skip
        except ValueError as error:
            # This machine slept, and its trials were taken for dead: they are in the queue again.
            if not str(error).startswith("Cannot tell a"):
                raise

    def _objective(self, run: Run, trial: Trial) -> tuple[float, ...]:
        trials, number = self._trials(), trial.user_attrs.get(_NUMBER)
        earlier = [one for one in trials if one.state == self._states.RUNNING and one.number < trial.number]
        # Two processes may have filled the queue, or another one was quicker.
        taken = {one.user_attrs[_NUMBER] for one in earlier} | self._finished(trials).keys()
        if number is None or number in taken:
            raise self._pruned
        settings = {
            name: trial.suggest_categorical(name, kind.choices) for name, kind in self._categories.items()
        }
        if settings in _settings_of_others(trials, number) or not allowed({**self._fixed, **settings}):
            trial.set_user_attr(_REPEATED, True)  # the sampler repeats itself: the trial gets other settings
            raise self._pruned
        try:
            outcome = run(number, settings)
        except WorkerLostError as error:
            trial.set_user_attr(_LOST, str(error))
            raise
        problem = next(trial_problems(outcome, self._what.objectives), None)
        if problem is not None:
            outcome = Outcome(error=f"What it gave cannot be right: {problem}.")
        trial.set_user_attr(_OUTCOME, jsonable.encode(outcome))
        if outcome.error:
            raise self._pruned
        return tuple(outcome.figures[name] for name in self._what.objectives)

    def _trials(self) -> list[FrozenTrial]:
        return [trial for trial in self._study.get_trials(deepcopy=False) if _NUMBER in trial.user_attrs]

    def _finished(self, trials: Sequence[FrozenTrial]) -> dict[int, FrozenTrial]:
        """By number, the first trial that is complete, or that gave no model."""
        ended = (self._states.COMPLETE, self._states.PRUNED)
        found: dict[int, FrozenTrial] = {}
        for trial in trials:
            if trial.state in ended and _OUTCOME in trial.user_attrs:
                found.setdefault(trial.user_attrs[_NUMBER], trial)
        return found

    def results(self) -> tuple[TrialResult, ...]:
        """Every finished trial once, the Pareto front marked."""
        return mark_front(self._what.objectives, [
            TrialResult.of(number, trial.params, _outcome(trial))
            for number, trial in sorted(self._finished(self._trials()).items())
        ])  # fmt: skip

    def references(self, settings: Mapping[str, object]) -> tuple[ReferenceTrial, ...]:
        """Finished trials that one with these settings can be compared with before it is done."""
        kind = kind_of({**self._fixed, **settings})
        return tuple(
            ReferenceTrial(number, _outcome(trial).curve)
            for number, trial in self._finished(self._trials()).items()
            if trial.state == self._states.COMPLETE and kind_of({**self._fixed, **trial.params}) == kind
        )


def _settings_of_others(trials: Sequence[FrozenTrial], number: int) -> list[Settings]:
    return [trial.params for trial in trials if trial.params and trial.user_attrs[_NUMBER] != number]


def _outcome(trial: FrozenTrial) -> Outcome:
    """What the storage holds, which others write too."""
    where = f"Trial {trial.number} in the storage"
    outcome = jsonable.decode(Outcome, trial.user_attrs[_OUTCOME], where)
    problem = next(trial_problems(outcome, ()), None)
    if problem is not None:
        raise InputError(f"{where} cannot be right: {problem}.", "", "Use another --study or --storage.")
    return outcome
