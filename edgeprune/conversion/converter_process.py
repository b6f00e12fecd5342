"""TensorFlow's converter in a process of its own.

It can abort (``std::bad_alloc``, a failed check in C++), is killed where memory runs out, and keeps memory
from one conversion to the next. So large models are converted by a worker that is replaced when it dies, and
after some conversions; what happens to it is a refusal. Small models stay in this process: to import
TensorFlow once more would take longer than to convert them.

    this process                                   worker
    SavedModel, calibration.npz, one line of JSON → converter → model.tflite, one line of JSON
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from edgeprune.conversion.values import Io, Mode
from edgeprune.errors import InputError

if TYPE_CHECKING:
    from edgeprune.conversion.tracing import TracedModel

MOST_INSIDE_BYTES = 40e6
"""Weights up to which a model is converted in this process."""
MOST_CONVERSIONS = 12
"""Conversions of one worker: it keeps some of their memory."""
_START = (
    "import sys; sys.path[:] = sys.argv[1:];"
    " from edgeprune.conversion.converter_process import serve; serve()"
)
_MODEL, _SAMPLES, _RESULT = "saved_model", "calibration.npz", "model.tflite"
Representative = Callable[[], Iterator[dict[str, np.ndarray]]]


class ConverterError(Exception):
    """What TensorFlow's converter said of a model, in the worker."""


@dataclasses.dataclass(frozen=True)
class ConverterSettings:
    """What the converter is told."""

    mode: Mode
    io: Io
    allow_flex: bool
    per_channel: bool


def configured(converter: Any, settings: ConverterSettings, samples: Representative | None) -> Any:
    """TensorFlow's converter object, set up."""
    import tensorflow as tf

    sets, mode = tf.lite.OpsSet, settings.mode
    special = {
        "int8": [sets.TFLITE_BUILTINS_INT8],
        "int16x8": [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8],
    }
    flex = [sets.SELECT_TF_OPS] if settings.allow_flex else []
    converter.target_spec.supported_ops = [*special.get(mode, []), sets.TFLITE_BUILTINS, *flex]
    # The converter has no public name for it.
    converter._experimental_disable_per_channel = not settings.per_channel  # noqa: SLF001
    if mode != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if samples is not None and mode in ("int8", "int16x8"):
        converter.representative_dataset = samples
        integers = tf.int16 if mode == "int16x8" else tf.int8
        kind = {"float": tf.float32, "int8": integers}[settings.io]
        converter.inference_input_type = converter.inference_output_type = kind
    return converter


def one_by_one(arrays: dict[str, np.ndarray]) -> Representative:
    """One sample at a time, as the batch is 1, by the names of the inputs: their order is not kept."""
    number = len(next(iter(arrays.values())))

    def samples() -> Iterator[dict[str, np.ndarray]]:
        for i in range(number):
            yield {name: array[i : i + 1] for name, array in arrays.items()}

    return samples


def is_large(traced: TracedModel) -> bool:
    """Whether a model is converted by the worker."""
    sizes = [int(np.prod(one.shape)) * int(one.dtype.size) for one in traced.function.variables]
    return sum(sizes) > MOST_INSIDE_BYTES


def convert_in_worker(
    traced: TracedModel, settings: ConverterSettings, calibration: dict[str, np.ndarray] | None
) -> bytes:
    """Converts a model in the worker.

    Raises:
        ConverterError: the converter refuses the model.
        InputError: the worker died.
    """
    import tensorflow as tf

    with tempfile.TemporaryDirectory(prefix="edgeprune-") as name, _lock:
        folder = Path(name)
        tf.saved_model.save(
            traced.module, str(folder / _MODEL), {"serving_default": traced.function},
            tf.saved_model.SaveOptions(save_debug_info=True),
        )
        if calibration is not None:
            np.savez(folder / _SAMPLES, allow_pickle=False, **calibration)
        problem = _worker_of().ask({"folder": name, **dataclasses.asdict(settings)})
        if problem is not None:
            raise ConverterError(problem)
        return (folder / _RESULT).read_bytes()


class ConverterWorker:
    """A process that converts one model after the other."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (as long as the process)
        self._process = subprocess.Popen(  # noqa: S603  (this Python)
            [sys.executable, "-c", _START, *(path for path in sys.path if path)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._log, start_new_session=True,
        )
        self._left = MOST_CONVERSIONS

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it lives and has not converted too much."""
        return self._left > 0 and self._process.poll() is None

    def ask(self, request: dict[str, object]) -> str | None:
        """What the converter said against a model, or None; an `InputError` where the process died."""
        self._left -= 1
        answer = b""
        try:
            if self._process.stdin is not None and self._process.stdout is not None:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.write(json.dumps(request).encode() + b"\n")
                    self._process.stdin.flush()
                answer = self._process.stdout.readline()
        except BaseException:  # Ctrl-C: nobody waits for the answer
            self.end()
            raise
        if not answer:
            raise self._died(str(request.get("mode")))
        found = json.loads(answer)["problem"]
        return None if found is None else str(found)

    def end(self) -> None:
        """Kills the process."""
        self._process.kill()
        self._process.wait()

    def _died(self, mode: str) -> InputError:
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 4000))
        lines = self._log.read().decode(errors="replace").split("\n")
        reasons = ("Check failed", "what()", "Error")
        said = [line.strip()[:300] for line in lines if any(one in line for one in reasons)]
        why = " Most likely there was too little memory." if code == -signal.SIGKILL else ""
        return InputError(
            f"TensorFlow's converter crashed on this model ({how}).{f' {said[-1]}' if said else ''}{why}",
            f"A model that can be converted in mode {mode!r}.",
            "Free memory, make the model smaller, or try another --quantize.",
        )


_lock = threading.Lock()
_workers: list[ConverterWorker] = []


def _worker_of() -> ConverterWorker:
    if _workers and not _workers[0].is_usable:
        end_worker()
    if not _workers:
        _workers.append(ConverterWorker())
    return _workers[0]


@atexit.register
def end_worker() -> None:
    """Ends the worker, if there is one."""
    while _workers:
        _workers.pop().end()


def serve() -> None:
    """The worker: reads requests from stdin until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed, by C++ too
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request.pop("folder"))
        try:
            _convert(folder, ConverterSettings(**request))
            problem = None
        except MemoryError:
            problem = "Its memory is not enough."
        except Exception as error:  # noqa: BLE001  (whatever the converter raises is its answer)
            problem = str(error) or type(error).__name__
        answers.write(json.dumps({"problem": problem}) + "\n")
        answers.flush()


def _convert(folder: Path, settings: ConverterSettings) -> None:
    import tensorflow as tf

    if settings.mode not in get_args(Mode):
        raise ValueError(settings.mode)
    samples = None
    if (folder / _SAMPLES).is_file():
        with np.load(folder / _SAMPLES, allow_pickle=False) as arrays:
            samples = one_by_one({name: arrays[name] for name in arrays.files})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / _MODEL))
    (folder / _RESULT).write_bytes(configured(converter, settings, samples).convert())
