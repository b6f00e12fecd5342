"""WAV files of every kind that recorders and editors write."""

import struct

import numpy as np
import pytest
from scipy.io import wavfile

from edgeprune.data.wav import read_wav
from edgeprune.errors import InputError

RATE = 22050


def levels(channels=1):
    time = np.arange(400)[:, None] * (0.05 + 0.01 * np.arange(channels))
    return 0.7 * np.sin(time)


def header(kind, channels, bits, extensible=False):
    frame = channels * bits // 8
    head = struct.pack(
        "<HHIIHH", 0xFFFE if extensible else kind, channels, RATE, RATE * frame, frame, bits
    )
    if extensible:  # valid bits, speakers, and a GUID that begins with the format
        head += struct.pack("<HHIH", 22, bits, 3, kind) + bytes.fromhex("000000001000800000aa00389b71")
    return head


def riff(head, raw, size=None):
    def chunk(name, content, claimed=None):
        return name + struct.pack("<I", len(content) if claimed is None else claimed) + content

    body = chunk(b"fmt ", head) + chunk(b"LIST", b"abc") + b"\0" + chunk(b"data", raw, size)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_scipy_writes_is_read(tmp_path, kind, channels):
    x = levels(channels)
    if kind is np.uint8:
        stored = np.round(x * 128 + 128).astype(kind)
    else:
        stored = (x * np.iinfo(kind).max).astype(kind) if np.dtype(kind).kind == "i" else x.astype(kind)
    wavfile.write(tmp_path / "a.wav", RATE, stored)
    got, rate = read_wav(tmp_path / "a.wav")
    assert rate == RATE
    tolerance = 160 if kind is np.uint8 else 2
    np.testing.assert_allclose(got, x.mean(axis=1) * 32767, rtol=0, atol=tolerance)


@pytest.mark.parametrize("bits", [16, 24])
def test_extensible_headers_are_read(tmp_path, bits):
    x = np.round(levels(2) * 2 ** (bits - 1)).astype("<i4")
    raw = x.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    (tmp_path / "a.wav").write_bytes(riff(header(1, 2, bits, extensible=True), raw))
    got, _ = read_wav(tmp_path / "a.wav")
    np.testing.assert_allclose(got, levels(2).mean(axis=1) * 32768, rtol=0, atol=1)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 10_000])
def test_a_file_that_was_cut_off_is_read_to_its_end(tmp_path, size):
    x = np.round(levels() * 32767).astype("<i2")
    (tmp_path / "a.wav").write_bytes(riff(header(1, 1, 16), x.tobytes() + b"\7", size))
    np.testing.assert_array_equal(read_wav(tmp_path / "a.wav")[0], x[:, 0])


@pytest.mark.parametrize(("content", "reason"), [
    (b"ID3\4 this is an mp3", "does not begin"),
    (riff(header(1, 1, 16), b""), "no samples"),
    (riff(header(85, 1, 16), b"12345678"), "format 85"),
    (riff(header(1, 0, 16), b"12345678"), "0 channels"),
    (riff(header(3, 1, 32), struct.pack("<f", float("nan")) * 9), "no numbers"),
    (riff(header(1, 1, 16)[:8], b"1234"), "cannot be read"),
    (b"RIFF\0\0\0\0WAVE", "no format"),
])
def test_what_is_no_recording_is_refused_with_its_reason(tmp_path, content, reason):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.wav.*{reason}|{reason}"):
        read_wav(tmp_path / "a.wav")
