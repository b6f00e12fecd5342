"""Is this machine fit to build and to reach devices? `examine` looks; every finding says the fix.

Nothing heavy is imported here: TensorFlow is tried out in a process of its own.
"""

from __future__ import annotations

from edgeprune.doctor.examine import examine
from edgeprune.doctor.finding import Finding, State, fit_to_build

__all__ = ["Finding", "State", "examine", "fit_to_build"]
