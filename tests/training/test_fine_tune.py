"""Each control of fine-tuning does what it says, in both Keras versions."""

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.keras_bridge.keras_version import keras_of
from edgeprune.keras_bridge.load import load_model, save_model
from edgeprune.training import FineTuning, fine_tune, predict, training_objective

RNG = np.random.default_rng(5)
X = RNG.normal(size=(96, 6)).astype(np.float32)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).astype(np.int64) + (X[:, 2] > 1)


@pytest.fixture(params=["tf_keras", "keras"])
def networks(request):
    """A student and its teacher, untrained and different."""
    import importlib

    keras = importlib.import_module(request.param)

    def network(seed):
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        return keras.Sequential([
            layers.Input((6,)), layers.Dense(16, activation="relu", name="first"),
            layers.Dense(3, activation="softmax", name="last"),
        ])

    return network(1), network(2)


def train(networks, score=None, checkpoint=None, callbacks=(), **settings):
    model, teacher = networks
    objective = training_objective(teacher, predict(teacher, X), Y, 0.0)
    targets = objective.targets(predict(teacher, X), Y)
    chosen = FineTuning(**{"epochs": 4, "batch_size": 16, "learning_rate": 0.02, **settings})
    curve = fine_tune(
        model, teacher, ((X, Y, None) for _ in range(chosen.epochs)), chosen, objective,
        score or (lambda one: -objective.value(targets, predict(one, X))), checkpoint=checkpoint,
        callbacks=callbacks,
    )
    return model, curve


def test_it_learns_and_keeps_the_best(networks):
    model, curve = train(networks)
    assert len(curve) == 5
    assert curve[-1].score > curve[0].score + 0.1
    again = training_objective(networks[1], predict(networks[1], X), Y, 0.0)
    value = -again.value(again.targets(predict(networks[1], X), Y), predict(model, X))
    assert value == pytest.approx(max(epoch.score for epoch in curve), rel=1e-4)


def own_loss(y_true, y_pred):
    return (y_true - y_pred) ** 2


@pytest.mark.parametrize("loss", [None, "mse", own_loss])
def test_a_file_of_the_trained_model_holds_nothing_of_the_training(networks, loss, tmp_path):
    """Not our loss, which only edgeprune could read, and no moments, of twice the weights' size."""
    model, teacher = networks
    if loss is not None:
        teacher.compile("adam", loss)
    one_hot = np.eye(3, dtype=np.float32)[Y]
    objective = training_objective(teacher, predict(teacher, X), one_hot, 0.5)
    before, weights = tmp_path / "before.keras", model.get_weights()
    save_model(model, before)
    fine_tune(model, teacher, [(X, one_hot, None)], FineTuning(1, 16, 0.02), objective, None)
    save_model(model, tmp_path / "after.keras")
    moved = [np.abs(one - other).max() for one, other in zip(weights, model.get_weights(), strict=True)]
    assert max(moved) > 1e-3
    assert (tmp_path / "after.keras").stat().st_size < 1.1 * before.stat().st_size
    for load in (load_model, keras_of(model).models.load_model):
        loaded = load(tmp_path / "after.keras")
        np.testing.assert_allclose(predict(loaded, X)[0], predict(model, X)[0], rtol=1e-6, atol=1e-7)


