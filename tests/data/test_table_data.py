import csv
import gzip
import json

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

TOKENS = ModelSignature((InputSignature((6,), "float32", 12),), (1,), "sigmoid")
ROW = ModelSignature((InputSignature((3,)),), (1,), "sigmoid")
WORDS = ("fine", "dull")
TEXTS = [
    (f'{WORDS[number % 2]}, "very" {WORDS[number % 2]} film\nno {number}', number % 2) for number in range(40)
]


def write_csv(path, names, rows, delimiter=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows([names, *rows])
    return path


def write_jsonl(path, names, rows):
    content = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def test_every_kind_of_file_gives_the_same_texts(tmp_path):
    names = ("Review", "Sentiment")
    files = [
        write_csv(tmp_path / "a.csv", names, TEXTS), write_csv(tmp_path / "b.tsv", names, TEXTS, "\t"),
        write_csv(tmp_path / "c.csv", names, TEXTS, ";"), write_jsonl(tmp_path / "d.jsonl", names, TEXTS),
        write_jsonl(tmp_path / "e.jsonl.gz", names, TEXTS),
    ]
    for path in files:
        data = open_data(path, signature=TOKENS)
        assert data.task == "text"
        assert data.labels == ("0", "1")
        kept = dict(TEXTS)
        for split in (data.train, data.validation, data.test):
            assert [kept[text] for text in split.x] == split.y.tolist()
        assert sorted([*data.train.x, *data.validation.x, *data.test.x]) == sorted(kept)


def test_parquet_gives_the_same_texts(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    texts, y = zip(*TEXTS, strict=True)
    parquet.write_table(pyarrow.table({"text": texts, "label": y}), tmp_path / "a.parquet")
    data = open_data(tmp_path / "a.parquet", signature=TOKENS)
    reference = open_data(write_csv(tmp_path / "a.csv", ("text", "label"), TEXTS), signature=TOKENS)
    assert list(data.test.x) == list(reference.test.x)
    np.testing.assert_array_equal(data.test.y, reference.test.y)
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"a\.parquet cannot be read"):
        open_data(tmp_path / "a.parquet")


def test_the_vocabulary_is_of_training_texts_alone(tmp_path):
    rows = [("seen words", "a", "train"), ("seen too", "b", "train"), ("hidden", "a", "dev"),
            ("secret", "b", "dev"), ("hidden", "a", "test"), ("secret", "b", "test")]
    path = write_csv(tmp_path / "a.csv", ("text", "label", "split"), rows)
    data = open_data(path, signature=TOKENS)
    assert data.files["vocab.txt"].split() == ["[PAD]", "[UNK]", "seen", "too", "words"]
    np.testing.assert_array_equal(data.model_input(data.test.x), [[1, 0, 0, 0, 0, 0]] * 2)
    assert data.labels == ("a", "b")
    assert data.vocabulary <= TOKENS.inputs[0].vocabulary


def test_the_models_own_vocabulary_is_taken(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), TEXTS)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\ndull\nfine\n")
    data = open_data(path, signature=TOKENS)
    first = data.model_input(data.test.x)[:, 0]
    np.testing.assert_array_equal(first, 3 - data.test.y)
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n" + "".join(f"w{i}\n" for i in range(20)))
    with pytest.raises(InputError, match=r"22 tokens.*12 rows"):
        open_data(path, signature=TOKENS)


def test_labels_txt_beside_a_table_gives_the_models_order(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text", "label"), [(text, ("no", "yes")[i % 2]) for i, (text, _) in
                                                             enumerate(TEXTS)])
    plain = open_data(path, signature=TOKENS)
    (tmp_path / "labels.txt").write_text("yes\nno\n")
    data = open_data(path, signature=TOKENS)
    assert (plain.labels, data.labels) == (("no", "yes"), ("yes", "no"))
    np.testing.assert_array_equal(np.sort(data.train.y), np.sort(1 - plain.train.y))
    (tmp_path / "labels.txt").write_text("yes\nmaybe\n")
    with pytest.raises(InputError, match=r"'label' holds 'no' in lines 2, 6, 10, .*lists yes, maybe"):
        open_data(path, signature=TOKENS)


