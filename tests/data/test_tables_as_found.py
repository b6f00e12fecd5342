"""Tables as people have them, each beside the arrays that it was written from."""

import csv
import json

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.scaling import choose_scaling
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

CLASSES = ("bé", "cöl", "Ähre")
NAMES = ["alter", "höhe", "q", "r"]
MODEL = ModelSignature((InputSignature((4,)),), (3,), "softmax")
VALUE = ModelSignature((InputSignature((4,)),), (1,), "values")
PAIR = ModelSignature((InputSignature((4,)),), (2,), "values", outputs=(
    OutputSignature((2,), "values", "both", "same"),
))
TWO = ModelSignature((InputSignature((4,)),), (3,), "softmax", outputs=(
    OutputSignature((3,), "softmax", "kind"), OutputSignature((1,), "values", "price"),
))


def values(count=60):
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=(count, 4)) * [1000, 10, 0.1, 3] + [2000, 0, 5, -20], 3)
    return x, np.arange(count) % 3, np.round(x[:, 0] * 0.25 - x[:, 3], 2)


def written(path, header, rows, delimiter=",", encoding="utf-8", **options):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=delimiter, **options).writerows(([header] if header else []) + rows)
    return path


def key(row):
    return round(float(row[0]), 3)


def read(data):
    """Samples and labels of all splits, by the samples' first number."""
    found = {}
    for split in (data.train, data.validation, data.test):
        labels = split.y if isinstance(split.y, tuple) else (split.y,)
        for row, *y in zip(split.x, *labels, strict=True):
            found[key(row)] = (np.asarray(row, float), *map(np.asarray, y))
    return found


