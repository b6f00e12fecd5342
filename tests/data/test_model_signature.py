import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature, signature_of


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
    signature = signature_of(model)
    assert signature.inputs == (InputSignature((8, 8, 3)),)
    assert (signature.output, signature.head) == ((5,), "softmax")
    assert (signature.classes(), signature.scales) == (5, False)


def test_a_model_that_scales_its_pixels(keras):
    x = keras.Input((None, None, 1))
    hidden = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(x))
    signature = signature_of(keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(hidden)))
    assert signature.inputs[0].shape == (None, None, 1)
    assert signature.scales
    assert signature.classes() == 2


@pytest.mark.parametrize("nested", [False, True])
def test_token_numbers_are_seen_by_the_embedding(keras, nested):
    layers = keras.layers
    tokens, extra = keras.Input((7,), dtype="int32"), keras.Input((2,))
    embedding = layers.Embedding(50, 4)
    pooled = layers.GlobalAveragePooling1D()
    if nested:
        inner = keras.Sequential([keras.Input((7,)), embedding, pooled])
        signature = signature_of(keras.Model(tokens, layers.Dense(3, activation="softmax")(inner(tokens))))
    else:
        joined = layers.Concatenate()([pooled(embedding(tokens)), extra])
        signature = signature_of(keras.Model([tokens, extra], layers.Dense(3, activation="softmax")(joined)))
        assert signature.inputs[1] == InputSignature((2,))
    assert signature.inputs[0] == InputSignature((7,), "int32", 50)
    assert signature.is_text


def test_strings_values_and_autoencoders(keras):
    layers = keras.layers
    rows = keras.Input((6,))
    values = signature_of(keras.Model(rows, layers.Dense(1)(rows)))
    assert (values.head, values.classes(), values.reconstructs) == ("values", 0, False)
    repeated = signature_of(keras.Model(rows, layers.Dense(6, activation="sigmoid")(layers.Dense(2)(rows))))
    assert repeated.reconstructs
    assert repeated.classes() == 0
    logits = ModelSignature((InputSignature((9,)),), (4,), "values")
    assert logits.classes() == 4
    strings = signature_of(keras.Sequential([keras.Input((1,), dtype="string"), layers.Flatten()]))
    assert strings.is_text
    assert strings.inputs[0].dtype == "string"