def test_a_folder_of_tables_has_its_splits(tmp_path):
    for name, rows in (("train", TEXTS[:20]), ("valid", TEXTS[20:26]), ("test", TEXTS[26:])):
        write_csv(tmp_path / f"{name}.csv", ("text", "label"), rows)
    data = open_data(tmp_path, signature=TOKENS)
    assert [list(split.x) for split in (data.train, data.validation, data.test)] == [
        [text for text, _ in rows] for rows in (TEXTS[:20], TEXTS[20:26], TEXTS[26:])
    ]


def test_texts_without_labels(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("text",), [(text,) for text, _ in TEXTS])
    data = open_data(path, signature=TOKENS)
    assert data.train.y is None
    assert data.metrics == ("agreement",)


def rows_of_numbers(count=60):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 3)) * [1, 50, 0.1] + [0, -20, 7]
    return [(*row, ("no", "yes")[number % 2]) for number, row in enumerate(x)]


def test_numbers_are_standardized_by_the_training_rows(tmp_path):
    path = write_csv(tmp_path / "a.csv", ("p", "q", "r", "class"), rows_of_numbers())
    data = open_data(path, signature=ROW)
    assert data.task == "tabular"
    assert data.labels == ("no", "yes")
    made = data.model_input(data.train.x)
    np.testing.assert_allclose(made.mean(axis=0), 0, rtol=0, atol=1e-4)
    np.testing.assert_allclose(made.std(axis=0), 1, rtol=0, atol=1e-4)
    assert np.abs(data.model_input(data.test.x).mean(axis=0)).max() > 1e-3
    ready = open_data(path, signature=ModelSignature((InputSignature((3,)),), (1,), "sigmoid", scales=True))
    assert ready.preprocessing == ()
    column = open_data(path, signature=ModelSignature((InputSignature((3, 1)),), (1,), "sigmoid"))
    assert column.input_shape() == (3, 1)


def test_values_to_be_predicted_stay_values(tmp_path):
    rows = [(*row[:3], number / 7) for number, row in enumerate(rows_of_numbers())]
    path = write_csv(tmp_path / "a.csv", ("p", "q", "r", "target"), rows)
    data = open_data(path, signature=ModelSignature((InputSignature((3,)),), (1,), "values"))
    assert data.labels is None
    assert data.train.y.dtype == np.float32
    assert data.metrics[0] == "r2"


