import os
import zlib

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
GREY = ModelSignature((InputSignature((8, 6, 1)),), (1,), "sigmoid")
COLOUR = ModelSignature((InputSignature((8, 6, 3)),), (1,), "sigmoid")
BILINEAR = Image.Resampling.BILINEAR


def picture(seed, size=(13, 11), mode="RGB"):
    """A smooth picture (JPEG keeps it), different for each seed; size is width, height."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 3, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, BILINEAR).convert(mode)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for number, (name, ending) in enumerate((("cat", "png"), ("dog", "bmp"))):
        (root / name / "more").mkdir(parents=True)
        for seed in range(5):
            picture(10 * number + seed, (13 + seed, 11)).save(root / name / f"{seed}.{ending}")
        picture(10 * number + 5).save(root / name / "more" / "5.JPG")
        picture(10 * number + 6).save(root / name / "6.gif")
    (root / "cat" / ".hidden.png").write_bytes(b"nothing")
    (root / "cat" / "notes.txt").write_text("no picture")
    (root / ".git").mkdir()
    return root


def test_pictures_come_in_the_models_size(folder):
    data = open_data(folder, signature=COLOUR)
    assert data.labels == ("cat", "dog")
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 14
    for split in (data.train, data.validation, data.test):
        assert (split.x.shape[1:], split.x.dtype) == ((8, 6, 3), np.uint8)
        assert set(split.y) == {0, 1}
    known = np.stack([
        np.asarray(picture(10 * number + seed, (13 + seed, 11)).resize((6, 8), BILINEAR)).astype(int)
        for number in range(2) for seed in range(5)
    ])
    exact = 0
    for split in (data.train, data.validation, data.test):
        for one, label in zip(split.x, split.y, strict=True):
            distance = np.abs(known - one).max(axis=(1, 2, 3))
            exact += distance.min() <= 1
            assert distance.min() > 1 or np.argmin(distance) // 5 == label
    assert exact == 10  # the others are a JPEG and a GIF of each class


def test_the_steps_do_to_a_camera_what_was_done_to_a_file(folder):
    data = open_data(folder, signature=GREY)
    assert [step["op"] for step in data.preprocessing] == ["resize", "channels", "rescale"]
    camera = np.asarray(picture(3, (16, 11)))[None]
    made = data.model_input(camera)
    assert (made.shape, made.dtype) == ((1, 8, 6, 1), np.float32)
    every = np.concatenate([data.model_input(split.x) for split in (data.train, data.validation, data.test)])
    assert np.abs(every - made).max(axis=(1, 2, 3)).min() == 0
    expected = np.asarray(picture(3, (16, 11)).convert("L").resize((6, 8), BILINEAR)) / 255
    np.testing.assert_allclose(made[0, ..., 0], expected, rtol=0, atol=2 / 255)


@pytest.mark.parametrize(("want", "low", "high"), [
    (ModelSignature((InputSignature((8, 6, 3)),), (1,), "sigmoid", scales=True), 0, 255),
    (ModelSignature((InputSignature((8, 6, 3)),), (1,), "sigmoid", pixels=(-1, 1)), -1, 1),
    (ModelSignature((InputSignature((8, 6, 3), "uint8"),), (1,), "sigmoid"), 0, 255),
])
def test_brightness_is_what_the_model_takes(folder, want, low, high):
    data = open_data(folder, signature=want)
    made = data.model_input(data.train.x)
    np.testing.assert_allclose(made, data.train.x / 255 * (high - low) + low, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("shape", "made"), [((8, 6), (8, 6)), ((143,), (143,)), ((429,), (429,)),
                                             ((None, None, 3), (11, 13, 3))])
def test_other_shapes_of_pictures(folder, shape, made):
    data = open_data(folder, signature=ModelSignature((InputSignature(shape),), (1,), "sigmoid"))
    assert data.input_shape() == made


def test_given_splits_and_the_order_of_labels(tmp_path):
    root = tmp_path / "mine"
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for number, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for seed in range(count):
                picture(100 * count + 10 * number + seed).save(root / split / name / f"{seed}.png")
    (root / "labels.txt").write_text("dog\ncat\n")
    data = open_data(root, signature=COLOUR)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [8, 4, 6]
    assert data.labels == ("dog", "cat")
    first = np.asarray(picture(300).resize((6, 8), BILINEAR)).astype(int)  # test/cat/0.png
    rows = np.flatnonzero(np.abs(data.test.x.astype(int) - first).max(axis=(1, 2, 3)) <= 1)
    assert [data.labels[data.test.y[row]] for row in rows] == ["cat"]
    (root / "labels.txt").write_text("dog\nbird\n")
    with pytest.raises(InputError, match="dog, bird"):
        open_data(root, signature=COLOUR)


def test_pictures_without_classes_have_no_labels(tmp_path):
    for seed in range(12):
        picture(seed).save(tmp_path / f"{seed}.png")
    data = open_data(tmp_path, signature=COLOUR)
    assert data.train.y is None
    assert data.metrics == ("agreement",)


def test_large_folders_are_read_as_needed(folder, monkeypatch):
    held = open_data(folder, signature=COLOUR)
    monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", 100)
    streamed = open_data(folder, signature=COLOUR)
    assert not isinstance(streamed.train.x, np.ndarray)
    np.testing.assert_array_equal(np.asarray(streamed.train.x), held.train.x)
    made = streamed.model_input(streamed.test.x)[:2]
    np.testing.assert_array_equal(made, held.model_input(held.test.x[:2]))


def test_16_bit_and_transparent_pictures(tmp_path):
    values = np.linspace(0, 65535, 48).reshape(8, 6).astype(np.uint16)
    for name in "ab":
        (tmp_path / name).mkdir()
        for seed in range(3):
            Image.fromarray(values).save(tmp_path / name / f"{seed}.png")
    data = open_data(tmp_path, signature=GREY)
    np.testing.assert_array_equal(data.train.x[0, ..., 0], values >> 8)
    for path in tmp_path.rglob("*.png"):
        picture(1, (6, 8), "RGBA").save(path)
    data = open_data(tmp_path, signature=COLOUR)
    np.testing.assert_array_equal(data.test.x[0], np.asarray(picture(1, (6, 8))))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(30)])
def test_a_broken_picture_is_named(folder, content, monkeypatch):
    (folder / "dog" / "broken.jpg").write_bytes(content)
    for limit in (2**20, 100):
        monkeypatch.setattr("edgeprune.data.streamed.IN_MEMORY_BYTES", limit)
        with pytest.raises(InputError, match=r"broken\.jpg cannot be read .*A picture is expected"):
            open_data(folder, signature=COLOUR)


def test_a_cut_picture_is_named(folder):
    path = folder / "cat" / "0.png"
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(InputError, match=r"0\.png"):
        open_data(folder, signature=COLOUR)


def test_a_picture_that_claims_to_be_huge_is_refused(folder):
    path = folder / "cat" / "0.png"
    raw = bytearray(path.read_bytes())
    raw[16:24] = (60000).to_bytes(4, "big") * 2
    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"0\.png"):
        open_data(folder, signature=COLOUR)


def test_links_that_leave_the_folder_are_refused(folder, tmp_path):
    outside = tmp_path / "outside.png"
    picture(1).save(outside)
    link = folder / "cat" / "link.png"
    link.symlink_to(outside)
    with pytest.raises(InputError, match=r"link\.png is a link that leaves"):
        open_data(folder, signature=COLOUR)
    link.unlink()
    link.symlink_to("6.gif")  # it stays inside
    assert len(open_data(folder, signature=COLOUR).labels) == 2
    (folder / "bird").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(InputError, match="leaves"):
        open_data(folder, signature=COLOUR)


def test_hostile_names_do_no_harm(folder):
    for name in (b"\xff\xfe.png", b"-rf.png", b"a\nb\x1b[2J.png", b"%s{0}.png"):
        picture(7).save(folder / "cat" / os.fsdecode(name), format="PNG")
    os.mkfifo(folder / "cat" / "pipe.png")
    assert len(open_data(folder, signature=COLOUR).train) > 8
    (folder / "dog" / "a\nb.png").write_bytes(b"broken")
    with pytest.raises(InputError) as error:
        open_data(folder, signature=COLOUR)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [b"a\nb", b"\xff\xfe", b"\x1b[2J"])
def test_hostile_class_names_are_refused(folder, name):
    (folder / os.fsdecode(name)).mkdir()
    picture(7).save(folder / os.fsdecode(name) / "1.png")
    with pytest.raises(InputError, match="A class is called"):
        open_data(folder, signature=COLOUR)


def test_empty_classes_and_misfits_are_refused(folder, tmp_path):
    (folder / "bird").mkdir()
    with pytest.raises(InputError, match=r"Class 'bird' of .* is empty"):
        open_data(folder, signature=COLOUR)
    (folder / "bird").rmdir()
    for shape, message in (((7,), "pictures"), ((8, 6, 3, 3), "pictures"), ((8, 6, 4), "channels")):
        with pytest.raises(InputError, match=message):
            open_data(folder, signature=ModelSignature((InputSignature(shape),), (1,), "sigmoid"))
    with pytest.raises(InputError, match="holds pictures"):
        open_data(folder, signature=ModelSignature((InputSignature((9,), "int32", 50),), (1,), "sigmoid"))
    with pytest.raises(InputError, match="class 2"):
        open_data(folder, signature=ModelSignature((InputSignature((8, 6, 3)),), (3,), "softmax"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"holds no files\. edgeprune reads"):
        open_data(tmp_path / "nothing")


@pytest.mark.parametrize("ending", ["webp", "tiff", "tif", "avif"])
def test_other_formats_are_read_to_the_last_picture(tmp_path, ending):
    if ending == "avif" and not pytest.importorskip("PIL.features").check("avif"):
        pytest.skip("this Pillow has no AVIF")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for seed in range(4):
            picture(seed).save(tmp_path / name / f"{seed}.png")
        for seed in range(4, 8):
            picture(seed).save(tmp_path / name / f"{seed}.{ending}")
    data = open_data(tmp_path, signature=COLOUR)
    assert sum(len(split) for split in (data.train, data.validation, data.test)) == 16
    assert not any("skipped" in note for note in data.notes)


def test_files_of_other_kinds_are_counted(folder):
    assert "1 of 15 files were skipped: 1 .txt." in open_data(folder, signature=GREY).notes


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(tmp_path, orientation):
    from edgeprune.data.pictures import decode, shape_of

    pixels = np.random.default_rng(orientation).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    turned = {
        1: pixels, 2: pixels[:, ::-1], 3: pixels[::-1, ::-1], 4: pixels[::-1],
        5: pixels.transpose(1, 0, 2), 6: np.rot90(pixels, -1),
        7: pixels[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(pixels, 1),
    }[orientation]
    np.testing.assert_array_equal(decode(tmp_path / "a.png", upright=True), turned)
    assert shape_of(tmp_path / "a.png", upright=True) == turned.shape
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), pixels)


def test_a_tiff_of_floats_is_refused(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for seed in range(4):
            values = np.random.default_rng(seed).random((5, 7), np.float32)
            Image.fromarray(values).save(tmp_path / name / f"{seed}.tiff")
    with pytest.raises(InputError, match="32 bits a pixel"):
        open_data(tmp_path, signature=GREY)


def test_the_lines_of_labels_may_be_numbered(folder):
    (folder / "labels.txt").write_text("1 cat\n0 dog\n")
    data = open_data(folder, signature=GREY)
    assert data.labels == ("dog", "cat")
    (folder / "labels.txt").write_text("1 cat\n3 dog\n")
    with pytest.raises(InputError, match=r"labels\.txt lists"):
        open_data(folder, signature=GREY)
