"""The networks of the budget benchmark: unlabelled samples to calibrate with, to judge plans, and to compare.

MobileNetV2-0.35 at 96x96 on CIFAR-10, MLPerf Tiny's DS-CNN on Speech Commands, its ResNet-8 on CIFAR-10.
No sample is in two of the parts; nothing that chooses sees those that are compared.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pruning_networks as networks

CALIBRATION, JUDGED, COMPARED = 1024, 1024, 4000


@dataclasses.dataclass(frozen=True)
class Case:
    """A trained network and its samples, as it takes them.

    Attributes:
        repeats: how often each recording is among the compared ones, one whole round after the other.
    """

    model: Any
    calibration: np.ndarray
    judged: np.ndarray
    compared: np.ndarray
    repeats: int = 1


def _images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CIFAR-10's training images and labels and its test images, these shuffled too."""
    images = networks.cifar()
    order = np.random.default_rng(1).permutation(len(images.x_test))
    return images.x, images.y, images.x_test[order]


def _case(model: Any, x: np.ndarray, compared: np.ndarray) -> Case:
    return Case(model, x[:CALIBRATION], x[CALIBRATION : CALIBRATION + JUDGED], compared[:COMPARED])


def resnet8() -> Case:
    """MLPerf Tiny's published network."""
    x, _, compared = _images()
    return _case(networks.resnet8(), x[:2048].astype(np.float32), compared[:COMPARED].astype(np.float32))


def mobilenet() -> Case:
    """CIFAR-10 enlarged to 96x96, four epochs on 8,000 images."""
    import tf_keras as keras

    x, y, compared = _images()

    def enlarged(part: np.ndarray) -> np.ndarray:
        return np.repeat(np.repeat(part, 3, axis=1), 3, axis=2).astype(np.float32) / 127.5 - 1

    path = networks.KEPT / "mobilenet-96.h5"
    if path.is_file():
        model = keras.models.load_model(path, compile=False)
    else:
        keras.utils.set_random_seed(0)
        model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
        for layer in model.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.9  # a few hundred steps have to do
        rate = keras.optimizers.schedules.CosineDecay(3e-3, 4 * 8000 // 64)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        model.fit(enlarged(x[2048:10048]), y[2048:10048], batch_size=64, epochs=4, verbose=2)
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    # As good as training data for calibration: no label is used, and the network has not fitted them.
    return _case(model, enlarged(x[:2048]), enlarged(compared[:2000]))


def ds_cnn() -> Case:
    """MLPerf Tiny's published network; 600 clips calibrate, 290 judge, 900 are compared in five shifts."""
    import tf_keras as keras

    kept = networks.SHARED / "data" / "speech_commands_subset_16k.npz"
    path = networks.SHARED / "models" / "kws_ref_model_converted.h5"
    if not (kept.is_file() and path.is_file()):
        raise SystemExit(f"{kept} or {path} is not there.")
    with np.load(kept) as found:
        clips = found["x"]
    clips = clips[np.random.default_rng(0).permutation(len(clips))].astype(np.float32)
    compared = np.concatenate([np.roll(clips[890:], shift, axis=1) for shift in (0, -1600, -800, 800, 1600)])
    model = keras.models.load_model(path, compile=False)
    return Case(model, mfcc(clips[:600]), mfcc(clips[600:890]), mfcc(compared), 5)


def mfcc(clips: np.ndarray) -> np.ndarray:
    """(N, 16000) to (N, 49, 10, 1), as mlcommons/tiny's keyword spotting computes them."""
    import tensorflow as tf

    parts = []
    for start in range(0, len(clips), 256):
        part = clips[start : start + 256]
        part = part / np.maximum(np.abs(part).max(axis=1, keepdims=True), 1)
        spectrum = tf.abs(tf.signal.stft(part, 480, 320, window_fn=tf.signal.hann_window))
        mel = tf.signal.linear_to_mel_weight_matrix(40, spectrum.shape[-1], 16000, 20.0, 4000.0)
        log_mel = tf.math.log(tf.tensordot(spectrum, mel, 1) + 1e-6)
        parts.append(tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., :10].numpy()[..., None])
    return np.concatenate(parts)


CASES = {"resnet8": resnet8, "ds-cnn": ds_cnn, "mobilenet": mobilenet}
