"""Bundles with a `streaming.tflite`, what an app feeds them with, and what the Python runtime answers.

Each case runs the same turns in every language: all steps; all steps again after a reset; where there is
`feed`, a few raw values that a reset has to forget, then the whole recording in chunks of `CHUNKS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device_runners.agent.tensors import dequantize, quantize
from edgeprune import preprocessing
from edgeprune.bundle import Bundle, pack_eval, read_bundle
from edgeprune.types import OutputTask, StepInfo, TensorInfo
from tests.exports.bundles import SPOKEN, int8_bundle

RNG = np.random.default_rng(24)
STEPS, CHUNKS = 24, (1, 700, 0, 95, 96, 97, 10**6)
RECORDING = RNG.normal(0, 6000, 200 + 96 * 25 + 40).astype(np.int16)
MOVEMENT = RNG.normal(2, 3, (26, 3)).astype(np.float32)
KEPT = TensorInfo("state_1", (1, 4), "int8", 0.5, -7)


@dataclasses.dataclass(frozen=True)
class StreamingCase:
    """`raw` is a recording, flat; empty where there is no `feed`."""

    name: str
    bundle: Path
    steps: np.ndarray
    raw: np.ndarray
    frames: tuple[int, int] = (1, 1)  # raw values of a step, and from one to the next

    @property
    def read(self) -> Bundle:
        return read_bundle(self.bundle)

    def info(self) -> StepInfo:
        """What the file takes and gives."""
        info = self.read.manifest.one_step
        assert info is not None
        return info

    def features(self) -> np.ndarray:
        """Steps of the recording, by the whole preprocessing at once."""
        sample = self.raw if self.name == "spoken" else self.raw.reshape(-1, 3)
        steps = [one for one in self.info().preprocessing if one["op"] != "pad_or_crop"]
        return preprocessing.apply(steps, sample[None])[0]

    def turns(self) -> Iterator[tuple[np.ndarray, bool]]:
        """Every step that is run, and whether it is the first after a reset."""
        for part in (self.steps, self.steps, *([self.features()] if len(self.raw) else [])):
            for number, one in enumerate(part):
                yield one, number == 0

    def chunks(self) -> list[np.ndarray]:
        """The recording as it comes in."""
        return np.split(self.raw, np.cumsum(CHUNKS[:-1]))


def _models() -> dict[str, Callable[[Any], tuple[Any, list[Any]]]]:
    def spoken(layers: Any) -> tuple[Any, list[Any]]:
        x = given = layers.Input((12, 12))
        x = layers.Conv1D(6, 3, padding="causal", activation="relu")(x)
        x = layers.GlobalAveragePooling1D()(layers.GRU(5, return_sequences=True)(x))
        return given, [layers.Dense(5, activation="softmax")(x)]

    def moved(layers: Any) -> tuple[Any, list[Any]]:
        x = given = layers.Input((26, 3))
        x = layers.LSTM(4, return_sequences=True)(x)
        most = layers.Dense(2)(layers.GlobalMaxPooling1D()(x))
        return given, [layers.Dense(5, activation="softmax")(x), most]

    def written(layers: Any) -> tuple[Any, list[Any]]:
        given = layers.Input((9,), dtype="int32")
        x = layers.SimpleRNN(4)(layers.Embedding(11, 3)(given))
        return given, [layers.Dense(5)(x)]

    return {"spoken": spoken, "moved": moved, "written": written}


MOVED = (
    {"op": "standardize", "mean": [0.5, 1.0, -1.0], "std": [1.5, 2.0, 3.0]}, {"op": "rescale", "scale": 0.5},
)
"""Not made step by step: a row of a sensor's values is standardized by itself."""


