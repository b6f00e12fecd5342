import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import FromArray, FromItems, batches, held

ROWS = np.random.default_rng(0).integers(0, 200, (30, 4), dtype=np.uint8)


@pytest.fixture
def read():
    return []


@pytest.fixture
def items(read):
    def make(item):
        read.append(item)
        return ROWS[item]

    return FromItems(range(30), make)


def test_rows_are_read_when_they_are_asked_for(items, read):
    chosen = items.pick(np.arange(30) % 2 == 1).pick(slice(3, 6))
    assert len(chosen) == 3
    assert read == []
    np.testing.assert_array_equal(chosen[1:], ROWS[[9, 11]])
    assert read == [9, 11]
    np.testing.assert_array_equal(chosen[0], ROWS[7])
    assert (chosen.shape, chosen.ndim, chosen.dtype) == ((3, 4), 2, np.uint8)
    np.testing.assert_array_equal(np.asarray(items), ROWS)


def test_streamed_and_held_data_give_the_same_inputs(items):
    steps = ({"op": "rescale", "scale": 0.5, "offset": -1.0},)
    splits = {}
    for name, x in (("held", ROWS), ("streamed", items), ("file", FromArray(ROWS))):
        split = Split(x, np.arange(30)).take(np.arange(30)[::-2])
        data = Dataset("vision", split, split, split, steps)
        made = data.model_input(split.x)
        splits[name] = np.concatenate(list(batches(made, 4)))
        assert data.input_shape() == (4,)
    np.testing.assert_array_equal(splits["streamed"], splits["held"])
    np.testing.assert_array_equal(splits["file"], ROWS[::-2] * np.float32(0.5) - 1)


def test_each_of_several_inputs_gets_its_own_steps(items):
    steps = ({"op": "rescale", "scale": 1.0, "offset": 5.0, "input": 1}, {"op": "reshape", "shape": [2, 2]})
    split = Split((ROWS, items))
    data = Dataset("vision", split, split, split, steps)
    first, second = data.model_input(split.x)
    np.testing.assert_array_equal(first, ROWS.reshape(30, 2, 2))
    np.testing.assert_array_equal(second[4:9], ROWS[4:9].reshape(5, 2, 2) + np.float32(5))


def test_small_data_is_held(items, monkeypatch):
    assert isinstance(held(items, 4), np.ndarray)
    monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", 119)
    assert held(items, 4) is items
