"""Sweeps: many builds, and which of them no other one beats.

space     what is varied                    trial     one build, in a process of its own; apart: its parent
storage   Optuna's database                 hopeless  when to stop one early
study     which trial is next               workers   where trials run: processes here, or Ray
devices   where bundles are measured        parcel    files on their way to other machines and back
front     what was found                    board     what is known while it runs
running   workers and devices kept busy         sweep     all of it together
"""

from __future__ import annotations

from edgeprune.sweep.front import Done, Front
from edgeprune.sweep.space import DEFAULT_SPACE, Space
from edgeprune.sweep.sweep import Sweep, sweep

__all__ = ["DEFAULT_SPACE", "Done", "Front", "Space", "Sweep", "sweep"]
