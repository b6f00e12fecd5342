"""Outputs of losses of one's own: what they mean is seen in predictions, or they judge themselves."""

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.labels import read_labels
from edgeprune.data.model_signature import signature_of
from edgeprune.metrics import evaluate
from edgeprune.pipeline.meaning import with_meaning, without_padding
from edgeprune.tasks import OutputTask, useless_outputs
from edgeprune.training.output_masks import output_masks

RNG = np.random.default_rng(3)
COUNT = 160


def triplet(y, p):
    import tensorflow as tf

    p, y = tf.math.l2_normalize(p, -1), tf.reshape(y, (-1,))
    apart, same = 1 - tf.matmul(p, p, transpose_b=True), tf.cast(y[:, None] == y[None], tf.float32)
    near, far = tf.reduce_max(apart * same, 1), tf.reduce_min(apart + 10 * same, 1)
    return tf.maximum(near - far + 0.3, 0)


def contrastive(y, p):
    import tensorflow as tf

    y = tf.cast(tf.reshape(y, tf.shape(p)), tf.float32)
    return tf.reduce_mean(y * p**2 + (1 - y) * tf.maximum(3 - p, 0) ** 2, -1)


def levels(y, p):
    import tensorflow as tf

    above = tf.cast(tf.cast(tf.reshape(y, (-1, 1)), tf.float32) > tf.range(3.0), tf.float32)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(above, p), -1)


def likelihood(y, p):
    import tensorflow as tf

    y = tf.cast(tf.reshape(y, (-1,)), tf.float32)
    return 0.5 * tf.exp(-2 * p[:, 1]) * (y - p[:, 0]) ** 2 + p[:, 1]


def made(case):
    """The loss, labels and the outputs of a good model."""
    classes = RNG.integers(0, 12, COUNT)
    if case == "embedding":
        return triplet, classes, RNG.normal(size=(12, 16))[classes] + 0.2 * RNG.normal(size=(COUNT, 16))
    if case == "embedding of as many numbers as classes":
        centres = np.roll(np.eye(12), 1, axis=0) + 0.2 * RNG.normal(size=(12, 12))
        return triplet, classes, centres[classes] + 0.1 * RNG.normal(size=(COUNT, 12))
    if case == "distance":
        same = RNG.integers(0, 2, COUNT)
        return contrastive, same, (3 * (1 - same) + RNG.normal(size=COUNT) / 2)[:, None]
    scale = RNG.integers(0, 4, COUNT)
    if case == "levels":
        return levels, scale, 3 * (scale[:, None] - np.arange(3) - 0.5) + RNG.normal(size=(COUNT, 3))
    return likelihood, 2 * scale.astype(np.float32), np.stack(
        [2 * scale + RNG.normal(size=COUNT), np.zeros(COUNT)], -1
    )


CASES = {
    "embedding": "embedding", "embedding of as many numbers as classes": "embedding", "distance": "original",
    "levels": "original", "likelihood": "original",
}


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("case", CASES)
def test_predictions_tell_what_an_output_is(case, package):
    keras = pytest.importorskip(package)
    loss, y, outputs = made(case)
    outputs = outputs.astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs.shape[1])])
    model.compile("sgd", loss)
    read = read_labels({"train": y}, signature_of(model))
    split = Split(np.zeros((COUNT, 4), np.float32), read.parts["train"])
    data = with_meaning(Dataset("tabular", split, split, split, tasks=read.tasks), model, (outputs,))
    assert data.tasks[0].kind == CASES[case]
    assert not useless_outputs(data.tasks, split.y, (outputs,))[1]
    # A model that was fed wrongly is not excused.
    mixed = outputs[RNG.permutation(COUNT)]
    fed_wrongly = with_meaning(Dataset("tabular", split, split, split, tasks=read.tasks), model, (mixed,))
    assert fed_wrongly.tasks == read.tasks


@pytest.mark.parametrize("blank", ["first", "last"])
def test_which_class_is_the_blank_of_words_is_seen_in_predictions(blank):
    """Keras' own CTC takes class 0 for the blank and for what fills up, `ctc_batch_cost` the last class."""
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((12, 4)), keras.layers.Dense(5)])
    model.compile("sgd", keras.losses.CTC() if blank == "first" else triplet)
    words = np.stack([RNG.permutation(4)[:3] for _ in range(COUNT)]) + (blank == "first")
    path = np.full((COUNT, 12), 0 if blank == "first" else 4)
    path[:, 1::4] = words
    words[::3, 2] = 0 if blank == "first" else -1
    path[::3, 9] = path[0, 0]
    outputs = np.eye(5, dtype=np.float32)[path]
    read = read_labels({"train": words}, signature_of(model))
    split = Split(np.zeros((COUNT, 12, 4), np.float32), read.parts["train"])
    data = with_meaning(Dataset("tabular", split, split, split, tasks=read.tasks), model, (outputs,))
    expected = "word_error_rate" + ("_blank_first" if blank == "first" else "")
    assert (data.tasks[0].kind, data.tasks[0].metrics) == ("sequence", (expected,))
    assert evaluate([expected], split.y, outputs) == {expected: 0.0}


def test_a_loss_of_keras_leaves_no_doubt():
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(16)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    y = RNG.integers(0, 16, COUNT)
    outputs = RNG.normal(size=(16, 16))[y].astype(np.float32)
    split, task = Split(np.zeros((COUNT, 4)), y), OutputTask("classes", ("accuracy",))
    data = with_meaning(Dataset("tabular", split, split, split, tasks=(task,)), model, (outputs,))
    assert data.tasks == (task,)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("how", ["embedding", "masking", "nested", "none"])
def test_padding_is_not_judged(how, package):
    keras = pytest.importorskip(package)
    layers = keras.layers
    if how == "masking":
        first, x = layers.Masking(), RNG.random((7, 5, 2)).astype(np.float32)
        x[RNG.random((7, 5)) < 0.4] = 0
        mask = (x != 0).any(-1)
    else:
        first, x = layers.Embedding(9, 4, mask_zero=how != "none"), RNG.integers(0, 9, (7, 5))
        mask = x != 0
    inside = [first, layers.Dense(3, activation="softmax")]
    if how == "nested":
        tokens = keras.Input((5,), dtype="int32")
        inside = [keras.Model(tokens, inside[1](inside[0](tokens)))]
    model = keras.Sequential([keras.Input(x.shape[1:], dtype=x.dtype), *inside])
    found, y = output_masks(model, x), RNG.integers(0, 3, (7, 5))
    judged = without_padding(Split(x, y), (OutputTask("classes", ("accuracy",)),), found).judged
    if how == "none":
        assert found == (None,)
        assert judged is y
    else:
        np.testing.assert_array_equal(found[0], mask)
        np.testing.assert_array_equal(judged, np.where(mask, y, -1))