ROWS = [
    ("no rows", b"text,label\n", "no rows"),
    ("empty", b"", "no rows"),
    ("a field too many", b"text,label\na b,1\nc d,e,0\n", "line 3, has 3 fields"),
    ("half UTF-8", "text,label\nfür b,1\n".encode() + b"f\xfcr b,0\n", "line 3 is not UTF-8"),
    ("no text at all", bytes(range(1, 256)), "UTF-8"),
    ("a quote without end", b'text,label\n"a b,1\n', "cannot be read"),
    ("NUL", b"p,q,r,label\n" + b"1,\x00,3,0\n" * 20, "line 2 holds a NUL"),
    ("a gap", b"p,q,r,label\n" + b"1,2,3,0\n1,,3,1\n" * 20, r"'q' has 20 \(lines 3, 5, 7, 9, 11 and 15"),
    ("NaN", b"p,q,r,label\n" + b"1,2,3,0\n1,nan,3,1\n" * 20, "'q' has 20"),
    ("infinity", b"p,q,r,label\n" + b"1,2,3,0\n1,inf,3,1\n" * 20, "holds 'inf' in lines 3, 5"),
    ("words with a comma", b"p,q,r,label\n" + b"1,2,3,0\n" * 3 + b'1,"x,y",3,1\n', "holds 'x,y' in line 5"),
    ("a word", b"p,q,r,label\n" + b"1,2,3,0\n" * 3 + b"1,12kg,3,1\n", "'q' holds '12kg' in line 5"),
    ("one class", b"p,q,r,label\n" + b"1,2,3,0\n" * 20, "one class"),
    ("texts for a model of numbers", b"text,label\n" + b"a b,0\nc d,1\n" * 20, "holds texts"),
    ("too few columns", b"p,q,label\n" + b"1,2,0\n3,4,1\n" * 20,
     "2 columns of numbers.*'p', 'q'.*'label'.* takes 3 .*--features"),
    ("too many columns", b"p,q,r,s,label\n" + b"1,2,0,5,0\n3,4,1,5,1\n" * 20, "4 columns.*--drop"),
    ("a column of words", b"p,q,city,label\n" + b"1,2,Rome,0\n3,4,Oslo,1\n" * 20,
     "'city' holds words.*one-hot"),
    ("no label and a column too few", b"p,q,target\n" + b"1,2,0\n3,4,1\n" * 20, "2 columns of numbers"),
    ("label alone", b"label\n" + b"0\n1\n" * 20, "no columns of numbers.*'label'"),
    ("units", b"p,q,r,label\n" + b"1 kg,2%,$3,0\n4 kg,5%,$6,1\n" * 20,
     "no columns of numbers.*'p' holds words, such as '1 kg'; 'q' holds words, such as '2%'"),
    ("a title", b"My data\n\np,q,r,label\n" + b"1,2,3,0\n4,5,6,1\n" * 20,
     "line 3, has 4 fields.*Remove lines"),
    ("split unknown", b"p,q,r,label,split\n" + b"1,2,3,0,trian\n" * 20, "'trian'"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_bad_tables_are_refused(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_data(tmp_path / "a.csv", signature=ROW)
    assert [path.name for path in tmp_path.rglob("*")] == ["a.csv"]


@pytest.mark.parametrize(("content", "message"), [
    (b'{"text": "a b", "label": 0}\n{"text": "a b", "lable": 0}\n', r"'label' has 1 \(line 2\)"),
    (b'{"text": "a b", "label": 0\n', "line 1, is not JSON"),
    (b"[" * 100_000 + b"\n", "a.jsonl"),
    (b"[1]\n", "line 1, is not a JSON object"),
    (b'{"text": null, "label": 0}\n' + b'{"text": "a b", "label": 1}\n' * 9, r"'text' has 1 \(line 1\)"),
])
def test_bad_lines_are_refused(tmp_path, content, message):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_data(tmp_path / "a.jsonl", signature=TOKENS)


def test_cut_and_huge_gz_are_refused(tmp_path, monkeypatch):
    path = write_jsonl(tmp_path / "a.jsonl.gz", ("text", "label"), TEXTS)
    content = path.read_bytes()
    for broken in (content[:-9], b"no gzip", content[:40] + b"\xff\xff" + content[42:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="cannot be read"):
            open_data(path, signature=TOKENS)
    path.write_bytes(gzip.compress(bytes(10**6)))
    monkeypatch.setattr("edgeprune.data.tables.free_memory_bytes", lambda: 10**6)
    with pytest.raises(InputError, match="unpacks to more than"):
        open_data(path, signature=TOKENS)


def test_what_would_fill_the_memory_or_take_for_ever_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({f"f{n}": 1}) + "\n" for n in range(4000)))
    with pytest.raises(InputError, match=r"4000 different fields, and 1\.0 each"):
        open_data(path, signature=ROW)
    digits = "1" * 300_000 + "x"
    rows = [(digits, "1,5", 3, number % 2) for number in range(9)]
    write_csv(tmp_path / "b.csv", ("p", "q", "r", "label"), rows)
    with pytest.raises(InputError, match="'p' holds words"):
        open_data(tmp_path / "b.csv", signature=ROW)
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    table = pyarrow.table({"text": ["a b"] * 10**5, "label": [0] * 10**5})
    parquet.write_table(table, tmp_path / "c.parquet")
    monkeypatch.setattr("edgeprune.data.record_files.free_memory_bytes", lambda: 10**7)
    with pytest.raises(InputError, match=r"c\.parquet unpacks to"):
        open_data(tmp_path / "c.parquet", signature=TOKENS)


def test_a_missing_reader_is_named_with_its_install_line(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="pip install pyarrow"):
        open_data(tmp_path / "a.parquet")
