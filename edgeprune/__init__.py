"""Remove half of a Keras model's neurons, keep its performance, prove it on your own device.

Importing this package is light: TensorFlow is imported only when a call needs it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgeprune.version import VERSION

if TYPE_CHECKING:
    from device_runners.comparison import Comparison
    from device_runners.options import BenchOptions
    from edgeprune.api.bench import bench
    from edgeprune.api.build import build
    from edgeprune.api.check import check
    from edgeprune.api.compare import compare
    from edgeprune.api.export import export
    from edgeprune.api.report import write_report
    from edgeprune.api.search import search
    from edgeprune.bundle import Bundle, read_bundle
    from edgeprune.errors import (
        DeviceError,
        EdgepruneError,
        InputError,
        KeywordError,
        UnsupportedLayerError,
        VerificationError,
    )
    from edgeprune.exports import ExportResult
    from edgeprune.gate import CheckResult, Limits
    from edgeprune.keras_bridge.inspect import Inspection, inspect
    from edgeprune.keras_bridge.prune import prune
    from edgeprune.keras_bridge.shrink import ShrinkResult, shrink
    from edgeprune.layers import register_rule
    from edgeprune.pruning.result import PruneReport, PruneResult
    from edgeprune.report.read import read_report
    from edgeprune.report.schema import Report
    from edgeprune.run_record import RunRecord
    from edgeprune.sweep.front import Front

__version__ = VERSION

_PLACES = {
    "device_runners.comparison": "Comparison",
    "device_runners.options": "BenchOptions",
    "edgeprune.api.bench": "bench",
    "edgeprune.api.build": "build",
    "edgeprune.api.check": "check",
    "edgeprune.api.compare": "compare",
    "edgeprune.api.export": "export",
    "edgeprune.api.report": "write_report",
    "edgeprune.api.search": "search",
    "edgeprune.bundle": "Bundle read_bundle",
    "edgeprune.errors":
        "DeviceError EdgepruneError InputError KeywordError UnsupportedLayerError VerificationError",
    "edgeprune.exports": "ExportResult",
    "edgeprune.gate": "CheckResult Limits",
    "edgeprune.keras_bridge.inspect": "Inspection inspect",
    "edgeprune.keras_bridge.prune": "prune",
    "edgeprune.keras_bridge.shrink": "ShrinkResult shrink",
    "edgeprune.layers": "register_rule",
    "edgeprune.pruning.result": "PruneReport PruneResult",
    "edgeprune.report.read": "read_report",
    "edgeprune.report.schema": "Report",
    "edgeprune.run_record": "RunRecord",
    "edgeprune.sweep.front": "Front",
}
_WHERE = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = [
    "BenchOptions", "Bundle", "CheckResult", "Comparison", "DeviceError", "EdgepruneError", "ExportResult",
    "Front", "InputError", "Inspection", "KeywordError", "Limits", "PruneReport", "PruneResult", "Report",
    "RunRecord", "ShrinkResult", "UnsupportedLayerError", "VerificationError", "__version__", "bench",
    "build", "check", "compare", "export", "inspect", "prune", "read_bundle", "read_report",
    "register_rule", "search", "shrink", "write_report",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is asked for (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'edgeprune' has no attribute '{name}'")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    """What users need, for tab completion."""
    return sorted(__all__)
