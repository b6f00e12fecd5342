"""Embedding tables in int8, the rest of a text model in float: against NumPy and the float file."""

import numpy as np
import pytest

from edgeprune.conversion import flatfile
from edgeprune.conversion.convert import convert
from edgeprune.conversion.embedding_tables import tables_dominate, with_small_tables
from edgeprune.conversion.litert import run_tflite
from edgeprune.errors import InputError

WORDS, LENGTH = 900, 7
TOKENS = np.random.default_rng(0).integers(0, WORDS, (16, LENGTH)).astype(np.int32)


def file_of(*tables, shared=False):
    """The float file of a model with a table for each width, the mean of the rows, and a dense layer."""
    import keras

    def normal(seed):
        return keras.initializers.RandomNormal(stddev=1.0, seed=seed)

    x = keras.Input((LENGTH,), dtype="int32")
    made = [
        keras.layers.Embedding(WORDS, width, embeddings_initializer=normal(seed))
        for seed, width in enumerate(tables)
    ]
    rows = [table(x) for table in made] + ([made[0](x[:, ::-1])] if shared else [])
    joined = keras.layers.Concatenate()(rows) if len(rows) > 1 else rows[0]
    y = keras.layers.Dense(3, kernel_initializer=normal(9))(keras.layers.GlobalAveragePooling1D()(joined))
    model = keras.Model(x, y)
    return model, convert(model, "none", [TOKENS]).tflite


@pytest.mark.parametrize(("widths", "shared"), [((8,), False), ((8, 5), False), ((8,), True)])
def test_each_table_takes_a_quarter_and_computes_what_its_rounded_values_do(widths, shared):
    import keras

    model, floating = file_of(*widths, shared=shared)
    assert tables_dominate(floating)
    small = with_small_tables(floating)
    assert len(floating) - len(small) == pytest.approx(3 * WORDS * sum(widths), abs=1500)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Embedding):
            (values,) = layer.get_weights()
            scale = np.abs(values).max() / 127
            layer.set_weights([np.rint(values / scale) * scale])
    expected = model.predict(TOKENS, verbose=0)
    np.testing.assert_allclose(run_tflite(small, (TOKENS,)), expected, atol=1e-5)
    assert not np.allclose(run_tflite(floating, (TOKENS,)), expected, atol=1e-5)


def test_what_reads_no_table_or_a_small_one_is_not_mostly_tables():
    import keras

    x = keras.Input((LENGTH,), dtype="int32")
    rows = keras.layers.Embedding(5, 4)(x)
    model = keras.Model(x, keras.layers.Dense(400)(keras.layers.Flatten()(rows)))
    assert not tables_dominate(convert(model, "none", [TOKENS % 5]).tflite)


def test_a_table_of_zeros_stays_and_one_that_is_not_finite_is_refused():
    _, floating = file_of(8)
    for value in (0.0, np.nan, np.inf):
        tree = flatfile.parse(floating)
        tables = [op.inputs[0] for name, op in flatfile.named_operators(tree) if name == "GATHER"]
        flatfile.write_constant(tree, int(tables[0]), np.full((WORDS, 8), value, np.float32))
        file = flatfile.pack(tree)
        if value == 0.0:
            made, before = (run_tflite(one, (TOKENS,)) for one in (with_small_tables(file), file))
            np.testing.assert_array_equal(made, before)
        else:
            with pytest.raises(InputError, match="not finite"):
                with_small_tables(file)
