import numpy as np
import pytest

from edgeprune.data.dataset import Split
from edgeprune.data.splits import make_splits
from edgeprune.errors import InputError


def parts(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    return {"train": Split(np.arange(len(y)), y)}


@pytest.mark.parametrize("counts", [(3, 3), (3, 4, 50), (200, 40), (7, 7, 7)])
def test_every_class_is_in_every_split_and_nothing_twice(counts):
    splits, notes = make_splits(parts(counts), 4)
    rows = np.concatenate([split.x for split in splits.values()])
    np.testing.assert_array_equal(np.sort(rows), np.arange(sum(counts)))
    for split in splits.values():
        assert set(split.y) == set(range(len(counts)))
    assert len(notes) == 2
    assert all("stratified" in note for note in notes)
    shares = [len(splits[name]) / sum(counts) for name in ("test", "validation")]
    if min(counts) > 30:
        assert shares == pytest.approx([0.2, 0.12], abs=0.01)


def test_the_seed_decides():
    first, again, other = (make_splits(parts((40, 40)), seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first["test"].x, again["test"].x)
    assert set(first["test"].x) != set(other["test"].x)


def test_given_splits_stay_as_they_are():
    test = Split(np.arange(100, 105), np.array([0, 1, 0, 1, 0]))
    splits, notes = make_splits({**parts((20, 20)), "test": test}, 0)
    assert splits["test"] is test
    assert len(splits["train"]) + len(splits["validation"]) == 40
    assert len(notes) == 1
    assert "validation" in notes[0]


def test_values_and_unlabelled_samples_are_drawn_too():
    for y in (None, np.linspace(0, 1, 40, dtype=np.float32)):
        splits, notes = make_splits({"train": Split(np.arange(40), y)}, 0)
        assert "stratified" not in notes[0]
        assert [len(split) for split in splits.values()] == [27, 5, 8]


@pytest.mark.parametrize(("counts", "message"), [((2, 20), "class 0 has 2"), ((20, 1), "class 1 has 1")])
def test_too_few_of_a_class_are_refused(counts, message):
    with pytest.raises(InputError, match=message):
        make_splits(parts(counts), 0)


def test_an_empty_split_is_refused():
    with pytest.raises(InputError, match="test split has no samples"):
        make_splits({**parts((20, 20)), "test": Split(np.zeros(0), np.zeros(0, int))}, 0)
