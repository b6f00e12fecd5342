"""What was decided about model and data is told before anything is trained, and stands in the report."""

import numpy as np
import pytest

from edgeprune.pipeline import build as pipeline
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
        assert {stage for stage, _ in stages} <= {"read"}
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


def test_each_output_has_its_loss_and_metric(told):
    x, y, total = samples()
    found = told(linear(("class", "total")), x=x, y_class=y, y_total=total)
    assert found["loss"].choice == (
        "class: cross-entropy, inferred from the outputs and labels; "
        "total: squared error, inferred from the outputs and labels."
    )
    assert found["metric"].choice.startswith("class: accuracy; total: r2.")
