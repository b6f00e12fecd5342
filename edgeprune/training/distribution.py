"""Training on several devices or machines, through `tf.distribute`."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from edgeprune.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


def strategy_of(name: str) -> tf.distribute.Strategy | None:
    """The strategy of a recipe, None for training here.

    Args:
        name: "none", "mirrored" (all devices of this machine) or "multi-worker" (the cluster that the
            environment variable TF_CONFIG describes; every worker runs the same command).

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
            "--distribute multi-worker without a cluster.",
            'TF_CONFIG={"cluster": {"worker": ["host:port", …]}, "task": {"type": "worker", "index": 0}} '
            "is expected in the environment of each worker.",
            "See tensorflow.org/guide/distributed_training.",
        ) from None
    return tf.distribute.MultiWorkerMirroredStrategy()
