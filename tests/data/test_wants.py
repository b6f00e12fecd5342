import pytest

from edgeprune.data.wants import InputWanted, Wants, wants_of


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    from edgeprune.keras_bridge import keras_version

    del keras_version  # sets the environment before TensorFlow is imported
    return pytest.importorskip(request.param)


def test_a_classifier_of_pictures(keras):
    layers = keras.layers
    model = keras.Sequential([
        keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(5),
        layers.Softmax(),
    ])
    wants = wants_of(model)
    assert wants.inputs == (InputWanted((8, 8, 3)),)
    assert (wants.output, wants.head, wants.classes(), wants.scales) == ((5,), "softmax", 5, False)


def test_a_model_that_scales_its_pixels(keras):
    x = keras.Input((None, None, 1))
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(x))
    wants = wants_of(keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(hidden)))
    assert wants.inputs[0].shape == (None, None, 1)
    assert wants.scales
    assert wants.classes() == 2


@pytest.mark.parametrize("nested", [False, True])
def test_token_numbers_are_seen_by_the_embedding(keras, nested):
    layers = keras.layers
    tokens, extra = keras.Input((7,), dtype="int32"), keras.Input((2,))
    embedding = layers.Embedding(50, 4)
    pooled = layers.GlobalAveragePooling1D()
    if nested:
        inner = keras.Sequential([keras.Input((7,)), embedding, pooled])
        wants = wants_of(keras.Model(tokens, layers.Dense(3, activation="softmax")(inner(tokens))))
    else:
        joined = layers.Concatenate()([pooled(embedding(tokens)), extra])
        wants = wants_of(keras.Model([tokens, extra], layers.Dense(3, activation="softmax")(joined)))
        assert wants.inputs[1] == InputWanted((2,))
    assert wants.inputs[0] == InputWanted((7,), "int32", 50)
    assert wants.is_text


def test_strings_values_and_autoencoders(keras):
    layers = keras.layers
    rows = keras.Input((6,))
    values = wants_of(keras.Model(rows, layers.Dense(1)(rows)))
    assert (values.head, values.classes(), values.reconstructs) == ("values", 0, False)
    repeated = wants_of(keras.Model(rows, layers.Dense(6, activation="sigmoid")(layers.Dense(2)(rows))))
    assert repeated.reconstructs
    assert repeated.classes() == 0
    logits = Wants((InputWanted((9,)),), (4,), "values")
    assert logits.classes() == 4
    strings = wants_of(keras.Sequential([keras.Input((1,), dtype="string"), layers.Flatten()]))
    assert strings.is_text
    assert strings.inputs[0].dtype == "string"
