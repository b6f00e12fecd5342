"""Folders as people have them: splits under many names, wrapped, beside what systems leave behind."""

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.data.splits import split_of_name
from edgeprune.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
TWO = ModelSignature((InputSignature((4, 4, 3)),), (2,), "softmax")


def pictures(place, count, seed=0):
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng([seed, number]).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")


def classes(place, count, names=("cat", "dog")):
    for number, name in enumerate(names):
        pictures(place / name, count, seed=hash((str(place), number)) % 1000)


def counts(data):
    return [len(split) for split in (data.train, data.validation, data.test)]


@pytest.mark.parametrize(("name", "split"), [
    *((name, "train") for name in ("train", "TRAIN", "training", "Training_Set", "train_set", "trainset",
                                   "train2017", "train-images", "TrainData", "seg_train")),
    *((name, "validation") for name in ("val", "Valid", "validation", "dev", "validation_set", "valset")),
    *((name, "test") for name in ("test", "testing", "test_set", "TestSet", "eval", "Evaluation")),
    *((name, None) for name in ("cat", "strain", "contest", "trainer", "train_test", "value", "")),
])
def test_names_of_splits(name, split):
    assert split_of_name(name) == split


@pytest.mark.parametrize(("train", "validation", "test"), [
    ("train", "val", "test"), ("training_set", "validation_set", "test_set"), ("Train", "Dev", "Eval"),
    ("TRAINING", "valid", "TESTING"), ("train", "eval", "test"),
])
@pytest.mark.parametrize("wrap", ["", "pets", "archive/pets"])
def test_splits_are_never_classes(tmp_path, train, validation, test, wrap):
    for name, count in ((train, 5), (validation, 2), (test, 3)):
        classes(tmp_path / wrap / name, count)
    (tmp_path / "__MACOSX" / "pets").mkdir(parents=True)
    (tmp_path / "__MACOSX" / "pets" / "._1.png").write_bytes(b"")
    (tmp_path / wrap / ".ipynb_checkpoints").mkdir()
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / wrap / train / "cat" / name).write_bytes(b"")
    (tmp_path / wrap / "annotations").mkdir()
    (tmp_path / wrap / "annotations" / "list.xml").write_text("<a/>")
    (tmp_path / "README.md").write_text("pets")
    data = open_data(tmp_path, signature=TWO)
    assert data.labels == ("cat", "dog")
    assert counts(data) == [10, 4, 6]
    assert any(f"{train}/ is the train split, {validation}/ is the validation" in note for note in data.notes)
    assert any("2 of 22 files were skipped: 1 .xml, 1 .md." in note or "skipped: 1 .md, 1 .xml" in note
               for note in data.notes)


def test_a_split_may_wrap_its_classes(tmp_path):
    classes(tmp_path / "seg_train" / "seg_train", 5)
    classes(tmp_path / "seg_test" / "seg_test", 2)
    pictures(tmp_path / "seg_pred" / "seg_pred", 3)
    data = open_data(tmp_path, signature=TWO)
    assert data.labels == ("cat", "dog")
    assert sum(counts(data)) == 14
    assert len(data.test) == 4
    assert any("seg_pred/ is not a split: its 3 files are left out" in note for note in data.notes)


def test_a_class_may_be_called_as_a_split_is(tmp_path):
    classes(tmp_path, 5, ("bus", "train"))
    assert open_data(tmp_path, signature=TWO).labels == ("bus", "train")
    for name in ("bus", "train"):  # with pictures in folders of their own
        for path in (tmp_path / name).iterdir():
            (path.parent / f"of {name}").mkdir(exist_ok=True)
            path.rename(path.parent / f"of {name}" / path.name)
    assert open_data(tmp_path, signature=TWO).labels == ("bus", "train")


def test_classes_may_have_folders(tmp_path):
    classes(tmp_path / "cat", 3, ("persian", "siamese"))
    classes(tmp_path / "dog", 3, ("beagle", "poodle"))
    data = open_data(tmp_path, signature=TWO)
    assert (data.labels, sum(counts(data))) == (("cat", "dog"), 12)


@pytest.mark.parametrize("names", [("fold1", "fold2"), ("a", "b", "c")])
def test_folders_of_the_same_folders_are_no_classes(tmp_path, names):
    for name in names:
        classes(tmp_path / name, 3)
    message = r"hold folders of the same names \(cat, dog\), so these are the classes"
    with pytest.raises(InputError, match=message):
        open_data(tmp_path, signature=TWO)


@pytest.mark.parametrize(("names", "message"), [
    (("val", "test"), "no training split"), (("test",), "no training split"),
    (("train", "val", "dev"), "val and dev, all for the validation split|dev and val, all for"),
])
def test_splits_that_cannot_be_meant(tmp_path, names, message):
    for name in names:
        classes(tmp_path / name, 3)
    with pytest.raises(InputError, match=message):
        open_data(tmp_path, signature=TWO)