def assert_holds(data, x, *labels):
    """Exactly these rows, with these labels, whatever the order."""
    found = read(data)
    assert len(found) == len(x) == sum(map(len, (data.train, data.validation, data.test)))
    for row, *y in zip(x, *labels, strict=True):
        got, *have = found[key(row)]
        np.testing.assert_allclose(got, row, rtol=1e-6, atol=1e-6)
        for one, other in zip(have, y, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


def comma(number):
    return str(number).replace(".", ",")


def german(number):
    return f"{number:,.3f}".replace(",", " ").replace(".", ",").replace(" ", ".")


X, Y, PRICE = values()
WORDS = [CLASSES[label] for label in Y]
ROWS = [[*map(str, row), word] for row, word in zip(X, WORDS, strict=True)]
TABLES = {
    "plain": ([*NAMES, "label"], ROWS, {}),
    "species at the end": ([*NAMES, "species"], ROWS, {}),
    "an own name at the end": ([*NAMES, "Weizensorte"], ROWS, {}),
    "words in the middle": ([*NAMES[:2], "sorte", *NAMES[2:]], [[*r[:2], r[4], *r[2:4]] for r in ROWS], {}),
    "label first": (["class", *NAMES], [[row[-1], *row[:-1]] for row in ROWS], {}),
    "semicolon, decimal comma": (
        [*NAMES, "label"], [[*map(comma, row), w] for row, w in zip(X, WORDS, strict=True)],
        {"delimiter": ";"},
    ),
    "decimal comma and thousands": (
        [*NAMES, "label"], [[*map(german, row), w] for row, w in zip(X, WORDS, strict=True)],
        {"delimiter": ";"},
    ),
    "thousands with commas": (
        [*NAMES, "label"], [[*(f"{v:,.3f}" for v in row), w] for row, w in zip(X, WORDS, strict=True)], {}
    ),
    "decimal comma, no header": (
        None, [[*map(comma, row), w] for row, w in zip(X, WORDS, strict=True)], {"delimiter": ";"}
    ),
    "tabs, decimal comma": (
        [*NAMES, "label"], [[*map(comma, row), w] for row, w in zip(X, WORDS, strict=True)],
        {"delimiter": "\t"},
    ),
    "bars": ([*NAMES, "label"], ROWS, {"delimiter": "|"}),
    "Windows-1252": ([*NAMES, "label"], ROWS, {"encoding": "cp1252"}),
    "byte order mark": ([*NAMES, "label"], ROWS, {"encoding": "utf-8-sig"}),
    "Excel's Unicode text": ([*NAMES, "label"], ROWS, {"encoding": "utf-16", "delimiter": "\t"}),
    "everything quoted": ([*NAMES, "label"], ROWS, {"quoting": csv.QUOTE_ALL}),
    "index without a name": (["", *NAMES, "label"], [[n, *row] for n, row in enumerate(ROWS)], {}),
    "index of a drawn part": (["", *NAMES, "label"], [[7 * n + 3, *row] for n, row in enumerate(ROWS)], {}),
    "index saved again": (
        ["Unnamed: 0", "index", *NAMES, "label"], [[n, n, *row] for n, row in enumerate(ROWS)], {}
    ),
    "row names as R writes them": ([*NAMES, "label"], [[f"r{n}", *row] for n, row in enumerate(ROWS)], {}),
    "index and no header": (None, [[n + 1, *row] for n, row in enumerate(ROWS)], {}),
    "id at the end": ([*NAMES, "label", "id"], [[*row, 1000 + 3 * n] for n, row in enumerate(ROWS)], {}),
    "text id": (["uuid", *NAMES, "label"], [[f"a-{n}", *row] for n, row in enumerate(ROWS)], {}),
    "a name of each row": (["Name", *NAMES, "label"], [[f"Mr {n}", *row] for n, row in enumerate(ROWS)], {}),
    "dates beside": (
        ["day", *NAMES, "label"], [[f"2026-01-{n % 28 + 1:02}", *row] for n, row in enumerate(ROWS)], {}
    ),
    "an empty column": ([*NAMES, "note", "label"], [[*row[:4], "", row[4]] for row in ROWS], {}),
    "a comma at each end": ([*NAMES, "label"], [[*row, ""] for row in ROWS], {}),
    "blanks around": (
        [f" {n}" for n in (*NAMES, "label")], [[f" {cell} " for cell in row] for row in ROWS], {}
    ),
    "no header": (None, ROWS, {}),
    "gaps in an unused column": (
        [*NAMES, "note", "label"], [[*row[:4], "x" if n % 9 else "", row[4]] for n, row in enumerate(ROWS)],
        {},
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_gives_the_rows_it_was_written_from(tmp_path, case):
    header, rows, options = TABLES[case]
    data = open_data(written(tmp_path / "a.csv", header, rows, **options), signature=MODEL)
    assert data.labels == tuple(sorted(CLASSES))
    assert_holds(data, X, Y)
    used = {*NAMES, "label"}
    for name in set(header or ()) - used - {"species", "Weizensorte", "sorte", "class"}:
        if name.strip() not in used:
            assert repr(name or "Unnamed: 0") in " ".join(data.notes)


@pytest.mark.parametrize(("header", "rows", "signature", "labels"), [
    ([*NAMES, "label"], [[*r, y] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    ([*NAMES, "anything"], [[*r, y] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    (["anything", *NAMES], [[y, *r] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    (None, [[y, *r] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    (["x", "y", "z", "w", "target"], [[*r, y] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    ([*NAMES, "label"], [[*r, float(y)] for r, y in zip(X, Y, strict=True)], MODEL, Y),
    ([*NAMES, "price"], [[*r, p] for r, p in zip(X, PRICE, strict=True)], VALUE, PRICE),
    ([*NAMES, "price", "near"], [[*r, p, w] for r, p, w in zip(X, PRICE, WORDS, strict=True)], VALUE, PRICE),
    (["price", *NAMES[:3], "y"], [[p, *r] for r, p in zip(X, PRICE, strict=True)], VALUE, None),
    (["w", "x", "y", "z"], X.tolist(), VALUE, None),
    (None, X.tolist(), MODEL, None),
])
def test_labels_are_found_without_a_usual_name(tmp_path, header, rows, signature, labels):
    data = open_data(written(tmp_path / "a.csv", header, rows), signature=signature)
    if header and header[0] == "price":  # a column called y is the label, where that leaves enough numbers
        x, labels = np.column_stack([PRICE, X[:, :3]]), X[:, 3]
        assert_holds(data, x, labels)
    elif labels is None:
        assert data.train.y is None
        parts = (data.train, data.validation, data.test)
        assert sorted(key(row) for part in parts for row in part.x) == sorted(map(key, X))
    else:
        assert_holds(data, X, labels)


@pytest.mark.parametrize("codes", [(1, 2, 3), (-1, 0, 1), (3, 5, 11)])
def test_numbers_that_stand_for_all_classes(tmp_path, codes):
    rows = [[*r, codes[y]] for r, y in zip(X, Y, strict=True)]
    data = open_data(written(tmp_path / "a.csv", [*NAMES, "label"], rows), signature=MODEL)
    assert data.labels == tuple(map(str, codes))
    assert_holds(data, X, Y)
    rows = [[*r, codes[y % 2]] for r, y in zip(X, Y, strict=True)]
    path = written(tmp_path / "a.csv", [*NAMES, "label"], rows)
    with pytest.raises(InputError, match=r"out of range|No training sample is of class"):
        open_data(path, signature=MODEL)


def test_one_hot_columns(tmp_path):
    rows = [[*r, *np.eye(3, dtype=int)[y]] for r, y in zip(X, Y, strict=True)]
    data = open_data(written(tmp_path / "a.csv", [*NAMES, "a", "b", "c"], rows), signature=MODEL)
    assert_holds(data, X, Y)
    assert data.labels == ("a", "b", "c")
    assert "'a', 'b', 'c' (the last 3 columns)" in " ".join(data.notes)


def test_labels_of_two_outputs(tmp_path):
    rows = [[*r, w, p] for r, w, p in zip(X, WORDS, PRICE, strict=True)]
    path = written(tmp_path / "a.csv", [*NAMES, "kind", "price"], rows)
    assert_holds(open_data(path, signature=TWO), X, Y, PRICE)
    other = written(tmp_path / "b.csv", [*NAMES, "sorte", "euro"], rows)
    stated = DataSettings(label=("sorte", "euro"))
    assert_holds(open_data(other, signature=TWO, settings=stated), X, Y, PRICE)
    rows = [[*r, p, p / 2] for r, p in zip(X, PRICE, strict=True)]
    pairs = np.stack([PRICE, PRICE / 2], 1)
    assert_holds(open_data(written(tmp_path / "c.csv", [*NAMES, "u", "v"], rows), signature=PAIR), X, pairs)
    backwards = DataSettings(label=("v", "u"))
    assert_holds(open_data(tmp_path / "c.csv", signature=PAIR, settings=backwards), X, pairs[:, ::-1])


def test_columns_are_chosen(tmp_path):
    rows = [[n, *r, n % 7, w, p] for n, (r, w, p) in enumerate(zip(X, WORDS, PRICE, strict=True))]
    path = written(tmp_path / "a.csv", ["n", *NAMES, "s", "label", "price"], rows)
    with pytest.raises(InputError, match=r"6 columns of numbers.*'s', 'price'.*takes 4 .*--features"):
        open_data(path, signature=MODEL)
    for settings in (
        DataSettings(drop=("s", "price")), DataSettings(drop=("s,price",)),
        DataSettings(features=("alter,höhe,q,r",)), DataSettings(features=tuple(NAMES), label=("LABEL",)),
    ):
        data = open_data(path, signature=MODEL, settings=settings)
        assert_holds(data, X, Y)
        assert "'price'" in " ".join(data.notes)
    mixed = DataSettings(features=("r", "q", "höhe", "alter"))
    data = open_data(path, signature=MODEL, settings=mixed)
    assert_holds(data, X[:, [3, 2, 1, 0]], Y)
    with pytest.raises(InputError, match=r"--drop 'prise'|--drop prise: a.csv has no such column.*'price'\?"):
        open_data(path, signature=MODEL, settings=DataSettings(drop=("prise",)))
    with pytest.raises(InputError, match=r"'label' holds words, for example 'bé'.*get_dummies"):
        open_data(path, signature=MODEL, settings=DataSettings(features=("label,q,r,s",), label=("price",)))
    with pytest.raises(InputError, match=r"--label n.* 60 different|out of range"):
        open_data(path, signature=MODEL, settings=DataSettings(label=("n",), drop=("s", "price")))


def test_gaps_are_refused_counted_left_out_or_filled(tmp_path):
    rows = [list(map(str, row)) for row in ROWS]
    gaps = {(3, 1): "", (3, 2): "NA", (10, 1): "?", (44, 4): "", (50, 0): "nan"}
    for (row, column), cell in gaps.items():
        rows[row][column] = cell
    path = written(tmp_path / "a.csv", [*NAMES, "label"], rows)
    with pytest.raises(InputError, match=(
        r"'alter' has 1 \(line 52\), 'höhe' has 2 \(lines 5, 12\), 'q' has 1 \(line 5\), 'label' has 1 "
        r"\(line 46\).*--missing drop leaves 4 rows out"
    )):
        open_data(path, signature=MODEL)
    keep = [n for n in range(60) if n not in (3, 10, 44, 50)]
    data = open_data(path, signature=MODEL, settings=DataSettings(missing="drop"))
    assert_holds(data, X[keep], Y[keep])
    assert any("4 of 60 rows" in note for note in data.notes)
    data = open_data(path, signature=MODEL, settings=DataSettings(missing="mean"))
    assert sum(map(len, (data.train, data.validation, data.test))) == 59
    gaps = [key(X[3]), key(X[10])]
    present = [row[1] for row in data.train.x if key(row) not in gaps]
    parts = (data.train, data.validation, data.test)
    filled = [row[1] for part in parts for row in part.x if key(row) in gaps]
    np.testing.assert_allclose(filled, [np.mean(present, dtype=float)] * 2, rtol=1e-5)


def test_a_first_line_for_excel(tmp_path):
    path = written(tmp_path / "a.csv", [*NAMES, "label"], ROWS, ";")
    path.write_text("sep=;\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert_holds(open_data(path, signature=MODEL), X, Y)
    path.write_text(path.read_text(encoding="utf-8") + "x;2;3;4;bé\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'alter' holds 'x' in line 63"):
        open_data(path, signature=MODEL)


def test_positions_are_lines_of_the_file(tmp_path):
    lines = ["p,q,r,note,label", '1,2,3,"two\nlines",0', "", '4,x7,6,"three\n\nlines",1', "1,2,3,a,0,9"]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    signature = ModelSignature((InputSignature((3,)),), (2,), "softmax")
    with pytest.raises(InputError, match="line 8, has 6 fields"):
        open_data(tmp_path / "a.csv", signature=signature)
    (tmp_path / "a.csv").write_text("\n".join(lines[:-1] + ["1,2,3,a,0"] * 5) + "\n")
    with pytest.raises(InputError, match="column 'q' holds 'x7' in line 5"):
        open_data(tmp_path / "a.csv", signature=signature)
    (tmp_path / "a.csv").write_text('p,q,r,label\n1,2,3,0\n1,"2,3,0\n')
    with pytest.raises(InputError, match="line 3, cannot be read"):
        open_data(tmp_path / "a.csv", signature=signature)


@pytest.mark.parametrize("content", [
    json.dumps, lambda rows: json.dumps({"data": rows}),
    lambda rows: json.dumps({name: [row[name] for row in rows] for name in rows[0]}),
    lambda rows: json.dumps({name: {str(n): row[name] for n, row in enumerate(rows)} for name in rows[0]}),
    lambda rows: json.dumps({"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}),
])
def test_json_in_the_forms_that_people_write(tmp_path, content):
    rows = [dict(zip([*NAMES, "label"], (*map(float, row), word), strict=True))
            for row, word in zip(X, WORDS, strict=True)]
    (tmp_path / "a.json").write_text(content(rows))
    data = open_data(tmp_path / "a.json", signature=MODEL)
    assert data.labels == tuple(sorted(CLASSES))
    assert_holds(data, X, Y)


@pytest.mark.parametrize("scale", [lambda x: x / 255, lambda x: x / 127.5 - 1])
def test_pixels_in_one_row_are_scaled_as_pixels(tmp_path, scale):
    rng = np.random.default_rng(8)
    pixels = rng.integers(0, 256, (400, 64)) * (rng.random(64) < 0.7)
    weights = rng.normal(size=(64, 3))
    centre = scale(pixels).mean(0)
    y = np.argmax((scale(pixels) - centre) @ weights, 1)
    rows = [[label, *row] for label, row in zip(y, pixels, strict=True)]
    path = written(tmp_path / "a.csv", ["label", *(f"p{n}" for n in range(64))], rows)
    signature = ModelSignature((InputSignature((64,)),), (3,), "softmax")

    def predict(x):
        logits = (np.asarray(x, float) - centre) @ weights * 3
        scores = np.exp(logits - logits.max(1, keepdims=True))
        return (scores / scores.sum(1, keepdims=True),)

    data = choose_scaling(open_data(path, signature=signature), signature, predict)
    np.testing.assert_allclose(data.model_input(data.train.x), scale(data.train.x), rtol=1e-5, atol=1e-5)


def test_lists_of_numbers_are_columns(tmp_path):
    rows = [{"embedding": row.tolist(), "label": word} for row, word in zip(X, WORDS, strict=True)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert_holds(open_data(tmp_path / "a.jsonl", signature=MODEL), X, Y)
    rows = [{"label": [p, p / 2], "x": row.tolist()} for row, p in zip(X, PRICE, strict=True)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert_holds(open_data(tmp_path / "a.jsonl", signature=PAIR), X, np.stack([PRICE, PRICE / 2], 1))
    rows[7]["x"] = rows[7]["x"][:3]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match="'x' holds lists"):
        open_data(tmp_path / "a.jsonl", signature=PAIR)


def test_tables_beside_the_splits_are_named(tmp_path):
    for name in ("train", "test", "submission"):
        written(tmp_path / f"{name}.csv", [*NAMES, "label"], ROWS[:30])
    notes = " ".join(open_data(tmp_path, signature=MODEL).notes)
    assert "not used: submission.csv" in notes


def test_pixels_in_columns_are_pictures(tmp_path):
    rng = np.random.default_rng(3)
    pixels, y = rng.integers(0, 256, (40, 36)), np.arange(40) % 4
    pixels[:, 0] = np.arange(40)
    rows = [[label, *row] for label, row in zip(y, pixels, strict=True)]
    path = written(tmp_path / "a.csv", ["label", *(f"pixel{n}" for n in range(36))], rows)
    data = open_data(path, signature=ModelSignature((InputSignature((6, 6, 1)),), (4,), "softmax"))
    assert (data.task, data.train.x.dtype, data.train.x.shape[1:]) == ("vision", np.uint8, (6, 6, 1))
    for split in (data.train, data.validation, data.test):
        for picture, label in zip(split.x, split.y, strict=True):
            np.testing.assert_array_equal(picture.reshape(-1), pixels[picture[0, 0, 0]])
            assert label == y[picture[0, 0, 0]]


def test_a_column_for_each_input(tmp_path):
    inputs = (InputSignature((1,), "float32", name="alter"), InputSignature((1,), "string", name="farbe"))
    signature = ModelSignature(inputs, (3,), "softmax")
    colours = [("rot", "blau")[n % 2] for n in range(60)]
    rows = [[c, *r, w] for c, r, w in zip(colours, X, WORDS, strict=True)]
    data = open_data(written(tmp_path / "a.csv", ["farbe", *NAMES, "label"], rows), signature=signature)
    expected = {key(row): (colour, label) for row, colour, label in zip(X, colours, Y, strict=True)}
    age, farbe = data.train.x
    for number, colour, label in zip(age.reshape(-1), farbe.reshape(-1), data.train.y, strict=True):
        assert expected[round(float(number), 3)] == (colour, label)
    assert "'höhe', 'q', 'r'" in " ".join(data.notes)


def test_a_frame_is_a_table():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")

    frame = pandas.DataFrame(X, columns=NAMES, index=np.arange(60) * 3 + 5)
    frame["id"], frame["kind"] = np.arange(60), WORDS
    data = open_data(frame, signature=MODEL)
    assert data.labels == CLASSES
    assert_holds(data, X, Y)
    frame["price"] = PRICE
    assert_holds(open_data(frame, signature=MODEL, settings=DataSettings(drop=("price",))), X, Y)
    stated = DataSettings(label=("price",), features=tuple(NAMES))
    assert_holds(open_data(frame, signature=VALUE, settings=stated), X, PRICE)
    frame.iloc[7, 1] = np.nan
    with pytest.raises(InputError, match=r"'höhe' has 1 \(row 7\)"):
        open_data(frame, signature=MODEL, settings=DataSettings(drop=("price",)))
    with pytest.raises(InputError, match=r"Only tables take --label\."):
        open_data((X, Y), signature=MODEL, settings=DataSettings(label=("price",)))


AMBIGUOUS = [
    ("1,234 or 1234", b"p,q,r,s,label\n" + b'1,2,3,"1,234",0\n4,5,6,"7,891",1\n' * 9, "1.234 or 1234"),
    ("names and numbers", b"p,2,r,s,t\n" + b"1,2,3,4,0\n4,5,6,7,1\n" * 9, "names above some columns"),
    ("header alone", b"p,q,r,s,label\n", "no rows"),
    ("only blank lines", b"\n\n \n", "no rows"),
    ("binary", b"PK\x03\x04\x00\x00" + bytes(99), "NUL"),
    ("two labels by name", b"p,q,r,label,target\n" + b"1,2,3,0,1\n4,5,6,1,0\n" * 9, None),
]


@pytest.mark.parametrize(("_", "content", "message"), AMBIGUOUS, ids=[one[0] for one in AMBIGUOUS])
def test_what_may_mean_two_things_is_refused(tmp_path, _, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    signature = ModelSignature((InputSignature((4,)),), (2,), "softmax")
    if message is None:  # a model of four numbers was trained on one of the two
        notes = open_data(tmp_path / "a.csv", signature=signature).notes
        assert "Labels are in column 'label'" in " ".join(notes)
        return
    with pytest.raises(InputError, match=message):
        open_data(tmp_path / "a.csv", signature=signature)
