import dataclasses

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.translation import as_translation
from edgeprune.errors import InputError
from edgeprune.types import OutputTask


def dataset(kind="classes", **inputs):
    """Sequences of 3 to 7 tokens, 2 before the first and 3 behind the last, 0 to fill up; y as `kind`."""
    rng = np.random.default_rng(1)
    y, written = np.zeros((2, 50, 8), np.int64)
    for row in range(50):
        tokens = rng.integers(4, 20, rng.integers(3, 8))
        y[row, : len(tokens) + 1], written[row, : len(tokens) + 1] = [*tokens, 3], [2, *tokens]
    arrays = {"source": rng.integers(4, 20, (50, 8)), "written": written, "y": y, **inputs}
    split = Split(tuple(arrays[name] for name in ("source", "written")), arrays["y"])
    return Dataset("translation", split, split, split, tasks=(OutputTask(kind, ("accuracy",)),))


def test_the_input_that_holds_the_labels_one_later_is_what_is_written():
    data = dataset()
    (task,) = as_translation(data).tasks
    assert (task.fed_back, task.metrics) == (1, ("exact_match", "bleu"))
    swapped = dataclasses.replace(data, train=Split(data.train.x[::-1], data.train.y))
    assert as_translation(swapped).tasks[0].fed_back == 0
    minus = np.where(data.train.y > 0, data.train.y, -1)
    assert as_translation(dataset(y=minus)).tasks[0].fed_back == 1


@pytest.mark.parametrize(("changed", "reason"), [
    ({"written": np.full((50, 8), 5)}, "one position later"),
    ({"written": dataset().train.y}, "one position later"),
    ({"y": np.arange(50)}, "no sequences"),
    ({"kind": "values"}, "no sequences"),
])
def test_anything_else_is_refused(changed, reason):
    with pytest.raises(InputError, match=reason):
        as_translation(dataset(**changed))


def test_a_language_model_translates_nothing():
    data = dataset()
    alone = Split(data.train.x[1], data.train.y)
    with pytest.raises(InputError, match="no second input"):
        as_translation(dataclasses.replace(data, train=alone))
