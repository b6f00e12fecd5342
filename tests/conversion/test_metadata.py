"""TFLite metadata, read back slot by slot as tflite-support's schema lays it out."""

import io
import os
import zipfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import flatbuffers
import numpy as np
import pytest

from edgeprune import conversion, preprocessing
from edgeprune.conversion import flatfile
from edgeprune.conversion.metadata import attach, normalization_of
from edgeprune.errors import UnsupportedLayerError


@pytest.fixture(scope="module")
def plain():
    import tf_keras

    image = tf_keras.Input((4, 4, 3), name="image")
    return conversion.convert(
        tf_keras.Model(image, tf_keras.layers.Dense(2, name="kind")(tf_keras.layers.Flatten()(image))), "none"
    ).tflite


class Table:
    """The few reads of a FlatBuffer table that a test needs."""

    def __init__(self, data, position):
        self.table = flatbuffers.table.Table(data, position)

    def _offset(self, slot):
        return self.table.Offset(4 + 2 * slot)

    def text(self, slot):
        return self.table.String(self._offset(slot) + self.table.Pos).decode()

    def byte(self, slot):
        return self.table.Get(flatbuffers.number_types.Uint8Flags, self._offset(slot) + self.table.Pos)

    def child(self, slot):
        return Table(self.table.Bytes, self.table.Indirect(self._offset(slot) + self.table.Pos))

    def items(self, slot):
        start, count = self.table.Vector(self._offset(slot)), self.table.VectorLen(self._offset(slot))
        return [Table(self.table.Bytes, self.table.Indirect(start + 4 * i)) for i in range(count)]

    def floats(self, slot):
        return self.table.GetVectorAsNumpy(flatbuffers.number_types.Float32Flags, self._offset(slot)).tolist()


def _metadata(tflite):
    tree = flatfile.parse(tflite)
    entry = next(entry for entry in tree.metadata if entry.name == b"TFLITE_METADATA")
    return bytes(tree.buffers[entry.buffer].data)


def test_labels_and_normalisation_are_where_android_looks(plain):
    tflite = attach(plain, "pets", ["cat", "dög"], [127.5], [64.0], "Cats or dogs.")
    data = _metadata(tflite)
    assert data[4:8] == b"M001"
    root = Table(data, int.from_bytes(data[:4], "little"))
    assert (root.text(0), root.text(1)) == ("pets", "Cats or dogs.")
    (graph,) = root.items(3)
    (image,), (kind,) = graph.items(2), graph.items(3)
    assert (image.text(0), kind.text(0)) == ("image", "kind")
    content = image.child(3)
    assert (content.byte(0), content.child(1).byte(0)) == (2, 1)  # ImageProperties, RGB
    (unit,) = image.items(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert (unit.child(1).floats(0), unit.child(1).floats(1)) == ([127.5], [64.0])
    (labels,) = kind.items(6)
    assert (labels.text(0), labels.byte(2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS
    assert zipfile.ZipFile(io.BytesIO(tflite)).read("labels.txt").decode() == "cat\ndög\n"


def test_metadata_changes_no_output_and_is_replaced(plain):
    once = attach(plain, "pets", ["cat", "dog"])
    assert attach(once, "pets", ["cat", "dog"]) == once
    x = np.random.default_rng(0).random((3, 4, 4, 3), dtype=np.float32)
    np.testing.assert_array_equal(conversion.run_tflite(once, x), conversion.run_tflite(plain, x))


def test_a_layer_without_litert_operator_is_named():
    import tensorflow as tf
    import tf_keras

    class Gamma(tf_keras.layers.Layer):
        def call(self, x):
            return tf.math.igamma(tf.abs(x) + 1.0, tf.abs(x))

    inputs = tf_keras.Input((4,))
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(Gamma(name="strange")(inputs)))
    with pytest.raises(UnsupportedLayerError, match="Igamma in layer 'strange'"):
        conversion.convert(model, "none")


def test_a_layer_that_needs_tensorflow_s_operator_is_named_and_let_in_where_allowed():
    import tensorflow as tf
    import tf_keras

    inputs = tf_keras.Input((4,), name="x")
    x = tf_keras.layers.Lambda(tf.math.erf, name="bell")(inputs)
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(x))
    with pytest.raises(UnsupportedLayerError, match=r"Erf in layer 'bell'.*allow_flex"):
        conversion.convert(model, "none")
    assert conversion.convert(model, "none", allow_flex=True).operators["FlexErf"] == 1


@pytest.mark.parametrize(
    "steps",
    [
        [{"op": "rescale", "scale": 1 / 127.5, "offset": -1.0}],
        # What a folder of pictures gives.
        [
            {"op": "resize", "height": 4, "width": 4},
            {"op": "channels", "count": 3},
            {"op": "rescale", "scale": 1 / 255},
            {"op": "standardize", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        ],
        [{"op": "standardize", "mean": [3.0], "std": [2.0]}, {"op": "rescale", "scale": 4.0, "offset": 0.5}],
    ],
)
def test_mean_and_deviation_do_what_the_steps_do(steps):
    x = np.random.default_rng(1).integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    mean, std = normalization_of(steps)
    np.testing.assert_allclose((x - np.array(mean)) / np.array(std), preprocessing.apply(steps, x), 0, 1e-5)


def test_steps_that_are_no_scaling_have_no_mean():
    assert normalization_of([{"op": "log_mel"}, {"op": "standardize", "mean": 1.0, "std": 2.0}]) == ((), ())
    assert normalization_of([]) == ((), ())
    # Another input's scaling is not the first one's.
    assert normalization_of([{"op": "rescale", "scale": 0.5, "input": 1}]) == ((), ())


def test_raw_pixels_are_normalized_by_zero_and_one(plain):
    data = _metadata(attach(plain, "pets"))
    (image,) = Table(data, int.from_bytes(data[:4], "little")).items(3)[0].items(2)
    (unit,) = image.items(4)
    assert (unit.child(1).floats(0), unit.child(1).floats(1)) == ([0.0], [1.0])
