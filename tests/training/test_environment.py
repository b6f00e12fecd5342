"""A program that calls a build gets its process back as it was."""

import logging
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest

from edgeprune.keras_bridge.silence import silence
from edgeprune.training.environment import deterministic


def test_random_states_and_determinism_are_put_back():
    import keras
    import tensorflow as tf
    import tf_keras
    from tensorflow.python.framework import config

    def drawn():
        layer, other = tf_keras.layers.Dense(2), keras.layers.Dense(2)
        layer.build((None, 3)), other.build((None, 3))
        arrays = [tf.random.normal((2,)).numpy(), *layer.get_weights(), *other.get_weights()]
        return [
            random.random(), np.random.random(),  # noqa: NPY002, S311 - the global ones
            *map(np.ndarray.tolist, arrays),
        ]

    def seeded():
        for package in (tf_keras, keras):
            package.utils.set_random_seed(3)

    config.disable_op_determinism()
    seeded()
    expected = drawn()
    seeded()
    with deterministic(5):
        assert config.is_op_determinism_enabled()
        first = drawn()
    assert not config.is_op_determinism_enabled()
    # A TensorFlow seed restarts its generators; those of Python, NumPy and Keras go on.
    assert drawn() == expected
    with deterministic(5):
        assert drawn() == first != expected


def test_an_error_puts_everything_back_too():
    filters, level = warnings.filters[:], os.environ.get("TF_CPP_MIN_LOG_LEVEL")
    with pytest.raises(ZeroDivisionError), deterministic(1):
        raise ZeroDivisionError
    assert warnings.filters == filters
    assert os.environ.get("TF_CPP_MIN_LOG_LEVEL") == level
    assert not any(logging.getLogger(name).filters for name in ("tensorflow", "absl"))


def test_the_program_keeps_its_own_logging(caplog, capfd):
    with deterministic(2):
        logging.getLogger("tensorflow").error("a message of TensorFlow")
        logging.getLogger("the program").warning("a message of the program")
        sys.stderr.write("its own words")
        warnings.warn_explicit("of TensorFlow", UserWarning, "ops.py", 1, "tensorflow.python.ops")
        with pytest.warns(UserWarning, match="of the program"):
            warnings.warn("of the program", UserWarning, stacklevel=1)
    assert [record.message for record in caplog.records] == ["a message of the program"]
    assert "its own words" in capfd.readouterr().err
    logging.getLogger("tensorflow").error("audible again")
    assert caplog.records[-1].message == "audible again"


def test_silence_discards_what_is_written_below_python(capfd):
    with silence(), silence():
        os.write(2, b"from C++")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@pytest.mark.heavy
def test_tensorflow_says_nothing_in_a_fresh_process():
    code = (
        "from edgeprune.training.environment import deterministic\n"
        "with deterministic(0):\n"
        "    import tf_keras, numpy as np\n"
        "    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3)])\n"
        "    model.compile('adam', 'mse'); model.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
