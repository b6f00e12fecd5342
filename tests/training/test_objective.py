"""What a model is trained towards, against the definitions and against Keras' own losses."""

import dataclasses

import numpy as np
import pytest

from edgeprune.training.objective import Objective, objective_of, training_objective
from edgeprune.training.prediction import predict

RNG = np.random.default_rng(7)
UNCOMPILED = object()


def probabilities(*shape):
    raw = RNG.uniform(0.1, 1, shape)
    return (raw / raw.sum(-1, keepdims=True)).astype(np.float32)


def test_classes_mix_the_original_with_the_labels_by_what_it_knows():
    answers = probabilities(5, 4)
    labels = answers.argmax(-1)
    objective = objective_of(UNCOMPILED, answers, labels)
    targets = dataclasses.replace(objective, teacher_ratio=0.7).targets(answers, labels)
    for row, label, found in zip(answers, labels, targets.values, strict=True):
        weight = 0.7 * ((row[label] - 0.25) / 0.75) ** 2
        np.testing.assert_allclose(found, weight * row + (1 - weight) * np.eye(4)[label], rtol=1e-5)
    assert objective.kind == "categorical"
    assert targets.weights is None


def test_an_original_that_is_certain_counts_by_the_ratio_and_one_that_guesses_not_at_all():
    answers = np.array([[0.999, 0.001, 0, 0], [0.251, 0.25, 0.25, 0.249]], np.float32)
    objective = Objective("categorical", teacher_ratio=0.7)
    targets = objective.targets(answers, np.array([0, 0])).values
    np.testing.assert_allclose(targets[:, 0], [1 - 0.7 * 0.001, 1], atol=5e-6)
    unsure = np.array([[0.51], [0.999], [0.001]], np.float32)
    targets = Objective("binary", teacher_ratio=0.7).targets(unsure, np.array([1, 1, 0])).values
    np.testing.assert_allclose(targets[:, 0], [1, 1 - 0.7 * 0.001, 0.7 * 0.001], atol=2e-4)
    smooth = np.array([[0.6, 0.2, 0.2]], np.float32)  # labels that are no certainty themselves, and met
    targets = Objective("categorical", teacher_ratio=0.7).targets(smooth, smooth).values
    np.testing.assert_allclose(targets, smooth, rtol=1e-6)


def test_where_the_original_is_wrong_the_label_stands_alone():
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], np.float32)
    objective = dataclasses.replace(objective_of(UNCOMPILED, answers, np.array([0, 2])), teacher_ratio=0.5)
    targets = objective.targets(answers, np.array([0, 2])).values
    weight = 0.5 * 0.55**2
    taught = [1 - 0.3 * weight, 0.2 * weight, 0.1 * weight]
    np.testing.assert_allclose(targets, [taught, [0, 0, 1]], rtol=1e-5)
    all_teacher = dataclasses.replace(objective, teacher_ratio=1.0)
    np.testing.assert_array_equal(all_teacher.targets(answers, np.array([0, 2])).values, answers)
    one_hot = objective.targets(answers, np.eye(3, dtype=np.float32)[[0, 2]]).values
    np.testing.assert_array_equal(one_hot, targets)
    yes = np.array([[0.8], [0.8]], np.float32)
    targets = Objective("binary", teacher_ratio=0.5).targets(yes, np.array([1, 0])).values
    np.testing.assert_allclose(targets, [[1 - 0.2 * 0.5 * 0.6**2], [0]], rtol=1e-6)
    targets = Objective("squared", teacher_ratio=0.5).targets(yes, np.array([1, 0])).values
    np.testing.assert_allclose(targets, [[0.9], [0.4]], rtol=1e-6)


def test_logits_are_compared_behind_their_softmax():
    answers, labels = RNG.normal(size=(6, 3)).astype(np.float32), np.array([0, 1, 2, 2, 1, 0])
    objective = objective_of(UNCOMPILED, answers, labels)
    assert (objective.kind, objective.logits) == ("categorical", True)
    expected = np.exp(answers) / np.exp(answers).sum(-1, keepdims=True)
    np.testing.assert_allclose(objective.targets(answers, None).values, expected, rtol=1e-5)


def test_a_label_of_minus_one_counts_nothing():
    answers, labels = probabilities(3, 2, 4), np.array([[0, -1], [2, 3], [-1, -1]])
    targets = objective_of(UNCOMPILED, answers, labels).targets(answers, labels)
    np.testing.assert_array_equal(targets.weights, [[1, 0], [1, 1], [0, 0]])


def test_one_sigmoid_unit_is_binary():
    answers, labels = RNG.uniform(0.6, 0.9, (6, 1)).astype(np.float32), np.array([0, 1, 1, 0, 1, 0])
    objective = objective_of(UNCOMPILED, answers, labels)
    assert objective.kind == "binary"
    values = dataclasses.replace(objective, teacher_ratio=0.25).targets(answers, labels).values
    weight = 0.25 * (2 * answers[1, 0] - 1) ** 2
    np.testing.assert_allclose(values[1, 0], weight * answers[1, 0] + 1 - weight, rtol=1e-6)


