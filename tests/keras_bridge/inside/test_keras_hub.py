"""KerasHub's architectures, built small from their own classes without weights: half of every group goes.

The least share of the parameters that goes at random halves says how much of a model its rules can see.
"""

import importlib

import numpy as np
import pytest

from edgeprune.errors import InputError
from edgeprune.graph.cost import cost
from edgeprune.keras_bridge.inside.open_model import open_model
from edgeprune.keras_bridge.opened import CLOSED
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs
from tests.layers.pruned import prune

keras_hub = pytest.importorskip("keras_hub")
keras = importlib.import_module("keras")
pytestmark = pytest.mark.heavy
M = keras_hub.models
TEXT = {
    "vocabulary_size": 40, "num_layers": 2, "num_heads": 4, "hidden_dim": 32, "intermediate_dim": 64,
    "max_sequence_length": 16,
}
PICTURE = {"image_shape": (32, 32, 3)}


def _mit():
    return M.MiTBackbone(
        layerwise_depths=[1, 1], num_layers=2, layerwise_num_heads=[1, 2], layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1, image_shape=(64, 64, 3), hidden_dims=[16, 32], layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
    )


def _resnet(stages=2):
    return M.ResNetBackbone(
        input_conv_filters=[64], input_conv_kernel_sizes=[7], stackwise_num_filters=[64] * stages,
        stackwise_num_blocks=[1] * stages, stackwise_num_strides=[1] + [2] * (stages - 1),
        block_type="basic_block", image_shape=(64, 64, 3),
    )


def _vit(kind, width):
    return kind(
        patch_size=8, num_layers=2, num_heads=4, hidden_dim=32, **{width: 64}, **PICTURE,
    )


def _hgnet():
    return M.HGNetV2Backbone(
        stem_channels=[3, 16, 16], stackwise_stage_filters=[
            [16, 16, 32, 1, 2, 3], [32, 16, 64, 1, 2, 3], [64, 16, 64, 1, 2, 5],
        ],
        apply_downsample=[False, True, True], use_lightweight_conv_block=[False, False, True],
        depths=[1, 1, 1], hidden_sizes=[32, 64, 64], embedding_size=16, use_learnable_affine_block=True,
        hidden_act="relu", image_shape=(64, 64, 3), out_features=["stage2", "stage3"],
    )


def _dfine():
    return M.DFineBackbone(
        backbone=_hgnet(), decoder_in_channels=[32, 32], encoder_hidden_dim=32, num_denoising=0, num_labels=5,
        hidden_dim=32, learn_initial_query=False, num_queries=10, anchor_image_size=(64, 64),
        feat_strides=[8, 16], num_feature_levels=2, encoder_in_channels=[64, 64], encode_proj_layers=[1],
        num_attention_heads=4, encoder_ffn_dim=48, num_encoder_layers=1, hidden_expansion=0.5,
        depth_multiplier=0.5, eval_idx=-1, num_decoder_layers=2, decoder_attention_heads=4,
        decoder_ffn_dim=48, decoder_n_points=[3, 3], lqe_hidden_dim=16, num_lqe_layers=2,
        out_features=["stage2", "stage3"], image_shape=(64, 64, 3),
    )


