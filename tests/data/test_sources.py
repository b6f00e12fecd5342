import subprocess
import sys
import wave

import numpy as np
import pytest

from edgeprune.data.sources import KINDS, open_data
from edgeprune.errors import InputError


def touch(*names):
    def make(folder):
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"")
        return str(folder / names[0]) if len(names) == 1 and "/" not in names[0] else str(folder)

    return make


def listing(*names):
    def make(root):
        touch(*names)(root)
        (root / "labels.csv").write_text("".join(f"{name},cat\n" for name in ("path", *names)))
        return str(root)

    return make


EXAMPLES = [
    ("tfds:NAME", lambda _: "tfds:mnist"),
    ("keras:NAME", lambda _: "keras:mnist"),
    ("a .npz archive", touch("a.NPZ")),
    ("a .npy array", touch("a.npy")),
    ("a table (.csv, .tsv, .jsonl, .json, .parquet)", touch("a.csv")),
    ("a table (.csv, .tsv, .jsonl, .json, .parquet)", touch("a.jsonl.gz")),
    ("a table (.csv, .tsv, .jsonl, .json, .parquet)", touch("a.parquet")),
    ("a folder of .npy", touch("x_train.npy", "y_train.npy")),
    ("a folder of tables", touch("train.csv", "dev.csv")),
    ("a folder of recordings by class", touch("yes/1.wav", "labels.txt")),
    ("a folder of recordings by class", touch("train/yes/1.FLAC", "test/yes/1.mp3")),
    ("a folder of texts by class (.txt)", touch("pos/1.txt", "neg/2.txt")),
    ("a folder of texts by class (.txt)", touch("train/pos.txt", "train/neg.txt", "test/pos.txt")),
    ("a folder of recordings", touch("1.ogg", "2.wav")),
    ("COCO's annotations (.json)", touch("instances.json")),
    ("a table (.csv, .tsv, .jsonl, .json, .parquet)", touch("a.json")),
    ("COCO's annotations (.json)", touch("train/_annotations.coco.json", "train/1.jpg")),
    ("COCO's annotations (.json)", touch("annotations/instances_train2017.json", "train2017/1.jpg")),
    ("a folder of pictures and Pascal VOC's .xml", touch("JPEGImages/1.jpg", "Annotations/1.xml")),
    ("a folder of images/ and YOLO's labels/", touch("images/train/1.jpg", "labels/train/1.txt")),
    ("a folder of images/ and masks/", touch("images/1.jpg", "masks/1.png")),
    ("a folder of images/ and masks/", touch("train/images/1.jpg", "train/masks/1.png")),
    ("a folder with a list", listing("images/1.jpg", "images/2.jpg")),
    ("a folder of pictures by class", touch("cat/1.JPG", "labels.csv")),
    ("a folder of pictures by class", touch("train/cat/1.png")),
    ("a folder of pictures", touch("1.png", "2.png")),
    ("package.module:function", lambda _: "package.module:function"),
]


@pytest.mark.parametrize(("name", "make"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
def test_a_source_is_read_by_its_own_module(tmp_path, name, make):
    source = make(tmp_path)
    assert next(kind.name for kind in KINDS if kind.matches(source)) == name


def test_every_row_of_the_table_has_an_example():
    assert {name for name, _ in EXAMPLES} == {kind.name for kind in KINDS}


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file whose reading fails")
@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.csv", "a.jsonl.gz", "cat/a.png", "yes/a.wav"])
def test_what_cannot_be_read_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to("/proc/self/mem")  # opens, and gives an error for its first byte
    with pytest.raises(InputError):
        open_data(tmp_path / name if "/" not in name else tmp_path)


def test_the_same_seed_opens_the_same_data(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((50, 3)), y=np.arange(50) % 2)
    first, again, other = (open_data(tmp_path / "a.npz", seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, other.train.x)


def test_opening_imports_nothing_heavy(tmp_path):
    for word in ("no", "yes"):
        for speaker in range(30):
            path = tmp_path / word / f"{speaker}.wav"
            path.parent.mkdir(exist_ok=True)
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(4000)
                file.writeframes(bytes(8000))
    code = (
        "import sys; from edgeprune.data.sources import open_data; open_data(sys.argv[1])\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'PIL', 'pyarrow', 'tensorflow_datasets'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_an_unknown_folder_holds_is_counted(tmp_path):
    touch("notes/a.dat", "notes/b.dat", "more/c.DAT", "more/none")(tmp_path)
    with pytest.raises(InputError, match=r"holds 3 \.dat, 1 other files in 2 folders\. edgeprune reads"):
        open_data(tmp_path)