def test_splits_without_classes_have_no_labels(tmp_path):
    pictures(tmp_path / "train", 6)
    pictures(tmp_path / "test", 4, seed=1)
    data = open_data(tmp_path, signature=TWO)
    assert data.train.y is None
    assert counts(data)[0] + counts(data)[1] == 6
    assert len(data.test) == 4


def test_a_test_folder_without_classes_is_left_out_and_said(tmp_path):
    classes(tmp_path / "train", 6)
    pictures(tmp_path / "test", 4, seed=1)
    data = open_data(tmp_path, signature=TWO)
    assert sum(counts(data)) == 12
    assert any("test/ has no folders of classes: its 4 files are left out" in note for note in data.notes)


def test_pictures_outside_of_classes_are_said(tmp_path):
    classes(tmp_path, 5)
    pictures(tmp_path, 3, seed=9)
    data = open_data(tmp_path, signature=TWO)
    assert sum(counts(data)) == 10
    assert any("3 files of" in note and "lie in no folder of a class" in note for note in data.notes)


def test_labels_may_list_more_than_there_is(tmp_path):
    three = ModelSignature((InputSignature((4, 4, 3)),), (3,), "softmax")
    classes(tmp_path / "d" / "train", 6, ("cat", "dog"))
    classes(tmp_path / "d" / "test", 2, ("dog",))
    with pytest.raises(InputError, match="empty class"):  # which number is whose is anybody's guess
        open_data(tmp_path, signature=three)
    for lines in ("0 cat\n1 bird\n2 dog\n", "cat\nbird\ndog\n", "1: cat\n2: bird\n3: dog\n"):
        (tmp_path / "labels.txt").write_text(lines, encoding="utf-8-sig")
        data = open_data(tmp_path, signature=three)
        assert data.labels == ("cat", "bird", "dog")
        assert set(data.train.y) == {0, 2}
        assert set(data.test.y) == {2}
        notes = " ".join(data.notes)
        assert "No training sample is of class 'bird': the model is not trained on it." in notes
        assert "No test sample is of class 'cat', 'bird': the model is not measured on them." in notes
    with pytest.raises(InputError, match=r"names for 3 classes: .*The model has 2"):
        open_data(tmp_path, signature=TWO)
    (tmp_path / "labels.txt").write_text("cat\nbird\ncat\n")
    with pytest.raises(InputError, match="'cat' twice"):
        open_data(tmp_path, signature=three)


def test_a_class_without_test_samples_is_said(tmp_path):
    classes(tmp_path / "train", 6)
    classes(tmp_path / "test", 2, ("cat",))
    (tmp_path / "test" / "dog").mkdir()
    data = open_data(tmp_path, signature=TWO)
    assert "No test sample is of class 'dog': the model is not measured on it." in data.notes


@pytest.mark.parametrize("train", ["training_set", "TRAIN"])
@pytest.mark.parametrize("wrap", ["", "crack/crack"])
def test_masks_and_boxes_in_splits(tmp_path, train, wrap):
    for kind, folder in (("masks", "masks"), ("boxes", "labels")):
        root = tmp_path / kind
        for split, count in ((train, 6), ("Valid", 2), ("test_set", 3)):
            place = root / wrap / split
            pictures(place / "images", count)
            (place / folder).mkdir()
            for number in range(count):
                if kind == "masks":
                    mask = np.random.default_rng(number).integers(0, 2, (4, 4), dtype=np.uint8)
                    Image.fromarray(mask).save(place / folder / f"{number}.png")
                else:
                    (place / folder / f"{number}.txt").write_text("0 0.5 0.5 0.5 0.5\n")
        data = open_data(root)
        assert data.task == {"masks": "segmentation", "boxes": "detection"}[kind]
        assert counts(data) == [6, 2, 3]


def test_unicode_and_blanks_in_names(tmp_path):
    classes(tmp_path / "Meine Bilder" / "train", 5, ("Kätzchen klein", "犬"))
    assert open_data(tmp_path, signature=TWO).labels == ("Kätzchen klein", "犬")


def test_links_out_of_a_split_are_refused(tmp_path):
    classes(tmp_path / "mine" / "train", 5)
    pictures(tmp_path / "other", 3)
    (tmp_path / "mine" / "train" / "bird").symlink_to(tmp_path / "other", target_is_directory=True)
    with pytest.raises(InputError, match="leaves"):
        open_data(tmp_path / "mine", signature=TWO)


def test_one_class_only_is_refused(tmp_path):
    classes(tmp_path, 5, ("cat",))
    with pytest.raises(InputError, match="one class, 'cat'"):
        open_data(tmp_path, signature=TWO)
