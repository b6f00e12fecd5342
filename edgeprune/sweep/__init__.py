"""Sweeps: many builds, and their Pareto front.

settings       what is asked for, and varied    trial, subprocess_trial  one build, in a process of its own
storage        Optuna's database                trial_pruner   when to stop one early
study          which trial is next              workers        where trials run: processes here, or Ray
devices        where bundles are measured       file_transfer  model, data and bundles between machines
front          what was found                   status_board   what is known while it runs
worker_loop    workers and devices kept busy    sweep          all of it together
"""

from edgeprune.sweep.front import Front, TrialResult
from edgeprune.sweep.settings import DEFAULT_SPACE, Space, Sweep
from edgeprune.sweep.sweep import sweep

__all__ = ["DEFAULT_SPACE", "Front", "Space", "Sweep", "TrialResult", "sweep"]
