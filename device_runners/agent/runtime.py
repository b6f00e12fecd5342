"""Find a TFLite runtime and open a model with it.

ai-edge-litert is Google's current one; 32-bit Raspberry Pi OS has only tflite-runtime; a device that
has all of tensorflow works too. Their `Interpreter`s are alike.
"""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from edgeprune.errors import DeviceError
from edgeprune.run_record import Runtime

# (distribution, module with Interpreter and OpResolverType)
RUNTIMES = (
    ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ("tflite-runtime", "tflite_runtime.interpreter"),
    ("tensorflow", "tensorflow.lite.python.interpreter"),
)


def find_runtime(candidates: Sequence[Any] = RUNTIMES) -> tuple[Any, Runtime]:
    """Import the first runtime that is installed.

    Raises:
        DeviceError: none is installed, or those that are do not load.
    """
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
            return module, _describe(distribution, module)
    found = "; ".join(reasons) or "none is installed"
    wheel = (
        "ai-edge-litert"
        if platform.machine() in ("x86_64", "aarch64", "arm64")
        else "'tflite-runtime' 'numpy<2'"
    )
    raise DeviceError(
        f"No TFLite runtime loads on the device ({found}).",
        "One of ai-edge-litert, tflite-runtime, tensorflow is needed.",
        f"On the device: python3 -m pip install {wheel}.",
    )


def _describe(distribution: str, module: Any) -> Runtime:
    """Name and version; from the folder that pip writes, since importlib.metadata costs megabytes."""
    pattern = distribution.replace("-", "_") + "-*.dist-info"
    places = list(Path(module.__file__).parents)
    found = next((path.name for place in places[:5] for path in place.glob(pattern)), "")
    version = found[len(pattern.partition("*")[0]) : -len(".dist-info")] or "unknown"
    return Runtime(distribution, version, platform.python_version(), np.__version__)


def open_model(module: Any, path: str, threads: int, xnnpack: bool) -> Any:
    """An interpreter with its tensors allocated.

    Raises:
        DeviceError: the runtime rejects the model.
    """
    resolver = module.OpResolverType
    kind = resolver.AUTO if xnnpack else resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        interpreter = module.Interpreter(
            model_path=path, num_threads=threads, experimental_op_resolver_type=kind
        )
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise DeviceError(
            f"The runtime rejects the model: {' '.join(str(error).split())[:400]}",
            "A model that this runtime supports was expected.",
            "Convert it again with a current converter, or install a newer runtime on the device.",
        ) from error
    return interpreter