MODELS = {
    "BERT": (lambda: M.BertBackbone(**TEXT), 0.45),
    "DistilBERT": (lambda: M.DistilBertBackbone(**TEXT), 0.45),
    "RoBERTa": (lambda: M.RobertaBackbone(**TEXT), 0.45),
    "ALBERT": (lambda: M.AlbertBackbone(embedding_dim=16, **TEXT), 0.45),
    "ELECTRA": (
        lambda: M.ElectraBackbone(
            vocab_size=40, embedding_dim=16,
            **{key: one for key, one in TEXT.items() if key != "vocabulary_size"},
        ), 0.45,
    ),
    "GPT-2": (lambda: M.GPT2Backbone(**TEXT), 0.5),
    "BART": (lambda: M.BartBackbone(**TEXT), 0.55),
    "T5": (
        lambda: M.T5Backbone(
            **{key: one for key, one in TEXT.items() if key != "max_sequence_length"}
        ), 0.45,
    ),
    "Whisper": (
        lambda: M.WhisperBackbone(
            max_encoder_sequence_length=32, max_decoder_sequence_length=16,
            **{key: one for key, one in TEXT.items() if key != "max_sequence_length"},
        ), 0.45,
    ),
    "EfficientNet": (
        lambda: M.EfficientNetBackbone(
            stackwise_width_coefficients=[1.0] * 2, stackwise_depth_coefficients=[1.0] * 2,
            stackwise_kernel_sizes=[3, 3], stackwise_num_repeats=[1, 1], stackwise_input_filters=[32, 16],
            stackwise_output_filters=[16, 24], stackwise_expansion_ratios=[1, 4], stackwise_strides=[1, 2],
            stackwise_squeeze_and_excite_ratios=[0.25] * 2, stackwise_block_types=["v1"] * 2, min_depth=8,
            image_shape=(64, 64, 3),
        ), 0.4,
    ),
    "ViT": (lambda: _vit(M.ViTBackbone, "mlp_dim"), 0.4),
    "DeiT": (lambda: _vit(M.DeiTBackbone, "intermediate_dim"), 0.4),
    "MiT": (_mit, 0.45),
    "SegFormer": (lambda: M.SegFormerBackbone(image_encoder=_mit(), projection_filters=32), 0.5),
    "ResNet": (_resnet, 0.3),
    "RetinaNet": (
        lambda: M.RetinaNetBackbone(
            image_encoder=_resnet(3), min_level=3, max_level=4, use_p5=False, image_shape=(64, 64, 3)
        ), 0.5,
    ),
    "DenseNet": (
        lambda: M.DenseNetBackbone(
            stackwise_num_repeats=[2, 2], compression_ratio=0.5, growth_rate=8, **PICTURE
        ), 0.4,
    ),
    "Swin": (
        lambda: M.SwinTransformerBackbone(
            image_shape=(32, 32, 3), embed_dim=16, depths=(1, 1), num_heads=(2, 4), window_size=4,
            patch_size=2,
        ), 0.45,
    ),
    "MobileNet": (
        lambda: M.MobileNetBackbone(
            stackwise_expansion=[[40, 56], [64, 64]], stackwise_num_blocks=[2, 2],
            stackwise_num_filters=[[16, 16], [24, 24]], stackwise_kernel_size=[[3, 3], [5, 5]],
            stackwise_num_strides=[[2, 1], [2, 1]], stackwise_se_ratio=[[None, None], [0.25, 0.25]],
            stackwise_activation=[["relu", "relu"], ["hard_swish", "hard_swish"]],
            stackwise_padding=[[1, 1], [2, 2]], output_num_filters=96, depthwise_filters=16,
            depthwise_stride=2, depthwise_residual=False, last_layer_filter=64, image_shape=(64, 64, 3),
        ), 0.6,
    ),
    "CSPDarkNet": (
        lambda: M.CSPNetBackbone(
            stem_filters=16, stem_kernel_size=3, stem_strides=1, stackwise_depth=[1, 2],
            stackwise_strides=[2, 2], stackwise_num_filters=[32, 48], block_type="dark_block",
            image_shape=(32, 32, 3), expand_ratio=[2.0, 1.0], bottle_ratio=[0.5, 1.0],
            block_ratio=[1.0, 0.5], stage_type="csp",
        ), 0.6,
    ),
    "DeepLabV3": (
        lambda: M.DeepLabV3Backbone(
            image_encoder=_resnet(3), projection_filters=16, low_level_feature_key="P2",
            spatial_pyramid_pooling_key="P4", upsampling_size=4, dilation_rates=[2, 3],
            image_shape=(64, 64, 3),
        ), 0.6,
    ),
    "VGG": (
        lambda: M.VGGBackbone(stackwise_num_repeats=[1, 1], stackwise_num_filters=[16, 32], **PICTURE), 0.4
    ),
    "Xception": (
        lambda: M.XceptionBackbone(
            stackwise_conv_filters=[[16, 16], [32, 32]], stackwise_pooling=[True, False],
            image_shape=(64, 64, 3),
        ), 0.4,
    ),
}

