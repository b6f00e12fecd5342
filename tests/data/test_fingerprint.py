import subprocess
import sys
import time

import numpy as np
import pytest

from edgeprune.data.fingerprint import fingerprint
from edgeprune.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(name.encode() * 3)
    return tmp_path / "data"


def test_every_change_of_a_folder_shows(folder):
    seen = [fingerprint(str(folder))]
    assert fingerprint(str(folder)) == seen[0]
    path = folder / "a" / "1.png"
    path.write_bytes(b"A" + path.read_bytes()[1:])
    seen.append(fingerprint(str(folder)))
    path.rename(folder / "a" / "3.png")
    seen.append(fingerprint(str(folder)))
    (folder / "b" / "3.png").write_bytes(b"")
    seen.append(fingerprint(str(folder)))
    # Bytes that move from one file to the next are a change too.
    (folder / "b" / "1.png").write_bytes(b"b/1.pngb/1.png")
    (folder / "b" / "3.png").write_bytes(b"b/1.png")
    seen.append(fingerprint(str(folder)))
    assert len(set(seen)) == 5


def test_files_and_what_lies_beside_them(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "t.csv").write_text("text,label\n")
    before = {name: fingerprint(str(tmp_path / name)) for name in ("x.npy", "t.csv")}
    np.save(tmp_path / "y.npy", np.zeros(3))
    (tmp_path / "vocab.txt").write_text("[PAD]\n")
    between = {name: fingerprint(str(tmp_path / name)) for name in before}
    assert all(between[name] != old for name, old in before.items())
    (tmp_path / "labels.txt").write_text("no\nyes\n")  # the order of a table's classes
    assert fingerprint(str(tmp_path / "t.csv")) != between["t.csv"]


def test_names_and_modules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fingerprint("keras:mnist") != fingerprint("keras:cifar10")
    assert fingerprint("tfds:mnist") != fingerprint("keras:mnist")
    (tmp_path / "mine.py").write_text("raise SystemExit('this must not run')\n")
    before = fingerprint("mine:f")
    assert fingerprint("mine:g") != before
    (tmp_path / "mine.py").write_text("changed = 1\n")
    assert fingerprint("mine:f") != before
    with pytest.raises(InputError, match="no data"):
        fingerprint("missing.npz")


def test_a_second_is_enough_and_nothing_heavy_is_imported(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(25_000_000, np.float32))  # 100 MB
    start = time.perf_counter()
    fingerprint(str(tmp_path / "x.npy"))
    assert time.perf_counter() - start < 1
    code = (
        "import sys; from edgeprune.data.fingerprint import fingerprint; fingerprint('keras:mnist')\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'PIL', 'pyarrow', 'tensorflow_datasets', 'numpy'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
