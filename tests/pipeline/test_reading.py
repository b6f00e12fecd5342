"""What was decided about model and data is told before anything is trained, and stands in the report."""

import sys

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.pipeline import build as pipeline
from edgeprune.pipeline.fingerprint import fingerprint
from edgeprune.recipe import recipe


def linear(outputs=("class",)):
    """A model that is right about `samples`: the class is the largest input, values are the sum."""
    import keras

    inputs = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(8, name="hidden")(inputs)
    heads = [
        keras.layers.Dense(3, activation="softmax", name=name)(hidden) if name == "class"
        else keras.layers.Dense(1, name=name)(hidden) for name in outputs
    ]
    model = keras.Model(inputs, heads if len(heads) > 1 else heads[0])
    wide = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0][:3]
    model.get_layer("hidden").set_weights([wide, np.zeros(8)])
    for name in outputs:
        back = 9 * wide.T if name == "class" else wide.T.sum(1, keepdims=True)
        model.get_layer(name).set_weights([back, np.zeros(back.shape[1])])
    return model


def samples(count=200):
    x = np.random.default_rng(1).random((count, 3), np.float32)
    return x, x.argmax(1), x.sum(1)


class StoppedError(Exception):
    """Raised by who is told."""


@pytest.fixture
def told(tmp_path):
    def run(model, **arrays):
        model.save(tmp_path / "model.keras")
        np.savez(tmp_path / "data.npz", **arrays)
        stages, found = [], []

        def announce(decisions):
            found.extend(decisions)
            raise StoppedError

        source = pipeline.Source(tmp_path / "model.keras", tmp_path / "data.npz")
        with pytest.raises(StoppedError):
            pipeline.run(
                source, recipe(calibration=16), tmp_path / "out", resume=False, announce=announce,
                progress=lambda *told: stages.append(told),
            )
        assert {stage for stage, _ in stages} <= {"open", "read", "check"}
        return {one.subject: one for one in found}

    return run


def test_samples_preprocessing_loss_and_metric_are_told_before_training(told):
    x, y, _ = samples()
    model = linear()
    model.compile("sgd", "sparse_categorical_crossentropy")
    found = told(model, x=x, y=y, extra=y)
    assert set(found) == {"samples", "skipped", "preprocessing", "loss", "metric"}
    assert found["preprocessing"].choice == "The model takes columns as they are."
    assert "mean loss" in found["preprocessing"].why
    assert found["loss"].choice == "sparse_categorical_crossentropy, as the model was compiled."
    assert found["metric"].choice == "accuracy."


@pytest.mark.heavy
def test_each_output_has_its_loss_and_metric(told):
    x, y, total = samples()
    found = told(linear(("class", "total")), x=x, y_class=y, y_total=total)
    assert found["loss"].choice == (
        "class: cross-entropy, inferred from the outputs and labels; "
        "total: squared error, inferred from the outputs and labels."
    )
    assert found["metric"].choice.startswith("class: accuracy; total: r2.")


def decided(tmp_path, model, data, **given):
    """What `build` decides before it trains anything."""
    found = []

    def announce(decisions):
        found.extend(decisions)
        raise StoppedError

    settings = {name: given.pop(name) for name in ("metric_name", "losses") if name in given}
    made = recipe(calibration=16, metric=settings.get("metric_name"), loss=settings.get("losses", ()))
    with pytest.raises(StoppedError):
        pipeline.run(
            pipeline.Source(model, data, **given), made, tmp_path / "out", resume=False, announce=announce
        )
    return {one.subject: one for one in found}


@pytest.mark.heavy
def test_a_metric_of_ones_own_is_tried_before_training(tmp_path, monkeypatch):
    x, y, _ = samples()
    (tmp_path / "my_metrics.py").write_text(
        "def hits(y, out):\n    return {'hits': (out.argmax(-1) == y).mean()}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = decided(tmp_path, linear(), (x, y), metric_name="my_metrics:hits")
    assert found["metric"].choice == "hits, of my_metrics:hits. More of it is better."
    with pytest.raises(InputError, match="compares outputs with labels, and the data has none"):
        decided(tmp_path, linear(), x, metric=lambda *_: {"hits": 1.0})
    with pytest.raises(InputError, match="failed: TypeError"):
        decided(tmp_path, linear(), (x, y), metric=lambda: {"hits": 1.0})
    with pytest.raises(InputError, match="no function 'misses'"):
        decided(tmp_path, linear(), (x, y), metric_name="my_metrics:misses")


@pytest.mark.heavy
def test_a_stated_loss_counts_instead_of_the_compiled_one(tmp_path):
    x, y, total = samples()
    model = linear()
    model.compile("sgd", "categorical_crossentropy")
    found = decided(tmp_path, model, (x, y), losses=("sparse_categorical_crossentropy",))
    assert found["loss"].choice == "sparse_categorical_crossentropy, as stated."
    assert model.loss == "categorical_crossentropy"  # the user's model stays as it is
    two = linear(("class", "total"))
    both = decided(tmp_path, two, (x, (y, total)), losses=("total=mean_absolute_error",))
    assert both["loss"].choice == (
        "class: cross-entropy, inferred from the outputs and labels; total: mean_absolute_error, as stated."
    )
    assert decided(tmp_path, model, (x, y), loss=own_loss)["loss"].choice == "own_loss, as stated."
    for losses, message in (
        (("mean_square_error",), "no loss 'mean_square_error'.*Did you mean 'mean_squared_error'"),
        (("other=mse",), "names the output 'other'.*class"),
    ):
        with pytest.raises(InputError, match=message):
            decided(tmp_path, linear(("class",)), (x, y), losses=losses)


def own_loss(y_true, y_pred):
    import tensorflow as tf

    return tf.reduce_mean(tf.square(tf.one_hot(tf.cast(tf.reshape(y_true, [-1]), "int32"), 3) - y_pred), -1)


def test_another_metric_of_the_same_name_is_another_build(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [path for path in sys.path if path not in ("", str(tmp_path))])
    made, parts = recipe(metric="changing_metric:f", loss=("changing_metric:g",)), []
    for text in ("f = 1", "f = 2"):
        (tmp_path / "changing_metric.py").write_text(text)
        parts.append(fingerprint(None, None, "", made))
    assert parts[0]["changing_metric:f"] != parts[1]["changing_metric:f"]
    assert parts[0].keys() >= {"changing_metric:f", "changing_metric:g"}
    fingerprint(None, None, "", recipe(metric="no_such.package.module:f"))  # loading it tells
