"""Pictures of every kind that cameras, scanners and programs write, against the colours that were put in."""

import numpy as np
import pytest

from edgeprune.data.pictures import decode, shape_of, verify
from edgeprune.errors import UnreadableError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (90, 90, 90)


def plain(mode, colour):
    return Image.new(mode, (6, 8), colour)


def palette(transparency):
    made = plain("P", 1)
    made.putpalette([*BLUE, *RED, *GREY])
    made.info["transparency"] = transparency
    return made


KINDS = [
    ("CMYK", "jpg", plain("CMYK", (0, 255, 255, 0)), RED, 12),
    ("YCbCr", "jpg", plain("YCbCr", (76, 85, 255)), RED, 12),
    ("grey", "jpg", plain("L", 90), (90,), 1), ("palette", "png", palette(0), RED, 0),
    ("palette, transparent colour", "png", palette(1), RED, 0), ("palette", "gif", palette(0), RED, 0),
    ("palette, transparency by colour", "png", palette(bytes([255, 0, 128])), RED, 0),
    ("alpha", "png", plain("RGBA", (*BLUE, 0)), BLUE, 0),
    ("grey, alpha", "png", plain("LA", (90, 3)), (90,), 0),
    ("1 bit", "png", plain("1", 1), (255,), 0), ("1 bit", "bmp", plain("1", 0), (0,), 0),
    ("16 bit", "png", Image.fromarray(np.full((8, 6), 90 * 257, np.uint16)), (90,), 0),
    ("16 bit", "tiff", Image.fromarray(np.full((8, 6), 90 * 257, np.uint16)), (90,), 0),
    ("CMYK", "tiff", plain("CMYK", (0, 255, 255, 0)), RED, 0),
    ("lossy", "webp", plain("RGB", BLUE), BLUE, 12),
]


@pytest.mark.parametrize(("suffix", "picture", "colour", "tolerance"), [row[1:] for row in KINDS],
                         ids=[f"{row[0]} {row[1]}" for row in KINDS])
def test_a_picture_has_the_colour_that_was_put_in(tmp_path, suffix, picture, colour, tolerance):
    path = tmp_path / f"a b ü.{suffix.upper()}"
    picture.save(path, format={"jpg": "JPEG", "tiff": "TIFF"}.get(suffix, suffix.upper()))
    verify(path)
    pixels = decode(path, upright=True)
    assert pixels.dtype == np.uint8
    assert pixels.shape[:2] == (8, 6)
    if suffix != "gif":  # a palette may hold greys alone, which the header does not tell
        assert pixels.shape == shape_of(path)
    np.testing.assert_allclose(pixels, np.broadcast_to(colour, pixels.shape), rtol=0, atol=tolerance)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_of_an_animation_the_first_picture_is_taken(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    plain("RGB", RED).save(path, save_all=True, append_images=[plain("RGB", BLUE)], duration=50, loop=0)
    np.testing.assert_allclose(decode(path), np.broadcast_to(RED, (8, 6, 3)), rtol=0, atol=12)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("progressive", [False, True])
def test_what_is_checked_is_what_can_be_read(tmp_path, suffix, progressive):
    """`verify` decodes less than `decode`, and must find the same files bad."""
    rng, path = np.random.default_rng(7), tmp_path / f"a.{suffix}"
    options = {"progressive": True} if progressive and suffix == "jpg" else {}
    Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(path, **options)
    content, refused = path.read_bytes(), 0
    for turn in range(40):
        changed = bytearray(content)
        if turn % 2:
            del changed[int(rng.integers(1, len(changed))) :]
        else:
            for at in rng.integers(0, len(changed), 4):
                changed[at] = int(rng.integers(0, 256))
        path.write_bytes(changed)
        found = [_reason(check, path) for check in (verify, decode)]
        assert bool(found[0]) == bool(found[1]), found
        refused += bool(found[0])
    assert refused > 13


def _reason(check, path):
    try:
        check(path)
    except UnreadableError as error:
        return error.reason
    return ""
