"""What a model's outputs mean, in one place: the kind of their targets, their metrics, how they are judged.

    OutputTask    one output: kind of target, metrics (the primary one first), names of its classes
    figures       every metric of every output, by name: ``accuracy``, or ``box/r2`` where outputs are several
    scores        one score for each part that is judged by itself, higher is better; the worst drop decides

Whoever trains, decides, reports or measures asks here; nobody else looks at shapes to guess. The guess is
made once, when data and model meet: `edgeprune.data.targets`. NumPy, Python 3.9: it travels to devices.
"""

from edgeprune.tasks.constant_answer import distant_pictures, useless_outputs
from edgeprune.tasks.detection import detections
from edgeprune.tasks.figure_names import impossible_figures, metric_of
from edgeprune.tasks.keypoint_forms import holds_points, nearest_form
from edgeprune.tasks.output_task import Targets, evaluation_of, for_metrics, several
from edgeprune.tasks.own_metric import OwnMetric, less_is_better
from edgeprune.tasks.parts import parts_of_values
from edgeprune.tasks.sample_loss import sample_losses
from edgeprune.tasks.scoring import figures, judged_metrics, metric_names, scores, worst_drop
from edgeprune.types import OutputTask, Part, TargetKind

__all__ = [
    "OutputTask", "OwnMetric", "Part", "TargetKind", "Targets", "detections", "distant_pictures",
    "evaluation_of", "figures", "for_metrics", "holds_points", "impossible_figures", "judged_metrics",
    "less_is_better", "metric_names", "metric_of", "nearest_form", "parts_of_values", "sample_losses",
    "scores", "several", "useless_outputs", "worst_drop",
]
