"""Losses, forms of labels and outputs of both Kerases: trained as `fit` does, or refused before training."""

import contextlib

import numpy as np
import pytest

from edgeprune.data.check import check_targets
from edgeprune.data.dataset import Split
from edgeprune.data.labels import read_labels
from edgeprune.data.model_signature import signature_of
from edgeprune.errors import InputError
from edgeprune.training.objective import training_objective
from edgeprune.training.prediction import predict

COUNT, SIDE = 23, 5
RNG = np.random.default_rng(11)
OUTPUTS = {
    "sigmoid": ((1,), "sigmoid"), "softmax": ((3,), "softmax"), "labels": ((3,), "sigmoid"),
    "values": ((3,), "linear"), "value": ((1,), "linear"), "mask": ((SIDE, SIDE, 1), "sigmoid"),
    "classes": ((SIDE, SIDE, 3), "softmax"), "picture": ((SIDE, SIDE, 3), "linear"),
}


def own_focal(keras):
    def focal(y_true, y_pred):
        ops = keras.ops if hasattr(keras, "ops") else None
        if ops is None:
            import tensorflow as tf

            p = tf.clip_by_value(y_pred, 1e-6, 1.0)
            return tf.reduce_sum(-tf.cast(y_true, tf.float32) * (1 - p) ** 2 * tf.math.log(p), -1)
        p = ops.clip(y_pred, 1e-6, 1.0)
        return ops.sum(-ops.cast(y_true, "float32") * (1 - p) ** 2 * ops.log(p), -1)

    return focal


LOSSES = {
    "mse": lambda _: "mse", "mae": lambda k: k.losses.MeanAbsoluteError(),
    "huber": lambda k: k.losses.Huber(0.3),
    "log_cosh": lambda k: k.losses.LogCosh(), "bce": lambda _: "binary_crossentropy",
    "smooth bce": lambda k: k.losses.BinaryCrossentropy(label_smoothing=0.2),
    "bce of logits": lambda k: k.losses.BinaryCrossentropy(from_logits=True),
    "binary focal": lambda k: k.losses.BinaryFocalCrossentropy(),
    "cce": lambda _: "categorical_crossentropy",
    "smooth cce": lambda k: k.losses.CategoricalCrossentropy(label_smoothing=0.1),
    "focal": lambda k: k.losses.CategoricalFocalCrossentropy(),
    "sparse": lambda _: "sparse_categorical_crossentropy",
    "sparse of logits": lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True),
    "kl": lambda k: k.losses.KLDivergence(), "cosine": lambda k: k.losses.CosineSimilarity(),
    "own": own_focal,
}
FOR = {
    "mse": OUTPUTS, "mae": OUTPUTS, "huber": ["values", "value", "picture", "mask"],
    "log_cosh": ["values", "value", "picture"], "bce": ["sigmoid", "labels", "mask"],
    "smooth bce": ["sigmoid", "labels", "mask"], "bce of logits": ["value", "values"],
    "binary focal": ["sigmoid", "labels", "mask"], "cce": ["softmax", "classes"],
    "smooth cce": ["softmax", "classes"], "focal": ["softmax", "classes"], "sparse": ["softmax", "classes"],
    "sparse of logits": ["values", "picture"], "kl": ["softmax", "classes"], "cosine": ["values"],
    "own": ["softmax", "classes"],
}


def network(keras, output):
    shape, activation = OUTPUTS[output]
    keras.utils.set_random_seed(2)
    layers = keras.layers
    if len(shape) == 1:
        return keras.Sequential([keras.Input((4,)), layers.Dense(shape[0], activation=activation)])
    convolution = layers.Conv2D(shape[-1], 1, activation=activation)
    return keras.Sequential([keras.Input((SIDE, SIDE, 2)), convolution])


def forms(output):
    """Labels that a person might pass, all-different enough to tell a swap."""
    shape, activation = OUTPUTS[output]
    classes = shape[-1]
    if activation == "linear":
        values = RNG.normal(size=(COUNT, *shape))
        yield "float64", values
        yield "float32", values.astype(np.float32)
        numbers = RNG.integers(0, max(classes, 2), (COUNT, *shape[:-1]))
        yield "numbers", numbers
        return
    numbers = RNG.integers(0, max(classes, 2), (COUNT, *shape[:-1]))
    numbers.reshape(-1)[:3] = range(3) if classes > 1 else (0, 1, 1)
    for dtype in ("int64", "uint8", "int32"):
        yield f"numbers {dtype}", numbers.astype(dtype)
    yield "numbers float32", numbers.astype(np.float32)
    yield "numbers with an axis", numbers[..., None]
    if classes == 1:
        yield "bool", numbers.astype(bool)
        return
    one_hot = np.eye(classes)[numbers]
    for dtype in ("float32", "uint8", "bool"):
        yield f"one-hot {dtype}", one_hot.astype(dtype)


