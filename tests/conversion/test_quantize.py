"""The whole stage on a small trained classifier."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import pytest

from edgeprune import conversion
from edgeprune.conversion.clustering import unshared_kernels
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.qat import train_quantized
from edgeprune.conversion.quantize import quantize
from edgeprune.errors import InputError


def blobs(count, seed):
    """Five classes: which of five patches of a noisy 10x10 image is bright."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, count)
    x = rng.normal(0, 0.4, (count, 10, 10, 1))
    x[np.arange(count), 2 * y, :, 0] += 0.8
    return x.astype(np.float32), y


def fit(model, epochs=2):
    x, y = blobs(1500, 1)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, 64, epochs, verbose=0)


@pytest.fixture(scope="module")
def trained():
    import tf_keras

    tf_keras.utils.set_random_seed(3)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((10, 10, 1), name="image"),
            layers.Conv2D(8, 3, padding="same", use_bias=False, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.Reshape((10, 80)),
            layers.Conv1D(8, 3, activation="relu", name="along"),
            layers.Flatten(),
            layers.Dense(5, activation="softmax", name="kind"),
        ]
    )
    fit(model, 4)
    return model


def validation():
    x, y = blobs(400, 2)
    return Validation((x,), y)


CALIBRATION = blobs(64, 4)[0]


def test_int8_compares_both_routes_and_says_all(trained):
    done = quantize(trained, QuantizeOptions(), CALIBRATION, validation())
    assert {step.route for step in done.attempts} == {"tensorflow", "ai-edge-quantizer"}
    assert [step.chosen for step in done.attempts].count(True) == 1
    assert done.validation.drop_fraction <= 0.005
    assert done.validation.reference_metric > 0.9
    assert done.runnable_bytes == len(done.result.tflite) < 0.5 * len(done.baseline.tflite)
    assert {error.layer for error in done.layer_errors} >= {"first", "along", "kind"}
    assert done.attempts[0].latency_us > 0
    # Shorter names for inner tensors change nothing else.
    x, y = validation().x[0], validation().y
    again = conversion.parity(trained.predict(x, verbose=0), conversion.run_tflite(done.result.tflite, x), y)
    assert again.agreement_fraction == pytest.approx(done.validation.agreement_fraction, abs=0.003)


def test_slow_sixteen_bits_are_told(trained):
    done = quantize(trained, QuantizeOptions("int16x8"), CALIBRATION, validation())
    assert any("no fast kernels" in note for note in done.notes)
    assert done.validation.agreement_fraction > 0.99


def test_an_impossible_limit_takes_every_step_and_keeps_the_best(trained):
    x, y = blobs(100, 2)
    told = []
    done = quantize(
        trained, QuantizeOptions(max_quantization_drop=-100.0), CALIBRATION, Validation((x,), y), train=None,
        tell=lambda *one: told.append(one),
    )
    names = [step.name for step in done.attempts]
    # Each was told before it was made, in this order, and never more than were promised.
    assert [name for name, _, _ in told if name in names] == names[:-1]
    assert [number for _, number, _ in told] == list(range(1, len(told) + 1))
    assert told[:2] == [("int8", 1, 2), ("int8", 2, 2)]
    assert all(number <= of for _, number, of in told)
    assert names[:5] == ["int8", "int8", "least-squares ranges", "bias correction", "equalized ranges"]
    assert names[5].endswith("operators in float")
    assert names[-1] == "quantization-aware training"
    assert done.attempts[-1].detail == "There is nothing to train with, or --epochs is 0."
    tried = [step for step in done.attempts if step.drop_points is not None]
    assert next(step for step in tried if step.chosen).drop_points == min(step.drop_points for step in tried)


def test_clusters_keep_accuracy_and_zip_better(trained):
    plain = quantize(trained, QuantizeOptions(), CALIBRATION, validation())
    shared = quantize(trained, QuantizeOptions(clusters=16), CALIBRATION, validation())
    kernels = [array for array in shared.model.get_weights() if array.ndim > 1]
    assert [len(np.unique(array)) <= 16 for array in kernels] == [True] * 3
    assert shared.zip_bytes < 0.9 * plain.zip_bytes
    by_channel = conversion.convert(shared.model, "int8", CALIBRATION)
    by_kernel = conversion.convert(shared.model, "int8", CALIBRATION, per_channel=False)
    # The first kernel takes the normalization in; the converter gives a Dense layer one scale anyway.
    assert unshared_kernels(by_channel.tflite, 16) == 2
    assert unshared_kernels(by_kernel.tflite, 16) == 1
    told = any("undid" in note for note in shared.notes)
    assert told is (unshared_kernels(shared.result.tflite, 16) > 0)
    assert "zip" in shared.notes[0]
    assert shared.validation.drop_fraction <= 0.02


