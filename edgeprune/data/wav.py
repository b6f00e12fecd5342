"""WAV files: PCM of 8, 16, 24 and 32 bits and IEEE floats, plain or extensible.

    "RIFF" size "WAVE"  |  "fmt " size  format channels rate …  |  …other chunks…  |  "data" size samples

The standard library's `wave` knows neither floats nor, before Python 3.12, the extensible header that
recorders and ffmpeg write for more than 16 bits or two channels. A file that was cut off is read as far
as it goes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from edgeprune.data.embedded import StoredFile, opened_file, size_of
from edgeprune.errors import unreadable

LOWEST_HZ, HIGHEST_HZ = 1_000, 384_000
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_HEADER = struct.Struct("<HHIIHH")  # format, channels, rate, bytes a second, bytes a frame, bits
_SUBFORMAT = 24  # where an extensible header holds the real format
_MOST_CHANNELS = 64
_MOST_BYTES = 1 << 30


def read_wav(path: StoredFile) -> tuple[np.ndarray, int]:
    """Levels (S,) of 16-bit range, float64, channels averaged, and the sample rate in Hz."""
    try:
        with opened_file(path) as file:
            return _decoded(file.read() if size_of(path) <= _MOST_BYTES else b"")
    except (OSError, ValueError, struct.error) as error:
        expected = f"Expected a WAV file of PCM or float samples at {LOWEST_HZ} to {HIGHEST_HZ} Hz."
        raise unreadable(path, error, expected, "Convert it, or take it out.") from error


def _decoded(content: bytes) -> tuple[np.ndarray, int]:
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it does not begin as a WAV file does")
    chunks = dict(_chunks(content))
    if b"fmt " not in chunks or b"data" not in chunks:
        raise ValueError("it has no format or no samples")
    header = chunks[b"fmt "]
    kind, channels, rate, _, _, bits = _HEADER.unpack_from(header)
    if kind == _EXTENSIBLE:
        (kind,) = struct.unpack_from("<H", header, _SUBFORMAT)
    if not 1 <= channels <= _MOST_CHANNELS or not LOWEST_HZ <= rate <= HIGHEST_HZ:
        raise ValueError(f"{channels} channels at {rate} Hz")
    frame = channels * -(-bits // 8)
    raw = chunks[b"data"]
    levels = _decoded_samples(raw[: len(raw) // max(frame, 1) * frame], kind, bits)
    if not len(levels):
        raise ValueError("it has no samples")
    if not np.isfinite(levels).all():
        raise ValueError("it has samples that are no numbers")
    return levels.reshape(-1, channels).mean(axis=1), rate


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents; a stream's writer leaves the size of the samples open, so the file's end counts."""
    place = 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _decoded_samples(raw: bytes, kind: int, bits: int) -> np.ndarray:
    """Samples as float levels of 16 bits; 8-bit WAV is unsigned, the others signed, floats are -1..1."""
    if (kind, bits) == (_PCM, 8):
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) * 256
    if (kind, bits) == (_PCM, 24):
        triples = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        wide = np.concatenate([np.zeros((len(triples), 1), np.uint8), triples], axis=1)
        return np.ascontiguousarray(wide).view("<i4")[:, 0] / 65536
    if kind == _PCM and bits in (16, 32):
        return np.asarray(np.frombuffer(raw, f"<i{bits // 8}") / 256 ** (bits // 8 - 2))
    if kind == _FLOAT and bits in (32, 64):
        return np.frombuffer(raw, f"<f{bits // 8}").astype(np.float64) * 32768
    raise ValueError(f"format {kind} of {bits} bits")
