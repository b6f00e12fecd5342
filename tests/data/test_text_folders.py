"""Folders of texts by class."""

import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

TOKENS = ModelSignature((InputSignature((6,), "int32", 40),), (1,), "sigmoid")
PARTS = ("train", "validation", "test")


def fill(place, name, count=6, sentence="{0} film no {1}"):
    (place / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (place / name / f"{number}_7.txt").write_text(sentence.format(name, number), encoding="utf-8")


def pairs(data):
    splits = {part: getattr(data, part) for part in PARTS}
    return {
        part: sorted((text, data.labels[y]) for text, y in zip(split.x, split.y, strict=True))
        for part, split in splits.items()
    }


def together(data):
    return sorted(pair for part in pairs(data).values() for pair in part)


def test_aclimdb(tmp_path):
    root = tmp_path / "aclImdb"
    for split in ("train", "test"):
        for name in ("pos", "neg"):
            fill(root / split, name, 8, f"{split} {{0}} {{1}}")
            (root / split / f"urls_{name}.txt").write_text("http://example.org\n")
        (root / split / "labeledBow.feat").write_text("9 0:1\n")
    fill(root / "train", "unsup", 5)
    (root / "train" / "urls_unsup.txt").write_text("http://example.org\n")
    (root / "README").write_text("read me")
    (root / "imdb.vocab").write_text("film\n")
    data = open_data(root, signature=TOKENS)
    found = pairs(data)
    assert (data.task, data.labels) == ("text", ("neg", "pos"))
    assert found["test"] == sorted((f"test {name} {n}", name) for name in ("pos", "neg") for n in range(8))
    assert sorted(found["train"] + found["validation"]) == sorted(
        (f"train {name} {n}", name) for name in ("pos", "neg") for n in range(8)
    )
    notes = " ".join(data.notes)
    assert "unsup/ holds 5 texts without labels" in notes
    assert "urls_neg.txt" in notes
    assert "2 .feat" in notes


def test_a_text_a_file_and_a_text_a_line(tmp_path):
    for name in ("good", "bad"):
        fill(tmp_path / "files", name)
        (tmp_path / "lines").mkdir(exist_ok=True)
        lines = "\n".join(f"{name} film no {n}" for n in range(6))
        (tmp_path / "lines" / f"{name}.txt").write_text(f"{lines}\n\n")
        for split, part in (("train", lines), ("dev", f"{name} dev\n"), ("test", f"{name} test\n")):
            (tmp_path / "splits" / split).mkdir(parents=True, exist_ok=True)
            (tmp_path / "splits" / split / f"{name}.txt").write_text(part)
    (tmp_path / "lines" / "README.txt").write_text("how these were made\n")
    (tmp_path / "lines" / "labels.txt").write_text("good\nbad\n")
    files, lines = (open_data(tmp_path / name, signature=TOKENS) for name in ("files", "lines"))
    every = sorted((f"{name} film no {n}", name) for name in ("good", "bad") for n in range(6))
    assert together(files) == together(lines) == every
    assert (files.labels, lines.labels) == (("bad", "good"), ("good", "bad"))
    assert "README.txt" in " ".join(lines.notes)
    splits = pairs(open_data(tmp_path / "splits", signature=TOKENS))
    assert splits == {
        "train": every, "validation": [("bad dev", "bad"), ("good dev", "good")],
        "test": [("bad test", "bad"), ("good test", "good")],
    }


def test_bad_texts_are_told_together(tmp_path):
    for name in ("good", "bad"):
        fill(tmp_path, name)
    (tmp_path / "good" / "0_7.txt").write_bytes(b"")
    (tmp_path / "bad" / "3_7.txt").write_bytes(b"\0\1\2")
    (tmp_path / "bad" / "4_7.txt").write_bytes("süß".encode("cp1252"))
    with pytest.raises(InputError, match=r"2 of 12 files cannot be read: bad/3_7.txt .*NUL.*good/0_7.txt .*"):
        open_data(tmp_path, signature=TOKENS)
    data = open_data(tmp_path, signature=TOKENS, settings=DataSettings(skip_bad_files=True))
    assert sum(len(getattr(data, part)) for part in PARTS) == 10
    assert any("süß" in getattr(data, part).x for part in PARTS)


def test_one_class_is_refused(tmp_path):
    fill(tmp_path, "good")
    fill(tmp_path, "unsup")
    with pytest.raises(InputError, match="texts of one class, good"):
        open_data(tmp_path, signature=TOKENS)
