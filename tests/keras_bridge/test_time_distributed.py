"""A whole model at each step: its neurons go like any others."""

import importlib

import numpy as np
import pytest

import edgeprune
from edgeprune.graph.cost import cost, layer_costs
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.load import load_model
from edgeprune.keras_bridge.prune import analyze
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.run import predict
from edgeprune.pruning.calibration_effort import peak_values
from edgeprune.pruning.compaction import compact
from edgeprune.pruning.dependencies import find_dependencies
from tests.layers.pruned import prune, with_weights

STEPS = 3


@pytest.fixture(params=["keras", "tf_keras"])
def k(request):
    return importlib.import_module(request.param)


def _frame_model(k, name="frame"):
    image = k.Input((6, 6, 2))
    x = k.layers.Conv2D(6, 3, padding="same", use_bias=False, name="conv")(image)
    x = k.layers.ReLU()(k.layers.BatchNormalization()(x))
    y = k.layers.Conv2D(6, 3, padding="same", activation="relu", name="again")(x)
    x = k.layers.MaxPooling2D()(k.layers.Add()([x, y]))
    return k.Model(image, k.layers.Dense(7, activation="tanh", name="seen")(k.layers.Flatten()(x)), name=name)


def _video_model(k, steps=STEPS, inner=None, batch=None):
    frames = k.Input(batch_shape=(batch, steps, 6, 6, 2))
    x = k.layers.TimeDistributed(inner or _frame_model(k), name="wrapped")(frames)
    x = k.layers.Dense(5, activation="tanh", name="hidden")(k.layers.SimpleRNN(4, name="rnn")(x))
    return with_weights(k.Model(frames, k.layers.Dense(3)(x)), seed=1)


def _videos(number=3, steps=STEPS, seed=2):
    return np.random.default_rng(seed).normal(size=(number, steps, 6, 6, 2)).astype("float32")


def _sizes(model):
    return {group.name: len(group.channels) for group in find_dependencies(read(model).graph).groups}


def _kept_whole(model):
    reading = read(model)
    units = find_dependencies(reading.graph)
    return build(reading, compact(units, np.ones(units.count, bool)))


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("steps", [STEPS, None])
def test_pruned_equals_masked_and_keras_own(k, steps, batch):
    model = _video_model(k, steps, batch=batch)
    assert _sizes(model) == {
        "wrapped/frame/conv": 6, "wrapped/frame/seen": 7, "rnn": 4, "hidden": 5,
    }
    videos = _videos(2)
    np.testing.assert_allclose(predict(read(model), videos)[0], model(videos), rtol=0, atol=1e-6)
    pruned = prune(model, [videos])
    pruned.check()
    smaller = pruned.model
    np.testing.assert_allclose(predict(read(smaller), videos)[0], smaller(videos), rtol=0, atol=1e-6)


def test_keeping_all_is_the_identity(k):
    model = _video_model(k)
    np.testing.assert_array_equal(_kept_whole(model)(_videos()), model(_videos()))


def test_calibration_repairs_what_is_inside(k):
    image, frames = k.Input((4, 4, 2)), k.Input((STEPS, 4, 4, 2))
    x = k.layers.Conv2D(8, 3, activation="tanh")(image)
    x = k.layers.Dense(8, activation="tanh")(k.layers.GlobalAveragePooling2D()(x))
    x = k.layers.TimeDistributed(k.Model(image, x), name="wrapped")(frames)
    model = with_weights(k.Model(frames, k.layers.Dense(3)(k.layers.SimpleRNN(4, name="rnn")(x))), seed=1)
    videos, others = np.random.default_rng(2).normal(size=(2, 96, STEPS, 4, 4, 2)).astype("float32")
    prepared = analyze(model, videos, allocation="uniform")
    errors = []
    for repair in (False, True):
        smaller = prepared.prune(0.25, reconstruct=repair).model
        assert [tuple(w.shape) for w in smaller.get_layer("wrapped").weights] == [
            (3, 3, 2, 6), (6,), (6, 6), (6,),
        ]
        errors.append(float(np.square(np.asarray(smaller(others)) - np.asarray(model(others))).mean()))
    assert errors[1] < 0.5 * errors[0]


