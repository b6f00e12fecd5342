"""Parts of `verify`: report.json with itself, with the manifest and with the samples."""

import math
from collections.abc import Iterator

from edgeprune import jsonable
from edgeprune.gate.evidence import Evidence, NothingToCheckByError
from edgeprune.pruning.result import Removed
from edgeprune.report.figures import main_metric
from edgeprune.report.plausible import stage_problems
from edgeprune.report.schema import StageReport

_EXACT = 1e-9


def report(evidence: Evidence) -> Iterator[str]:
    """Whether it can be read and is about this model file."""
    deployed = evidence.report.stages.deployed
    size = evidence.bundle.model.stat().st_size
    if deployed.tflite_bytes != size:
        yield f"it says model.tflite has {deployed.tflite_bytes} bytes, the file has {size}"


def sums(evidence: Evidence) -> Iterator[str]:
    """Whether fractions follow from counts, and counts from groups and layers."""
    found = evidence.report
    before, pruned, after = found.stages.by_name().values()
    was, kept, left = _counts(before), _counts(pruned), _counts(after)
    removed = _counts(found.removed)
    for unit in was:
        gone = 1 - left[unit] / was[unit] if was[unit] else 0.0
        if not math.isclose(removed[unit], gone, abs_tol=_EXACT):
            yield f"removed {unit} are {removed[unit]}, the stages say {gone:.9g}"
        if kept[unit] != left[unit]:
            yield f"pruned and deployed differ in {unit} ({kept[unit]} and {left[unit]})"
    groups, layers = found.groups, found.layers
    totals = [
        ("units_before of the groups", sum(one.units_before for one in groups), before.neurons),
        ("units_after of the groups", sum(one.units_after for one in groups), after.neurons),
    ]
    if layers:
        totals += [
            ("macs before of the layers", sum(one.macs_before or 0 for one in layers), before.macs),
            ("macs after of the layers", sum(one.macs_after or 0 for one in layers), after.macs),
            ("params before of the layers", sum(one.params_before or 0 for one in layers), before.params),
            ("params after of the layers", sum(one.params_after or 0 for one in layers), after.params),
        ]
    for what, total, stated in totals:
        if total != stated:
            yield f"{what} sum up to {total}, the stage has {stated}"


def _counts(one: StageReport | Removed) -> dict[str, float]:
    return {"neurons": one.neurons, "params": one.params, "macs": one.macs}


def ranges(evidence: Evidence) -> Iterator[str]:
    """Whether figures are possible at all."""
    found = evidence.report
    for name, stage in found.stages.by_name().items():
        problems = stage_problems(stage, evidence.bundle.manifest.metrics)
        yield from (f"{name}: {problem}" for problem in problems)
    for group in found.groups:
        if not 0 < group.units_after <= group.units_before:
            yield f"group {group.name!r} went from {group.units_before} to {group.units_after} neurons"
    proof = found.equivalence
    if not 0 <= proof.max_abs_error <= proof.tolerance:
        yield f"equivalence: the error {proof.max_abs_error:g} is not within {proof.tolerance:g}"
    if proof.samples < 1:
        yield "equivalence was tested on no sample"
    if any(seconds < 0 for seconds in found.timings_s.values()):
        yield "a stage took a negative time"
    epochs = [point.epoch for point in found.training]
    if epochs != sorted(set(epochs)):
        yield "the epochs of the training are out of order"


def against_manifest(evidence: Evidence) -> Iterator[str]:
    """Whether both tell of the same build."""
    manifest, found = evidence.bundle.manifest, evidence.report
    mine, theirs = jsonable.encode(found.recipe), jsonable.encode(manifest.recipe)
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            yield f"the recipe's {key} is {mine.get(key)!r}, in the manifest {theirs.get(key)!r}"
    name = main_metric(manifest.metrics)
    measured = found.stages.deployed.metrics
    if name and measured and name not in measured:
        yield f"the manifest's metric {name!r} is not among the report's ({', '.join(measured)})"


def against_samples(evidence: Evidence) -> Iterator[str]:
    """Whether accuracies are possible with whole numbers of samples."""
    total, truth = evidence.report.data.test, evidence.samples.y
    if not total:
        raise NothingToCheckByError("report.json does not say how many test samples there were")
    wanted = evidence.report.recipe.get("eval_samples")
    if isinstance(wanted, int) and len(truth) != min(wanted, total):
        yield f"eval.npz has {len(truth)} samples, {min(wanted, total)} were expected"
    if truth.ndim != 1 or truth.dtype.kind not in "iu" or (truth < 0).any():
        return  # accuracy counts positions, or leaves some out
    for name, stage in evidence.report.stages.by_name().items():
        accuracy = stage.metrics.get("accuracy")
        if accuracy is not None and abs(accuracy * total - round(accuracy * total)) >= 1e-6:
            yield f"{name}: no number of correct predictions out of {total} gives accuracy {accuracy}"