# Several hundred combinations of loss, labels, output and Keras; each test takes all labels of one.
CASES = [
    (package, loss, output) for package in ("keras", "tf_keras") for loss, outputs in FOR.items()
    for output in outputs
]


@pytest.mark.heavy
@pytest.mark.parametrize(("package", "loss", "output"), CASES)
def test_a_compiled_loss_trains_as_fit_does_or_is_refused(package, loss, output):
    keras = pytest.importorskip(package)
    model = network(keras, output)
    model.compile("sgd", LOSSES[loss](keras))
    shape = model.inputs[0].shape[1:]
    x = RNG.normal(size=(COUNT, *shape)).astype(np.float32)
    predictions = predict(model, x)
    checked = 0
    for _, y in forms(output):
        try:
            read = read_labels({"train": y}, signature_of(model))
            check_targets(Split(x, read.parts["train"]), "train", signature_of(model), read.tasks)
            objective = training_objective(model, predictions, read.parts["train"], 0.0)
        except InputError:  # before training, with what would fit
            continue
        targets = objective.targets(predictions, read.parts["train"])
        assert targets[0].labelled
        twin = network(keras, output)
        twin.set_weights(model.get_weights())
        twin.compile("sgd", objective.keras_losses(model, predictions, targets)[0])
        weights = targets[0].weights
        ours = float(twin.evaluate(x, targets[0].values, sample_weight=weights, batch_size=COUNT, verbose=0))
        expected = list(own_losses(model, x, y))
        assert any(ours == pytest.approx(own, rel=1e-5, abs=1e-6) for own in expected), (y.dtype, y.shape)
        value = objective.value(targets, predictions)
        assert value == pytest.approx(ours, rel=1e-4, abs=1e-5)
        checked += 1
    assert checked  # some form is taken by every loss


