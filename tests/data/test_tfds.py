import sys
from pathlib import Path

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError


def test_a_missing_package_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install tensorflow-datasets"):
        open_data("tfds:mnist")


@pytest.fixture(scope="module")
def tfds():
    return pytest.importorskip("tensorflow_datasets", reason="tensorflow-datasets is not installed")


@pytest.fixture(scope="module")
def prepared(tfds, tmp_path_factory):
    """Three small data sets, prepared by the package's own builder, as its download would leave them."""
    root = tmp_path_factory.mktemp("tfds")
    rng = np.random.default_rng(0)
    features = tfds.features
    label = features.ClassLabel(names=["dull", "fine"])

    def build(title, feature, make, splits):
        class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
            name = title
            VERSION = tfds.core.Version("1.0.0")
            pkg_dir_path = root

            def _info(self):
                return tfds.core.DatasetInfo(
                    builder=self, features=features.FeaturesDict({"sample": feature, "label": label}),
                    supervised_keys=("sample", "label"),
                )

            def _split_generators(self, _):
                return {split: self._generate_examples(split, count) for split, count in splits.items()}

            def _generate_examples(self, split="train", count=0):
                for number in range(count):
                    yield f"{split}{number}", {"sample": make(number), "label": number % 2}

        builder = Builder(data_dir=root / "data")
        builder.download_and_prepare()
        return str(builder.data_dir)

    return {
        "pictures": build(
            "small_pictures", features.Image(shape=(None, None, 3)),
            lambda n: np.full((9 + n % 3, 12, 3), 40 + 100 * (n % 2), np.uint8), {"train": 40, "test": 10},
        ),
        "texts": build(
            "small_texts", features.Text(), lambda n: f"{('dull', 'fine')[n % 2]} film {n}", {"train": 40}
        ),
        "sounds": build(
            "small_sounds", features.Audio(sample_rate=8000),
            lambda n: (rng.normal(size=7000 + 100 * n) * 900).astype(np.int64), {"train": 24, "test": 6},
        ),
    }


def test_pictures(prepared):
    signature = ModelSignature((InputSignature((8, 8, 1)),), (1,), "sigmoid")
    data = open_data(f"tfds:{prepared['pictures']}", signature=signature)
    assert (data.task, data.labels) == ("vision", ("dull", "fine"))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [34, 6, 10]
    made = data.model_input(data.test.x)
    np.testing.assert_allclose(
        made[:, 0, 0, 0], np.array([40, 140])[data.test.y] / 255, rtol=0, atol=1 / 255
    )


def test_texts(tfds, prepared):
    signature = ModelSignature((InputSignature((4,), "int32", 20),), (1,), "sigmoid")
    tfds.core.add_data_dir(str(Path(prepared["texts"]).parents[1]))  # as TFDS_DATA_DIR does
    data = open_data("tfds:small_texts", signature=signature)
    assert data.task == "text"
    assert list(data.test.x) == list(open_data(f"tfds:{prepared['texts']}", signature=signature).test.x)
    assert all(text.startswith(data.labels[y]) for text, y in zip(data.test.x, data.test.y, strict=True))
    assert data.model_input(data.test.x).max() < 20


def test_sounds(prepared):
    signature = ModelSignature((InputSignature((49, 40, 1)),), (1,), "sigmoid")
    data = open_data(f"tfds:{prepared['sounds']}", signature=signature)
    assert data.task == "speech"
    assert data.stream.sample_rate_hz == 8000
    assert data.train.x.shape[1:] == (8000,)
    assert data.input_shape() == (49, 40, 1)


def test_what_is_not_there_is_refused(tfds, tmp_path):
    with pytest.raises(InputError, match="does not open 'no_such_set_at_all'"):
        open_data("tfds:no_such_set_at_all")
    with pytest.raises(InputError, match="does not open"):
        open_data(f"tfds:{tmp_path}")
    del tfds
