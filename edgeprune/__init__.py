"""Remove half of a Keras model's neurons, keep its performance, prove it on your own device.

Importing this package is light: TensorFlow is imported only when a call needs it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgeprune.version import VERSION

if TYPE_CHECKING:
    from device_runners import bench
    from edgeprune.exports import export
    from edgeprune.gate import Limits, check
    from edgeprune.keras_bridge.prune import prune
    from edgeprune.keras_bridge.shrink import shrink
    from edgeprune.layers import register_rule
    from edgeprune.pipeline.build import build
    from edgeprune.report.page import write_report

__version__ = VERSION

_WHERE = {
    "Limits": "edgeprune.gate",
    "bench": "device_runners",
    "build": "edgeprune.pipeline.build",
    "check": "edgeprune.gate",
    "export": "edgeprune.exports",
    "prune": "edgeprune.keras_bridge.prune",
    "register_rule": "edgeprune.layers",
    "shrink": "edgeprune.keras_bridge.shrink",
    "write_report": "edgeprune.report.page",
}

__all__ = [
    "Limits", "__version__", "bench", "build", "check", "export", "prune", "register_rule", "shrink",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Imports what is asked for, when it is asked for (PEP 562)."""
    if name not in _WHERE:
        raise AttributeError(f"module 'edgeprune' has no attribute '{name}'")
    return getattr(importlib.import_module(_WHERE[name]), name)
