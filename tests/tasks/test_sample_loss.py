"""Losses of samples: what has no label counts nowhere."""

import numpy as np
import pytest

from edgeprune.tasks import OutputTask, sample_losses

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_pixels_without_a_label_count_nowhere(kind):
    scores = RNG.uniform(0.05, 0.95, (3, 4, 5))
    outputs = scores[..., None] if kind == "binary" else np.stack([1 - scores, scores], axis=-1)
    truth = RNG.integers(0, 2, (3, 4, 5))
    named = np.where(truth == 1, scores, 1 - scores)
    hidden = RNG.random((3, 4, 5)) < 0.4
    expected = [-np.log(one[~gone]).mean() for one, gone in zip(named, hidden, strict=True)]
    task = OutputTask(kind, ("mean_iou",), classes=("background", "road"))
    found = sample_losses(task, np.where(hidden, -1, truth), outputs)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
