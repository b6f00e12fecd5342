import subprocess
import sys

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.streamed import FromArray, FromItems, batches_of, held

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
        splits[name] = np.concatenate(list(batches_of(made, 4)))
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


LARGE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20))
import numpy as np
from edgeprune.data.sources import open_data
from edgeprune.data.model_signature import InputSignature, ModelSignature
data = open_data(sys.argv[1], signature=ModelSignature((InputSignature((32, 32, 3)),), (10,), "softmax"))
inputs = data.model_input(data.train.x)
print(len(data.train), len(data.validation), len(data.test), float(np.sum(inputs[:5])), inputs.shape[1:])
try:
    np.ones(len(inputs) * 32 * 32 * 3, np.float32)
except MemoryError:
    print("too large to hold")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_data_larger_than_memory_is_opened_with_what_there_is(tmp_path):
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": (60_000, 32, 32, 3)}
        )
        file.truncate(file.tell() + 60_000 * 32 * 32 * 3 * 4)  # 737 MB that take no room on the disk
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)], check=True, capture_output=True, text=True,
        env={"OPENBLAS_NUM_THREADS": "1", "PATH": ""},
    )
    assert done.stdout.split("\n")[:2] == ["40800 7200 12000 0.0 (32, 32, 3)", "too large to hold"]
