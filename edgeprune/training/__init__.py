"""Fine-tuning what pruning left: distillation from the original, tfmot's schedules and masks."""

from __future__ import annotations

from edgeprune.training.checkpoint import Checkpoint, Epoch
from edgeprune.training.fine_tune import FineTuning, fine_tune
from edgeprune.training.goal import Goal, goal_of, predict
from edgeprune.training.gradual import mask_gradually

__all__ = ["Checkpoint", "Epoch", "FineTuning", "Goal", "fine_tune", "goal_of", "mask_gradually", "predict"]