def test_the_pruned_model_is_saved_loaded_and_trained(k, tmp_path):
    smaller = prune(_video_model(k), [_videos()]).model
    smaller.save(tmp_path / "smaller.keras")
    loaded = load_model(tmp_path / "smaller.keras")
    np.testing.assert_allclose(loaded(_videos()), smaller(_videos()), rtol=0, atol=1e-6)
    before = loaded.get_layer("wrapped").layer.get_layer("conv").get_weights()[0].copy()
    loaded.compile("sgd", "mse", run_eagerly=True)
    loaded.train_on_batch(_videos(), np.ones((3, 3)))
    assert (loaded.get_layer("wrapped").layer.get_layer("conv").get_weights()[0] != before).any()


def test_shrink_removes_a_dead_neuron_inside(k):
    frames = k.Input((STEPS, 4))
    inside = [k.layers.Dense(6, activation="tanh", name=name) for name in ("one", "two")]
    x = k.layers.TimeDistributed(k.Sequential([k.Input((4,)), *inside], name="frame"), name="wrapped")(frames)
    x = k.layers.Dense(5, activation="tanh", name="outside")(k.layers.Flatten()(x))
    model = with_weights(k.Model(frames, k.layers.Dense(3)(x)), seed=1)
    for layer in inside:
        kernel, bias = layer.get_weights()
        kernel[:, 2], bias[2] = 0, 0.5  # always the same: what reads it takes it into its bias
        layer.set_weights([kernel, bias])
    result = edgeprune.shrink(model)
    found = [(one.group, one.reason, one.channels) for one in result.report.removals]
    assert found == [("wrapped/frame/one", "constant", 1), ("wrapped/frame/two", "constant", 1)]
    x = np.random.default_rng(2).normal(size=(3, STEPS, 4)).astype("float32")
    np.testing.assert_allclose(result.model(x), model(x), rtol=0, atol=1e-6)


def test_every_step_costs_its_multiplications_and_parameters_count_once(k):
    units = find_dependencies(read(_video_model(k)).graph)
    found = layer_costs(units)
    assert {name.split("/")[-1]: one.macs for name, one in found.items() if name.startswith("wrapped/")} == {
        **{name.split("/")[-1]: 0 for name in found if name.startswith("wrapped/")},
        "conv": STEPS * 36 * 9 * 2 * 6,
        "again": STEPS * 36 * 9 * 6 * 6,
        "seen": STEPS * 9 * 6 * 7,
    }
    assert cost(units).params == _video_model(k).count_params()


def test_a_frame_takes_as_much_memory_as_there_are_steps(k):
    one, many = (peak_values(read(_video_model(k, steps)).graph) for steps in (1, 4))
    assert many == 4 * one


def test_models_inside_of_models(k):
    """At each step of each step, a model in a model, and one that is also called directly."""
    inputs, single = k.Input((STEPS, 2, 4)), k.Input((4,))
    part = k.Sequential([k.Input((4,)), k.layers.Dense(6, activation="tanh", name="part")], name="parts")
    x = k.Input((4,))
    both = k.Model(x, k.layers.Dense(5, activation="tanh", name="both")(part(x)), name="both_model")
    steps = k.layers.TimeDistributed(k.layers.TimeDistributed(both, name="inner"), name="outer")
    x = k.layers.Flatten()(steps(inputs))
    x = k.layers.Concatenate()([x, part(single), both(single)])
    model = with_weights(k.Model([inputs, single], k.layers.Dense(3)(x)), seed=1)
    generator = np.random.default_rng(2)
    samples = [generator.normal(size=(3, *shape)).astype("float32") for shape in ((STEPS, 2, 4), (4,))]
    reading = read(model)
    np.testing.assert_allclose(predict(reading, samples)[0], model(samples), rtol=0, atol=1e-6)
    assert _sizes(model) == {"outer/inner/both_model/parts/part": 6, "outer/inner/both_model/both": 5}
    found = layer_costs(find_dependencies(reading.graph))
    assert found["outer/inner/both_model/parts/part"].macs == (2 * STEPS + 2) * 4 * 6
    pruned = prune(model, samples)
    pruned.check()
    kept = _kept_whole(model)
    np.testing.assert_array_equal(kept(samples), model(samples))
    assert kept.count_params() == model.count_params()


