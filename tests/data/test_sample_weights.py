"""What samples count, by sample, by position and by output, as `fit` takes it."""

import numpy as np
import pytest

from edgeprune.data.array_names import sort_by_name
from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.sample_weights import read_weights
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

RNG = np.random.default_rng(8)
TAGGER = ModelSignature((InputSignature((5, 2)),), (5, 3), "softmax")
TWO = ModelSignature(
    (InputSignature((4,), name="x"),), (3,), "softmax",
    outputs=(OutputSignature((3,), "softmax", "cls"), OutputSignature((2,), "values", "val")),
)


def test_weights_of_positions_stay_with_them(tmp_path):
    x, y = RNG.normal(size=(30, 5, 2)), RNG.integers(0, 3, (30, 5))
    np.savez(tmp_path / "data.npz", x=x, y=y, sample_weight=x[..., 0] ** 2)
    data = open_data(tmp_path / "data.npz", signature=TAGGER)
    for split in (data.train, data.validation, data.test):
        np.testing.assert_allclose(split.weights, split.x[..., 0] ** 2, rtol=1e-6)
        assert split.take(np.array([1, 0])).weights[1] == pytest.approx(split.weights[0])


def test_weights_of_outputs_go_by_name_also_where_one_is_called_like_a_split():
    given = {name: RNG.normal(size=(6, 4)) for name in (
        "x", "y_cls", "y_val", "sample_weight_cls", "sample_weight_val")}
    found = sort_by_name(given, "data.npz", TWO)
    assert not found.unused
    assert found.splits["train"].y == (given["y_cls"], given["y_val"])
    assert found.splits["train"].weights == (given["sample_weight_cls"], given["sample_weight_val"])
    # With samples of its own it is the validation split.
    given = {name: RNG.normal(size=(6, 4)) for name in ("x", "y_cls", "x_val", "y_val")}
    assert set(sort_by_name(given, "data.npz", TWO).splits) == {"train", "validation"}


@pytest.mark.parametrize("weights", [
    RNG.random((6, 4)), RNG.random((6, 5, 3)), -RNG.random(6), np.full(6, np.nan), np.array(["a"]),
    np.array(2.0),
])
def test_weights_that_no_label_has_are_refused(weights):
    with pytest.raises(InputError, match=r"\(6, 5\): one finite number for each sample, or for each label"):
        read_weights(weights, (np.zeros((6, 5), int),), "train")


@pytest.mark.parametrize("form", ["arrays", "stream", "named"])
def test_weights_of_outputs_come_in_the_forms_that_fit_takes(form):
    x, labels = RNG.normal(size=(40, 4)).astype(np.float32), np.arange(40) % 3
    values = x[:, :2] * 2
    y = {"cls": labels, "val": values}
    weights = {"val": (x[:, 0] ** 2).astype(np.float32)}
    given = (x, y, weights)
    if form == "stream":
        given = (
            (x[rows], {name: one[rows] for name, one in y.items()}, {"val": weights["val"][rows]})
            for rows in (slice(start, start + 8) for start in range(0, 40, 8))
        )
    elif form == "named":
        given = {"x": x, "y_cls": labels, "y_val": values, "sample_weight_val": weights["val"]}
    data = open_data(given, signature=TWO)
    for split in (data.train, data.validation, data.test):
        assert split.weights[0] is None
        np.testing.assert_allclose(split.weights[1], split.x[:, 0] ** 2, rtol=1e-6)
