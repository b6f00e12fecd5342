"""Translators of users' own layers and of KerasHub's: pruned by half, converted, and decoded."""

import importlib

import numpy as np
import pytest

from edgeprune.conversion import convert, run_tflite
from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.tasks.greedy import outputs_of
from edgeprune.training.prediction import predict
from edgeprune.types import OutputTask
from tests.keras_bridge.inside import translator_models as models
from tests.layers.pruned import prune

pytestmark = pytest.mark.heavy
TASKS = (OutputTask("classes", ("exact_match",), fed_back=1),)


@pytest.mark.parametrize("name", ["own_layers", "keras_hub_layers"])
def test_half_of_a_translator_decodes_the_same_on_a_device(name):
    if name == "keras_hub_layers":
        pytest.importorskip("keras_hub")
    importlib.import_module("keras").utils.set_random_seed(4)
    model = getattr(models, name)()
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:  # no two alike, and scores that differ from sample to sample
        variable.assign(variable.numpy() + rng.normal(0, 0.15, variable.shape))
    samples = [rng.integers(1, models.TOKENS, (32, size)) for size in (models.SOURCE, models.WRITTEN)]
    samples[0][::3, -3:] = 0  # padding
    samples = [array.astype(np.int32) for array in samples]
    before = predict(model, tuple(samples))[0]
    pruned = prune(open_model(model), samples)
    pruned.equivalence.check()
    assert pruned.equivalence.max_abs_error < 1e-4
    assert pruned.effect > 1e-3, "pruning changed nothing, so the comparison proves nothing"
    assert pruned.model.count_params() < 0.62 * model.count_params()
    np.testing.assert_array_equal(predict(model, tuple(samples))[0], before)
    tflite = convert(pruned.model, "none").tflite

    def of_file(inputs):
        return [run_tflite(tflite, tuple(inputs))]

    (written,) = outputs_of(TASKS, lambda inputs: predict(pruned.model, tuple(inputs)), samples)
    (deployed,) = outputs_of(TASKS, of_file, samples)
    np.testing.assert_array_equal(deployed.argmax(-1), written.argmax(-1))
    np.testing.assert_allclose(deployed, written, rtol=0, atol=1e-4)
    assert len({tuple(row) for row in written.argmax(-1)}) > 16, "all sources are translated alike"
    # No position sees what is written after it.
    later = samples[1].copy()
    later[:, 4:] = samples[1][::-1, 4:]
    (changed,) = predict(pruned.model, (samples[0], later))
    (same,) = predict(pruned.model, tuple(samples))
    np.testing.assert_allclose(changed[:, :4], same[:, :4], rtol=0, atol=1e-5)
    assert np.abs(changed[:, 4:] - same[:, 4:]).max() > 1e-3