def test_one_wrapper_on_sequences_of_different_lengths(k):
    short, long = k.Input((2, 4)), k.Input((5, 4))
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(6, activation="tanh", name="inside")], name="one")
    steps = k.layers.TimeDistributed(inner, name="steps")
    x = k.layers.Concatenate()([k.layers.GlobalAveragePooling1D()(steps(x)) for x in (short, long)])
    model = with_weights(k.Model([short, long], k.layers.Dense(3)(x)), seed=1)
    samples = [np.random.default_rng(2).normal(size=(3, n, 4)).astype("float32") for n in (2, 5)]
    assert layer_costs(find_dependencies(read(model).graph))["steps/one/inside"].macs == 7 * 4 * 6
    pruned = prune(model, samples)
    assert _sizes(model) == {"steps/one/inside": 6}
    pruned.check()


@pytest.mark.parametrize("depth", [1, 2])
def test_a_layer_that_is_also_called_directly_stays_one_layer(k, depth):
    steps, one = k.Input((*(5, 2)[:depth], 4)), k.Input((4,))
    dense = wrapped = k.layers.Dense(6, activation="tanh", name="dense")
    for _ in range(depth):
        wrapped = k.layers.TimeDistributed(wrapped)
    x = k.layers.Concatenate()([dense(one), k.layers.Flatten()(wrapped(steps))])
    model = with_weights(k.Model([steps, one], k.layers.Dense(3)(x)), seed=1)
    generator = np.random.default_rng(2)
    samples = [generator.normal(size=(3, *tensor.shape[1:])).astype("float32") for tensor in (steps, one)]
    np.testing.assert_allclose(predict(read(model), samples)[0], model(samples), rtol=0, atol=1e-6)
    assert list(_sizes(model).values()) == [6]
    pruned = prune(model, samples)
    pruned.check()
    assert edgeprune.prune(model, 0.5).report.notes[1:] == ()  # beside that no data was given
    np.testing.assert_array_equal(_kept_whole(model)(samples), model(samples))


def test_a_mask_leaves_a_shared_layer_to_its_wrapper(k):
    steps, one = k.Input((5, 4)), k.Input((4,))
    dense = k.layers.Dense(6, activation="tanh", name="dense")
    x = k.layers.TimeDistributed(dense, name="wrapped")(k.layers.Masking()(steps))
    x = k.layers.Concatenate()([dense(one), k.layers.GlobalAveragePooling1D()(x)])
    model = with_weights(k.Model([steps, one], k.layers.Dense(3)(x)), seed=1)
    assert sorted(_sizes(model)) == ["dense", "wrapped/dense"]
    result = edgeprune.prune(model, 0.5)
    assert any("share weights" in one for one in result.report.notes)


def test_units_spread_over_time_stay(k):
    inputs = k.Input((4,))
    x = k.layers.Reshape((6, 2))(k.layers.Dense(12, name="spread")(inputs))
    inner = k.Sequential([k.Input((2,)), k.layers.Dense(5, activation="tanh")], name="one")
    x = k.layers.GlobalAveragePooling1D()(k.layers.TimeDistributed(inner, name="steps")(x))
    pruned = prune(with_weights(k.Model(inputs, k.layers.Dense(3)(x)), seed=1), [np.ones((3, 4), "float32")])
    pruned.check()


