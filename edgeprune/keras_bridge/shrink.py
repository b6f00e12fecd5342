"""`edgeprune.shrink`: removes neurons that can never change an output, and proves that nothing changed.

read → trace → one run → find → build the smaller model → compare → again, until nothing is found
"""

from __future__ import annotations

import collections
import collections.abc
import contextlib
import dataclasses
import os
from collections.abc import Callable

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.cost import Cost, change_text, cost
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.html_table import html_table
from edgeprune.keras_bridge.build import build
from edgeprune.keras_bridge.float32 import reading_in_float32
from edgeprune.keras_bridge.load import load_if_path
from edgeprune.keras_bridge.read import Reading, read
from edgeprune.keras_bridge.run import CallStep, predict, repeatable
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs, workable_length
from edgeprune.keras_types import KerasModel, KerasTensor
from edgeprune.keywords import checked
from edgeprune.pruning.compaction import Compaction, compact
from edgeprune.pruning.constants import ConstantPropagation
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.equivalence import Equivalence, compare
from edgeprune.pruning.network import Data
from edgeprune.pruning.shrink import Findings, find_removable

RANDOM_SAMPLES = 8
RELATIVE_TOLERANCE = 2e-5
"""Sums of float32 in another order; a real difference is far larger."""


@dataclasses.dataclass(frozen=True)
class Removal:
    """Neurons of one group that went for one reason: ``"constant"``, ``"unread"`` or ``"duplicate"``."""

    group: str
    reason: str
    channels: int


@dataclasses.dataclass(frozen=True)
class ShrinkReport:
    """What was removed, and the comparison that proves it."""

    before: Cost
    after: Cost
    removals: tuple[Removal, ...]
    equivalence: Equivalence


@dataclasses.dataclass(frozen=True, repr=False)
class ShrinkResult:
    """A model that computes the same with fewer neurons; the original itself where none could go."""

    model: KerasModel
    report: ShrinkReport

    def __repr__(self) -> str:
        return f"<ShrinkResult: {change_text(self.report.before, self.report.after)}>"

    def _repr_html_(self) -> str:
        rows = [(one.group, f"{one.channels:,}", one.reason) for one in self.report.removals]
        return html_table(repr(self)[1:-1], ("group", "neurons removed", "why"), rows)


@checked()
def shrink(
    model: KerasModel | str | os.PathLike[str], samples: Data | None = None, *,
    custom_objects: collections.abc.Mapping[str, object] | str | None = None, trust_model: bool = False,
) -> ShrinkResult:
    """Removes neurons that cannot change any output.

    >>> result = edgeprune.shrink("mine.keras")
    >>> result.report.equivalence.holds
    True

    Args:
        model: a Keras 3 or tf_keras model, or a path; it is not changed.
        samples: inputs to compare on, besides random ones.
        custom_objects: your own layers, losses and metrics by name, or the module that holds them.
        trust_model: allow code inside the model file to run.

    Raises:
        VerificationError: the smaller model differs. It is not returned.
        InputError: the model cannot be read as a graph of layers.
    """
    original = read(load_if_path(model, trust=trust_model, custom_objects=custom_objects))
    before = cost(find_dependencies(original.graph))
    reading, removals = original, collections.Counter[tuple[str, str]]()
    while True:
        dependencies = find_dependencies(reading.graph)
        findings = _look(reading, dependencies)
        if not findings.reasons:
            break
        group_of = {int(channel): group.name for group in dependencies.groups for channel in group.channels}
        removals.update((group_of[channel], reason) for channel, reason in findings.reasons.items())
        reading = read(build(reading, _compacted(dependencies, findings), findings.weights))
    proof = _prove(original, reading, samples)
    proof.check()
    found = tuple(Removal(group, reason, number) for (group, reason), number in removals.items())
    return ShrinkResult(reading.model, ShrinkReport(before, cost(dependencies), found, proof))


def _look(reading: Reading, dependencies: DependencyGraph) -> Findings:
    """Runs the model once and decides."""
    having = [path for path, flows in dependencies.layer_flows.items() if flows]
    weights = {path: list(reading.layers[path].get_weights()) for path in having}
    constants = ConstantPropagation(dependencies, weights)

    def around(step: CallStep, compute: Callable[[], list[KerasTensor]]) -> list[KerasTensor]:
        outputs = compute()
        constants.record(step.number, [np.asarray(value) for value in outputs])
        return outputs

    predict(reading, synthetic_inputs(reading, 2, seed=0), around)
    return find_removable(constants)


def _compacted(dependencies: DependencyGraph, findings: Findings) -> Compaction:
    """The compaction, with biases added to layers that take in a constant."""
    plan = compact(dependencies, findings.keep)
    configs, slices = dict(plan.configs), dict(plan.weights)
    for path in findings.biases:
        configs[path] = {**configs.get(path, {}), "use_bias": True}
        slices[path] = (*slices[path], slices[path][0][-1:])
    return dataclasses.replace(plan, configs=configs, weights=slices)


def _prove(original: Reading, smaller: Reading, samples: Data | None) -> Equivalence:
    """Compares both models on random inputs, of two lengths where sizes are open, and on the ones given."""
    original, smaller = reading_in_float32(original), reading_in_float32(smaller)
    length = workable_length(original)
    random = synthetic_inputs(original, RANDOM_SAMPLES, 1, length)
    longer = synthetic_inputs(original, RANDOM_SAMPLES, 2, 2 * length)
    proofs = [_compared(original, smaller, random)]
    if any(a.shape != b.shape for a, b in zip(random, longer, strict=True)):
        with contextlib.suppress(InputError):  # a model may have a longest input, which no one knows
            proofs.append(_compared(original, smaller, longer))
    if samples is not None:
        proofs.append(_compared(original, smaller, samples))
    worst = max(proofs, key=lambda one: one.max_abs_error - one.tolerance)
    return dataclasses.replace(worst, samples=sum(proof.samples for proof in proofs))


def _compared(original: Reading, smaller: Reading, data: Data) -> Equivalence:
    left = repeatable(original, data)
    reference, found = predict(original, data), predict(smaller, data)
    pairs = [(reference[place], found[place]) for place in left]
    return compare([one for one, _ in pairs], [other for _, other in pairs], RELATIVE_TOLERANCE)
