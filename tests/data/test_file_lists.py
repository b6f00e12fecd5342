"""Tables that list pictures and recordings, or hold them, give what a folder of the same files gives."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from edgeprune.data.fingerprint import fingerprint
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

MODEL = ModelSignature((InputSignature((6, 6, 3)),), (3,), "softmax")
VALUE = ModelSignature((InputSignature((6, 6, 3)),), (1,), "values")
CLIPS = ModelSignature((InputSignature((800,)),), (2,), "softmax")
NAMES = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """30 pictures of noise by class, some of another size, and a list of them."""
    root, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(4)
    for number in range(30):
        (root / NAMES[number % 3]).mkdir(exist_ok=True)
        pixels = rng.integers(0, 256, (6 + number % 2, 6, 3), np.uint8)
        Image.fromarray(pixels).save(root / NAMES[number % 3] / f"{number:02}.png")
    return root


def rows_of(root):
    return [(str(path.relative_to(root)), path.parent.name) for path in sorted(root.rglob("*.png"))]


def write(path, header, rows, delimiter=","):
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])
    return path


def contents(data):
    return sorted(
        (np.asarray(x).tobytes(), data.labels[y]) for split in (data.train, data.validation, data.test)
        for x, y in zip(split.x, split.y, strict=True)
    )


def jsonl(path, rows):
    path.write_text("".join(json.dumps({"image": name, "label": y}) + "\n" for name, y in rows))
    return path


def as_json(path, rows):
    path.write_text(json.dumps([{"image": name, "label": y} for name, y in rows]))
    return path


def more_columns(rows):
    return [(n, name, 6, y, f"seen by {n % 4}") for n, (name, y) in enumerate(rows)]


def with_splits(rows):
    return [(*row, ("train", "val", "test")[n % 5 // 2]) for n, row in enumerate(rows)]


# From the folder above the pictures, and their paths below it, to a list.
FORMS = {
    "csv": lambda root, rows: write(root / "data" / "l.csv", ("path", "label"), rows),
    "semicolons": lambda root, rows: write(root / "data" / "l.csv", ("file", "species"), rows, ";"),
    "jsonl": lambda root, rows: jsonl(root / "data" / "l.jsonl", rows),
    "json": lambda root, rows: as_json(root / "data" / "l.json", rows),
    "absolute": lambda root, rows: write(
        root / "l.csv", ("path", "label"), [(root / "data" / name, y) for name, y in rows]
    ),
    "windows": lambda root, rows: write(
        root / "data" / "l.csv", ("path", "label"), [(name.replace("/", "\\"), y) for name, y in rows]
    ),
    "from the working folder": lambda root, rows: write(root / "lists.csv", ("path", "label"), rows),
    "more columns": lambda root, rows: write(
        root / "data" / "l.csv", ("id", "path", "width", "label", "remark"), more_columns(rows)
    ),
    "no header": lambda root, rows: write(root / "data" / "l.csv", rows[0], rows[1:]),
    "label first": lambda root, rows: write(
        root / "data" / "l.csv", ("kind", "where"), [(y, name) for name, y in rows]
    ),
    "split": lambda root, rows: write(root / "data" / "l.csv", ("path", "label", "split"), with_splits(rows)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_list_gives_what_the_folder_gives(folder, tmp_path, monkeypatch, form):
    expected = open_data(folder, signature=MODEL)
    shutil.copytree(folder, tmp_path / "data")
    shutil.copytree(folder, tmp_path / "deep" / "data")
    monkeypatch.chdir(tmp_path / "deep" / "data" if form == "from the working folder" else tmp_path)
    path = FORMS[form](tmp_path, rows_of(folder))
    if form == "from the working folder":
        shutil.rmtree(tmp_path / "data")
    data = open_data(path, signature=MODEL)
    assert (data.task, data.labels, data.preprocessing) == ("vision", NAMES, expected.preprocessing)
    assert contents(data) == contents(expected)
    if form == "more columns":
        assert "'id', 'width', 'remark'" in " ".join(data.notes)


def test_paths_may_count_from_a_folder_beside_the_list(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "images")
    data = open_data(write(tmp_path / "l.csv", ("path", "label"), rows_of(folder)), signature=MODEL)
    assert contents(data) == contents(open_data(folder, signature=MODEL))


@pytest.mark.parametrize("flat", [True, False])
def test_a_folder_with_a_list_in_it(folder, tmp_path, flat):
    place = tmp_path if flat else tmp_path / "images"
    place.mkdir(exist_ok=True)
    rows = []
    for number, (name, y) in enumerate(rows_of(folder)):
        shutil.copy(folder / name, place / f"{number}.png")
        rows.append((f"{number}.png", y))
    write(tmp_path / "metadata.csv", ("file_name", "label"), rows)
    data = open_data(tmp_path, signature=MODEL)
    assert contents(data) == contents(open_data(folder, signature=MODEL))


def test_names_without_ending(folder, tmp_path):
    (tmp_path / "train").mkdir()
    rows = []
    for number, (name, y) in enumerate(rows_of(folder)):
        shutil.copy(folder / name, tmp_path / "train" / f"{number:03}.png")
        rows.append((f"{number:03}", y))
    data = open_data(write(tmp_path / "train.csv", ("id", "breed"), rows), signature=MODEL)
    assert contents(data) == contents(open_data(folder, signature=MODEL))


def test_values_of_pictures_are_learned(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "data")
    rows = [(p, n / 7) for n, (p, _) in enumerate(rows_of(folder))]
    data = open_data(write(tmp_path / "data" / "l.csv", ("path", "age"), rows), signature=VALUE)
    assert data.metrics[0] == "r2"
    np.testing.assert_allclose(
        np.sort(np.concatenate([s.y for s in (data.train, data.validation, data.test)]).reshape(-1)),
        np.arange(30) / 7, rtol=1e-6,
    )


def test_files_that_are_not_there_are_listed_with_their_lines(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "data")
    rows = rows_of(folder)
    rows[3:3] = [("ant/x.png", "ant"), ("../../etc/y.png", "ant"), ("ant", "ant"), ("", "bee")]
    rows += [(f"ant/{n}.png", "ant") for n in range(100, 110)]
    path = write(tmp_path / "data" / "l.csv", ("path", "label"), rows)
    with pytest.raises(InputError, match=r"'path' has 1 \(line 8\)"):
        open_data(path, signature=MODEL)
    path = write(path, ("path", "label"), [row for row in rows if row[0]])
    with pytest.raises(InputError, match=(
        r"lists 13 files that are not there: ant/x.png \(line 5\), \.\./\.\./etc/y.png \(line 6\), ant "
        r"\(line 7\), ant/100.png \(line 35\).* and 3 more.*--skip-bad-files"
    )):
        open_data(path, signature=MODEL)
    data = open_data(path, signature=MODEL, settings=DataSettings(skip_bad_files=True))
    assert contents(data) == contents(open_data(folder, signature=MODEL))
    assert "13 files that are listed are not there" in " ".join(data.notes)
    (tmp_path / "data" / "ant" / "00.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"00\.png"):
        open_data(write(path, ("path", "label"), rows_of(folder)), signature=MODEL)


def test_two_columns_of_files_and_two_labels_are_asked_about(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "data")
    rows = [(p, p, y, y) for p, y in rows_of(folder)]
    path = write(tmp_path / "data" / "l.csv", ("left", "right", "kind", "sort"), rows)
    with pytest.raises(InputError, match=r"several columns of files: left, right.*--features"):
        open_data(path, signature=MODEL)
    with pytest.raises(InputError, match=r"'kind', 'sort' may be the labels.*--label"):
        open_data(path, signature=MODEL, settings=DataSettings(features=("left",)))
    data = open_data(path, signature=MODEL, settings=DataSettings(features=("left",), label=("sort",)))
    assert contents(data) == contents(open_data(folder, signature=MODEL))


def test_a_table_of_numbers_with_file_names_stays_one(tmp_path):
    rng = np.random.default_rng(1)
    rows = [(f"{n}.wav", *rng.normal(size=4), "ab"[n % 2]) for n in range(40)]
    path = write(tmp_path / "a.csv", ("filename", "p", "q", "r", "s", "label"), rows)
    data = open_data(path, signature=ModelSignature((InputSignature((4,)),), (2,), "softmax"))
    assert data.task == "tabular"
    assert "'filename'" in " ".join(data.notes)


def test_recordings_are_read_as_those_of_a_folder(tmp_path):
    from scipy.io import wavfile

    rng = np.random.default_rng(2)
    for number in range(20):
        (tmp_path / "w" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        wave = rng.integers(-9000, 9000, 900, np.int16)
        wavfile.write(tmp_path / "w" / "ab"[number % 2] / f"{number}.wav", 8000, wave)
    expected = open_data(tmp_path / "w", signature=CLIPS)
    rows = [(str(p.relative_to(tmp_path)), p.parent.name) for p in (tmp_path / "w").rglob("*.wav")]
    data = open_data(write(tmp_path / "l.csv", ("audio", "label"), rows), signature=CLIPS)
    (tmp_path / "flat" / "wavs").mkdir(parents=True)
    for name, _ in rows:
        shutil.copy(tmp_path / name, tmp_path / "flat" / "wavs")
    write(tmp_path / "flat" / "l.csv", ("audio", "label"), [(name.rpartition("/")[2], y) for name, y in rows])
    assert contents(open_data(tmp_path / "flat", signature=CLIPS)) == contents(expected)
    assert (data.task, data.preprocessing, data.stream) == ("speech", expected.preprocessing, expected.stream)
    assert contents(data) == contents(expected)


@pytest.mark.parametrize("form", ["struct", "bytes", "path alone", "shards"])
def test_parquet_as_the_datasets_library_writes_it(folder, tmp_path, form):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    root = tmp_path / "data"
    shutil.copytree(folder, root)
    rows = rows_of(root)
    stored = [(root / p).read_bytes() for p, _ in rows]
    images = {
        "bytes": stored, "path alone": [{"bytes": None, "path": p} for p, _ in rows],
    }.get(form, [{"bytes": b, "path": p.rpartition("/")[2]} for b, (p, _) in zip(stored, rows, strict=True)])
    features = {"image": {"_type": "Image"}, "label": {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}}
    table = pyarrow.table({"image": images, "label": [NAMES.index(y) for _, y in rows]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = root / "train.parquet"
    if form == "shards":
        path = root / "data"
        path.mkdir()
        for number in range(2):
            part = table.slice(15 * number, 15)
            parquet.write_table(part, path / f"train-{number:05}-of-00002.parquet")
    else:
        parquet.write_table(table, path)
    data = open_data(path, signature=MODEL)
    assert data.labels == NAMES
    assert contents(data) == contents(open_data(folder, signature=MODEL))
    if form == "struct":
        images[4]["bytes"] = b"no picture"
        parquet.write_table(pyarrow.table({"image": images, "label": [y for _, y in rows]}), path)
        with pytest.raises(InputError, match=r"train\.parquet, row 4 cannot be read"):
            open_data(path, signature=MODEL)


def test_a_listed_file_that_changes_is_other_data(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "data")
    path = write(tmp_path / "l.csv", ("path", "label"), rows_of(folder))
    before = fingerprint(str(path))
    assert before == fingerprint(str(path))
    buffer = io.BytesIO()
    Image.new("RGB", (6, 6)).save(buffer, "PNG")
    (tmp_path / "data" / "cat" / "02.png").write_bytes(buffer.getvalue())
    assert before != fingerprint(str(path))


def test_options_for_tables_are_refused_elsewhere(folder):
    with pytest.raises(InputError, match="Only tables take --label and --drop"):
        open_data(folder, signature=MODEL, settings=DataSettings(label=("a",), drop=("b",)))
