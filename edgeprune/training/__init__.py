"""Fine-tuning what pruning left: distillation from the original, tfmot's schedules and masks."""

from __future__ import annotations

from edgeprune.training.checkpoint import Checkpoint, Epoch
from edgeprune.training.fine_tune import FineTuning, fine_tune
from edgeprune.training.gradual_masking import mask_gradually
from edgeprune.training.objective import TrainingObjective, training_objective
from edgeprune.training.prediction import predict

__all__ = [
    "Checkpoint", "Epoch", "FineTuning", "TrainingObjective", "fine_tune", "mask_gradually", "predict",
    "training_objective",
]
