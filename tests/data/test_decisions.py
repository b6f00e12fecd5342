"""What was decided about the data stands in one list, each thing once."""

import numpy as np

from edgeprune.cli.reading import say_reading
from edgeprune.data.decisions import ReadingDecision, lines_of
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data

PIXELS = ModelSignature((InputSignature((2, 2, 1)),), (3,), "softmax")


def test_each_kind_of_decision_is_told_once(tmp_path):
    y = np.eye(3, dtype=np.int64)[np.arange(90) % 3]
    x = np.random.default_rng(0).random((90, 2, 2, 1), np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=y, x_test=x[:30], y_test=y[:30], speaker=np.arange(90))
    data = open_data(tmp_path / "data.npz", signature=PIXELS)
    found = {one.subject: one for one in data.decisions}
    assert len(found) == len(data.decisions) == 3
    counts = (len(data.train), len(data.validation), len(data.test))
    assert sum(counts) == 120
    assert found["samples"].choice == f"{counts[0]} train, {counts[1]} validation, 30 test."
    assert "validation, stratified, seed 0" in found["samples"].why
    assert "test," not in found["samples"].why  # it was there
    assert "speaker" in found["skipped"].choice
    assert "One-hot" in found["labels"].choice


def test_one_line_a_subject(capsys):
    decisions = (
        ReadingDecision("samples", "70 train.", "Drawn."), ReadingDecision("source", "Column a."),
        ReadingDecision("skipped", "1 file."), ReadingDecision("source", "Column b.\x1b[2J"),
    )
    assert [subject for subject, _ in lines_of(decisions)] == ["samples", "source", "skipped"]
    say_reading(decisions)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Reading your data"
    assert len(lines) == 4
    assert lines[2].split(maxsplit=1) == ["source", "Column a. Column b.\\x1b[2J"]
