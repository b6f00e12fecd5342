"""Where training runs: on which devices, and the process-wide state that makes it reproducible."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
from collections.abc import Iterator

import numpy as np

from edgeprune.errors import InputError
from edgeprune.keras_bridge import keras_version  # sets the environment before TensorFlow is imported
from edgeprune.keras_bridge.silence import muted_frameworks, silence
from edgeprune.keras_types import Strategy
from edgeprune.pruning.blas_threads import one_blas_thread

del keras_version

_KERAS3_STATE = "keras.src.backend.common.global_state"
_KERAS3_SEEDS = ("global_random_seed", "global_seed_generator")


@contextlib.contextmanager
def deterministic(seed: int, distribute: str = "none") -> Iterator[Strategy]:
    """Seeds all random generators, makes TensorFlow's ops deterministic and mutes its messages.

    The same seed gives the same bytes on the same processor, whatever TensorFlow's threads, and without
    oneDNN (`keras_version` switches it off); NumPy's linear algebra gets one thread. On leaving,
    everything is as it was: the random states of Python, NumPy, TensorFlow and both Keras versions, op
    determinism (TensorFlow has no public function that switches it off; its internal one is used), log
    filters, warnings and the environment. Only an imported TensorFlow stays, and its C++ log level with it.

    Yields `strategy_of` distribute: collective ones have to be created before anything else in TensorFlow.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(muted_frameworks())
        stack.enter_context(one_blas_thread())
        with silence():
            import tensorflow as tf
            import tf_keras
            from tensorflow.python.framework import config

            strategy = strategy_of(distribute)
            stack.enter_context(_random_state_kept())
            if not config.is_op_determinism_enabled():
                tf.config.experimental.enable_op_determinism()
                stack.callback(config.disable_op_determinism)
            tf_keras.utils.set_random_seed(seed)
        yield strategy


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Puts the random generators back; neither TensorFlow nor Keras has public names for theirs."""
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tf_keras.src import backend

    keras2 = backend._SEED_GENERATOR  # noqa: SLF001
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the legacy one is global
    of_tensorflow, of_keras2 = context.global_seed(), getattr(keras2, "generator", None)
    store = sys.modules.get(_KERAS3_STATE)
    of_keras3 = {name: store.get_global_attribute(name) if store else None for name in _KERAS3_SEEDS}
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        tf.random.set_seed(of_tensorflow)
        keras2.generator = of_keras2
        if store := sys.modules.get(_KERAS3_STATE):
            for name, value in of_keras3.items():
                store.set_global_attribute(name, value)


def strategy_of(name: str) -> Strategy:
    """The strategy of a recipe: "none" for training here, "mirrored" for all devices of this machine.

    "multi-worker" is the cluster that the variable TF_CONFIG describes; every worker runs the same command.

    Raises:
        InputError: no cluster is described.
    """
    if name == "none":
        return None
    import tensorflow as tf

    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    try:
        json.loads(os.environ.get("TF_CONFIG", ""))["cluster"]["worker"]
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "--distribute multi-worker was given, and no cluster is set.",
            'TF_CONFIG={"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}} '
            "is expected in the environment of each worker.",
            "See tensorflow.org/guide/distributed_training.",
        ) from None
    return tf.distribute.MultiWorkerMirroredStrategy()
