"""Models in the style of keras.io's examples: half of every group goes, equal to the masked original.

The least share of the parameters that goes at random halves says how much of a model its rules can see.
"""

import pytest

from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs
from tests.keras_bridge.inside import keras_io_mixers, keras_io_pictures, keras_io_sequences
from tests.keras_bridge.inside.keras_io_blocks import keras
from tests.layers.pruned import prune

pytestmark = pytest.mark.heavy
MODELS = {**keras_io_pictures.MODELS, **keras_io_sequences.MODELS, **keras_io_mixers.MODELS}
LEAST = {
    "vit": 0.7, "vit_with_class_token": 0.7, "swin": 0.6, "mlp_mixer": 0.58, "gmlp": 0.53, "conformer": 0.7,
    "vae_encoder": 0.65, "vae_decoder": 0.6, "siamese": 0.7, "ocr": 0.7, "time_series": 0.7,
    "subclassed_resnet": 0.7, "text_classifier": 0.7, "einsum_attention": 0.65, "dot_product_attention": 0.6,
    "llama_block": 0.7, "conv_mixer": 0.5, "attention_unet": 0.7, "cbam": 0.65, "gated_residual_network": 0.7,
    "wavenet": 0.7, "fnet": 0.3, "mixer_of_keras_io": 0.58, "mixer_with_permute": 0.63,
    "mixer_of_convolutions": 0.63, "mixer_of_einsums": 0.63, "permutator": 0.67, "gated_mixer": 0.6,
    "attention_of_letters": 0.7, "resmlp": 0.67,
    "gmlp_of_keras_io": 0.64, "efficient_channel_attention": 0.44,
    "squeeze_and_excite_of_convolutions": 0.7, "cbam_of_layers": 0.69,
}


@pytest.mark.parametrize("name", MODELS)
def test_half_of_the_neurons_go(name):
    keras.utils.set_random_seed(0)
    plain = open_model(MODELS[name]())
    pruned = prune(plain, synthetic_inputs(read(plain), 4, seed=0))
    pruned.equivalence.check()
    assert pruned.effect > 1e-4, "pruning changed nothing, so the comparison proves nothing"
    whole, left = cost(pruned.dependencies), cost(pruned.dependencies, pruned.keep)
    assert 1 - left.params / whole.params >= LEAST[name]
    assert pruned.model.count_params() == left.params
