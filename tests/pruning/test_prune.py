"""The whole of `prune` on small networks of both Kerases."""

import dataclasses

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.graph.cost import cost
from edgeprune.graph.cost_model import cost_model
from edgeprune.keras_bridge.network import KerasNetwork
from edgeprune.keras_bridge.prune import analyze, prune
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.pruning.activation_statistics import collect_moments
from edgeprune.pruning.constraints import Constraints
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.importance import CRITERIA

DATA = np.random.default_rng(0).normal(size=(96, 8, 8, 3)).astype("float32")


def _residual(k, seed=0):
    """Convolution without bias, batch normalization, a depthwise block, a sum, Flatten, Dense."""
    k.utils.set_random_seed(seed)
    data = k.Input((8, 8, 3))
    x = k.layers.Conv2D(6, 3, padding="same", use_bias=False, name="stem")(data)
    x = k.layers.ReLU()(k.layers.BatchNormalization()(x))
    y = k.layers.Conv2D(10, 1, activation="relu", name="expand")(x)
    y = k.layers.DepthwiseConv2D(3, padding="same")(y)
    y = k.layers.Conv2D(6, 1, name="project")(y)
    x = k.layers.Flatten()(k.layers.MaxPooling2D()(k.layers.Add()([x, y])))
    x = k.layers.Dense(12, activation="relu", name="hidden")(x)
    model = k.Model(data, k.layers.Dense(4, activation="softmax")(x))
    generator = np.random.default_rng(seed)
    norm = next(layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    norm.set_weights([np.abs(generator.normal(size=weight.shape)) + 0.3 for weight in norm.get_weights()])
    return model


@pytest.fixture(scope="module")
def keras_package():
    return pytest.importorskip("tf_keras")


@pytest.fixture(scope="module")
def prepared(keras_package):
    return analyze(_residual(keras_package), DATA)


def _outputs(model, data=DATA):
    return np.asarray(model(data, training=False))


@pytest.mark.parametrize("amount", [0.3, 0.8])
def test_removes_what_was_asked_for(prepared, amount):
    report = prepared.prune(amount).report
    before = sum(group.units_before for group in report.groups)
    after = sum(group.units_after for group in report.groups)
    assert before - after == np.ceil(amount * before)
    assert report.removed.neurons == pytest.approx(1 - after / before, abs=1e-12)
    assert report.equivalence.holds


@pytest.mark.parametrize("unit", ["params", "macs"])
def test_other_units(prepared, unit):
    found = prepared.prune(0.4, unit=unit)
    again = cost(find_dependencies(read(found.model).graph))
    assert dataclasses.replace(again, neurons=0) == dataclasses.replace(found.report.after, neurons=0)
    assert 0.4 <= getattr(found.report.removed, unit) < 0.55


def test_nothing_removed_is_the_original(prepared, keras_package):
    found = prepared.prune(0.0)
    np.testing.assert_allclose(_outputs(found.model), _outputs(_residual(keras_package)), rtol=0, atol=1e-6)


def test_repair_brings_the_outputs_nearer(prepared, keras_package):
    expected = _outputs(_residual(keras_package))
    errors = [
        np.abs(_outputs(prepared.prune(0.4, reconstruct=repair).model) - expected).mean()
        for repair in (True, False)
    ]
    assert errors[0] < 0.85 * errors[1]


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_the_same_seed_gives_the_same_model(package):
    model = _residual(pytest.importorskip(package))
    one, other = (prune(model, 0.5, calibration=DATA, seed=3).model.get_weights() for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_limits_by_name(prepared):
    limits = Constraints(min_width=2, protect=["stem"], ratios={"hidden": 0.75})
    kept = {group.name: group.units_after for group in prepared.prune(0.5, constraints=limits).report.groups}
    assert kept == {"stem": 6, "expand": 5, "hidden": 3}


def test_cost_model_is_the_cost(prepared):
    found = prepared.prune(0.5)
    counts = np.array([group.units_after for group in found.report.groups], float)
    for unit in ("neurons", "params", "macs"):
        assert cost_model(prepared.dependencies, unit)(counts) == pytest.approx(
            getattr(found.report.after, unit), abs=1e-6
        )


def test_dead_units_go_first(keras_package):
    """Units whose readers' weights are zero cost nothing, whatever the criterion looks at."""
    model = _residual(keras_package)
    dense = model.layers[-1]
    kernel, bias = dense.get_weights()
    kernel[[1, 4, 7]] = 0
    dense.set_weights([kernel, bias])
    # Without the repair, whose ridge moves the other weights by 1e-4 of their size.
    found = prune(model, 0.0, calibration=DATA, ratios={"hidden": 0.25}, reconstruct=False)
    assert [group.units_after for group in found.report.groups] == [6, 10, 9]
    np.testing.assert_allclose(_outputs(found.model), _outputs(model), rtol=0, atol=1e-5)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_runs_and_ranks_its_own_way(criterion):
    model = _residual(pytest.importorskip("tf_keras"))
    labels = np.random.default_rng(1).integers(4, size=len(DATA))
    report = prune(
        model, 0.5, calibration=DATA, labels=labels, criterion=criterion, allocation="uniform",
        reconstruct=False,
    ).report
    assert [group.units_after for group in report.groups] == [3, 5, 6]


def test_without_data_it_says_what_is_lost(keras_package):
    report = prune(_residual(keras_package), 0.5).report
    assert report.divergence is None
    assert "No calibration data" in report.notes[0]
    assert report.removed.neurons == 0.5


@pytest.mark.parametrize("package", ["keras", pytest.param("tf_keras", marks=pytest.mark.heavy)])
def test_sequences_with_padding_and_several_outputs(package):
    k = pytest.importorskip(package)
    k.utils.set_random_seed(1)
    tokens = k.Input((9,), dtype="int32")
    x = k.layers.Embedding(20, 8, mask_zero=True)(tokens)
    x = k.layers.GRU(6)(k.layers.LSTM(6, return_sequences=True)(x))
    model = k.Model(tokens, [k.layers.Dense(3)(x), k.layers.Dense(4, activation="softmax")(x)])
    data = np.random.default_rng(2).integers(1, 20, size=(48, 9))
    data[:, 6:] = 0
    report = prune(model, 0.5, calibration=data).report
    assert report.removed.neurons == 0.5
    assert report.equivalence.holds


def _padded(package):
    """Every dense layer reads a masked sequence; the first 16 of 24 samples are padding alone."""
    k = pytest.importorskip(package)
    k.utils.set_random_seed(1)
    tokens = k.Input((5,), dtype="int32")
    x = k.layers.Dense(6, name="read")(k.layers.Embedding(20, 8, mask_zero=True)(tokens))
    model = k.Model(tokens, k.layers.Dense(3)(k.layers.GRU(4)(k.layers.Dense(6)(x))))
    data = np.random.default_rng(2).integers(1, 20, size=(24, 5))
    data[:16] = 0
    return model, data


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("criterion", ["reconstruction", "apoz"])
def test_where_all_is_padding_there_is_nothing_to_repair_with(package, criterion):
    model, data = _padded(package)
    found = prune(model, 0.4, calibration=data[:16], criterion=criterion)
    assert found.report.equivalence.holds
    before, after = (one.get_layer("read").get_weights()[0] for one in (model, found.model))
    assert after.shape != before.shape
    assert np.isin(after, before).all()


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_a_batch_of_padding_shifts_no_mean(package):
    model, data = _padded(package)
    network = KerasNetwork(read(model))
    units = find_dependencies(network.graph)
    first, *_ = collect_moments(network, units, data, batch=8, seed=0)
    expected, *_ = collect_moments(network, units, data[16:], batch=8, seed=0)
    assert first.read.layer == "read"
    np.testing.assert_allclose(first.mean, expected.mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("change", [lambda layer: layer.enable_lora(2), lambda layer: layer.quantize("int8")])
@pytest.mark.parametrize("place", [1, 2], ids=["hidden", "last"])
def test_a_dense_layer_with_more_weights_than_two_is_pruned_as_a_plain_one(place, change):
    k = pytest.importorskip("keras")
    k.utils.set_random_seed(1)
    layers = [k.layers.Dense(units, name=f"dense_{units}") for units in (8, 7, 3)]
    model = k.Sequential([k.Input((6,)), *layers])
    change(layers[place])
    found = prune(model, 0.2, calibration=DATA.reshape(-1, 6)[:64])
    assert found.report.equivalence.holds
    assert [group.name for group in found.report.groups] == ["dense_8", "dense_7"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"amount": 1.0}, "0 to below 1"),
        ({"criterion": "best"}, "There is no criterion 'best'"),
        ({"allocation": "fair"}, "There is no allocation 'fair'"),
        ({"unit": "bytes"}, "There is no unit 'bytes'"),
        ({"protect": ["nobody"]}, "matches no group"),
        ({"calibration": DATA[:0]}, "calibration arrays have 0 samples"),
        ({"amount": "half"}, "0 to below 1"),
        ({"calibration": DATA[:, :, :7]}, r"Samples of shape \(8, 7, 3\) were given"),
        ({"calibration": np.where(DATA > 3, np.nan, DATA)}, "hold NaN"),
        ({"calibration": DATA, "labels": np.arange(5), "criterion": "taylor"}, "5 labels were given for 96"),
    ],
)
def test_what_is_not_understood_is_refused(arguments, message):
    model = _residual(pytest.importorskip("tf_keras"))
    with pytest.raises(InputError, match=message):
        prune(model, **{"allocation": "uniform", **arguments})


