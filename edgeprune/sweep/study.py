"""The sweep's memory: an Optuna study of a fixed number of slots.

Every slot is one trial that is to be had. Slots wait in the study's queue; whoever takes one keeps its
heartbeat going. A slot whose taker has died (no heartbeat) or lost its worker goes back into the queue
with the same settings. A slot counts once, by its first finished trial: killing workers or drivers can
neither lose nor double one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.sweep.apart import WorkerLostError
from edgeprune.sweep.front import Done, marked
from edgeprune.sweep.hopeless import Rival, kind_of
from edgeprune.sweep.space import Settings, allowed
from edgeprune.sweep.trial import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.sweep.space import Space

    Run = Callable[[int, Settings], Outcome]

DRAWN = 24
"""Slots whose settings are drawn evenly from the space; later ones follow the sampler."""
ATTEMPTS = 3
_SLOT, _OUTCOME, _PLAN, _LOST, _AGAIN, _BUNDLE = "slot", "outcome", "plan", "lost", "again", "bundle"


class Study:
    """One sweep in a storage that several processes share.

    Args:
        study: of Optuna.
        space: what is varied.
        fixed: the recipe's other fields.
        objectives: names out of `OBJECTIVES`.
        trials: how many slots, at most.
        seed: of the settings.
        made_of: hashes of model, data and program.

    Raises:
        InputError: the study is a sweep of something else, or no setting can be built.
    """

    def __init__(
        self, study: Any, space: Space, fixed: Mapping[str, Any], objectives: Sequence[str], trials: int,
        seed: int, made_of: Mapping[str, str],
    ) -> None:  # fmt: skip
        import optuna

        self._states, self._pruned = optuna.trial.TrialState, optuna.TrialPruned
        self._fail_stale = functools.partial(optuna.storages.fail_stale_trials, study)
        self._create = optuna.trial.create_trial
        self._categories = {
            name: optuna.distributions.CategoricalDistribution(list(values))
            for name, values in space.values.items()
        }
        self._study, self.space, self.fixed, self.objectives = study, space, dict(fixed), tuple(objectives)
        self._drawn = space.drawn(trials, seed, fixed)
        self.trials = len(self._drawn)
        if not self._drawn:
            raise InputError("None of the settings to vary goes with the others.", "One that can be built.")
        self._agree({
            "varies": {name: list(values) for name, values in space.values.items()},
            "keeps": {name: jsonable.encode(value) for name, value in fixed.items()},
            "objectives": list(objectives), "seed": seed, **made_of,
        })  # fmt: skip

    def _agree(self, plan: dict[str, Any]) -> None:
        known = self._study.user_attrs.get(_PLAN)
        if known is None:
            self._study.set_user_attr(_PLAN, plan)
            return
        other = [name for name in {**known, **plan} if known.get(name) != plan.get(name)]
        if not other:
            return
        said = [
            f"{name} {known.get(name)}, now {plan.get(name)}" if name in _SAID else _CHANGED.get(name, name)
            for name in other
        ]
        raise InputError(
            f"The sweep '{self._study.study_name}' was begun with {'; '.join(said)}.",
            "One sweep compares trials of the same model, data and settings.",
            "Give the same again to go on with it, or another --out (in a --storage: --study) to begin anew.",
        )

    def refill(self) -> int:
        """Puts slots back that nobody works on and that are not done; returns how many wait."""
        self._fail_stale()
        trials = self._trials()
        held, waiting = set(self._finished(trials)), 0
        tried: dict[int, list[Any]] = {}
        for trial in trials:
            slot = trial.user_attrs[_SLOT]
            tried.setdefault(slot, []).append(trial)
            if trial.state in (self._states.WAITING, self._states.RUNNING):
                held.add(slot)
                waiting += trial.state == self._states.WAITING
        for slot in range(self.trials):
            if slot not in held:
                waiting += self._enqueue(slot, tried.get(slot, []), _known(trials, slot))
        return waiting

    def _enqueue(self, slot: int, before: Sequence[Any], known: Sequence[Settings]) -> bool:
        lost = [trial for trial in before if _LOST in trial.user_attrs]
        if len(lost) >= ATTEMPTS:
            error = f"Lost {len(lost)} times: {lost[-1].user_attrs[_LOST]}"
            kept = {_SLOT: slot, _OUTCOME: jsonable.encode(Outcome(error=error))}
            self._study.add_trial(self._create(
                state=self._states.PRUNED, params=lost[-1].params, distributions=self._categories,
                user_attrs=kept,
            ))  # fmt: skip
            return False
        if any(_AGAIN in trial.user_attrs for trial in before):
            params = next(settings for settings in self._drawn if settings not in known)
        else:
            # Where most of the space is tried anyhow, a sampler can only repeat itself.
            sampled = slot >= DRAWN and 2 * self.trials <= self.space.size
            drawn = {} if sampled else self._drawn[slot]
            params = next((trial.params for trial in before if trial.params), drawn)
        self._study.enqueue_trial(params, user_attrs={_SLOT: slot})
        return True

    def running(self) -> int:
        """Trials that somebody works on now."""
        return sum(trial.state == self._states.RUNNING for trial in self._trials())

    def work(self, run: Run, number: int, at_once: int, after: Callable[[], None]) -> None:
        """Takes slots out of the queue and runs them, some at once.

        Args:
            run: from slot and settings to an outcome. A `WorkerLostError` gives the slot back; any other
                exception ends the work and gives it back, too.
            number: of slots.
            at_once: how many run at the same time.
            after: called when one is done.
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

    def _objective(self, run: Run, trial: Any) -> tuple[float, ...]:
        trials, slot = self._trials(), trial.user_attrs.get(_SLOT)
        if slot is None or slot in self._finished(trials) or self._taken(trials, slot, trial.number):
            raise self._pruned  # another process was quicker
        settings = {
            name: trial.suggest_categorical(name, kind.choices) for name, kind in self._categories.items()
        }
        if settings in _known(trials, slot) or not allowed({**self.fixed, **settings}):
            trial.set_user_attr(_AGAIN, True)  # the sampler repeats itself: the slot gets something new
            raise self._pruned
        try:
            outcome = run(slot, settings)
        except WorkerLostError as error:
            trial.set_user_attr(_LOST, str(error))
            raise
        missing = [name for name in self.objectives if name not in outcome.figures]
        if missing and not outcome.error:
            outcome = Outcome(error=f"It has no {', '.join(missing)}.")
        trial.set_user_attr(_OUTCOME, jsonable.encode(outcome))
        if outcome.error:
            raise self._pruned
        return tuple(outcome.figures[name] for name in self.objectives)

    def _taken(self, trials: Sequence[Any], slot: int, number: int) -> bool:
        """Whether an earlier trial of the same slot is under way: two processes had filled the queue."""
        return any(
            trial.user_attrs[_SLOT] == slot and trial.state == self._states.RUNNING and trial.number < number
            for trial in trials
        )

    def _trials(self) -> list[Any]:
        return [trial for trial in self._study.get_trials(deepcopy=False) if _SLOT in trial.user_attrs]

    def _finished(self, trials: Sequence[Any]) -> dict[int, Any]:
        """By slot, the first trial that is complete, or that gave no model."""
        ended = (self._states.COMPLETE, self._states.PRUNED)
        found: dict[int, Any] = {}
        for trial in trials:
            if trial.state in ended and _OUTCOME in trial.user_attrs:
                found.setdefault(trial.user_attrs[_SLOT], trial)
        return found

    def results(self) -> tuple[Done, ...]:
        """Every finished slot once, the Pareto front marked."""
        return marked(self.objectives, [
            Done.of(slot, trial.params, _outcome(trial))
            for slot, trial in sorted(self._finished(self._trials()).items())
        ])  # fmt: skip

    def rivals(self, settings: Mapping[str, Any]) -> tuple[Rival, ...]:
        """Finished trials that one with these settings can be compared with before it is done."""
        kind = kind_of({**self.fixed, **settings})
        return tuple(
            Rival(slot, _outcome(trial).curve) for slot, trial in self._finished(self._trials()).items()
            if trial.state == self._states.COMPLETE and kind_of({**self.fixed, **trial.params}) == kind
        )


_SAID = ("varies", "keeps", "objectives", "seed")
_CHANGED = {
    "model": "another model (its content changed)", "data": "other data (its content changed)",
    "program": "another edgeprune (it or a package was changed)", "custom_objects": "other custom objects",
}


def _known(trials: Sequence[Any], slot: int) -> list[Settings]:
    """Settings of other slots."""
    return [trial.params for trial in trials if trial.params and trial.user_attrs[_SLOT] != slot]


def _outcome(trial: Any) -> Outcome:
    kept: Outcome = jsonable.decode(Outcome, trial.user_attrs[_OUTCOME], f"Trial {trial.number}")
    return kept
