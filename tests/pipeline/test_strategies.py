"""Searches over the stages: the largest ratio that holds, and rounds that add up."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from device_runners.options import DEFAULT_OPTIONS
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.prune import prune
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.prune import joined
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.store import ArtifactStore
from edgeprune.pipeline.strategies import bisect
from edgeprune.progress import silent
from edgeprune.report.schema import RatioReport


@dataclasses.dataclass(frozen=True)
class Measured:
    arrays: Mapping[str, np.ndarray]
    files: tuple[bytes, ...]
    loss: float
    missing: int | None


def attempts(limit, possible=1.0):
    """Loses 100 points for each unit of ratio; more than `possible` cannot go."""
    asked = []

    def attempt(ratio):
        asked.append(ratio)
        if ratio > possible:
            return None
        return RatioReport(ratio, 100 * (1 - ratio), 100 * ratio, 100 * ratio <= limit)

    return attempt, asked


@pytest.mark.parametrize("limit", [1, 30, 62.5, 97])
def test_bisection_ends_within_its_last_step(limit):
    attempt, asked = attempts(limit)
    trials = bisect(attempt, precision=0.01)
    held = [trial.ratio for trial in trials if trial.holds]
    assert 0 <= limit / 100 - max(held) <= 0.01
    assert [trial.ratio for trial in trials] == asked
    assert len(asked) == 7


def test_bisection_goes_on_below_what_cannot_go():
    attempt, asked = attempts(limit=90, possible=0.3)
    trials = bisect(attempt, precision=0.02)
    assert asked[0] == 0.5
    assert max(trial.ratio for trial in trials) <= 0.3
    assert 0.3 - max(trial.ratio for trial in trials if trial.holds) <= 0.02


def test_bisection_where_nothing_holds():
    attempt, _ = attempts(limit=0)
    assert not any(trial.holds for trial in bisect(attempt, precision=0.1))


@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_rounds_add_up_to_one_keep_mask_of_the_original(package):
    keras = pytest.importorskip(package)
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="stem")(inputs)
    y = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="wide")(x)
    x = keras.layers.Add()([x, keras.layers.Conv2D(12, 1, name="back")(y)])
    x = keras.layers.Dense(20, activation="relu", name="dense")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Dense(4, name="last")(x))
    samples = np.random.default_rng(5).normal(size=(24, 8, 8, 3)).astype(np.float32)
    rounds = []
    for ratio in (0.3, 0.25, 0.4):
        rounds.append(prune(model, ratio, calibration=samples, seed=1))
        model = rounds[-1].model
    whole = joined(rounds)
    first = rounds[0].dependencies
    assert cost(first, whole.keep).params == model.count_params()
    left = {group.name: group.units_after for group in rounds[-1].report.groups}
    assert {group.name: group.units_after for group in whole.report.groups} == left
    assert whole.report.before == rounds[0].report.before
    # Without reconstruction the rounds only take neurons away: what is left are the original's own.
    assert whole.keep.sum() < rounds[0].keep.sum()


def test_what_a_fold_takes_and_notes_is_not_the_builds():
    context = BuildContext(Source(), ArtifactStore(None, str), silent, DEFAULT_OPTIONS, seed=0)
    fold = context.fork()
    with fold.stage("fine_tune"):
        fold.notes.append("of the fold")
    assert fold.seconds["fine_tune"] > 0
    fold.warn("of the fold")
    assert (context.seconds, context.notes, context.warnings) == ({}, [], [])


def test_a_warning_is_told_when_it_is_found():
    told = []
    context = BuildContext(
        Source(), ArtifactStore(None, str), silent, DEFAULT_OPTIONS, seed=0, announce=told.extend
    )
    context.warn("The file takes 8 x 8 only.", "file")
    assert [(one.subject, one.choice) for one in told] == [("warning", "The file takes 8 x 8 only.")]
    context.fork().warn("of a fold, which nobody hears")
    assert len(told) == 1


def test_an_artifact_comes_back_with_its_notes_and_seconds(tmp_path):
    def context():
        store = ArtifactStore(tmp_path, lambda path: path.read_text())
        return BuildContext(Source(), store, silent, DEFAULT_OPTIONS, seed=0)

    def make(surroundings):
        with surroundings.stage("fit"):
            surroundings.notes.append("widths were found")
            surroundings.warn("the device was hot", "latency")
            return Measured({"a": np.arange(6.0).reshape(2, 3)}, (b"\x00file", b""), float("nan"), None)

    first, second = context(), context()
    made = first.made("fit", Measured, lambda: make(first))
    read = second.made("fit", Measured, lambda: pytest.fail("it is there already"))
    np.testing.assert_array_equal(read.arrays["a"], made.arrays["a"])
    assert (read.files, read.missing) == (made.files, None)
    assert np.isnan(read.loss)
    assert (second.notes, second.seconds) == (first.notes, first.seconds)
    assert second.warnings == first.warnings != []
    assert second.store.names() == ("fit",)


def test_a_damaged_artifact_is_made_again(tmp_path):
    store = ArtifactStore(tmp_path, lambda path: path.read_text())
    store.keep("fit", Measured({"a": np.zeros(3)}, (b"file",), 0.5, 2))
    assert store.load("fit", Measured).missing == 2
    (tmp_path / "fit" / "0.npy").write_bytes(b"no array")
    assert store.load("fit", Measured) is None
    store.keep("fit", Measured({}, (), 0.5, "two"))
    assert store.load("fit", Measured) is None