def test_tuned_clusters_keep_zeros(trained):
    import tf_keras

    sparse = tf_keras.models.clone_model(trained)
    sparse.set_weights(
        [np.where(np.abs(a) < np.median(np.abs(a)), 0, a) if a.ndim > 1 else a for a in trained.get_weights()]
    )
    options = QuantizeOptions(clusters=16)
    done = quantize(sparse, options, CALIBRATION, validation(), lambda model: fit(model, 1))
    for before, after in zip(sparse.get_weights(), done.model.get_weights(), strict=True):
        if before.ndim > 1:
            assert len(np.unique(after)) <= 16
            assert (after[before == 0] == 0).mean() > 0.99


def test_aware_training_keeps_pruned_weights_and_names_refused_layers(trained):
    import tf_keras

    sparse = tf_keras.models.clone_model(trained)
    rng = np.random.default_rng(8)
    sparse.set_weights([a * (rng.random(a.shape) < 0.5) if a.ndim > 1 else a for a in trained.get_weights()])
    zeros = sparse.get_layer("kind").get_weights()[0] == 0
    aware, detail = train_quantized(sparse, lambda model: fit(model, 1))
    kernel = next(a for a in aware.get_layer("quant_kind").get_weights() if a.shape == zeros.shape)
    assert (kernel[zeros] == 0).all()
    assert detail == "Float in training, as tfmot refuses them: along."
    converted = conversion.convert(aware, "int8", CALIBRATION)
    # The batch normalisation is folded: nothing but the layers themselves is left.
    assert not {"MUL", "ADD"} & set(converted.operators)
    x, _ = blobs(200, 2)
    found = conversion.run_tflite(converted.tflite, x)
    assert conversion.parity(aware.predict(x, verbose=0), found).max_abs_difference < 0.15


def test_aware_training_leaves_a_rescaling_layer_alone():
    import tf_keras

    layers = tf_keras.layers
    stack = [tf_keras.Input((10, 10, 1)), layers.Rescaling(0.5), layers.Conv2D(4, 3, name="first")]
    kind = layers.Dense(5, activation="softmax", name="kind")
    model = tf_keras.Sequential([*stack, layers.Flatten(), kind])
    aware, detail = train_quantized(model, lambda model: fit(model, 1))
    assert detail == ""
    assert {"quant_first", "quant_kind"} <= {layer.name for layer in aware.layers}
    x = blobs(100, 2)[0]
    found = conversion.run_tflite(conversion.convert(aware, "int8", CALIBRATION).tflite, x)
    assert conversion.parity(aware.predict(x, verbose=0), found).agreement_fraction > 0.9


def test_aware_training_keeps_the_statistics_of_adapted_layers():
    import tf_keras

    x = np.random.default_rng(1).normal(50, 20, (200, 4)).astype(np.float32)
    adapted = tf_keras.layers.Normalization()
    adapted.adapt(x)
    model = tf_keras.Sequential([tf_keras.Input((4,)), adapted, tf_keras.layers.Dense(3, name="kind")])
    aware, _ = train_quantized(model, lambda _: None)
    # Untrained, its quantizers clip at 6; without the statistics the inputs are around 50.
    expected = model.predict(x, verbose=0)
    assert np.abs(aware.predict(x, verbose=0) - expected).max() < 0.1 * np.abs(expected).max()


def test_aware_training_that_tfmot_cannot_prepare_is_a_refused_step(trained):
    import tf_keras

    x = tf_keras.layers.Lambda(lambda values: values * 2.0)(trained.output)
    model = tf_keras.Model(trained.input, x)
    done = quantize(model, QuantizeOptions(qat=True), CALIBRATION, validation(), fit)
    assert any("tfmot cannot prepare" in warning for warning in done.warnings)
    assert any(step.chosen for step in done.attempts)


def test_keras_3_is_told_about_aware_training():
    keras = pytest.importorskip("keras")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    with pytest.raises(InputError, match="Keras 3"):
        train_quantized(model, fit)


def test_an_input_given_back_keeps_both_names():
    import tf_keras

    given = tf_keras.Input((6,), name="given")
    scores = tf_keras.layers.Dense(3, name="scores")(given)
    x = np.random.default_rng(3).normal(size=(40, 6)).astype(np.float32)
    done = quantize(tf_keras.Model(given, [scores, given]), QuantizeOptions(), x[:20], Validation((x[20:],)))
    assert {step.route for step in done.attempts} >= {"tensorflow", "ai-edge-quantizer"}
    assert [info.name for info in done.result.inputs] == ["given"]
    assert [info.name for info in done.result.outputs] == ["scores", "given"]


