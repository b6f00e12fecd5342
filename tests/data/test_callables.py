import sys

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

SIGNATURE = ModelSignature((InputSignature((4,)),), (3,), "softmax")
MODULE = """
import numpy as np
import mine.inner

RNG = np.random.default_rng(0)
X = RNG.random((60, 4), np.float32)
Y = np.arange(60) % 3

def arrays():
    return X, Y

def bare():
    return X

def halves():
    return (X[:40], Y[:40]), (X[40:], Y[40:])

def named():
    return {"x_train": X[:40], "y_train": Y[:40], "x_test": X[40:], "y_test": Y[40:]}

def batches():
    for start in range(0, 60, 7):
        yield X[start : start + 7], Y[start : start + 7]

def bare_batches():
    yield X[:30]
    yield X[30:]

def splits():
    return {"train": [(X[:20], Y[:20]), (X[20:40], Y[20:40])], "test": iter([(X[40:], Y[40:])])}

def texts():
    return [f"text {number % 3}" for number in range(60)], Y

def two_inputs():
    return (X, X[:, :2]), Y

def text_batches():
    yield np.array(["one word", "two"], object), np.array([0, 1])
    yield [b"a much longer text", b"x"], [0, 1]
    yield ["a", "b", "c"], [0, 1, 0]

def tf_data():
    import tensorflow as tf
    return tf.data.Dataset.from_tensor_slices((X, Y))

def tf_batches():
    return tf_data().batch(7)

def tf_splits():
    data = tf_data()
    return {"train": data.take(40), "validation": data.skip(40).take(10), "test": data.skip(50)}

def endless():
    return tf_data().repeat()

def given():
    from edgeprune.data.tabular import synthetic_rows
    return synthetic_rows(3, 4, 300)

def fails():
    raise RuntimeError("the disk is away")

def prints():
    print("told by the user's function")
    return X, Y

def nothing():
    return iter(())

def unlike():
    yield X[:5], Y[:5]
    yield X[:5, :3], Y[:5]

def unlike_parts():
    yield X[:5], Y[:5]
    yield X[5:9]

def objects():
    yield np.array([{}, []], object), Y[:2]

def a_number():
    return 3

def nan():
    return X * np.nan, Y

not_a_function = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("")
    (tmp_path / "mine" / "inner.py").write_text("")
    (tmp_path / "mine" / "source.py").write_text(MODULE)
    (tmp_path / "broken_source.py").write_text("import no_such_module\n")
    monkeypatch.chdir(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mine", "broken_source")]:
        del sys.modules[name]


def rows(data):
    """All samples with their labels, sorted."""
    found = [
        (*sample, label)
        for split in (data.train, data.validation, data.test)
        for sample, label in zip(split.x, split.y, strict=True)
    ]
    return np.array(sorted(found))


@pytest.mark.parametrize("name", ["arrays", "halves", "named", "batches", "splits"])
def test_everything_that_holds_the_samples_gives_them(name):
    path = list(sys.path)
    data = open_data(f"mine.source:{name}", signature=SIGNATURE)
    x = np.random.default_rng(0).random((60, 4), np.float32)
    expected = sorted((*sample, label) for sample, label in zip(x, np.arange(60) % 3, strict=True))
    np.testing.assert_array_equal(rows(data), np.array(expected))
    if name in ("halves", "named", "splits"):
        np.testing.assert_array_equal(data.test.x, x[40:])
    assert sys.path == path


@pytest.mark.parametrize("name", ["tf_data", "tf_batches", "tf_splits"])
def test_tf_data_gives_them_too(name):
    data = open_data(f"mine.source:{name}", signature=SIGNATURE)
    x = np.random.default_rng(0).random((60, 4), np.float32)
    expected = sorted((*sample, label) for sample, label in zip(x, np.arange(60) % 3, strict=True))
    np.testing.assert_array_equal(rows(data), np.array(expected))
    if name == "tf_splits":
        np.testing.assert_array_equal(data.validation.x, x[40:50])


def test_samples_without_labels():
    for name in ("bare", "bare_batches"):
        data = open_data(f"mine.source:{name}", signature=SIGNATURE)
        assert data.train.y is None
        assert len(data.train) + len(data.validation) + len(data.test) == 60


def test_texts_several_inputs_and_a_dataset():
    tokens = ModelSignature((InputSignature((3,), "int32", 9),), (3,), "softmax")
    assert open_data("mine.source:texts", signature=tokens).input_shape() == (3,)
    binary = ModelSignature((InputSignature((3,), "int32", 9),), (1,), "sigmoid")
    data = open_data("mine.source:text_batches", signature=binary)
    assert isinstance(data, Dataset)
    texts = {*data.train.x, *data.validation.x, *data.test.x}
    assert texts == {"one word", "two", "a much longer text", "x", "a", "b", "c"}
    two = ModelSignature((InputSignature((4,)), InputSignature((2,))), (3,), "softmax")
    assert len(open_data("mine.source:two_inputs", signature=two).train.x) == 2
    assert open_data("mine.source:given", signature=SIGNATURE).synthetic


def test_more_than_memory_goes_to_a_file_that_leaves_nothing(tmp_path, monkeypatch):
    held = open_data("mine.source:batches", signature=SIGNATURE)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr("edgeprune.data.disk_buffer.IN_MEMORY_BYTES", 200)
    streamed = open_data("mine.source:batches", signature=SIGNATURE)
    assert not isinstance(streamed.train.x, np.ndarray)
    np.testing.assert_array_equal(np.asarray(streamed.train.x), held.train.x)
    assert list(temporary.iterdir()) == []


def test_what_the_function_prints_is_no_result(capsys):
    open_data("mine.source:prints", signature=SIGNATURE)
    told = capsys.readouterr()
    assert told.out == ""
    assert "told by the user" in told.err


def test_a_source_without_end_is_stopped(monkeypatch):
    with pytest.raises(InputError, match="without end"):
        open_data("mine.source:endless", signature=SIGNATURE)
    monkeypatch.setattr("edgeprune.data.disk_buffer.IN_MEMORY_BYTES", 200)
    monkeypatch.setattr("edgeprune.data.disk_buffer._KEEP_FREE_BYTES", 2**62)
    with pytest.raises(InputError, match="fills the folder for temporary files"):
        open_data("mine.source:batches", signature=SIGNATURE)


@pytest.mark.parametrize(("source", "message"), [
    ("mine.source:fails", "RuntimeError: the disk is away"), ("mine.source:nothing", "gives no samples"),
    ("mine.source:unlike", r"shape \(4,\).*\(3,\)"), ("mine.source:unlike_parts", "different parts"),
    ("mine.source:objects", "Python objects"), ("mine.source:a_number", "gives int"),
    ("mine.source:nan", "NaN"), ("mine.source:missing", "no function 'missing'"),
    ("mine.source:not_a_function", "no function"), ("no_such.module:f", "cannot be imported"),
    ("broken_source:f", "No module named 'no_such_module'"), ("mine.source:f()", "There is no data"),
    ("mine/source:f", "There is no data"),
])
def test_what_is_no_data_is_refused(source, message):
    with pytest.raises(InputError, match=message):
        open_data(source, signature=SIGNATURE)
