"""Speech front end: PCM -> frames -> |FFT| -> mel bands -> log -> (DCT).

    pcm (N, S) int16 --pcm_to_float--> (N, S) in -1..1
    log_mel:  frames (N, F, L) = every `step` samples, times a Hann window
              magnitude |rfft|  (N, F, fft/2 + 1)  @ mel matrix  (fft/2 + 1, M)
              log(. + floor)    (N, F, M)
    mfcc:     DCT-II of log_mel over M, times sqrt(1 / 2M), the first `coefficients` of it

The same figures as `tf.signal` (stft, linear_to_mel_weight_matrix, mfccs_from_log_mel_spectrograms):
HTK's mel scale, periodic Hann window, no padding, the FFT as long as the next power of two.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from edgeprune.errors import InputError

_BATCH = 256  # clips at once: bounds the memory of the spectra


def pcm_to_float(x: np.ndarray) -> np.ndarray:
    """int16 PCM to float32 in -1..1; float samples are taken to be there already."""
    if x.dtype == np.int16:
        x = x * np.float32(1 / 32768)
    return x.astype(np.float32, copy=False)


def pad_or_crop(x: np.ndarray, *, samples: int, align: str = "centre") -> np.ndarray:
    """Clips (N, S) to (N, samples): zeros on both sides or a cut on both, or at the ``end`` alone."""
    spare = samples - x.shape[1]
    before = (spare // 2 if spare >= 0 else -(-spare // 2)) if align == "centre" else 0
    if spare >= 0:
        return np.pad(x, ((0, 0), (before, spare - before)))
    return x[:, -before : -before + samples]


def resample(x: np.ndarray, *, from_hz: int, to_hz: int) -> np.ndarray:
    """Clips (N, S) at `from_hz` to (N, ceil(S * to_hz / from_hz)) at `to_hz`, float32.

    A polyphase low-pass at 95 % of the lower Nyquist frequency: a sinc of 32 zero crossings a side
    under a Kaiser window (beta 8.6, about 85 dB), so that nothing above it folds back.
    """
    if from_hz == to_hz:
        return x.astype(np.float32)
    up, down, filters = _polyphase(from_hz, to_hz)
    reach = filters.shape[1] // 2
    length = -(-x.shape[1] * up // down)
    padded = np.pad(x.astype(np.float32), ((0, 0), (reach, reach + 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, filters.shape[1], axis=1)
    result = np.empty((len(x), length), np.float32)
    for phase in range(min(up, length)):
        # Outputs phase, phase + up, ... lie at the same fraction between two inputs and share a filter.
        start, count = phase * down // up, len(range(phase, length, up))
        result[:, phase::up] = windows[:, start : start + (count - 1) * down + 1 : down] @ filters[phase]
    return result


@functools.lru_cache(maxsize=8)
def _polyphase(from_hz: int, to_hz: int) -> tuple[int, int, np.ndarray]:
    """`up` and `down`, the reduced ratio, and one filter a phase: (up, taps) float32."""
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    cutoff = 0.95 * min(from_hz, to_hz) / (2 * from_hz)  # cycles per input sample
    reach = math.ceil(32 / (2 * cutoff))
    distance = np.arange(-reach, reach + 1) - (np.arange(up)[:, None] * down % up) / up
    window = np.i0(8.6 * np.sqrt(np.clip(1 - (distance / (reach + 1)) ** 2, 0, None))) / np.i0(8.6)
    return up, down, (2 * cutoff * np.sinc(2 * cutoff * distance) * window).astype(np.float32)


def log_mel(
    x: np.ndarray, *, sample_rate: int, frame_length: int, frame_step: int, mel_bands: int = 40,
    lower_hz: float = 20.0, upper_hz: float = 4000.0, floor: float = 1e-6,
) -> np.ndarray:
    """Clips (N, S) in -1..1 to log-mel spectrograms (N, frames, mel_bands), float32.

    `frame_length` and `frame_step` (from one frame to the next) are samples; `floor` is added before the
    logarithm, so that silence stays finite.
    """
    if x.ndim != 2 or x.shape[1] < frame_length:
        raise InputError(
            f"Audio of the shape {x.shape} holds no frame of {frame_length} samples.",
            "Expected clips (N, samples), at least one frame long.",
            "Pad the clips first (pad_or_crop), or shorten the frames.",
        )
    weights = mel_matrix(mel_bands, fft_length(frame_length) // 2 + 1, sample_rate, lower_hz, upper_hz)
    parts = [
        np.log(_magnitudes(x[i : i + _BATCH], frame_length, frame_step) @ weights + floor)
        for i in range(0, max(len(x), 1), _BATCH)
    ]
    return np.concatenate(parts).astype(np.float32)


def mfcc(x: np.ndarray, *, coefficients: int) -> np.ndarray:
    """The first `coefficients` of the DCT-II of log-mel (N, frames, M): (N, frames, coefficients)."""
    cepstra: np.ndarray = x.astype(np.float64) @ dct_matrix(x.shape[-1])[:, :coefficients]
    return cepstra.astype(np.float32)


def fft_length(frame_length: int) -> int:
    """The power of two that is not below `frame_length`."""
    return 1 << (frame_length - 1).bit_length()


def hann(length: int) -> np.ndarray:
    """Periodic Hann window, (length,) float64."""
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length))


@functools.lru_cache(maxsize=8)
def mel_matrix(bands: int, bins: int, sample_rate: int, lower_hz: float, upper_hz: float) -> np.ndarray:
    """(bins, bands) triangles, equally wide on HTK's mel scale; the DC bin belongs to none."""
    if not 0 <= lower_hz < upper_hz <= sample_rate / 2:
        raise InputError(
            f"The mel bands from {lower_hz} to {upper_hz} Hz do not fit a sample rate of {sample_rate} Hz.",
            "Expected 0 <= lower_hz < upper_hz <= half the sample rate.", "Change the bands.",
        )
    frequencies = _mel(np.linspace(0.0, sample_rate / 2, bins)[1:])[:, None]
    edges = np.linspace(_mel(np.array(lower_hz)), _mel(np.array(upper_hz)), bands + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies - lower) / (centre - lower)
    falling = (upper - frequencies) / (upper - centre)
    triangles: np.ndarray = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(np.pad(triangles, ((1, 0), (0, 0))))


@functools.lru_cache(maxsize=8)
def dct_matrix(size: int) -> np.ndarray:
    """(size, size): column k is DCT-II's k-th cosine, scaled as HTK's MFCCs are."""
    angle = np.pi / size * np.outer(np.arange(size) + 0.5, np.arange(size))
    return np.asarray(2 * np.cos(angle) / np.sqrt(2 * size))


def _mel(hertz: np.ndarray) -> np.ndarray:
    return np.asarray(1127.0 * np.log1p(hertz / 700.0))


def _magnitudes(x: np.ndarray, length: int, step: int) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), length, axis=1)[:, ::step]
    return np.asarray(np.abs(np.fft.rfft(frames * hann(length), fft_length(length), axis=-1)))


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "pcm_to_float": pcm_to_float, "pad_or_crop": pad_or_crop, "resample": resample,
    "log_mel": log_mel, "mfcc": mfcc,
}