def test_labels_that_do_not_align_leave_the_original_alone():
    answers, labels = probabilities(3, 7, 5), np.array([[1, 2], [0, -1], [3, 3]])
    objective = objective_of(UNCOMPILED, answers, labels)
    objective = dataclasses.replace(objective, teacher_ratio=0.5)
    np.testing.assert_array_equal(objective.targets(answers, labels).values, answers)


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize("kind", ["categorical", "binary", "squared"])
def test_the_loss_is_that_of_keras(kind, logits):
    import tf_keras

    answers = {
        "categorical": probabilities(9, 4),
        "binary": RNG.uniform(0.1, 0.9, (9, 1)).astype(np.float32),
        "squared": RNG.normal(size=(9, 3)).astype(np.float32),
    }[kind]
    objective = Objective(kind, logits)
    model = tf_keras.Sequential([tf_keras.Input((2,))])
    outputs = answers[::-1]
    targets = objective.targets(answers, None)
    expected = float(objective.keras_loss(model, answers, targets)(targets.values, outputs))
    assert objective.value(targets, outputs) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_compiled_loss_is_used(package):
    keras = pytest.importorskip(package)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = RNG.normal(size=(8, 3)).astype(np.float32)
    found = objective_of(model, predict(model, x)[0], np.arange(8) % 4)
    assert (found.kind, found.logits) == ("categorical", True)
    assert "as the model was compiled" in found.origin


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_loss_of_the_user_is_kept_for_the_labels(package):
    keras = pytest.importorskip(package)

    def cubed(y_true, y_pred):
        return keras.backend.mean(abs(y_true - y_pred) ** 3, axis=-1) if package == "tf_keras" else (
            keras.ops.mean(abs(y_true - y_pred) ** 3, axis=-1)
        )

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", cubed)
    x = RNG.normal(size=(8, 3)).astype(np.float32)
    labels = RNG.normal(size=(8, 2)).astype(np.float32)
    answers = predict(model, x)
    objective = training_objective(model, answers, labels, 0.25)
    outputs = (RNG.normal(size=(8, 2)).astype(np.float32),)
    own = np.abs(labels - outputs[0]) ** 3
    # In units of the outputs' variance where that is large, so that the teacher does not drown the loss.
    taught = (answers[0] - outputs[0]) ** 2 / max(1, answers[0].var())
    expected = 0.75 * np.mean(own) + 0.25 * np.mean(taught)
    found = objective.value(objective.targets(answers, labels), outputs)
    assert found == pytest.approx(expected, rel=1e-5)


def test_balanced_classes_count_alike():
    answers, labels = probabilities(8, 3), np.array([0, 0, 0, 0, 0, 1, 1, 2])
    objective = training_objective(UNCOMPILED, (answers,), labels, 0.0, balanced=True)
    weights = objective.targets((answers,), labels)[0].weights
    sums = [weights[labels == number].sum() for number in range(3)]
    np.testing.assert_allclose(sums, 8 / 3, rtol=1e-6)


def test_void_pixels_of_one_score_do_not_train():
    import tf_keras
    predictions = RNG.uniform(0.1, 0.9, (4, 3, 5, 1)).astype(np.float32)
    labels = RNG.integers(-1, 2, (4, 3, 5))
    targets = Objective("binary").targets(predictions, labels)
    counted = labels >= 0
    expected = tf_keras.losses.BinaryCrossentropy()(labels[counted][:, None], predictions[counted]).numpy()
    own = Objective("binary").value(targets, predictions)
    assert own == pytest.approx(float(expected), rel=1e-5)
    keras = tf_keras.losses.BinaryCrossentropy(reduction="sum")
    found = keras(targets.values, predictions, sample_weight=targets.weights).numpy() / counted.sum()
    assert found == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_masks_without_a_last_axis_are_compared_pixel_by_pixel(package):
    keras = pytest.importorskip(package)
    model = keras.Sequential([keras.Input((4, 5, 2)), keras.layers.Conv2D(1, 1, activation="sigmoid")])
    model.compile("sgd", keras.losses.BinaryFocalCrossentropy(gamma=1.5))
    x = RNG.normal(size=(7, 4, 5, 2)).astype(np.float32)
    masks = (RNG.random((7, 4, 5)) > 0.6).astype(np.int64)
    answers = predict(model, x)
    objective = training_objective(model, answers, masks, 0.0)
    own = float(model.evaluate(x, masks[..., None].astype(np.float32), verbose=0))
    assert objective.value(objective.targets(answers, masks), answers) == pytest.approx(own, rel=1e-5)


def test_one_hot_labels_stay_as_they_were_passed():
    """Whatever a model that knows little makes of them."""
    keras = pytest.importorskip("tf_keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="sigmoid")])
    model.compile("sgd", keras.losses.BinaryCrossentropy(label_smoothing=0.2))
    for seed in range(30):
        random = np.random.default_rng(seed)
        answers = (random.uniform(0.1, 0.9, (23, 3)).astype(np.float32),)
        labels = np.eye(3, dtype=np.float32)[random.integers(0, 3, 23)]
        (objective,) = training_objective(model, answers, labels, 0.0).objectives
        assert (objective.compiled.form, objective.compiled.shape) == ("as_given", (3,))
