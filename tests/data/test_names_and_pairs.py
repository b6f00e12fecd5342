"""Labels in file names, in a table of their own, in several columns; and what no reader takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeprune.data.dataset import Dataset
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def vision(outputs: int, head: str = "softmax") -> ModelSignature:
    return ModelSignature((InputSignature((6, 6, 3)),), (outputs,), head)  # type: ignore[arg-type]


NUMBERS = ModelSignature((InputSignature((4,)),), (3,), "softmax")


def draw(path: Path, level: int) -> None:
    """A grey picture whose level tells which one it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 6, 3), level, np.uint8)).save(path)


def levels_and_labels(data: Dataset) -> dict[int, object]:
    """The label of each picture, by its level."""
    found: dict[int, object] = {}
    for split in (data.train, data.validation, data.test):
        assert not isinstance(split.x, tuple)
        assert split.y is not None
        for picture, label in zip(np.asarray(split.x[:]), np.asarray(split.y), strict=True):
            found[int(picture[0, 0, 0])] = label.tolist()
    return found


def said(data: Dataset) -> str:
    return " ".join(one.sentence for one in data.decisions)


@pytest.mark.parametrize(
    "name", ["{0}.{1}.png", "{0}_{1:03}.png", "{0} ({1}).png", "{0}-{1}.png", "{1}_{0}.png", "{0}{1}.png"]
)
def test_classes_in_file_names(name: str, tmp_path: Path) -> None:
    words = ("great_dane", "cat", "emu") if name.startswith("{0}") else ("dane", "cat", "emu")
    for number in range(36):
        draw(tmp_path / "pets" / name.format(words[number % 3], number), 5 * number)
    data = open_data(tmp_path / "pets", signature=vision(3))
    order = sorted(words)
    assert data.labels == tuple(order)
    assert levels_and_labels(data) == {5 * number: order.index(words[number % 3]) for number in range(36)}
    assert "No folder names a class" in said(data)


@pytest.mark.parametrize("classes", [2, 4])
def test_names_that_do_not_fit_the_model_are_no_labels(classes: int, tmp_path: Path) -> None:
    for number in range(36):
        draw(tmp_path / "pets" / f"{('dog', 'cat', 'emu')[number % 3]}.{number}.png", 5 * number)
    assert open_data(tmp_path / "pets", signature=vision(classes)).train.y is None


def test_names_that_say_two_things_are_no_labels(tmp_path: Path) -> None:
    for number in range(40):
        draw(tmp_path / "x" / f"{'ab'[number % 2]}_{number}_{'cd'[number // 2 % 2]}.png", 5 * number)
    assert open_data(tmp_path / "x", signature=vision(2)).train.y is None


def test_labels_in_a_table_of_their_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(60) % 3)
    x = rng.normal(size=(60, 4)).round(4)
    x[:, 0] = y + x[:, 0] / 100
    for split, rows in (("train", slice(0, 48)), ("test", slice(48, 60))):
        body = "\n".join(f"{row},{','.join(map(str, cells))}" for row, cells in enumerate(x[rows]))
        (tmp_path / f"X_{split}.csv").write_text(f",a,b,c,d\n{body}\n")
        body = "\n".join(f"{row},{label}" for row, label in enumerate(y[rows]))
        (tmp_path / f"y_{split}.csv").write_text(f",kind\n{body}\n")
    data = open_data(tmp_path, signature=NUMBERS)
    assert "Features are in X_train.csv, labels in y_train.csv: 'kind'." in said(data)
    assert len(data.test) == 12
    np.testing.assert_array_equal(np.asarray(data.test.y), y[48:])
    order = np.asarray(data.test.x)[:, 0].argsort()
    np.testing.assert_array_equal(order, x[48:, 0].argsort())


def test_tables_of_different_lengths_are_refused(tmp_path: Path) -> None:
    (tmp_path / "features.csv").write_text("a,b,c,d\n" + "1,2,3,4\n" * 9)
    (tmp_path / "labels.csv").write_text("kind\n" + "1\n" * 8)
    with pytest.raises(InputError, match=r"features.csv has 9 rows, labels.csv has 8"):
        open_data(tmp_path, signature=NUMBERS)


@pytest.mark.parametrize(("head", "last"), [("sigmoid", 1.0), ("values", 37.5)])
def test_a_column_for_each_value_of_the_output(head: str, last: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (40, 3)) * (1.0, 1.0, last)
    lines = []
    for number in range(40):
        draw(tmp_path / "img" / f"{number}.png", 5 * number)
        lines.append(f"{number},img/{number}.png,{','.join(map(str, y[number]))}")
    (tmp_path / "list.csv").write_text("id,file,sky,tree,car\n" + "\n".join(lines))
    data = open_data(tmp_path / "list.csv", signature=vision(3, head))
    assert levels_and_labels(data) == {5 * number: y[number].tolist() for number in range(40)}
    assert "one for each of the model's 3 values" in said(data)


@pytest.mark.parametrize("place", ["meta", "."])
def test_a_list_and_files_that_it_lacks(place: str, tmp_path: Path) -> None:
    """As ESC-50 (the list in a folder of its own), and as competitions do (a test folder without labels)."""
    for number in range(30):
        draw(tmp_path / "train" / f"{number}.png", 5 * number)
    draw(tmp_path / "test" / "99.png", 9)
    (tmp_path / place).mkdir(exist_ok=True)
    lines = [f"{number}.png,{number % 3}" for number in range(27)]
    (tmp_path / place / "labels.csv").write_text("filename,target\n" + "\n".join(lines))
    data = open_data(tmp_path, signature=vision(3))
    assert levels_and_labels(data) == {5 * number: number % 3 for number in range(27)}
    assert "4 of 31 files are in no list and are not used: 3 in train, 1 in test." in said(data)


def test_addresses_are_not_fetched(tmp_path: Path) -> None:
    lines = [f"https://example.org/{number}.png,{number % 3}" for number in range(9)]
    (tmp_path / "list.csv").write_text("url,label\n" + "\n".join(lines))
    with pytest.raises(InputError, match="Download them"):
        open_data(tmp_path / "list.csv", signature=vision(3))


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("pets.zip", "Unpack it"), ("pets.tar.gz", "Unpack it"), ("t.xlsx", "Save it as .csv"),
        ("housing.data", "rename it so that it ends in .csv"),
        ("d.h5", "numpy.savez"), ("d.mat", "numpy.savez"), ("batch.pkl", "numpy.savez"),
        ("a.tfrecord", "package.module:function"), ("a.feather", ".parquet"),
        ("raw/train-images-idx3-ubyte.gz", "numpy.savez"),
    ],
)
def test_what_is_not_read_is_told_how_to_become_what_is(name: str, way_out: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    source = tmp_path / name if "/" not in name else (tmp_path / name).parent
    with pytest.raises(InputError) as error:
        open_data(source, signature=vision(3))
    assert way_out in error.value.way_out
    assert len(str(error.value)) < 600
