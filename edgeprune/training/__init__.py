"""Fine-tuning what pruning left: distillation from the original, tfmot's schedules and masks."""

from __future__ import annotations

from edgeprune.training.fine_tune import Epoch, FineTuning, fine_tune
from edgeprune.training.gradual import mask_gradually

__all__ = ["Epoch", "FineTuning", "fine_tune", "mask_gradually"]
