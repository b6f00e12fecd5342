"""A folder as the documents' readers have it: models and data of their own, bundles built before."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np

from tests.pipeline.test_build import stripes

WORDS = [f"word{number}" for number in range(40)]
RATE = 16000


def make_workspace(folder: Path) -> Path:
    """Everything that the documents' commands name, but `mine.keras`, which follows the data it meets."""
    program = folder / "bin" / "edgeprune"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m edgeprune "$@"\n')
    program.chmod(0o755)
    (folder / "models").mkdir()
    _pictures(folder)
    _wine(folder)
    _reviews(folder)
    _words(folder)
    _streets(folder)
    _objects(folder)
    _bundles(folder)
    return folder


def use_model_for(command: str, folder: Path) -> None:
    """`mine.keras` and `mine.h5` are the reader's own model, whatever its data is."""
    kinds = ("reviews", "words", "streets", "objects", "wine")
    kind = next((kind for kind in kinds if f"--data {kind}" in command), "pictures")
    for suffix in ("keras", "h5"):
        source = folder / "models" / f"{kind}.{suffix}"
        if source.exists():
            shutil.copy(source, folder / f"mine.{suffix}")


def _pictures(folder: Path) -> None:
    import tf_keras
    from PIL import Image

    train, test = stripes(360, 0), stripes(120, 2)
    x_train, x_test = (part.x.astype(np.float32) / 255 for part in (train, test))
    np.savez(folder / "mine.npz", x_train=x_train, y_train=train.y, x_test=x_test, y_test=test.y)
    (folder / "my_samples.py").write_text(
        "import numpy as np\n\n\ndef load():\n    with np.load('mine.npz') as found:\n"
        "        return dict(found)\n"
    )
    for name, split in (("train", train), ("test", test)):
        for number, (image, label) in enumerate(zip(split.x, split.y, strict=True)):
            place = folder / "pictures" / name / f"class{label}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[:, :, 0]).save(place / f"{number}.png")
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((8, 8, 1)), layers.Conv2D(16, 3, padding="same", activation="relu"), layers.Flatten(),
        layers.Dense(24, activation="relu"), layers.Dense(4, activation="softmax"),
    ])
    _save(model, x_train, train.y, folder / "models" / "pictures")


def _wine(folder: Path) -> None:
    """A table with a gap, a column that is no feature, and the kind of each wine; a list of the pictures."""
    import tf_keras

    random = np.random.default_rng(0)
    kinds = random.integers(0, 3, 300)
    x = random.normal(size=(300, 4)) + kinds[:, None] * [1.5, -1, 0, 2]
    rows = [[f"{value:.3f}" for value in row] for row in x]
    rows[7][2] = ""
    lines = [
        f"{','.join(row)},cellar {number % 5},{('red', 'rose', 'white')[kind]}\n"
        for number, (row, kind) in enumerate(zip(rows, kinds, strict=True))
    ]
    (folder / "wine.csv").write_text("acid,sugar,ash,alcohol,cellar,kind\n" + "".join(lines))
    pictures = sorted((folder / "pictures" / "train").rglob("*.png"))
    listed = [f"{path.relative_to(folder)},{path.parent.name}\n" for path in pictures]
    (folder / "pictures.csv").write_text("path,label\n" + "".join(listed))
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((4,)), layers.Dense(24, activation="relu"), layers.Dense(3, activation="softmax"),
    ])
    _save(model, x.astype(np.float32), kinds, folder / "models" / "wine")


def _reviews(folder: Path) -> None:
    import tf_keras

    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    rows = [random.choice(WORDS[:20] if label else WORDS[20:], 6) for label in labels]
    lines = [f"{' '.join(row)},{('bad', 'good')[label]}\n" for row, label in zip(rows, labels, strict=True)]
    (folder / "reviews.csv").write_text("text,label\n" + "".join(lines))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", *WORDS]) + "\n")
    numbers = np.array([[WORDS.index(word) + 2 for word in row] for row in rows], np.int32)
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((6,)), layers.Embedding(42, 16), layers.GlobalAveragePooling1D(),
        layers.Dense(16, activation="relu"), layers.Dense(2, activation="softmax"),
    ])
    _save(model, numbers, labels, folder / "models" / "reviews")


def _words(folder: Path) -> None:
    """Two words, each a tone of its own; the model reads a second of raw samples."""
    import tf_keras

    random = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    clips, labels = [], np.arange(160) % 2
    for number, label in enumerate(labels):
        clip = 8000 * np.sin(2 * np.pi * (1 + label) * 400 * time + number) + random.normal(size=RATE) * 300
        place = folder / "words" / ("no", "yes")[label] / f"{number:08x}_nohash_0.wav"
        place.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(place), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(clip.astype("<i2").tobytes())
        clips.append((clip / 32768).astype(np.float32))
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((RATE,)), layers.Reshape((RATE, 1)), layers.Conv1D(8, 64, strides=32, activation="relu"),
        layers.GlobalMaxPooling1D(), layers.Dense(16, activation="relu"),
        layers.Dense(2, activation="softmax"),
    ])
    _save(model, np.stack(clips), labels, folder / "models" / "words")


