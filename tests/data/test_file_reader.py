"""Many files: read on all cores in their order, and all that cannot be read told at once."""

import os
import subprocess
import sys

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError
from edgeprune.recipe.sections import DataSettings

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
SIGNATURE = ModelSignature((InputSignature((8, 6, 3)),), (2,), "softmax")
PIXELS = ModelSignature((InputSignature((8, 6, 3)),), (8, 6, 2), "softmax")
SKIP = DataSettings(skip_bad_files=True)


def pixels(seed):
    return np.random.default_rng(seed).integers(0, 256, (8, 6, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pets"
    for split, count in (("train", 30), ("val", 6), ("test", 6)):
        for number, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for seed in range(count):
                picture = Image.fromarray(pixels(1000 * number + 100 * len(split) + seed))
                picture.save(root / split / name / f"{seed:02}.png")
    return root


def spoil(folder):
    """13 bad files of several kinds."""
    bad = sorted((folder / "train" / "dog").glob("*.png"))[3:14]
    for number, path in enumerate(bad):
        path.write_bytes((b"", b"no picture", path.read_bytes()[:-40])[number % 3])
    bad += [folder / "test" / "cat" / "02.png", folder / "val" / "dog" / "05.png"]
    for path in bad[-2:]:
        path.write_bytes(b"")
    return bad


@pytest.mark.parametrize("limit", [2**28, 100], ids=["held", "streamed"])
def test_all_bad_files_are_told_at_once(folder, monkeypatch, limit):
    monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", limit)
    whole = open_data(folder, signature=SIGNATURE)
    before = {name: np.asarray(getattr(whole, name).x) for name in ("train", "validation", "test")}
    bad = spoil(folder)
    with pytest.raises(InputError) as error:
        open_data(folder, signature=SIGNATURE)
    message = str(error.value)
    assert "13 of 84 files cannot be read: test/cat/02.png (it is empty), train/dog/03.png (" in message
    assert message.count(".png (") == 10
    assert "and 3 more" in message
    assert "--skip-bad-files" in message
    left = open_data(folder, signature=SIGNATURE, settings=SKIP)
    assert any("13 of 84 files cannot be read and are left out: test/cat" in note for note in left.notes)
    gone = {"train": bad[:11], "test": bad[11:12], "validation": bad[12:]}
    for name, paths in gone.items():
        one, other = getattr(left, name), getattr(whole, name)
        rows = [int(path.stem) + (len(other) // 2 if path.parent.name == "dog" else 0) for path in paths]
        np.testing.assert_array_equal(np.asarray(one.x), np.delete(before[name], rows, axis=0))
        np.testing.assert_array_equal(one.y, np.delete(other.y, rows))


@pytest.mark.parametrize("limit", [2**28, 100], ids=["held", "streamed"])
def test_reading_tells_how_far_it_is(folder, monkeypatch, limit):
    monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", limit)
    told = []
    data = open_data(folder, signature=SIGNATURE, progress=told.append)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == 1
    order = [*range(30)]
    expected = np.stack([pixels(500 + seed) for seed in order] + [pixels(1500 + seed) for seed in order])
    np.testing.assert_array_equal(np.asarray(data.train.x), expected)
    rows = np.array([41, 3, 3, 59])
    np.testing.assert_array_equal(data.train.x[rows], expected[rows])


def test_pairs_stay_together_where_one_of_them_is_bad(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for seed in range(40):
        Image.fromarray(pixels(seed)).save(tmp_path / "images" / f"{seed:02}.png")
        mask = Image.fromarray((pixels(seed)[..., 0] > 127).astype(np.uint8))
        mask.save(tmp_path / "masks" / f"{seed:02}.png")
    (tmp_path / "images" / "03.png").write_bytes(b"")
    (tmp_path / "masks" / "07.png").write_bytes(b"no mask")
    Image.fromarray(pixels(9)).save(tmp_path / "masks" / "09.png")
    Image.fromarray(np.zeros((3, 7), np.uint8)).save(tmp_path / "masks" / "11.png")
    message = r"4 of 80 files cannot be read: .*masks/09\.png \(the mask is in colour"
    with pytest.raises(InputError, match=message):
        open_data(tmp_path, signature=PIXELS)
    data = open_data(tmp_path, signature=PIXELS, settings=SKIP)
    parts = (data.train, data.validation, data.test)
    assert sum(map(len, parts)) == 36
    for part in parts:
        np.testing.assert_array_equal(part.y, part.x[..., 0] > 127)


def test_boxes_of_a_bad_picture_are_left_out(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for seed in range(12):
        Image.fromarray(pixels(seed)).save(tmp_path / "images" / f"{seed:02}.png")
        (tmp_path / "labels" / f"{seed:02}.txt").write_text(f"0 0.5 0.5 {0.1 + seed / 20:.3f} 0.5\n")
    (tmp_path / "images" / "04.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"04\.png cannot be read \(it is empty\)"):
        open_data(tmp_path)
    data = open_data(tmp_path, settings=SKIP)
    widths = {pixels(seed).tobytes(): 0.1 + seed / 20 for seed in range(12)}
    parts = (data.train, data.validation, data.test)
    assert sum(map(len, parts)) == 11
    for part in parts:
        for x, y in zip(part.x, part.y, strict=True):
            np.testing.assert_allclose(y[0, 4] - y[0, 2], widths[x.tobytes()], rtol=0, atol=1e-3)


def test_a_class_whose_files_are_all_bad_is_refused(folder):
    for path in (folder / "train" / "dog").glob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="class"):
        open_data(folder, signature=SIGNATURE, settings=SKIP)


FORKED = """
import os
import numpy as np
from edgeprune.data.file_reader import FileForm, FromFiles

form = FileForm((1,), np.int64, lambda item: np.array([item * item]), print)
samples = FromFiles(list(range(300)), form)
assert samples[:300].sum() == sum(n * n for n in range(300))
child = os.fork()
if child == 0:
    os._exit(0 if samples[:200].sum() == sum(n * n for n in range(200)) else 1)
raise SystemExit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_reads_with_threads_of_its_own():
    assert subprocess.run([sys.executable, "-c", FORKED], timeout=60, check=False).returncode == 0
