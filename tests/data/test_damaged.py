"""Files with a few damaged bytes are read or refused; nothing else is ever raised."""

import gzip
import io
import wave

import numpy as np
import pytest

from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.sources import open_data
from edgeprune.errors import InputError

RNG = np.random.default_rng(0)
PICTURES = ModelSignature((InputSignature((8, 8, 3)),), (1,), "sigmoid")
TOKENS = ModelSignature((InputSignature((6,), "int32", 30),), (1,), "sigmoid")
CLIPS = ModelSignature((InputSignature((1000,)),), (1,), "sigmoid")
X, Y = RNG.random((16, 8, 8, 3), np.float32), np.arange(16) % 2


def saved(save, *args, **options):
    buffer = io.BytesIO()
    save(buffer, *args, **options)
    return buffer.getvalue()


def picture(kind):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    return saved(image.fromarray(RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save, kind)


def recording():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(RNG.bytes(2000))
    return buffer.getvalue()


LINES = b"".join(b'{"text": "film %d", "label": %d}\n' % (number, number % 2) for number in range(16))
FILES = [
    ("a.npz", PICTURES, lambda: saved(np.savez, x=X, y=Y)),
    ("a.npz", PICTURES, lambda: saved(np.savez_compressed, x=X, y=Y)),
    ("a.npy", PICTURES, lambda: saved(np.save, X)),
    ("a.csv", TOKENS, lambda: b"text,label\n" + b'"good, film",0\nbad film,1\n' * 9),
    ("a.jsonl", TOKENS, lambda: LINES),
    ("a.jsonl.gz", TOKENS, lambda: gzip.compress(LINES)),
    ("b/0.png", PICTURES, lambda: picture("PNG")),
    ("b/0.jpg", PICTURES, lambda: picture("JPEG")),
    ("b/0.bmp", PICTURES, lambda: picture("BMP")),
    ("b/0.gif", PICTURES, lambda: picture("GIF")),
    ("b/0.wav", CLIPS, recording),
]


def damaged(content, rng):
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(0, len(changed)))
        match rng.integers(0, 4):
            case 0:
                changed[at] = int(rng.integers(0, 256))
            case 1:
                del changed[at : at + int(rng.integers(1, 20))]
            case 2:
                changed[at:at] = rng.bytes(int(rng.integers(1, 20)))
            case _:
                changed[at : at + 4] = b"\xff\xff\xff\x7f"
    return bytes(changed)


@pytest.mark.parametrize(("name", "signature", "make"), FILES, ids=[row[0] for row in FILES])
def test_damage_is_read_or_refused(tmp_path, name, signature, make):
    good, rng = make(), np.random.default_rng(5)
    path = tmp_path / name
    if "/" in name:
        for number in range(1, 16):
            for folder in "ab":
                other = tmp_path / folder / f"{number}{path.suffix}"
                other.parent.mkdir(exist_ok=True)
                other.write_bytes(make())
    path.write_bytes(good)
    assert len(open_data(path if "/" not in name else tmp_path, signature=signature).train)
    refused = 0
    for _ in range(40):
        path.write_bytes(damaged(good, rng))
        try:
            open_data(path if "/" not in name else tmp_path, signature=signature)
        except InputError:
            refused += 1
    assert refused
