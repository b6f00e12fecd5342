"""When a trial is stopped early: in numbers worked out by hand."""

from __future__ import annotations

from edgeprune.progress import Interim
from edgeprune.sweep.hopeless import Rival, beaten_by, kind_of


def test_far_behind_at_the_same_epoch_and_no_cheaper() -> None:
    # Two standard errors of a difference around 0.75 on 100 samples: 2 sqrt(2 * 0.75 * 0.25 / 100) = 0.122.
    rival = Rival(7, (Interim(0, 0.5, 100, 10, 20), Interim(1, 0.82, 100, 10, 20)))
    assert "trial 7 had 82.0 %" in beaten_by(Interim(1, 0.68, 100, 10, 20), [rival])
    assert not beaten_by(Interim(1, 0.70, 100, 10, 20), [rival]), "within what the samples can tell"
    assert not beaten_by(Interim(0, 0.45, 100, 10, 20), [rival]), "the same epoch counts"
    assert not beaten_by(Interim(2, 0.10, 100, 10, 20), [rival]), "the rival was not there"
    assert not beaten_by(Interim(1, 0.10, 100, 9, 20), [rival]), "fewer weights"
    assert not beaten_by(Interim(1, 0.10, 100, 10, 19), [rival]), "fewer MACs"
    assert beaten_by(Interim(1, 0.68, 100, 11, 21), [rival])


def test_only_files_of_the_same_kind_are_compared() -> None:
    assert kind_of({"prune": 0.3}) == kind_of({"prune": 0.6, "quantize": "int8", "epochs": 4})
    assert kind_of({"quantize": "float16"}) != kind_of({})
