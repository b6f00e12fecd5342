import os
import subprocess
import sys

import numpy as np
import pytest

from edgeprune.data import keras_sets
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

RNG = np.random.default_rng(0)


def halves(make):
    return {"train": make(60), "test": make(30)}


@pytest.fixture
def cached(monkeypatch):
    """Stands for Keras' cache: the files themselves cannot be had everywhere, only what `load_data` gives."""

    def put(make):
        monkeypatch.setattr(keras_sets, "load", lambda _: halves(make))

    return put


def test_pictures_become_what_the_model_takes(cached):
    cached(lambda n: (RNG.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), np.arange(n)[:, None] % 10))
    signature = ModelSignature((InputSignature((16, 16, 1)),), (10,), "softmax")
    data = open_data("keras:cifar10", signature=signature)
    assert data.labels[:2] == ("airplane", "automobile")
    assert len(data.test) == 30
    made = data.model_input(data.test.x)
    assert made.shape == (30, 16, 16, 1)
    assert 0 <= made.min() < made.max() <= 1
    with pytest.raises(InputError, match="The model has 9 classes"):
        open_data("keras:cifar10", signature=ModelSignature(signature.inputs, (9,), "softmax"))


def test_grey_pictures_without_an_axis_of_channels(cached):
    cached(lambda n: (RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n) % 10))
    for shape in ((28, 28, 1), (28, 28), (784,)):
        data = open_data("keras:mnist", signature=ModelSignature((InputSignature(shape),), (10,), "softmax"))
        made = data.model_input(data.test.x).reshape(30, -1)
        np.testing.assert_allclose(made, data.test.x.reshape(30, -1) / 255, rtol=0, atol=1e-6)


def test_token_numbers_are_cut_and_padded_as_keras_does(cached):
    rows = [list(RNG.integers(1, 60, length)) for length in (0, 1, 4, 5, 9, 30)]
    made = keras_sets.padded(rows, 5, 50)
    keras = pytest.importorskip("keras")
    cut = [[token if token < 50 else 2 for token in row] for row in rows]
    np.testing.assert_array_equal(made, keras.utils.pad_sequences(cut, 5))
    cached(lambda n: (np.array([rows[i % 5 + 1] for i in range(n)], object), np.arange(n) % 2))
    signature = ModelSignature((InputSignature((5,), "int32", 50),), (1,), "sigmoid")
    data = open_data("keras:imdb", signature=signature)
    assert data.task == "text"
    assert data.model_input(data.test.x).max() < 50


def test_values(cached):
    cached(lambda n: (RNG.normal(size=(n, 13)) * 5, RNG.normal(size=n)))
    signature = ModelSignature((InputSignature((13,)),), (1,), "values")
    data = open_data("keras:boston_housing", signature=signature)
    assert data.train.y.dtype == np.float32
    np.testing.assert_allclose(data.model_input(data.train.x).std(axis=0), 1, rtol=0, atol=1e-3)


def test_an_unknown_name_is_told_its_nearest():
    with pytest.raises(InputError, match="Did you mean keras:cifar10"):
        open_data("keras:cifar-10")


@pytest.mark.heavy
def test_without_cache_and_network_it_says_so(tmp_path):
    code = (
        "from edgeprune.data.sources import open_data\n"
        "from edgeprune.errors import InputError\n"
        "try: open_data('keras:mnist')\n"
        "except InputError as error: print(error)"
    )
    # Nothing listens there: the download fails at once, on any machine.
    proxy = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True,
        env={**os.environ, **proxy, "KERAS_HOME": str(tmp_path), "no_proxy": ""},
    )
    assert "keras:mnist is not in Keras' cache" in done.stdout
    assert not list(tmp_path.rglob("*.npz"))