def test_a_layer_that_leaves_its_range_on_validation_data_stays_float():
    """Calibration sees sums of about four out of eight, validation up to eight: int8 clips the last layer."""
    import tf_keras

    given = tf_keras.Input((8,), name="given")
    gates = tf_keras.layers.Activation("sigmoid", name="gates")(given)
    value = tf_keras.layers.Dense(1, name="value")
    model = tf_keras.Model(given, value(gates))
    value.set_weights([np.ones((8, 1)), np.zeros(1)])
    rng = np.random.default_rng(6)
    calibration = rng.choice([-3.0, 3.0], (40, 8)).astype(np.float32)
    x = np.abs(calibration) * np.where(np.arange(40) % 2, 1.0, -1.0)[:, None].astype(np.float32)
    done = quantize(model, QuantizeOptions(), calibration, Validation((x,), kinds=("values",)))
    chosen = next(step for step in done.attempts if step.chosen)
    assert (chosen.name, chosen.detail) == ("1 of 2 operators in float", "value")
    assert done.attempts[0].drop_points > 1
    assert chosen.drop_points < 0.5


@pytest.mark.parametrize("close", [True, False])
def test_close_answers_count_against_the_limit_even_if_none_of_these_few_changes(trained, close):
    x, _ = blobs(400, 5)
    pairs = np.linspace(x[:200], x[200:], 51).reshape(-1, *x.shape[1:])
    first = quantize(trained, QuantizeOptions(max_quantization_drop=100), CALIBRATION, Validation((x,)))
    answers = [conversion.run_tflite(file.tflite, pairs) for file in (first.baseline, first.result)]
    sure = np.sort(answers[0], axis=-1)[:, -1]
    same = np.flatnonzero(answers[0].argmax(-1) == answers[1].argmax(-1))
    order = same[np.argsort(sure[same])]
    few = pairs[order[:300] if close else order[-300:]]
    done = quantize(trained, QuantizeOptions(), CALIBRATION, Validation((few,)))
    same_file = next(s for s in done.attempts if (s.name, s.route) == ("int8", first.result.route))
    assert same_file.drop_points == 0
    assert any(step.name == "least-squares ranges" for step in done.attempts) is close


def test_the_operator_that_costs_most_at_the_output_stays_float(monkeypatch):
    """The average takes the steps of what it averages, 100 times as wide as itself: rounding eats it."""
    import tf_keras

    # The average would stay float for its time already.
    monkeypatch.setattr("edgeprune.conversion.recovery.slow_operators", lambda _: ())

    given = tf_keras.Input((32, 32, 2), name="given")
    wide = tf_keras.layers.Conv2D(4, 1, activation="relu", name="wide")
    pool = tf_keras.layers.AveragePooling2D(32, name="pool")
    last = tf_keras.layers.Conv2D(3, 1, name="last")
    model = tf_keras.Model(given, last(pool(wide(given))))
    rng = np.random.default_rng(8)
    wide.set_weights([rng.normal(size=(1, 1, 2, 4)), np.zeros(4)])
    last.set_weights([rng.normal(size=(1, 1, 4, 3)), np.zeros(3)])
    # Whole numbers fit int8's steps. The range is that of rare large ones, the average is small.
    x = rng.integers(-2, 3, (120, 32, 32, 2)).astype(np.float32)
    large = rng.random(x.shape) < 0.002
    x[large] = rng.choice([-128.0, 127.0], large.sum())
    options = QuantizeOptions(max_quantization_drop=1e-3)
    done = quantize(model, options, x[:60], Validation((x[60:],), kinds=("values",)))
    steps = {step.name: step for step in done.attempts}
    assert steps["1 of 3 operators in float"].detail == "pool"
    best_int8 = min(step.mean_abs_difference for step in done.attempts[:5])
    assert steps["1 of 3 operators in float"].mean_abs_difference < 0.7 * best_int8


def test_errors_of_equalised_layers_are_measured_on_the_equalised_scale():
    """Channels whose ranges differ by 160: against the plain float file the first layer errs by half."""
    import tf_keras

    rng = np.random.default_rng(5)
    given = tf_keras.Input((8, 8, 2), name="given")
    small = tf_keras.layers.Conv2D(4, 3, activation="relu", name="small")
    large = tf_keras.layers.Conv2D(3, 3, name="large")
    model = tf_keras.Model(given, large(small(given)))
    scale = np.array([0.05, 1.0, 1.0, 8.0])
    small.set_weights([rng.normal(size=(3, 3, 2, 4)) * scale, np.zeros(4)])
    large.set_weights([rng.normal(size=(3, 3, 4, 3)) / scale[:, None], np.zeros(3)])
    x = rng.normal(size=(60, 8, 8, 2)).astype(np.float32)
    options = QuantizeOptions(max_quantization_drop=0.3)
    done = quantize(model, options, x[:40], Validation((x[40:],), kinds=("values",)))
    assert next(step for step in done.attempts if step.chosen).name == "equalized ranges"
    assert max(error.relative_error for error in done.layer_errors) < 0.05