def streaming_cases(folder: Path) -> list[StreamingCase]:
    """One case for each of the models above, of real files."""
    import keras

    from edgeprune.conversion import convert
    from edgeprune.conversion.streaming import streaming_file

    cases = []
    steps = {"spoken": ({"op": "pad_or_crop", "samples": 1280}, *SPOKEN), "moved": MOVED, "written": ()}
    stored = {
        "spoken": np.zeros((2, 1280), np.int16), "moved": np.zeros((2, 26, 3), np.float32),
        "written": np.zeros((2, 9), np.int32),
    }
    given = {
        "spoken": RNG.normal(size=(STEPS, 12)), "moved": RNG.normal(size=(STEPS, 3)),
        "written": RNG.integers(0, 11, STEPS),
    }
    raw = {"spoken": RECORDING, "moved": MOVEMENT.ravel(), "written": np.zeros(0, np.int32)}
    for name, make in _models().items():
        keras.utils.set_random_seed(7)
        model = keras.Model(*make(keras.layers))
        for weight in model.weights:
            weight.assign(RNG.normal(0, 0.5, weight.shape))
        whole, one_step = convert(model, "none"), streaming_file(model, "none")
        files = {
            "model.tflite": whole.tflite, "streaming.tflite": one_step.tflite,
            "eval.npz": pack_eval([stored[name]], np.zeros(2)),
        }
        bundle = int8_bundle(
            folder / f"{name}_bundle", task=name, inputs=whole.inputs, outputs=whole.outputs,
            preprocessing=steps[name], one_step=StepInfo(one_step.inputs, one_step.outputs, steps[name]),
            tasks=(OutputTask("values", ("r2",)),) * len(whole.outputs), files=files,
        )
        kind = np.int32 if name == "written" else np.float32
        frames = {"spoken": (200, 96), "moved": (3, 3), "written": (1, 1)}[name]
        cases.append(StreamingCase(name, bundle, given[name].astype(kind), raw[name], frames))
    return cases


def made_up_case(folder: Path) -> StreamingCase:
    """Quantized steps, outputs and states of several types; there is no model that computes them."""
    inputs = (
        TensorInfo("step", (1, 1, 3), "int8", 0.25, 5), TensorInfo("state_0", (1, 2, 2), "float32"), KEPT,
        TensorInfo("state_2", (1, 3), "int16", 0.125, 0), TensorInfo("state_3", (1, 2), "int64"),
        TensorInfo("state_4", (1, 2), "uint8", 0.5, 200), TensorInfo("state_5", (1, 2), "int32"),
    )
    outputs = (TensorInfo("scores", (1, 5), "uint8", 0.5, 9), TensorInfo("counts", (1, 1, 2), "int32"))
    after = tuple(dataclasses.replace(one, name=f"next_{one.name}") for one in inputs[1:])
    steps = ({"op": "standardize", "mean": 1.0, "std": [1.0, 2.0, 4.0]},)
    bundle = int8_bundle(
        folder / "made_up_bundle", task="made up", preprocessing=(),
        inputs=(TensorInfo("given", (1, 4, 3), "float32"),),
        outputs=(TensorInfo("scores", (1, 5), "float32"), TensorInfo("counts", (1, 4, 2), "int32")),
        one_step=StepInfo(inputs, outputs + after, steps), tasks=(OutputTask("values", ("r2",)),) * 2,
        files={
            "streaming.tflite": b"none",
            "eval.npz": pack_eval([np.zeros((2, 4, 3), np.float32)], np.zeros(2)),
        },
    )
    return StreamingCase(
        "made_up", bundle, RNG.normal(0, 9, (STEPS, 3)).astype(np.float32), MOVEMENT.ravel(), (3, 3)
    )


def ran(case: StreamingCase) -> tuple[list[bytes], list[list[bytes]], list[np.ndarray]]:
    """Of each turn: all that the file is fed with, all that it answers, and the outputs as numbers, flat."""
    info, count = case.info(), len(case.read.manifest.outputs)
    answer = _made_up(info) if case.name == "made_up" else _runtime(case.read.file("streaming.tflite"))
    fed, answers, numbers = [], [], []
    states: list[np.ndarray] = []
    for values, first in case.turns():
        if first:
            states = [np.full(one.shape, one.zero_point, one.dtype) for one in info.inputs[1:]]
        step = quantize(np.asarray(values).reshape(info.inputs[0].shape), info.inputs[0])
        made = answer([step, *states])
        fed.append(b"".join(one.tobytes() for one in (step, *states)))
        answers.append([one.tobytes() for one in made])
        outputs = [
            dequantize(one, tensor) if tensor.scale else one
            for one, tensor in zip(made[:count], info.outputs, strict=False)
        ]
        numbers.append(np.concatenate([one.ravel().astype(np.float32) for one in outputs]))
        states = made[count:]
    return fed, answers, numbers


def _runtime(file: Path) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file))
    interpreter.allocate_tensors()

    def answer(given: Sequence[np.ndarray]) -> list[np.ndarray]:
        for detail, value in zip(interpreter.get_input_details(), given, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]

    return answer


def _made_up(info: StepInfo) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    rng = np.random.default_rng(3)

    def answer(_: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [rng.integers(0, 100, one.shape).astype(one.dtype) for one in info.outputs]

    return answer
