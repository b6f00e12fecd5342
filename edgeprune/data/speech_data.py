"""Recordings to whatever a speech model takes: the clip itself, log-mel bands or MFCCs.

    input (S,), (S, 1)                  the clip, S samples in -1..1
    input (F, B), (F, B, 1), B > 20     log-mel: F frames of B bands
    input (F, B), (F, B, 1), B <= 20    MFCCs: the first B of 40 bands

Frames are 32 ms every 20 ms where that gives F of them, else the usual pair that does. Bands are
standardized by the training clips, since a model's own statistics are not in its file.
"""

from __future__ import annotations

from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.speech import front_end, standardized
from edgeprune.data.streamed import Array
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step

_FRAMES_MS = ((32, 20), (30, 20), (40, 20), (32, 16), (25, 10), (30, 10), (32, 10), (64, 32))
_MOST_COEFFICIENTS = 20
Steps = tuple[Step, ...]


def steps_for(train: Array, rate: int, samples: int, signature: ModelSignature | None) -> Steps:
    """Steps from clips (N, samples) int16 to the model's input; statistics are those of `train`."""
    if signature is None:
        return standardized(front_end(rate), train)
    shape = signature.inputs[0].shape
    sizes = tuple(size for size in shape if size != 1)
    bands = sizes[-1] if sizes else None
    if len(sizes) == 1:
        reshape: Steps = ({"op": "reshape", "shape": [samples, 1]},) if len(shape) == 2 else ()
        return ({"op": "pcm_to_float"}, *reshape)
    if len(sizes) != 2 or bands is None:
        raise InputError(
            "The data holds recordings.",
            f"The model takes {shape}, which is neither a clip nor a spectrogram.",
            "Pass a model of (samples,) or (frames, bands), or features of its shape as .npz.",
        )
    frames = sizes[0]
    mel = _framed(rate, samples, frames, bands)
    tail: Steps = ()
    if len(shape) != 2:
        made = 1 + (samples - int(mel[1]["frame_length"])) // int(mel[1]["frame_step"])
        tail = ({"op": "reshape", "shape": [made if size == frames else int(size or 1) for size in shape]},)
    return (*standardized(mel, train), *tail)


def _framed(rate: int, samples: int, frames: int | None, bands: int) -> Steps:
    """The front end whose frames are as many as the model takes."""
    coefficients = bands if bands <= _MOST_COEFFICIENTS else None
    steps = front_end(rate, bands=40 if coefficients else bands, coefficients=coefficients)
    for length_ms, step_ms in _FRAMES_MS:
        length, step = rate * length_ms // 1000, rate * step_ms // 1000
        if frames in (None, 1 + (samples - length) // step):
            mel = {**steps[1], "frame_length": length, "frame_step": step}
            return (steps[0], mel, *steps[2:])
    raise InputError(
        f"{samples} samples at {rate} Hz do not give {frames} frames.",
        "Frames of " + ", ".join(f"{a} ms every {b}" for a, b in _FRAMES_MS) + " were tried.",
        "Pass features of the model's shape as .npz.",
    )


def clip_samples(signature: ModelSignature | None, rate: int) -> int:
    """Samples of a clip: the model's own number where it takes clips, else one second."""
    sizes = [size for size in signature.inputs[0].shape if size != 1] if signature is not None else []
    return sizes[0] if len(sizes) == 1 and sizes[0] else rate
