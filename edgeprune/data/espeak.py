"""Says words with eSpeak NG, in a process of its own: ``python -m edgeprune.data.espeak``.

eSpeak NG keeps state between words, beyond its random generator, so only a fresh process says the same
words the same way twice; it also keeps the GPL library out of ours. It is loaded from the optional
package espeakng-loader through ctypes, in synchronous mode, and seeded. Its C interface is
espeak-ng/speak_lib.h.

    stdin   JSON {"seed": 1, "words": [{"word", "voice", "rate", "pitch", "pitch_range"}, ...]}
    stdout  npz: audio (all samples) int16, off (N + 1,) where each word starts, rate_hz
"""

from __future__ import annotations

import ctypes
import importlib.util
import io
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError, not_installed
from edgeprune.install_source import install_command

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: the callback has run when espeak_Synth returns
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_UTF8 = 1  # espeakCHARS_UTF8
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def say(requests: Sequence[Mapping[str, str | int]], seed: int) -> tuple[list[np.ndarray], int]:
    """One int16 array a word, spoken in a fresh process, and their sample rate in Hz.

    Requests have ``word``; ``voice``, a name and variant such as ``en-us+f3``; ``rate`` in words a minute;
    ``pitch`` and ``pitch_range`` (of the pitch), 0..99. `seed` is that of eSpeak's breath and flutter.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise not_installed(
            "The default words are synthesised with eSpeak NG",
            f"{install_command('speech')} (GPL-3.0), or pass your own recordings.",
        )
    order = json.dumps({"seed": seed, "words": list(requests)}).encode()
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune.data.espeak"], input=order, capture_output=True, check=False
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise InputError(f"eSpeak NG failed: {reason[0]}.", "", "Install espeakng-loader again.")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as spoken:
        audio, off, rate_hz = spoken["audio"], spoken["off"], int(spoken["rate_hz"])
    return [audio[start:end] for start, end in itertools.pairwise(off)], rate_hz


class _Voice:
    """eSpeak NG, initialised once per process."""

    def __init__(self, seed: int) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]
        data = espeakng_loader.get_data_path().encode()
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self.rate_hz <= 0:
            raise SystemExit("it did not start")
        self._pieces: list[np.ndarray] = []
        self._callback = _Callback(self._receive)  # kept alive: C holds only its address
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        del events
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, word: str, voice: str, *, rate: int, pitch: int, pitch_range: int) -> np.ndarray:
        """One word as int16 samples at `rate_hz`."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"it has no voice {voice!r}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range), (_VOLUME, 100)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pieces.clear()
        text = word.encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 0, 0, _UTF8, None, None)
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)


def _main() -> None:
    order = json.load(sys.stdin)
    voice = _Voice(int(order["seed"]))
    clips = [voice.say(**request) for request in order["words"]]
    audio = np.concatenate([np.zeros(0, np.int16), *clips])
    off = np.cumsum([0, *map(len, clips)])
    result = io.BytesIO()
    np.savez(result, audio=audio, off=off, rate_hz=voice.rate_hz)
    sys.stdout.buffer.write(result.getvalue())


if __name__ == "__main__":
    _main()
