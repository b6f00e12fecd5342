"""Parts of `verify`: the model itself, run on this machine."""

import dataclasses
from collections.abc import Iterator, Sequence

from edgeprune.bundle.read import EVAL
from edgeprune.gate.evidence import Evidence, NothingToCheckByError
from edgeprune.report.figures import main_metric
from edgeprune.tasks import metric_of
from edgeprune.types import TensorInfo

_LABELS = "labels.txt"
_INTEGER = ("int8", "int16x8")
_SMALL = 1e-6


def runs(evidence: Evidence) -> Iterator[str]:
    """Whether it opens and answers all samples."""
    record, found = evidence.record, evidence.bundle.manifest.files
    if EVAL in found and record.samples != len(evidence.samples):
        yield f"it answered {record.samples} of {len(evidence.samples)} samples in the time limit"


def tensors(evidence: Evidence) -> Iterator[str]:
    """Whether inputs and outputs are the manifest's."""
    manifest, model = evidence.bundle.manifest, evidence.model
    yield from _differences("input", manifest.inputs, model.inputs)
    yield from _differences("output", manifest.outputs, model.outputs)


def operators(evidence: Evidence) -> Iterator[str]:
    """Whether operators are the report's."""
    said, found = dict(evidence.report.quantization.operators), evidence.model.operators
    if not said:
        raise NothingToCheckByError("report.json lists no operators")
    for name in sorted(said.keys() | found.keys()):
        if said.get(name, 0) != found.get(name, 0):
            yield f"report.json counts {said.get(name, 0)} {name}, the file has {found.get(name, 0)}"


def samples_and_labels(evidence: Evidence) -> Iterator[str]:
    """Whether labels, samples and outputs have the same classes."""
    bundle = evidence.bundle
    if _LABELS not in bundle.manifest.files:
        raise NothingToCheckByError(f"the bundle has no {_LABELS}")
    try:
        labels = bundle.file(_LABELS).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        yield f"{_LABELS} is not UTF-8 text"
        return
    if bundle.manifest.outputs and main_metric(bundle.manifest.metrics) == "accuracy":
        classes = bundle.manifest.outputs[0].shape[-1]
        if classes > 1 and len(labels) != classes:
            yield f"{_LABELS} has {len(labels)} labels, the model has {classes} outputs"
        truth = evidence.samples.y
        if truth.dtype.kind in "iu" and len(truth) and int(truth.max()) >= max(len(labels), 2):
            yield f"{EVAL} has class {int(truth.max())}, and there are {len(labels)} labels"


def accuracy(evidence: Evidence) -> Iterator[str]:
    """Whether the samples give again what they gave when the bundle was built."""
    said = evidence.report.stages.deployed.on_eval
    count = len(evidence.samples)
    if said is None:
        raise NothingToCheckByError("report.json does not say what eval.npz gave")
    if said.samples != count:
        yield f"report.json counts {said.samples} samples, {EVAL} has {count}"
        return
    # Integer kernels give the same on every machine, float ones may turn the odd close call.
    integer = evidence.report.quantization.mode in _INTEGER
    slack = 1 / count if integer else max(1 / count, 0.01)
    for name, value in said.metrics.items():
        again, known = evidence.record.metrics.get(name), metric_of(name)
        # An error in grams or metres may be of any size.
        size = 1.0 if known is None or known.unit == "fraction" else abs(value)
        if again is None or abs(again - value) > slack * size + _SMALL:
            yield f"{name} is {again}, report.json says {value}"


def test_accuracy(evidence: Evidence) -> Iterator[str]:
    """Whether the test split's accuracy is possible with what the samples, a part of it, give."""
    total, truth = evidence.report.data.test, evidence.samples.y
    said = evidence.report.stages.deployed.metrics.get("accuracy")
    again = evidence.record.metrics.get("accuracy")
    if not total or said is None or again is None or truth.ndim != 1:
        raise NothingToCheckByError("there is no accuracy to compare, or no count of test samples")
    count = len(truth)
    right, right_of_all = round(again * count), round(said * total)
    slack = max(1, count // 100)
    least, most = right - slack, total - (count - right) + slack
    if not least <= right_of_all <= most:
        yield (
            f"report.json says {right_of_all} of {total} test samples are predicted correctly; {right} of "
            f"the {count} in {EVAL} are, which allows {max(least, 0)} to {min(most, total)}"
        )


def _differences(kind: str, listed: Sequence[TensorInfo], found: Sequence[TensorInfo]) -> Iterator[str]:
    if len(listed) != len(found):
        yield f"the manifest has {len(listed)} {kind}s, the file {len(found)}"
        return
    for one, other in zip(listed, found, strict=True):
        mine, theirs = dataclasses.asdict(one), dataclasses.asdict(other)
        for field in ("name", "shape", "dtype", "zero_point"):
            if mine[field] != theirs[field]:
                yield f"{kind} {one.name!r}: {field} {mine[field]} against {theirs[field]}"
        if abs(one.scale - other.scale) > _SMALL * abs(other.scale):
            yield f"{kind} {one.name!r}: scale {one.scale} against {other.scale}"
