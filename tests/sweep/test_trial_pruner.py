"""When a trial is stopped early: in numbers worked out by hand."""

from __future__ import annotations

from edgeprune.progress import Interim
from edgeprune.sweep.trial_pruner import ReferenceTrial, kind_of, reason_to_stop


def test_far_behind_at_the_same_epoch_and_no_cheaper() -> None:
    # Two standard errors of a difference around 0.75 on 100 samples: 2 sqrt(2 * 0.75 * 0.25 / 100) = 0.122.
    reference = ReferenceTrial(7, (Interim(0, 0.5, 100, 10, 20), Interim(1, 0.82, 100, 10, 20)))
    assert "trial 7 had 82.0 %" in reason_to_stop(Interim(1, 0.68, 100, 10, 20), [reference])
    assert not reason_to_stop(Interim(1, 0.70, 100, 10, 20), [reference]), "within what the samples can tell"
    assert not reason_to_stop(Interim(0, 0.45, 100, 10, 20), [reference]), "the same epoch counts"
    assert not reason_to_stop(Interim(2, 0.10, 100, 10, 20), [reference]), "the reference was not there"
    assert not reason_to_stop(Interim(1, 0.10, 100, 9, 20), [reference]), "fewer weights"
    assert not reason_to_stop(Interim(1, 0.10, 100, 10, 19), [reference]), "fewer MACs"
    assert reason_to_stop(Interim(1, 0.68, 100, 11, 21), [reference])


def test_only_files_of_the_same_kind_are_compared() -> None:
    assert kind_of({"prune": 0.3}) == kind_of({"prune": 0.6, "quantize": "int8", "epochs": 4})
    assert kind_of({"quantize": "float16"}) != kind_of({})
