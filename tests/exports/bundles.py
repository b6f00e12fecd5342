"""Bundles to export, around the golden models; and what the Python runtime makes of their samples."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device_runners.agent import samples, tensors
from edgeprune.bundle import Bundle, load_eval, pack_eval, read_bundle, write_bundle
from edgeprune.types import OutputTask, TensorInfo

GOLDEN = Path(__file__).parents[1] / "device_runners" / "golden"
# Each ends a string, a comment or a line, or starts an interpolation, in one of the languages.
HOSTILE = (
    'a"b\\', "$x ${y}", "*/ // */ /* ", "\\(1 + 1) #{2} `id`", "é 漢 😀\u202e\u0007??/",
)

# Noise, from silence to loud, and a front end that makes 12 frames of 12 coefficients of it.
SPOKEN = (
    {"op": "pcm_to_float"},
    {"op": "log_mel", "sample_rate": 8000, "frame_length": 200, "frame_step": 96, "mel_bands": 20,
     "upper_hz": 3900.0},
    {"op": "mfcc", "coefficients": 12},
    {"op": "standardize", "mean": -3.0, "std": [0.5 + index for index in range(12)]},
)
CLIPS = (np.random.default_rng(9).normal(0, 6000, (8, 1280)) * np.linspace(0, 1, 8)[:, None]).astype(np.int16)



def int8_bundle(folder: Path, **changes: Any) -> Path:
    """The golden int8 model, (1, 12, 12, 1) to (1, 5), with `changes` to its manifest."""
    files = changes.pop("files", {})
    return _bundle(folder, GOLDEN / "bundle_v1" / "model.tflite", files, **changes)


def float_bundle(folder: Path, **changes: Any) -> Path:
    """The golden float model, with standardized int16 "audio" of another length than its input."""
    steps = (
        {"op": "pad_or_crop", "samples": 144},
        {"op": "pcm_to_float"},
        {"op": "reshape", "shape": [12, 12, 1]},
        {"op": "standardize", "mean": [[[0.125]]] * 12, "std": [[[0.1 + 0.07 * row]] for row in range(12)]},
    )
    rng = np.random.default_rng(3)
    clips = rng.integers(-32768, 32767, (20, 101), np.int16, endpoint=True)
    tensor = TensorInfo("audio in", (1, 12, 12, 1), "float32")
    changes = {
        "task": "speech", "inputs": (tensor,), "outputs": (TensorInfo("scores", (1, 5), "float32"),),
        "preprocessing": steps, **changes,
    }
    files = {"eval.npz": pack_eval([clips], np.zeros(20, np.int64)), **changes.pop("files", {})}
    return _bundle(folder, GOLDEN / "float.tflite", files, **changes)


def every_tensor_bundle(folder: Path) -> Path:
    """A manifest with every type of tensor and every step; its model is not that one, so it only compiles."""
    inputs = (
        TensorInfo("wide", (1, 6), "int16"), TensorInfo("tokens 1", (1, 4), "int64"),
        TensorInfo("tokens 2", (1, 4), "int32"), TensorInfo("picture", (1, 2, 2, 3), "uint8", 0.5, 3),
        TensorInfo("pcm", (1, 8), "int16", 0.25, 0), TensorInfo("raw", (1, 5), "float32"),
        TensorInfo("step0", (1, 2), "uint8"), TensorInfo("Text", (1, 7), "int64"),
    )
    outputs = (
        TensorInfo("ids", (1, 3), "int64"), TensorInfo("counts", (1, 3), "int32"),
        TensorInfo("small", (1, 3), "uint8"), TensorInfo("score", (1, 1), "int16", 0.5, 0),
        TensorInfo("class", (1, 2), "uint8", 0.5, 4),
    )
    steps = (
        {"op": "rescale", "scale": 1, "input": 3}, {"op": "pad_or_crop", "samples": 8, "input": 4},
        {"op": "pcm_to_float", "input": 4},
        {"op": "standardize", "mean": 0, "std": [1, 2, 3, 4] * 2, "input": 4},
        {"op": "tokenize", "kind": "word", "length": 7, "input": 7},
    )
    raw = [
        np.zeros((2, *one.shape[1:]), {"picture": "uint8", "pcm": "int16"}.get(one.name, one.dtype))
        for one in inputs[:-1]
    ]
    files = {
        "eval.npz": pack_eval([*raw, np.array(["a", "b"])], np.zeros(2)), "labels.txt": b"no\nyes\n",
        "vocab.txt": b"[PAD]\n[UNK]\n",
    }
    return int8_bundle(
        folder, task="text", inputs=inputs, outputs=outputs, preprocessing=steps, files=files
    )


PLAUSIBLE = (
    "zip", "index", "data", "time", "value", "map", "list", "min", "name", "id", "state", "output", "detail",
    "count", "options", "reader",
)


def plausible_names_bundle(folder: Path) -> Path:
    """Tensors by names that people use, some of which functions of the languages have, and boxes."""
    outputs = [TensorInfo(name, (1, 5), "float32") for name in PLAUSIBLE[:-1]]
    kinds = (*[OutputTask("values", ("r2",))] * len(outputs), OutputTask("boxes", ("map_50",)))
    return int8_bundle(
        folder, inputs=tuple(TensorInfo(name, (1, 2), "float32") for name in PLAUSIBLE), preprocessing=(),
        outputs=(*outputs, TensorInfo("detections", (1, 3, 4, 9), "float32")), tasks=kinds,
        files={"eval.npz": pack_eval([np.zeros((2, 2), np.float32)] * len(PLAUSIBLE), np.zeros(2))},
    )


def _bundle(folder: Path, model: Path, files: Mapping[str, bytes | Path], **changes: Any) -> Path:
    source = read_bundle(GOLDEN / "bundle_v1")
    labels = "".join(f"{label}\n" for label in HOSTILE).encode()
    content: dict[str, bytes | Path] = {
        "model.tflite": model, "eval.npz": source.file("eval.npz"), "labels.txt": labels, **files,
    }
    write_bundle(folder, dataclasses.replace(source.manifest, files={}, **changes), content)
    return folder


def raw_samples(bundle: Path) -> tuple[np.ndarray, ...]:
    """Raw samples, one array (N, …) for each input."""
    return load_eval(read_bundle(bundle).file("eval.npz")).inputs


def fed_and_answered(bundle: Path) -> tuple[list[bytes], list[list[np.ndarray]], list[list[np.ndarray]]]:
    """What the agent feeds each sample's inputs with, the raw outputs, and the outputs as numbers."""
    from ai_edge_litert.interpreter import Interpreter

    read: Bundle = read_bundle(bundle)
    infos = read.manifest.inputs
    arrays = samples.model_inputs(read, load_eval(read.file("eval.npz")), infos)
    interpreter = Interpreter(model_path=str(read.model))
    interpreter.allocate_tensors()
    inputs = [detail["index"] for detail in interpreter.get_input_details()]
    outputs = [detail["index"] for detail in interpreter.get_output_details()]
    fed, raw, numbers = [], [], []
    for row in range(len(arrays[0])):
        for index, array in zip(inputs, arrays, strict=True):
            interpreter.set_tensor(index, array[row : row + 1])
        interpreter.invoke()
        fed.append(b"".join(array[row].tobytes() for array in arrays))
        raw.append([interpreter.get_tensor(index) for index in outputs])
        numbers.append(
            [tensors.dequantize(one, info) if info.scale else one
             for one, info in zip(raw[-1], read.manifest.outputs, strict=True)]
        )
    return fed, raw, numbers


def run(*words: object, cwd: Path | None = None) -> str:
    """Standard output of a program that has to succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def change_manifest(bundle: Path, destination: Path, edit: Mapping[Sequence[str | int], Any]) -> Path:
    """A copy of a bundle with values in its manifest edited by hand, by their paths."""
    shutil.copytree(bundle, destination)
    path = destination / "manifest.json"
    document = json.loads(path.read_text())
    for place, value in edit.items():
        holder = document
        for key in place[:-1]:
            holder = holder[key]  # type: ignore[index]
        holder[place[-1]] = value  # type: ignore[index]
    path.write_text(json.dumps(document))
    return destination
