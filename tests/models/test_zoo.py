import subprocess
import sys

import numpy as np
import pytest

import edgeprune_models as zoo
from edgeprune.errors import InputError
from edgeprune_models import training

SHAPES = {
    "vision": (28, 28, 1), "segmentation": (16, 24, 1), "detection": (32, 48, 1), "speech": (49, 40),
    "text": (24,), "translation": ((12,), (9,)), "tabular": (10,),
}


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_every_architecture_builds_runs_and_starts_from_its_seed(name):
    entry = zoo.find(name)
    shape = SHAPES[entry.task]
    rng = np.random.default_rng(1)
    each = shape if isinstance(shape[0], tuple) else (shape,)
    x = [rng.integers(1, 50, (3, *one)) if entry.task in ("text", "translation")
         else rng.normal(size=(3, *one)) for one in each]
    x = x if len(x) > 1 else x[0]
    first, again, other = (entry.build(shape, 5, seed, vocabulary=50) for seed in (1, 1, 2))
    outputs = first(x).numpy()
    np.testing.assert_array_equal(outputs, again(x).numpy())
    assert np.abs(first.get_weights()[0] - other.get_weights()[0]).max() > 1e-6
    assert np.isfinite(outputs).all()
    others = {"ctc-crnn": 6, "autoencoder": 10, "single-shot": 9, "number-translator": 50}
    assert outputs.shape[-1] == others.get(name, 5)


def test_two_classes_get_one_sigmoid_unit():
    assert zoo.find("mlp-binary").build((10,), 2, 0).output_shape == (None, 1)


def test_importing_the_zoo_does_not_load_tensorflow():
    code = "import edgeprune_models, sys; sys.exit('tensorflow' in sys.modules or 'tf_keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_model_or_task_is_named():
    with pytest.raises(InputError, match="'lenet-6'"):
        zoo.find("lenet-6")
    with pytest.raises(InputError, match="'smell'"):
        zoo.default_for("smell")
    with pytest.raises(ValueError, match="'mlp'"):
        zoo.table(zoo.find("mlp"), zoo.find("mlp"))


def test_training_keeps_the_best_epoch_and_repeats_itself():
    from dataclasses import replace

    from edgeprune.data.tabular import synthetic_rows

    data = synthetic_rows(count=800)
    entry = zoo.find("mlp-binary")
    recipe = replace(entry.recipe, epochs=4)
    results = []
    for _ in range(2):
        model = entry.build_for(data, 3)
        trained = training.train(model, data, recipe, 3)
        assert training.measure(model, data, data.validation) == dict(trained.validation)
        results.append(trained.validation)
    assert results[0] == results[1]
    assert results[0]["accuracy"] > 0.75


def test_ctc_loss_is_minus_the_log_of_all_paths_that_spell_the_words():
    rng = np.random.default_rng(4)
    probabilities = rng.dirichlet(np.ones(3), (1, 3))  # 3 steps; words a, b and the blank
    a, b, blank = np.moveaxis(probabilities[0], 1, 0)
    paths = (  # everything that collapses to "a b"
        a[0] * b[1] * blank[2] + a[0] * blank[1] * b[2] + blank[0] * a[1] * b[2]
        + a[0] * a[1] * b[2] + a[0] * b[1] * b[2]
    )
    loss = training.ctc_loss(np.array([[0, 1, -1]]), probabilities.astype(np.float32)).numpy()
    np.testing.assert_allclose(loss, [-np.log(paths)], rtol=0, atol=1e-5)


def test_tags_of_minus_one_do_not_train():
    import tf_keras

    loss = training.loss_function(zoo.find("text-tagger").recipe, 3)
    scores = np.array([[[0.2, 0.3, 0.5], [0.9, 0.05, 0.05]]], np.float32)
    with_padding = loss(np.array([[1, -1]]), scores).numpy()
    one = tf_keras.losses.sparse_categorical_crossentropy([[1]], scores[:, :1]).numpy()
    # The sum runs over counted tokens alone, its mean over the same.
    np.testing.assert_allclose(with_padding, one.mean(), rtol=0, atol=1e-6)


def test_streamed_recordings_train_with_the_datas_own_noise():
    """More clips than memory: they are read, augmented and preprocessed batch by batch."""
    from dataclasses import replace

    from edgeprune.data.speech import clips_dataset
    from edgeprune.data.streamed import FromArray

    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 120)
    tones = np.sin(np.arange(2000) * (0.2 + 0.4 * y[:, None])) * rng.uniform(2000, 9000, (120, 1))
    clips = tones.astype(np.int16)
    splits = {"train": slice(0, 80), "validation": slice(80, 100), "test": slice(100, 120)}
    noise = (np.full(5000, 7, np.int16),)
    held, streamed = (
        clips_dataset({name: (wrap(clips[part]), y[part]) for name, part in splits.items()}, ("low", "high"),
                      8000, noise=noise)
        for wrap in (np.asarray, FromArray)
    )
    entry = zoo.find("speech-dnn")
    recipe = replace(entry.recipe, epochs=3)
    model = entry.build_for(streamed, 1)
    trained = training.train(model, streamed, recipe, 1)
    assert trained.validation["accuracy"] >= 0.95
    steps = ({"op": "background_noise", "ratio": 1.0, "loudest": 0.1},)
    recipe = replace(recipe, epochs=1, augmentation=steps)
    louder = replace(held, preprocessing=())
    (noisy, _), = training.augmented_epochs(louder, recipe, 1)
    added = noisy.astype(int) - clips[:80]
    assert np.ptp(added, axis=1).max() <= 1  # the recording is constant, white noise is not
    assert added.max() > 100
