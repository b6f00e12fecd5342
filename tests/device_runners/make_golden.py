"""Makes the files in golden/: run by hand, with TensorFlow, only when the bundle format changes.

    python tests/device_runners/make_golden.py

Golden bundles of older format versions stay: old bundles live on devices.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf  # noqa: TID253
import tf_keras as keras  # noqa: TID253

from edgeprune.bundle import pack_eval, write_bundle
from edgeprune.types import Manifest, TensorInfo

GOLDEN = Path(__file__).parent / "golden"


def build_model() -> keras.Model:
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.layers.Input((12, 12, 1)),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            keras.layers.Conv2D(16, 1, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
            keras.layers.Softmax(),
        ]
    )


def build_slow_model() -> keras.Model:
    """Small weights on a large image: no machine gets through the most runs in under a minute."""
    keras.utils.set_random_seed(7)
    convolutions = [keras.layers.Conv2D(8, 3, padding="same") for _ in range(6)]
    return keras.Sequential([keras.layers.Input((512, 512, 8)), *convolutions])


def convert(model: keras.Model, samples: np.ndarray, int8: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def info(detail: dict) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return TensorInfo(detail["name"], shape, np.dtype(detail["dtype"]).name, float(scale), int(zero_point))


def main() -> None:
    rng = np.random.default_rng(11)
    raw = rng.integers(0, 256, (40, 12, 12, 1)).astype(np.uint8)
    samples = (raw / np.float32(127.5) - 1).astype(np.float32)
    model = build_model()
    # Random weights, so labels are the model's own answers, a tenth of them changed.
    labels = model.predict(samples, verbose=0).argmax(-1)
    labels[::10] = (labels[::10] + 1) % 5
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / "float.tflite").write_bytes(convert(model, samples, int8=False))
    (GOLDEN / "slow.tflite").write_bytes(convert(build_slow_model(), samples, int8=False))
    content = convert(model, samples, int8=True)
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    manifest = Manifest(
        task="vision",
        inputs=tuple(map(info, interpreter.get_input_details())),
        outputs=tuple(map(info, interpreter.get_output_details())),
        preprocessing=({"op": "rescale", "scale": 1 / 127.5, "offset": -1.0},),
        metrics=("accuracy",),
        files={},
        seed=7,
        commands=("python tests/device_runners/make_golden.py",),
    )
    files = {
        "model.tflite": content,
        "eval.npz": pack_eval([raw], labels.astype(np.int64)),
        "labels.txt": b"".join(b"class %d\n" % index for index in range(5)),
        "model.keras": b"stays on the host, so its content does not matter here",
        "report.json": b"{}\n",
    }
    write_bundle(GOLDEN / f"bundle_v{manifest.format_version}", manifest, files)


if __name__ == "__main__":
    main()
