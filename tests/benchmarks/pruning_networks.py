"""The networks and data that the pruning benchmarks share.

Fashion: convolutions 32-64-128 and a Dense 256 on Fashion-MNIST, four epochs on 30,000 images.
ResNet-8: MLPerf Tiny's published CIFAR-10 network. Data and the published model are looked for in
../shared, beside the repository; Fashion-MNIST is downloaded by Keras where that is absent.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
KEPT = ROOT / "build" / "benchmarks"
CALIBRATION = 1024


@dataclasses.dataclass(frozen=True)
class Images:
    """Images as the network takes them, and class numbers; to train on, to choose by, to report."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def calibration(self) -> np.ndarray:
        """1024 training images; their labels are not looked at."""
        return self.x[np.random.default_rng(0).permutation(len(self.x))[:CALIBRATION]].astype(np.float32)


def fashion() -> Images:
    """Fashion-MNIST, 0..1; 30,000 images to train on, and the next 5,000 to validate on."""
    path = SHARED / "data" / "fashion_mnist.npz"
    if path.is_file():
        with np.load(path) as found:
            arrays = [found[name] for name in ("x_train", "y_train", "x_test", "y_test")]
    else:
        import tf_keras

        (x, y), (x_test, y_test) = tf_keras.datasets.fashion_mnist.load_data()
        arrays = [x, y, x_test, y_test]
    x, y, x_test, y_test = arrays
    x, x_test = (some[..., None] / np.float32(255) for some in (x, x_test))
    return Images(x[:30000], y[:30000], x[30000:35000], y[30000:35000], x_test, y_test)


def cifar() -> Images:
    """CIFAR-10 from JPEG, 0..255, shuffled: the file is sorted by class. 5,000 images validate.

    Raises:
        SystemExit: it is not beside the repository.
    """
    path = SHARED / "data" / "cifar10_jpeg.npz"
    if not path.is_file():
        raise SystemExit(f"{path} is not there.")
    from PIL import Image

    with np.load(path) as found:

        def decoded(split: str) -> np.ndarray:
            raw, ends = found[f"jpg_{split}"].tobytes(), found[f"off_{split}"]
            pairs = itertools.pairwise(ends)
            return np.stack([np.asarray(Image.open(io.BytesIO(raw[a:b])).convert("RGB")) for a, b in pairs])

        x, y = decoded("train"), found["y_train"]
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order], y[order]
        return Images(x[:-5000], y[:-5000], x[-5000:], y[-5000:], decoded("test"), found["y_test"])


def fashion_network(seed: int, images: Images, epochs: int = 4) -> Any:
    """The Fashion network, from an earlier run where there was one."""
    import tf_keras as keras

    path = KEPT / f"fashion-{seed}.h5"
    if path.is_file():
        return keras.models.load_model(path, compile=False)
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for width in (32, 64, 128):
        model.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
        if width < 128:
            model.add(layers.MaxPooling2D())
    for layer in (
        layers.Flatten(),
        layers.Dense(256, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ):
        model.add(layer)
    train(model, images, epochs, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model


def resnet8() -> Any:
    """The published ResNet-8.

    Raises:
        SystemExit: it is not beside the repository.
    """
    import tf_keras

    path = SHARED / "models" / "pretrainedResnet.h5"
    if not path.is_file():
        raise SystemExit(f"{path} is not there.")
    return tf_keras.models.load_model(path, compile=False)


def train(
    model: Any, images: Images, epochs: int, seed: int, rate: float = 1e-3, *, batch_size: int = 128
) -> None:
    """Adam with a cosine schedule and cross-entropy; in place."""
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(images.x) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    model.fit(images.x, images.y, batch_size=batch_size, epochs=epochs, verbose=0)


def accuracy(model: Any, images: Images, *, validation: bool = False) -> float:
    """Test or validation accuracy in percent."""
    x, y = (images.x_validation, images.y_validation) if validation else (images.x_test, images.y_test)
    outputs = model.predict(x.astype(np.float32), batch_size=500, verbose=0)
    return float((outputs.argmax(axis=1) == y.ravel()).mean() * 100)
