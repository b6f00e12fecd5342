"""Sweeps: many builds, and which of them no other one beats.

space     what is varied
trial     one build, in a process of its own
study     Optuna's study: which trial is next, and what is known
workers   where trials run: processes here, or Ray
sweep     keeps the workers busy until every trial is done
"""

from edgeprune.search.space import DEFAULT_SPACE, Space
from edgeprune.search.sweep import Front, Sweep, sweep

__all__ = ["DEFAULT_SPACE", "Front", "Space", "Sweep", "sweep"]
