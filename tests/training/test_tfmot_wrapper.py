"""tfmot's wrapper under Keras masks: the wrapped model computes what the bare one does."""

import numpy as np
import pytest

from edgeprune.training.tfmot_wrapper import wrapped_for_pruning


@pytest.fixture(scope="module")
def masked():
    import tf_keras

    tf_keras.utils.set_random_seed(2)
    layers = tf_keras.layers
    tokens = layers.Input((7,), dtype="int32")
    x = layers.Embedding(20, 6, mask_zero=True)(tokens)
    x = layers.Dense(5, activation="tanh")(x)
    x = layers.LSTM(4, return_sequences=True)(x)
    x = layers.GlobalAveragePooling1D()(layers.Dense(5)(x))
    return tf_keras.Model(tokens, layers.Dense(3, activation="softmax")(x))


@pytest.mark.parametrize("kinds", [pytest.param(("Dense",), marks=pytest.mark.heavy), ("Dense", "Embedding")])
def test_masks_pass_through_wrapped_layers(masked, kinds):
    import tensorflow_model_optimization as tfmot
    import tf_keras

    schedule = tfmot.sparsity.keras.ConstantSparsity(0.0, 1)
    wrapped = tf_keras.models.clone_model(
        masked,
        clone_function=lambda one: wrapped_for_pruning(one, schedule) if type(one).__name__ in kinds else one,
    )
    tokens = np.random.default_rng(1).integers(1, 20, (9, 7))
    tokens[:, 3:] *= np.arange(9)[:, None] % 2  # half of the rows end in padding
    expected = masked.predict(tokens, verbose=0)
    np.testing.assert_allclose(wrapped.predict(tokens, verbose=0), expected, rtol=0, atol=1e-6)
    unmasked = tokens.copy()
    unmasked[tokens == 0] = 1
    assert np.abs(masked.predict(unmasked, verbose=0) - expected)[::2].max() > 1e-4
    wrapped.compile("adam", "sparse_categorical_crossentropy")
    wrapped.fit(tokens, np.arange(9) % 3, verbose=0, callbacks=[tfmot.sparsity.keras.UpdatePruningStep()])