def test_frozen_layers_stay_and_are_free_again(networks):
    before = [weight.copy() for weight in networks[0].get_layer("first").get_weights()]
    free = networks[0].get_layer("last").get_weights()[0].copy()
    model, _ = train(networks, freeze=("fir*",))
    for one, other in zip(before, model.get_layer("first").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(free - model.get_layer("last").get_weights()[0]).max() > 1e-3
    assert model.get_layer("first").trainable


def test_a_pattern_without_a_layer_is_named(networks):
    with pytest.raises(InputError, match=r"--freeze nothing.*first, last"):
        train(networks, freeze=("nothing",))


@pytest.mark.parametrize("penalty", [pytest.param("l1", marks=pytest.mark.heavy), "l2"])
def test_penalties_make_kernels_smaller_and_leave_the_model_alone(networks, penalty):
    start = networks[0].get_weights()
    plain = np.abs(train(networks, weight_decay=0.0)[0].get_weights()[0]).sum()
    networks[0].set_weights(start)
    model, _ = train(networks, weight_decay=0.0, **{penalty: 0.05})
    assert np.abs(model.get_weights()[0]).sum() < 0.9 * plain
    assert not model.losses


def test_early_stopping_counts_epochs_that_are_not_better(networks):
    scores = iter([0.0, 3.0, 2.0, 1.0, 0.5, 0.25])
    _, curve = train(networks, lambda _: next(scores), epochs=5, early_stopping=2)
    assert [epoch.score for epoch in curve] == [0.0, 3.0, 2.0, 1.0]


@pytest.mark.parametrize("precision", [pytest.param("bfloat16", marks=pytest.mark.heavy), "float16"])
def test_mixed_precision_trains_float32_weights(networks, precision):
    model, curve = train(networks, precision=precision)
    assert curve[-1].score > curve[0].score + 0.1
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype(np.float32)}
    assert predict(model, X)[0].dtype == np.float32


@pytest.mark.parametrize("schedule", ["linear", pytest.param("constant", marks=pytest.mark.heavy), "cosine"])
def test_every_rate_schedule_learns(networks, schedule):
    watch = keras_of(networks[0]).callbacks.Callback()
    _, curve = train(networks, rate_schedule=schedule, callbacks=(watch,))
    assert curve[-1].score > curve[0].score + 0.1
    rate = float(np.asarray(watch.model.optimizer.learning_rate))
    # Keras 3 tells the rate of the last of 24 steps, Keras 2 that of the one after it.
    assert rate == pytest.approx(0.02 if schedule == "constant" else 0.0, abs=1.01 * 0.02 / 24)


def test_streamed_samples_train_as_well(networks):
    from edgeprune.data.streamed import FromItems

    model, teacher = networks
    objective = training_objective(teacher, predict(teacher, X), Y, 0.0)
    streamed = FromItems(list(X), lambda row: row)
    np.testing.assert_allclose(predict(teacher, streamed)[0], predict(teacher, X)[0], rtol=1e-5)
    targets = objective.targets(predict(teacher, X), Y)
    curve = fine_tune(
        model, teacher, ((streamed, Y, None) for _ in range(4)), FineTuning(4, 16, 0.02), objective,
        lambda one: -objective.value(targets, predict(one, X)),
    )
    assert curve[-1].score > curve[0].score + 0.1


def two_outputs(keras, seed):
    """Outputs in a dictionary, compiled."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    given = layers.Input((6,))
    hidden = layers.Dense(16, activation="relu")(given)
    model = keras.Model(given, {
        "kind": layers.Dense(3, activation="softmax", name="kind")(hidden),
        "price": layers.Dense(1, name="price")(hidden),
    })
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "price": "mse"})
    return model


@pytest.mark.heavy
@pytest.mark.parametrize("package", ["tf_keras", "keras"])
@pytest.mark.parametrize("weighted", [(True, True), (True, False), (False, False)])
def test_outputs_in_a_dictionary_train_with_weights_of_their_own(package, weighted):
    """Labels of weight 0 change nothing, in the output whose weights these are."""
    keras = pytest.importorskip(package)
    teacher, odd = two_outputs(keras, 2), np.arange(len(X)) % 2 == 1
    counts = tuple(odd.astype(np.float32) if one else None for one in weighted)
    predictions = predict(teacher, X)

    def trained(labels):
        model = two_outputs(keras, 1)
        objective = training_objective(teacher, predictions, labels, 0.0)
        settings = FineTuning(epochs=2, batch_size=16, learning_rate=0.02)
        fine_tune(model, teacher, ((X, labels, counts) for _ in range(2)), settings, objective, None)
        return predict(model, X)

    right, price = trained((Y, X[:, :1])), X[:, :1]
    wrong_kinds = trained((np.where(odd, Y, (Y + 1) % 3), price))
    wrong_prices = trained((Y, np.where(odd[:, None], price, price + 9)))
    for counted, other in zip(weighted, (wrong_kinds, wrong_prices), strict=True):
        apart = max(float(np.abs(a - b).max()) for a, b in zip(right, other, strict=True))
        assert apart == 0 if counted else apart > 1e-3
