"""Remove half of a Keras model's neurons, keep its performance, prove it on your own device.

Importing this package is light: TensorFlow is imported only when a call needs it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgeprune.version import VERSION

if TYPE_CHECKING:
    from device_runners import BenchOptions, bench
    from device_runners.comparison import Comparison, compare
    from edgeprune.bundle import Bundle, read_bundle
    from edgeprune.errors import (
        DeviceError,
        EdgepruneError,
        InputError,
        UnsupportedLayerError,
        VerificationError,
    )
    from edgeprune.exports import export
    from edgeprune.gate import CheckResult, Limits, check
    from edgeprune.keras_bridge.prune import prune
    from edgeprune.keras_bridge.shrink import shrink
    from edgeprune.layers import register_rule
    from edgeprune.pipeline.build import build
    from edgeprune.pruning.result import PruneReport, PruneResult
    from edgeprune.report.page import write_report
    from edgeprune.report.read import read_report
    from edgeprune.report.schema import Report
    from edgeprune.run_record import RunRecord

__version__ = VERSION

_PLACES = {
    "device_runners": "BenchOptions bench",
    "device_runners.comparison": "Comparison compare",
    "edgeprune.bundle": "Bundle read_bundle",
    "edgeprune.errors": "DeviceError EdgepruneError InputError UnsupportedLayerError VerificationError",
    "edgeprune.exports": "export",
    "edgeprune.gate": "CheckResult Limits check",
    "edgeprune.keras_bridge.prune": "prune",
    "edgeprune.keras_bridge.shrink": "shrink",
    "edgeprune.layers": "register_rule",
    "edgeprune.pipeline.build": "build",
    "edgeprune.pruning.result": "PruneReport PruneResult",
    "edgeprune.report.page": "write_report",
    "edgeprune.report.read": "read_report",
    "edgeprune.report.schema": "Report",
    "edgeprune.run_record": "RunRecord",
}
_WHERE = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = [
    "BenchOptions", "Bundle", "CheckResult", "Comparison", "DeviceError", "EdgepruneError", "InputError",
    "Limits", "PruneReport", "PruneResult", "Report", "RunRecord", "UnsupportedLayerError",
    "VerificationError", "__version__", "bench", "build", "check", "compare", "export", "prune",
    "read_bundle", "read_report", "register_rule", "shrink", "write_report",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is asked for (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'edgeprune' has no attribute '{name}'")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """What users need, for tab completion."""
    return sorted(__all__)
