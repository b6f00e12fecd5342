"""Find a TFLite runtime and open a model with it.

ai-edge-litert is Google's current one; 32-bit Raspberry Pi OS has only tflite-runtime; a device that
has all of tensorflow works too. Their `Interpreter`s are alike.
"""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from types import ModuleType
from typing import Callable, Optional, Protocol, Sequence, TypedDict, cast

import numpy as np

from edgeprune.errors import DeviceError
from edgeprune.run_parts import Runtime

# (distribution, module with Interpreter and OpResolverType)
RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)


class _ShapeSignature(TypedDict, total=False):
    shape_signature: np.ndarray  # with -1 for sizes that are open; old runtimes do not tell it


class TensorDetail(_ShapeSignature):
    """What the interpreter tells of a tensor; `quantization` is (scale, zero point)."""

    name: str
    index: int
    shape: np.ndarray
    dtype: type[np.generic]
    quantization: tuple[float, int]


class Interpreter(Protocol):
    """What all runtimes' `Interpreter`s can do."""

    def allocate_tensors(self) -> None: ...
    def resize_tensor_input(self, index: int, shape: Sequence[int]) -> None: ...
    def get_input_details(self) -> list[TensorDetail]: ...
    def get_output_details(self) -> list[TensorDetail]: ...
    def set_tensor(self, index: int, value: np.ndarray) -> None: ...
    def get_tensor(self, index: int) -> np.ndarray: ...
    def invoke(self) -> None: ...


class _OpResolverType(Protocol):
    AUTO: object
    BUILTIN_WITHOUT_DEFAULT_DELEGATES: object


class RuntimeModule(Protocol):
    """A module of `RUNTIMES`."""

    OpResolverType: _OpResolverType

    def Interpreter(  # noqa: N802  (the runtimes' name)
        self, *, model_path: Optional[str] = None, model_content: Optional[bytes] = None, num_threads: int,
        experimental_op_resolver_type: object,
    ) -> Interpreter: ...


def find_runtime(candidates: Sequence[tuple[str, str]] = RUNTIMES) -> tuple[RuntimeModule, Runtime]:
    """Import the first runtime that is installed and loads; a `DeviceError` where there is none."""
    reasons = []
    for distribution, module_name in candidates:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:  # noqa: PERF203  (three rounds)
            if error.name and module_name.startswith(error.name):
                continue  # not installed at all
            reasons.append(f"{distribution}: {error}")
        except Exception as error:  # noqa: BLE001  (a foreign architecture, a missing library: any kind)
            reasons.append(f"{distribution}: {error}")
        else:
            return cast("RuntimeModule", module), _describe(distribution, module)
    found = "; ".join(reasons) or "none is installed"
    raise DeviceError(
        f"No TFLite runtime loads on the device ({found}).",
        "One of ai-edge-litert, tflite-runtime, tensorflow is needed.",
        "`edgeprune devices --prepare DEVICE` installs one there; here: pip install ai-edge-litert.",
    )


def _describe(distribution: str, module: ModuleType) -> Runtime:
    """Name and version; from the folder that pip writes, since importlib.metadata costs megabytes."""
    pattern = distribution.replace("-", "_") + "-*.dist-info"
    places = list(Path(module.__file__ or "").parents)
    found = next((path.name for place in places[:5] for path in place.glob(pattern)), "")
    version = found[len(pattern.partition("*")[0]) : -len(".dist-info")] or "unknown"
    return Runtime(distribution, version, platform.python_version(), np.__version__)


def signature_of(interpreter: Interpreter) -> Optional[str]:
    """The names of the file's signatures; None where there are none, or the runtime does not tell."""
    listed = getattr(interpreter, "get_signature_list", None)
    return ", ".join(sorted(map(str, listed() or ()))) or None if callable(listed) else None


def open_model(
    module: RuntimeModule, model: str | bytes, threads: int, xnnpack: bool,
    set_sizes: Optional[Callable[[Interpreter], None]] = None, *, allocate: bool = True,
) -> Interpreter:
    """An interpreter with its tensors allocated; a `DeviceError` where the runtime rejects the model.

    Args:
        model: path of a file, or its content.
        set_sizes: gives inputs their sizes before.
        allocate: False for looking at the model only.
    """
    resolver = module.OpResolverType
    kind = resolver.AUTO if xnnpack else resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = (
            module.Interpreter(model_path=model, num_threads=threads, experimental_op_resolver_type=kind)
            if isinstance(model, str) else
            module.Interpreter(model_content=model, num_threads=threads, experimental_op_resolver_type=kind)
        )
        if set_sizes is not None:
            set_sizes(interpreter)
        if allocate:
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise DeviceError(
            f"The runtime rejects the model: {' '.join(str(error).split())[:400]}",
            "A model that this runtime supports was expected.",
            "Convert it again with a current converter, or install a newer runtime on the device.",
        ) from error
    return interpreter