LANGUAGE = {
    "vocabulary_size": 40, "num_layers": 2, "num_query_heads": 4, "num_key_value_heads": 2, "hidden_dim": 32,
    "intermediate_dim": 64,
}
MODELS |= {
    "Gemma": (lambda: M.GemmaBackbone(head_dim=8, **LANGUAGE), 0.33),
    "Llama": (lambda: M.LlamaBackbone(**LANGUAGE), 0.38),
    "Mistral": (lambda: M.MistralBackbone(sliding_window=8, **LANGUAGE), 0.38),
    "Moonshine": (
        lambda: M.MoonshineBackbone(
            vocabulary_size=40, filter_dim=32, encoder_num_layers=2, decoder_num_layers=2, hidden_dim=32,
            intermediate_dim=64, encoder_num_heads=4, decoder_num_heads=4,
        ), 0.48,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_half_of_the_neurons_go(name):
    make, least = MODELS[name]
    keras.utils.set_random_seed(0)
    model = make()
    before = [np.array(weight) for weight in model.weights]
    plain = open_model(model)
    modules = {type(layer).__module__.split(".")[0] for layer in plain._flatten_layers(include_self=False)}
    assert modules == {"keras"}
    pruned = prune(plain, synthetic_inputs(read(plain), 4, seed=0))
    pruned.equivalence.check()
    whole, left = cost(pruned.dependencies), cost(pruned.dependencies, pruned.keep)
    assert 1 - left.params / whole.params >= least
    for one, other in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["BART", "Moonshine", "T5", "Whisper"])
def test_encoder_and_decoder_may_have_other_lengths(name):
    keras.utils.set_random_seed(0)
    model, generator = MODELS[name][0](), np.random.default_rng(0)
    plain = open_model(model)
    for heard, written in ((7, 5), (5, 9)):
        data = {}
        for symbol in model.inputs:
            length = heard if "encoder" in symbol.name else written
            length += 1500 if name == "Moonshine" and "encoder" in symbol.name else 0
            shape = (3, *(length if size is None else size for size in symbol.shape[1:]))
            is_sound = "float" in symbol.dtype
            drawn = generator.normal(size=shape) if is_sound else generator.integers(1, 39, shape)
            data[symbol.name] = (drawn > 8 if "mask" in symbol.name else drawn).astype(symbol.dtype)
        expected, found = model(data), plain(data)
        for key in expected:
            one, other = (np.asarray(outputs[key] * 1.0) for outputs in (found, expected))
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)


PARTLY = {
    "FNet": (
        lambda: M.FNetBackbone(
            **{key: one for key, one in TEXT.items() if key != "num_heads"}
        ), 0.1, "FNetEncoder", "Input should have its (-2, -1) axes fully-defined",
    ),
    "DeBERTa-v3": (
        lambda: M.DebertaV3Backbone(bucket_size=8, **TEXT), 0.2, "DisentangledSelfAttention",
        "`c2p_attn_scores = tf.gather(`",
    ),
}
"""What stays closed at open lengths, and why."""


@pytest.mark.parametrize("name", PARTLY)
def test_half_of_the_neurons_go_around_what_stays_closed(name):
    make, least, kind, reason = PARTLY[name]
    keras.utils.set_random_seed(0)
    plain = open_model(make())
    closed = [layer for layer in plain._flatten_layers(include_self=False) if layer in CLOSED]
    assert {type(layer).__name__ for layer in closed} == {kind}
    assert all(reason in CLOSED[layer] for layer in closed)
    pruned = prune(plain, synthetic_inputs(read(plain), 4, seed=0))
    pruned.equivalence.check()
    assert 1 - cost(pruned.dependencies, pruned.keep).params / cost(pruned.dependencies).params >= least


def test_decoder_that_makes_other_weights_anew_is_refused_in_words():
    """D-FINE's decoder has a weight that its configuration alone does not make."""
    keras.utils.set_random_seed(0)
    plain = open_model(_dfine())
    with pytest.raises(InputError, match="class DFineDecoder has 87 weights when it is made anew"):
        prune(plain, synthetic_inputs(read(plain), 2, seed=0))
