"""`--embed-frontend`: preprocessing inside the `.tflite`, so that an app feeds raw 16-bit PCM.

    steps:   pad_or_crop  |  pcm_to_float  log_mel  (mfcc)  standardize
                 outside  |  inside
    file:    PCM (1, S) int16 -> [front end, float32] -> [the converted model, bytes unchanged] -> outputs

The front end is converted by itself in float and put in front of the finished file, so the quantized
part stays the very one that was verified. A front end quantized along with the model would lose the
spectrum's quiet end. Only LiteRT's own operators are used (RFFT2D and COMPLEX_ABS among them).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile
from edgeprune.conversion.tensorflow_route import convert_traced
from edgeprune.conversion.tracing import TracedModel
from edgeprune.conversion.values import Converted
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasTensor
from edgeprune.preprocessing import audio

PreprocessingStep: TypeAlias = Mapping[str, Any]


def split_steps(
    steps: Sequence[PreprocessingStep]
) -> tuple[tuple[PreprocessingStep, ...], tuple[PreprocessingStep, ...]]:
    """Steps that stay outside, and the steps after them that go into the file."""
    first = len(steps)
    while first and steps[first - 1]["op"] in _OPERATIONS:
        first -= 1
    return tuple(steps[:first]), tuple(steps[first:])


def embed(converted: Converted, steps: Sequence[PreprocessingStep], samples: int) -> Converted:
    """`converted` with the second half of `split_steps` in front of it, taking PCM (1, samples) int16.

    Raises:
        InputError: a model of several inputs, steps that cannot be embedded, or features of another
            shape than the model's input.
    """
    if len(converted.inputs) != 1 or not steps or steps[0]["op"] != "pcm_to_float":
        raise InputError(
            f"The model has {len(converted.inputs)} inputs and {len(steps)} steps that can be embedded.",
            f"Expected one input, and steps out of {', '.join(_OPERATIONS)} that start with pcm_to_float.",
            "Leave --embed-frontend out.",
        )
    front = flatfile.parse(_convert(steps, samples))
    model = flatfile.parse(converted.tflite)
    _join(front, model)
    inputs, outputs = flatfile.tensor_infos(model)
    return dataclasses.replace(
        converted, tflite=flatfile.pack(model), inputs=inputs, outputs=outputs,
        operators=flatfile.operator_counts(model),
    )


def _convert(steps: Sequence[PreprocessingStep], samples: int) -> bytes:
    import tensorflow as tf

    def serve(pcm: KerasTensor) -> dict[str, KerasTensor]:
        x = pcm
        for step in steps:
            options = {name: value for name, value in step.items() if name != "op"}
            x = _OPERATIONS[step["op"]](x, **options)
        return {"features": x}

    module = tf.Module()
    module.serve = tf.function(serve, autograph=False)
    function = module.serve.get_concrete_function(tf.TensorSpec((1, samples), tf.int16, "pcm"))
    traced = TracedModel(module, function, ("pcm",), ("features",))
    return convert_traced(traced, "none", None, "float")


def _pcm_to_float(x: KerasTensor) -> KerasTensor:
    import tensorflow as tf

    return tf.cast(x, tf.float32) * np.float32(1 / 32768)


def _log_mel(
    x: KerasTensor, *, sample_rate: int, frame_length: int, frame_step: int, mel_bands: int = 40,
    lower_hz: float = 20.0, upper_hz: float = 4000.0, floor: float = 1e-6,
) -> KerasTensor:
    import tensorflow as tf

    fft = audio.fft_length(frame_length)
    starts = np.arange(0, x.shape[1] - frame_length + 1, frame_step)
    frames = tf.gather(x, starts[:, None] + np.arange(frame_length), axis=1)[0]
    frames *= audio.hann(frame_length).astype(np.float32)
    # RFFT2D wants two axes to transform, and the batch of it can be the frames: (frames, 1, fft).
    padded = tf.pad(frames, ((0, 0), (0, fft - frame_length)))[:, None]
    spectrum = tf.abs(tf.signal.rfft(padded, [fft]))[:, 0]
    matrix = audio.mel_matrix(mel_bands, fft // 2 + 1, sample_rate, lower_hz, upper_hz)
    mel = tf.math.log(spectrum @ matrix.astype(np.float32) + np.float32(floor))
    return mel[None]


def _mfcc(x: KerasTensor, *, coefficients: int) -> KerasTensor:
    matrix = audio.dct_matrix(x.shape[-1])[:, :coefficients].astype(np.float32)
    return (x[0] @ matrix)[None]


def _standardize(x: KerasTensor, *, mean: npt.ArrayLike, std: npt.ArrayLike) -> KerasTensor:
    return (x - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)


def _rescale(x: KerasTensor, *, scale: float, offset: float = 0.0) -> KerasTensor:
    return x * np.float32(scale) + np.float32(offset)


def _reshape(x: KerasTensor, *, shape: Sequence[int]) -> KerasTensor:
    import tensorflow as tf

    return tf.reshape(x, (1, *shape))


_OPERATIONS: dict[str, Callable[..., KerasTensor]] = {
    "pcm_to_float": _pcm_to_float, "log_mel": _log_mel, "mfcc": _mfcc,
    "standardize": _standardize, "rescale": _rescale, "reshape": _reshape,
}


def _join(front: schema.ModelT, model: schema.ModelT) -> None:
    """Put the only subgraph of `front` in front of `model`'s main subgraph, in place.

    Tensors, buffers and operator codes of the front end are appended to the model's, their numbers
    moved up; its operators run first, and its output becomes the model's input tensor.
    """
    source, target = front.subgraphs[0], model.subgraphs[0]
    tensors, buffers, codes = len(target.tensors), len(model.buffers), len(model.operatorCodes)
    for tensor in source.tensors:
        tensor.buffer += buffers
    target.tensors += source.tensors
    model.buffers += front.buffers
    model.operatorCodes += front.operatorCodes
    for operator in source.operators:
        operator.opcodeIndex += codes
        operator.inputs = _moved(operator.inputs, tensors)
        operator.outputs = _moved(operator.outputs, tensors)
    features, entry = int(source.outputs[0]) + tensors, int(target.inputs[0])
    _check_shapes(target.tensors[features], target.tensors[entry])
    link = []
    if target.tensors[entry].type == target.tensors[features].type:
        for operator in source.operators:
            operator.outputs = np.where(operator.outputs == features, entry, operator.outputs)
    else:
        link = [flatfile.new_operator(model, "QUANTIZE", 1, "QuantizeOptions", [features], [entry])]
    target.operators = [*source.operators, *link, *target.operators]
    target.inputs = np.array([int(source.inputs[0]) + tensors], np.int32)
    signature = model.signatureDefs[0].inputs[0]
    signature.name, signature.tensorIndex = b"pcm", int(target.inputs[0])
    target.tensors[target.inputs[0]].name = b"pcm"
    target.tensors[entry].name = b"features"


def _moved(numbers: np.ndarray, by: int) -> np.ndarray:
    """Tensor numbers moved up; -1 stands for an input left out."""
    return np.where(numbers >= 0, numbers + by, numbers).astype(np.int32)


def _check_shapes(features: schema.TensorT, entry: schema.TensorT) -> None:
    given, wanted = features.shape.tolist(), entry.shape.tolist()
    if given != wanted:
        raise InputError(
            f"The front end gives features of the shape {given}.",
            f"The model's input has the shape {wanted}.",
            "Use the steps and the clip length that the model was trained with.",
        )