def test_a_threshold_removes_what_costs_less(keras_package):
    model = _residual(keras_package)
    kept = []
    for threshold in (0.0, 0.5, 1.0):
        found = prune(
            model, calibration=DATA, criterion="l2", threshold=threshold, min_width=2, reconstruct=False
        )
        kept.append([group.units_after for group in found.report.groups])
    before = [group.units_before for group in found.report.groups]
    assert kept[0] == before
    assert sum(kept[0]) > sum(kept[2])
    assert all(a >= b >= c >= 2 for a, b, c in zip(*kept, strict=True))


def test_earlier_names_of_keywords_are_accepted(keras_package):
    model = _residual(keras_package)
    report = prune(model, amount=0.25, calibration=DATA, criterion="l2", repair=False).report
    assert report.removed.neurons < 0.5
    assert report.divergence is None
    with pytest.raises(TypeError, match="repare"):
        prune(model, repare=False)


def test_a_negative_threshold_is_refused(keras_package):
    with pytest.raises(InputError, match="threshold"):
        prune(_residual(keras_package), calibration=DATA, criterion="l2", threshold=-1.0)


@pytest.mark.parametrize("package", ["keras", pytest.param("tf_keras", marks=pytest.mark.heavy)])
def test_a_stateful_model_takes_any_number_of_samples(package):
    """Its batch is fixed at 3; 7 samples are three batches, each from a state of zeros."""
    k = pytest.importorskip(package)
    k.utils.set_random_seed(1)

    def made(stateful):
        sequence = k.Input(batch_shape=(3 if stateful else None, 4, 5))
        x = k.layers.LSTM(8, stateful=stateful, return_sequences=True)(k.layers.Dense(6)(sequence))
        x = k.layers.Bidirectional(k.layers.GRU(6, stateful=stateful))(x)
        return k.Model(sequence, k.layers.Dense(3)(x))

    stateful, stateless = made(stateful=True), made(stateful=False)
    stateless.set_weights(stateful.get_weights())
    data = np.random.default_rng(2).normal(size=(7, 4, 5)).astype("float32")
    np.testing.assert_allclose(predict(read(stateful), data)[0], _outputs(stateless, data), rtol=0, atol=1e-6)
    found, expected = (prune(model, 0.5, calibration=data) for model in (stateful, stateless))
    assert found.model.inputs[0].shape[0] == 3
    assert [one.units_after for one in found.report.groups] == [
        one.units_after for one in expected.report.groups
    ]
    np.testing.assert_allclose(
        predict(read(found.model), data)[0], _outputs(expected.model, data), rtol=0, atol=1e-4
    )
    assert prune(stateful, 0.5, calibration=data, criterion="taylor").report.removed.neurons == 0.5