def test_words_at_each_step_keep_their_mask_inside(k):
    """Sentences of a document: the embedding's mask never leaves the model of one sentence."""
    words, document = k.Input((5,), dtype="int32"), k.Input((STEPS, 5), dtype="int32")
    x = k.layers.Embedding(10, 4, mask_zero=True, name="words")(words)
    x = k.layers.Dense(6, activation="tanh", name="sentence")(k.layers.GlobalAveragePooling1D()(x))
    x = k.layers.TimeDistributed(k.Model(words, x, name="reader"), name="steps")(document)
    model = with_weights(k.Model(document, k.layers.Dense(3)(k.layers.Flatten()(x))), seed=1)
    samples = np.random.default_rng(2).integers(1, 10, size=(3, STEPS, 5))
    samples[:, :, 3:] = 0
    np.testing.assert_allclose(predict(read(model), samples)[0], model(samples), rtol=0, atol=1e-6)
    assert set(_sizes(model)) >= {"steps/reader/words", "steps/reader/sentence"}
    prune(model, [samples]).check()


def _masked(k, frames):
    return k.layers.Masking()(frames), _frame_part(k)


def _frame_part(k, **options):
    return k.Sequential([k.Input((4,), **options), k.layers.Dense(6, activation="tanh")])


def _remembering(k, frames):
    return frames, k.Sequential([k.Input(batch_shape=(3, 4)), k.layers.Dense(6)])


@pytest.mark.parametrize(("make", "reason"), [(_masked, "mask"), (_remembering, "fixes the batch")])
def test_what_is_not_the_same_step_by_step_stays_whole(k, make, reason):
    frames = k.Input(batch_shape=(3, 5, 4))
    x, inner = make(k, k.layers.Dense(4, name="before")(frames))
    x = k.layers.Flatten()(k.layers.TimeDistributed(inner, name="wrapped")(x))
    model = with_weights(k.Model(frames, k.layers.Dense(3)(k.layers.Dense(7)(x))), seed=1)
    pruned = prune(model, [np.random.default_rng(2).normal(size=(3, 5, 4)).astype("float32")])
    (refusal,) = (one for one in pruned.dependencies.refusals if one.because_of == "wrapped")
    assert reason in refusal.reason
    pruned.check()


def test_a_model_of_two_inputs_at_each_step_stays_whole():
    """Keras 3 takes one alone; neither takes several outputs."""
    k = importlib.import_module("tf_keras")
    frames, one, other = k.Input((5, 4)), k.Input((4,)), k.Input((4,))
    inner = k.Model([one, other], k.layers.Dense(6)(k.layers.Concatenate()([one, other])))
    x = k.layers.TimeDistributed(inner, name="wrapped")([frames, frames])
    model = with_weights(k.Model(frames, k.layers.Dense(3)(k.layers.Dense(7)(x))), seed=1)
    pruned = prune(model, [np.random.default_rng(2).normal(size=(3, 5, 4)).astype("float32")])
    (refusal,) = (one for one in pruned.dependencies.refusals if one.layer == "wrapped")
    assert "several inputs or outputs" in refusal.reason
    pruned.check()


def test_a_mask_from_around_a_nested_model_keeps_the_steps_whole(k):
    part = k.Input((5, 4))
    inner = k.Model(part, k.layers.TimeDistributed(_frame_part(k), name="wrapped")(part), name="inner")
    words = k.Input((5,), dtype="int32")
    x = inner(k.layers.Embedding(10, 4, mask_zero=True)(words))
    model = with_weights(k.Model(words, k.layers.Dense(3)(k.layers.Flatten()(x))), seed=1)
    pruned = prune(model, [np.random.default_rng(2).integers(1, 10, size=(3, 5))])
    assert any(
        "mask" in one.reason and one.because_of == "inner/wrapped" for one in pruned.dependencies.refusals
    )
