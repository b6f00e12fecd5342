"""Training in two real worker processes."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.training.environment import strategy_of
from tests.pipeline.test_build import stripes


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_a_cluster_must_be_described(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="TF_CONFIG"):
        strategy_of("multi-worker")


@pytest.mark.heavy
def test_two_workers_build_one_bundle(tmp_path):
    import tf_keras

    train, test = stripes(320, 0), stripes(120, 2)
    scaled = [part.x.astype(np.float32) / 255 for part in (train, test)]
    np.savez(tmp_path / "data.npz", x_train=scaled[0], y_train=train.y, x_test=scaled[1], y_test=test.y)
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    network = tf_keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, activation="relu"), layers.Flatten(),
        layers.Dense(24, activation="relu"), layers.Dense(4, activation="softmax"),
    ])
    network.compile("adam", "sparse_categorical_crossentropy")
    network.fit(scaled[0], train.y, epochs=4, batch_size=32, verbose=0)
    network.save(tmp_path / "model.keras")
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    command = [
        sys.executable, "-m", "edgeprune", "build", str(tmp_path / "model.keras"), "--quiet",
        "--data", str(tmp_path / "data.npz"), "--distribute", "multi-worker", "--epochs=3",
        "--batch-size=32", "--out", str(tmp_path / "out"),
    ]
    running = []
    for index in range(2):
        cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        running.append(subprocess.Popen(command, env={**os.environ, "TF_CONFIG": json.dumps(cluster)}))
    assert [process.wait(400) for process in running] == [0, 0]
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert len(report["training"]) == 4
    assert report["training"][-1]["score"] >= report["training"][0]["score"]
    accuracy = [report["stages"][name]["metrics"]["accuracy"] for name in ("baseline", "deployed")]
    assert accuracy[1] >= accuracy[0] - 0.02