def own_losses(model, x, y):
    """Keras' loss of the labels as they are, and of the same classes one-hot or as numbers."""
    classes = model.outputs[0].shape[-1]
    given = [y]
    bare = y[..., 0] if y.ndim == len(model.outputs[0].shape) and y.shape[-1] == 1 else y
    if bare.ndim == len(model.outputs[0].shape) - 1:
        whole = bare.astype(np.int64)
        if classes > 1 and (bare == whole).all() and whole.min() >= 0 and whole.max() < classes:
            given += [np.eye(classes, dtype=np.float32)[whole], whole]
    if y.shape == (len(x), *model.outputs[0].shape[1:]) and classes > 1:
        given.append(y.argmax(-1))
    if classes == 1:
        given.append(bare.astype(np.float32)[..., None])
    for one in given:
        # Keras refuses what it cannot read in ways of its own.
        with contextlib.suppress(Exception):
            yield float(model.evaluate(x, one, batch_size=COUNT, verbose=0))


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("loss", ["sparse", "focal", "bce"])
def test_weights_of_positions_and_outputs_count_as_in_fit(package, loss):
    """Each output has weights of its own, some for pixels and some for samples."""
    keras = pytest.importorskip(package)
    spatial = "mask" if loss == "bce" else "classes"
    body, side = network(keras, spatial), network(keras, "value")
    model = keras.Model([body.inputs[0], side.inputs[0]], [body.outputs[0], side.outputs[0]])
    model.compile("sgd", [LOSSES[loss](keras), "mse"])
    x = [RNG.normal(size=(COUNT, *one.shape[1:])).astype(np.float32) for one in model.inputs]
    numbers = RNG.integers(0, 2 if loss == "bce" else 3, (COUNT, SIDE, SIDE))
    given = np.eye(3, dtype=np.float32)[numbers] if loss == "focal" else numbers
    given = given[..., None] if loss == "bce" else given
    y = (given, RNG.normal(size=(COUNT, 1)).astype(np.float32))
    weights = (RNG.random((COUNT, SIDE, SIDE)).astype(np.float32), RNG.random(COUNT).astype(np.float32))
    expected = model.evaluate(x, list(y), sample_weight=list(weights), batch_size=COUNT, verbose=0)[0]
    read = read_labels({"train": y}, signature_of(model)).parts["train"]
    predictions = predict(model, tuple(x))
    objective = training_objective(model, predictions, read, 0.0)
    targets = objective.targets(predictions, read, weights)
    model.compile("sgd", objective.keras_losses(model, predictions, targets))
    ours = model.evaluate(
        x, [one.values for one in targets], sample_weight=[one.weights for one in targets],
        batch_size=COUNT, verbose=0,
    )[0]
    assert ours == pytest.approx(expected, rel=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_hinge_loss_takes_signs_and_zero_or_one_alike(package):
    keras = pytest.importorskip(package)
    model = network(keras, "value")
    model.compile("sgd", "hinge")
    x, signs = RNG.normal(size=(COUNT, 4)).astype(np.float32), RNG.choice([-1, 1], COUNT)
    predictions = predict(model, x)
    expected = float(model.evaluate(x, signs[:, None], batch_size=COUNT, verbose=0))
    for y in (signs, (signs > 0).astype(int), signs.astype(np.float32), signs[:, None]):
        read = read_labels({"train": y}, signature_of(model))
        assert (read.tasks[0].kind, read.tasks[0].threshold) == ("binary", 0.0)
        objective = training_objective(model, predictions, read.parts["train"], 0.0)
        targets = objective.targets(predictions, read.parts["train"])
        assert objective.value(targets, predictions) == pytest.approx(expected, rel=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("ignored", [255, 0, -1, -100])
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_a_class_that_the_loss_ignores_is_ignored_as_in_fit(package, ignored, dtype):
    keras = pytest.importorskip(package)
    model = network(keras, "classes")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(ignore_class=ignored))
    x = RNG.normal(size=(COUNT, SIDE, SIDE, 2)).astype(np.float32)
    y = RNG.choice([0, 1, 2, ignored], (COUNT, SIDE, SIDE)).astype(dtype)
    expected = float(model.evaluate(x, y, batch_size=COUNT, verbose=0))
    read = read_labels({"train": y}, signature_of(model)).parts["train"]
    assert (read == -1).any()
    predictions = predict(model, x)
    objective = training_objective(model, predictions, read, 0.0)
    (target,) = objective.targets(predictions, read)
    model.compile("sgd", objective.keras_losses(model, predictions, (target,))[0])
    ours = float(model.evaluate(x, target.values, sample_weight=target.weights, batch_size=COUNT, verbose=0))
    # As sample weights of 0, a mask does not change by what the sum is divided.
    counted = (read >= 0).mean() if ignored == -1 else 1.0
    assert ours == pytest.approx(expected * counted, rel=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("loss", ["smooth cce", "focal", "sparse sum", "smooth bce"])
def test_void_pixels_count_as_weights_of_zero_whatever_the_loss(package, loss):
    """No loss of Keras' own reads 255 or -1: `fit` takes such masks with weights alone."""
    keras = pytest.importorskip(package)
    made = {
        "sparse sum": lambda k: k.losses.SparseCategoricalCrossentropy(reduction="sum"), **LOSSES,
    }[loss](keras)
    model = network(keras, "mask" if loss == "smooth bce" else "classes")
    model.compile("sgd", made)
    x = RNG.normal(size=(COUNT, SIDE, SIDE, 2)).astype(np.float32)
    numbers = RNG.integers(0, 2 if loss == "smooth bce" else 3, (COUNT, SIDE, SIDE))
    void = RNG.random(numbers.shape) < 0.3
    given = numbers if loss == "sparse sum" else np.eye(3, dtype=np.float32)[numbers]
    given = numbers[..., None] if loss == "smooth bce" else given
    weights = (~void).astype(np.float32)
    expected = float(model.evaluate(x, given, sample_weight=weights, batch_size=COUNT, verbose=0))
    y = np.where(void, 255, numbers).astype(np.uint8)
    read = read_labels({"train": y}, signature_of(model)).parts["train"]
    predictions = predict(model, x)
    objective = training_objective(model, predictions, read, 0.0)
    (target,) = objective.targets(predictions, read)
    model.compile("sgd", objective.keras_losses(model, predictions, (target,))[0])
    ours = float(model.evaluate(x, target.values, sample_weight=target.weights, batch_size=COUNT, verbose=0))
    assert ours == pytest.approx(expected, rel=1e-5)


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_refusal_names_the_shape_that_the_loss_reads(package):
    """Quantiles of a value: Keras 2 gives labels (N,) a last axis, Keras 3 does not."""
    keras = pytest.importorskip(package)
    model = network(keras, "values")

    def quantiles(y_true, y_pred):
        import tensorflow as tf

        error = tf.cast(y_true, tf.float32) - y_pred
        each = tf.constant([0.1, 0.5, 0.9])
        return tf.reduce_mean(tf.maximum(each * error, (each - 1) * error), -1)

    model.compile("sgd", quantiles)
    predictions = predict(model, RNG.normal(size=(COUNT, 4)).astype(np.float32))
    values = RNG.random(COUNT).astype(np.float32)
    training_objective(model, predictions, values[:, None], 0.0)
    if package == "tf_keras":
        training_objective(model, predictions, values, 0.0)
    else:
        with pytest.raises(InputError, match=r"Labels of the shape \(N, 1\) fit") as refused:
            training_objective(model, predictions, values, 0.0)
        assert "{{" not in str(refused.value)
        assert "[Op:" not in str(refused.value)
    with pytest.raises(InputError, match=r"labels of the shape \(N, 2\).*Correct the labels' shape"):
        training_objective(model, predictions, RNG.random((COUNT, 2)).astype(np.float32), 0.0)
