"""Tokens leave a text model's vocabulary: the smaller model on its own numbers against the whole one."""

import dataclasses

import numpy as np
import pytest

from edgeprune.data.text import text_dataset
from edgeprune.errors import InputError
from edgeprune.gate import Status, verify
from edgeprune.pipeline import build as pipeline
from edgeprune.pipeline.source import Source
from edgeprune.pipeline.store import ArtifactStore
from edgeprune.preprocessing import text as tokens
from edgeprune.progress import silent
from edgeprune.recipe import recipe
from edgeprune.report.read import read_report

LENGTH = 6
NEUTRAL = [f"word{letter}" for letter in "abcdefghijkl"]
WORDS = ["good", "bad", *NEUTRAL]
UNUSED = ["never", "nowhere", "nothing"]


def texts(count, seed, words):
    """Sentences of neutral words around the one that decides."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, count)
    found = []
    for label in y:
        sentence = [*random.choice(words, LENGTH - 1), "good" if label else "bad"]
        random.shuffle(sentence)
        found.append(" ".join(sentence))
    return found, y


def reviews(*, kind="word", new_words=()):
    parts = {
        "train": texts(120, 0, NEUTRAL), "validation": texts(80, 1, [*NEUTRAL, *new_words]),
        "test": texts(60, 2, [*NEUTRAL, *UNUSED]),
    }
    data = text_dataset(parts, ("negative", "positive"), length=LENGTH)
    step = {**data.preprocessing[0], "kind": kind}
    vocabulary = tokens.format_vocabulary([*UNUSED[:2], *sorted(WORDS), UNUSED[2], "##a", "##b"])
    return dataclasses.replace(data, files={"vocab.txt": vocabulary}, preprocessing=(step,))


def bag_of_words(package, rows, own_layer=None):
    """The mean of word vectors, whose first entry tells good from bad."""
    keras = pytest.importorskip(package)
    layers = keras.layers
    inputs = keras.Input((LENGTH,), dtype="int32")
    table = layers.Embedding(rows, 5, name="table")
    mean = layers.GlobalAveragePooling1D()(table(inputs))
    hidden = layers.Dense(8, name="hidden")(mean)
    outputs = layers.Dense(2, activation="softmax", name="answer")(hidden)
    if own_layer is not None:
        outputs = own_layer(keras, inputs, table, outputs)
    model = keras.Model(inputs, outputs)
    random = np.random.default_rng(3)
    model.set_weights([random.normal(0, 0.3, weight.shape) for weight in model.get_weights()])
    rows_of = random.normal(0, 0.1, (rows, 5))
    rows_of[2 + len(UNUSED[:2]) + sorted(WORDS).index("good"), 0] = 2.0
    rows_of[2 + len(UNUSED[:2]) + sorted(WORDS).index("bad"), 0] = -2.0
    table.set_weights([rows_of])
    kernel, answer = np.zeros((5, 8)), random.normal(0, 0.1, (8, 2))
    kernel[0] = np.linspace(1, 2, 8)
    answer[:, 1] += 1.5
    model.get_layer("hidden").set_weights([kernel + random.normal(0, 0.05, kernel.shape), np.zeros(8)])
    model.get_layer("answer").set_weights([answer, np.zeros(2)])
    return model


def opened(model, data, **settings):
    chosen, source = recipe(calibration=40, **settings), Source(model, data)
    context = pipeline._context(source, chosen, ArtifactStore(None, source.load), silent, None, None)
    return pipeline._opened(chosen, context)


def said(baseline):
    return [sentence for sentence in baseline.data.notes if "token" in sentence]


def outputs(baseline, split):
    found = baseline.model(baseline.data.model_input(split.x))
    return np.asarray(found)


@pytest.mark.parametrize("package", ["keras", pytest.param("tf_keras", marks=pytest.mark.heavy)])
def test_tokens_that_no_text_uses_leave_and_nothing_changes(package):
    baseline = opened(bag_of_words(package, 30), reviews())
    assert baseline.data.files["vocab.txt"] == tokens.format_vocabulary(sorted(WORDS))
    assert baseline.data.vocabulary == 16
    assert baseline.model.get_layer("table").get_weights()[0].shape == (16, 5)
    assert dataclasses.astuple(baseline.vocabulary) == (30, 16)
    for split in (baseline.data.train, baseline.data.validation):
        np.testing.assert_allclose(
            outputs(baseline, split), outputs(baseline.uncut, split), rtol=0, atol=1e-6
        )
    # What the result is compared with is the model as it was given.
    assert baseline.original.model.get_layer("table").get_weights()[0].shape == (30, 5)
    np.testing.assert_array_equal(baseline.predictions, baseline.uncut.predictions)
    assert any("16 of 30 tokens stay" in sentence for sentence in said(baseline))


def test_a_limit_keeps_the_words_that_decide():
    model = bag_of_words("keras", 30)
    baseline = opened(model, reviews(), max_vocabulary=4)
    assert baseline.data.files["vocab.txt"] == tokens.format_vocabulary(["bad", "good"])
    # By hand: the unknown row is the mean of the neutral words, as often as training uses them.
    used = " ".join(texts(120, 0, NEUTRAL)[0]).split()
    table = model.get_layer("table").get_weights()[0]
    number = {word: 4 + place for place, word in enumerate(sorted(WORDS))}
    neutral = [table[number[word]] for word in used if word in NEUTRAL]
    smaller = baseline.model.get_layer("table").get_weights()[0]
    np.testing.assert_allclose(smaller[1], np.mean(neutral, axis=0), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(smaller[2:], table[[number["bad"], number["good"]]])
    sample = baseline.data.model_input(np.array(["wordb good wordc"], object))
    assert sample.tolist() == [[1, 3, 1, 0, 0, 0]]


@pytest.mark.heavy
def test_zero_keeps_every_token():
    baseline = opened(bag_of_words("keras", 30), reviews(), max_vocabulary=0)
    assert baseline.uncut is None
    assert baseline.data.vocabulary == reviews().vocabulary


@pytest.mark.heavy
def test_words_that_training_texts_lack_stay_where_validation_has_them():
    baseline = opened(bag_of_words("keras", 30), reviews(new_words=["never"]))
    assert baseline.uncut is None
    assert any("--max-vocabulary N" in sentence for sentence in said(baseline)), said(baseline)


@pytest.mark.heavy
def test_pieces_of_words_that_no_text_uses_leave_too():
    baseline = opened(bag_of_words("keras", 30), reviews(kind="subword"))
    assert baseline.data.files["vocab.txt"] == tokens.format_vocabulary(sorted(WORDS))
    split = baseline.data.validation
    np.testing.assert_allclose(outputs(baseline, split), outputs(baseline.uncut, split), rtol=0, atol=1e-6)


def tied(keras, inputs, table, outputs):
    """The same table looked up for something that is no token of the text."""
    shifted = table(keras.layers.Lambda(lambda x: x * 0 + 7, output_shape=(LENGTH,))(inputs))
    extra = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling1D()(shifted))
    return keras.layers.Add()([outputs, keras.layers.Rescaling(0.0)(extra)])


def computing(keras, inputs, _table, outputs):
    """Token numbers as values."""
    values = keras.layers.Lambda(lambda x: keras.ops.cast(x, "float32") * 0.0, output_shape=(LENGTH,))(inputs)
    return keras.layers.Add()([outputs, keras.layers.Dense(2, use_bias=False)(values)])


@pytest.mark.heavy
@pytest.mark.parametrize("own_layer", [tied, computing])
def test_tables_that_something_else_reads_stay_whole(own_layer):
    model = bag_of_words("keras", 30, own_layer)
    assert opened(model, reviews()).uncut is None
    with pytest.raises(InputError, match="--max-vocabulary was given, and"):
        opened(model, reviews(), max_vocabulary=8)


@pytest.mark.heavy
def test_a_limit_needs_texts():
    data = reviews()
    numbers = dataclasses.replace(data, preprocessing=(), files={}, **{
        name: dataclasses.replace(getattr(data, name), x=data.model_input(getattr(data, name).x))
        for name in ("train", "validation", "test")
    })
    with pytest.raises(InputError, match="no texts"):
        opened(bag_of_words("keras", 30), numbers, max_vocabulary=8)
    assert opened(bag_of_words("keras", 30), numbers).uncut is None


@pytest.mark.heavy
def test_a_bundle_tells_the_rows_before_and_after(tmp_path):
    data = reviews()
    made = recipe(max_vocabulary=8, prune=0.25, epochs=1, calibration=64, batch_size=16, round_to=1)
    bundle = pipeline.run(Source(bag_of_words("keras", 30), data), made, tmp_path / "out").bundle
    found = read_report(bundle)
    assert dataclasses.astuple(found.vocabulary) == (30, 8)
    before, after = found.stages.baseline, found.stages.deployed
    (table,) = [one for one in found.layers if one.name == "table"]
    assert table.params_before == 30 * 5
    assert table.params_after % 8 == 0
    assert found.removed.params == pytest.approx(1 - after.params / before.params)
    # The original is judged with its own vocabulary, the deployed file with the one in the bundle.
    assert before.metrics["accuracy"] == 1.0
    assert after.metrics["accuracy"] > 0.95
    lines = bundle.file("vocab.txt").read_text(encoding="utf-8").split()
    assert len(lines) == 8
    assert {"good", "bad"} < set(lines)
    assert not [one for one in verify(bundle) if one.status is Status.BROKEN]
