"""Recordings to mono levels: WAV by `edgeprune.data.wav`, FLAC, Ogg and MP3 by the package soundfile.

The content decides, not the name: what begins as an MP3 and is called .wav is read as an MP3.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from types import ModuleType

import numpy as np

from edgeprune.data.embedded import StoredFile, opened_file
from edgeprune.data.wav import HIGHEST_HZ, LOWEST_HZ, read_wav
from edgeprune.errors import UnreadableError, not_installed, shown, unreadable
from edgeprune.install_source import install_command

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
_EXPECTED = f"A WAV, FLAC, Ogg or MP3 file at {LOWEST_HZ} to {HIGHEST_HZ} Hz is expected."
_MOST_SAMPLES = 1 << 28  # of all channels; half an hour of six channels at 24 kHz
_BEGINS = (b"fLaC", b"OggS", b"ID3")
_COMPRESSED = (b"\2\0", b"\6\0", b"\7\0", b"\x11\0")  # WAV of ADPCM, A-law, mu-law
_FULL_SCALE = 32768


def read_audio(path: StoredFile) -> tuple[np.ndarray, int]:
    """Levels (S,) of 16-bit range, float64, channels averaged, and the sample rate in Hz.

    Raises:
        UnreadableError: the file is damaged, or no recording.
    """
    if _by_soundfile(path):
        return _decoded(path)
    return read_wav(path)


def require_decoder(paths: Sequence[StoredFile]) -> None:
    """Raises `InputError` with the install line where a file needs a package that is missing."""
    if needing := next((path for path in paths if _by_soundfile(path)), None):
        _soundfile(needing)


def _soundfile(path: StoredFile) -> ModuleType:
    try:
        return importlib.import_module("soundfile")
    except (ImportError, OSError) as error:  # OSError: the C library is missing
        needed = f"{shown(path)} is FLAC, Ogg, MP3 or compressed WAV, which the package soundfile reads"
        raise not_installed(needed, install_command("audio")) from error


def _by_soundfile(path: StoredFile) -> bool:
    """Whether another decoder than that of WAV reads a file, by its beginning."""
    try:
        with opened_file(path) as file:
            head = file.read(22)
    except OSError as error:
        raise unreadable(path, error, _EXPECTED, "Check its rights.") from error
    is_frame = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0  # an MP3 without tags
    is_compressed = head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and head[20:22] in _COMPRESSED
    return is_frame or is_compressed or head.startswith(_BEGINS)


def _decoded(path: StoredFile) -> tuple[np.ndarray, int]:
    soundfile = _soundfile(path)
    try:
        with opened_file(path) as stored, soundfile.SoundFile(stored) as file:
            rate, channels = int(file.samplerate), int(file.channels)
            levels = file.read(_MOST_SAMPLES // channels, dtype="float64", always_2d=True)
    except (RuntimeError, ValueError, OSError, MemoryError) as error:  # soundfile's own are RuntimeErrors
        raise UnreadableError(path, _reason(error), _EXPECTED, "Convert it, or take it out.") from error
    if reason := _doubt(levels, rate):
        raise UnreadableError(path, reason, _EXPECTED, "Convert it, or take it out.")
    return np.asarray(levels.mean(axis=1) * _FULL_SCALE), rate


def _doubt(samples: np.ndarray, rate: int) -> str:
    if not LOWEST_HZ <= rate <= HIGHEST_HZ:
        return f"it has {rate} samples a second"
    if not len(samples):
        return "it has no samples"
    return "" if np.isfinite(samples).all() else "it has samples that are no numbers"


def _reason(error: Exception) -> str:
    """Without what stands for the file, which soundfile repeats."""
    reason = re.sub(r"^Error opening .*?: ", "", str(error)).rstrip(".")
    return "it is damaged, or no recording" if "does not exist" in reason else reason