def _squares(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (N, 16, 16, 3) with one bright square each, its class (0 red, 1 green), and its pixel box."""
    random = np.random.default_rng(0)
    x, kinds = random.integers(0, 60, (count, 16, 16, 3)).astype(np.uint8), np.arange(count) % 2
    low = random.integers(0, 10, (count, 2))
    boxes = np.concatenate([low, low + 6], axis=1)  # ymin, xmin, ymax, xmax
    for picture, kind, (top, left, bottom, right) in zip(x, kinds, boxes, strict=True):
        picture[top:bottom, left:right, kind] = 255
    return x, kinds, boxes


def _streets(folder: Path) -> None:
    """Pictures with masks, and a model that gives a class for every pixel."""
    import tf_keras
    from PIL import Image

    x, kinds, boxes = _squares(160)
    masks = np.zeros(x.shape[:3], np.uint8)
    for number, (kind, (top, left, bottom, right)) in enumerate(zip(kinds, boxes, strict=True)):
        masks[number, top:bottom, left:right] = 1 + kind
        for name, made in (("images", x[number]), ("masks", masks[number])):
            place = folder / "streets" / name / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(made).save(place)
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((16, 16, 3)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(16, 3, padding="same", activation="relu"), layers.Conv2D(3, 1, activation="softmax"),
    ])
    _save(model, x.astype(np.float32) / 255, masks, folder / "models" / "streets", epochs=60)


_LOSS = '''import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable()
def box_loss(y, heads):
    """y (N, M, 5): class, ymin, xmin, ymax, xmax as fractions, class -1 where there is no box."""
    box, scores = heads[:, :4], heads[:, 4:]
    kind = tf.one_hot(tf.cast(y[:, 0, 0], tf.int32), 2)
    wrong = tf.reduce_sum(tf.abs(y[:, 0, 1:] - box), -1)
    return wrong + tf.nn.softmax_cross_entropy_with_logits(kind, scores)
'''


def _objects(folder: Path) -> None:
    """Pictures with COCO's boxes, and a detector with a loss of its reader's own."""
    import tf_keras
    from PIL import Image

    x, kinds, boxes = _squares(160)
    annotations = []
    (folder / "objects").mkdir()
    for number, (kind, (top, left, bottom, right)) in enumerate(zip(kinds, boxes, strict=True)):
        Image.fromarray(x[number]).save(folder / "objects" / f"{number}.png")
        box = [int(left), int(top), int(right - left), int(bottom - top)]
        annotations.append({"id": number, "image_id": number, "category_id": int(kind), "bbox": box})
    pictures = [{"id": n, "file_name": f"{n}.png", "width": 16, "height": 16} for n in range(len(x))]
    categories = [{"id": 0, "name": "red"}, {"id": 1, "name": "green"}]
    (folder / "objects" / "annotations.json").write_text(json.dumps(
        {"images": pictures, "annotations": annotations, "categories": categories}
    ))
    (folder / "my_losses.py").write_text(_LOSS)
    sys.path.insert(0, str(folder))
    try:
        loss = importlib.import_module("my_losses").box_loss
    finally:
        sys.path.remove(str(folder))
    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([
        layers.Input((16, 16, 3)), layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.AveragePooling2D(), layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(6),
    ])
    y = np.concatenate([kinds[:, None], boxes / 16], axis=1).astype(np.float32)[:, None]
    _save(model, x.astype(np.float32) / 255, y, folder / "models" / "objects", loss)


def _save(
    model, x: np.ndarray, y: np.ndarray, path: Path, loss: object = "sparse_categorical_crossentropy",
    epochs: int = 8,
) -> None:
    model.compile("adam", loss, metrics=["accuracy"] if isinstance(loss, str) else None)
    model.fit(x, y, epochs=epochs, batch_size=32, verbose=0)
    for suffix in ("keras", "h5"):
        model.save(path.with_suffix(f".{suffix}"))


def _bundles(folder: Path) -> None:
    """The first command of the README, and copies of what it makes under the names that others use."""
    _type(folder, "edgeprune build --prune 0.5")
    made = folder / "build" / "edgeprune"
    for copy in ("build/a", "build/b", "build/c", "build/mine", "releases/v2"):
        shutil.copytree(made, folder / copy)
    shutil.copy(made / "model.tflite", folder / "baseline.tflite")
    _type(folder, "edgeprune bench build/edgeprune --device local --json > pi.json")
    _type(folder, "edgeprune build --write-recipe > edgeprune.toml")
    with (folder / "edgeprune.toml").open("a", encoding="utf-8") as recipe:
        recipe.write('\n[limits]\nmax_size = "2MB"\n')


def _type(folder: Path, text: str) -> None:
    environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                   "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(["bash", "-c", text], cwd=folder, env=environment, check=True, capture_output=True)