def test_weights_that_are_no_numbers_are_refused(keras_package):
    model = _residual(keras_package)
    weights = model.get_layer("expand").get_weights()
    weights[0][0, 0, 0, 0] = np.nan
    model.get_layer("expand").set_weights(weights)
    with pytest.raises(InputError, match="Layer 'expand' has NaN or infinity in its weight 'kernel'"):
        prune(model, 0.5)


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
@pytest.mark.parametrize("steps", [6, 7])
def test_a_batch_normalization_of_steps_is_no_constant_of_the_channels(package, steps):
    """Its means cannot take up what the repair of the layer before leaves over, nor are they thresholds."""
    k = pytest.importorskip(package)
    k.utils.set_random_seed(1)
    data = k.Input((steps, 3))
    x = k.layers.Dense(6, use_bias=False, name="second")(k.layers.Dense(8, activation="tanh")(data))
    norm = k.layers.BatchNormalization(axis=1)
    model = k.Model(data, k.layers.Dense(3)(k.layers.ReLU()(norm(x))))
    means = np.linspace(-1, 1, steps)
    norm.set_weights([means + 2, means, means, means + 2])
    report = prune(model, 0.0, calibration=DATA[:, :steps, 0], ratios={"second": 0.5}).report
    assert [group.units_after for group in report.groups] == [8, 3]
    found = prune(model, 0.5, calibration=DATA[:, :steps, 0])
    np.testing.assert_array_equal(found.model.layers[3].get_weights()[2], means.astype("float32"))


def test_what_only_an_added_loss_needs_is_left_out():
    """As in a variational autoencoder of Keras 2, whose loss hangs on the middle of the graph."""
    tf, k = pytest.importorskip("tensorflow"), pytest.importorskip("tf_keras")
    k.utils.set_random_seed(1)
    data = k.Input((6,))
    code = k.layers.Dense(5)(k.layers.Dense(8, activation="relu")(data))
    decoded = k.layers.Dense(6)(k.layers.Dense(7, activation="relu")(k.layers.Dense(7)(code)))
    model = k.Model(data, decoded)
    model.add_loss(tf.reduce_mean(tf.square(code)) + tf.reduce_mean(tf.abs(decoded - data)))
    model.add_metric(tf.reduce_max(code), name="largest")
    calls = [call.layer for call in read(model).graph.calls]
    assert len(calls) == 6
    found = prune(model, 0.5, calibration=DATA.reshape(-1, 6)[:64])
    assert found.report.equivalence.holds
    assert [call.layer for call in read(found.model).graph.calls] == calls
    assert any("add_loss" in note for note in found.report.notes)


@pytest.mark.parametrize("wrong", [
    {name: value} for name in ("ratio", "threshold", "min_width", "round_to")
    for value in (float("nan"), float("inf"), -1)
], ids=str)
def test_numbers_that_cannot_be_meant_remove_nothing(keras_package, wrong):
    with pytest.raises(InputError, match="expected"):
        prune(_residual(keras_package), **wrong)
