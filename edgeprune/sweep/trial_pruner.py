"""When to stop a trial early: another one of its kind was far ahead at the same time, at no more cost.

Optuna's pruners know one objective only. With several, a trial is stopped when one finished trial beats
it in all of them. Size, latency and memory are not known before the end, but of two models of the same
kind (same number format, same operators) the one with fewer weights and fewer multiply-accumulates is the
smaller and, noise and tiles apart, not the slower one. What remains is accuracy, which is compared at the
same epoch, and "far" is what the validation data can tell apart:

    metric_reference - metric > 2 sqrt(2 p (1 - p) / n)          p = their mean, n = samples

two standard errors of the difference of two independent ratios. Both see the same samples, so that the
real error is smaller.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping

from edgeprune.progress import Interim
from edgeprune.recipe import SETTINGS

_KIND = ("method", "quantize", "qat", "clusters", "io", "embed_frontend", "allow_flex")
"""Settings that say how the file is made, whatever the widths."""


@dataclasses.dataclass(frozen=True)
class ReferenceTrial:
    """A finished trial that others are compared with; its curve begins after pruning."""

    number: int
    curve: tuple[Interim, ...]


def kind_of(settings: Mapping[str, object]) -> tuple[object, ...]:
    """Trials of the same kind can be compared before they are done."""
    return tuple(settings.get(name, SETTINGS[name].default) for name in _KIND)


def reason_to_stop(now: Interim, references: Iterable[ReferenceTrial]) -> str:
    """Why a trial with this interim result is stopped; empty if it goes on."""
    for reference in references:
        for then in reference.curve:
            cheaper = then.params <= now.params and then.macs <= now.macs
            if then.epoch == now.epoch and cheaper and then.metric - now.metric > _noise(now, then):
                when = f"after {now.epoch} epochs" if now.epoch else "before training"
                return (
                    f"Stopped {when}: {100 * now.metric:.1f} % on validation data, where the smaller trial "
                    f"{reference.number} had {100 * then.metric:.1f} %."
                )
    return ""


def _noise(one: Interim, other: Interim) -> float:
    mean = (one.metric + other.metric) / 2
    return 2 * math.sqrt(max(2 * mean * (1 - mean), 0.0) / max(one.samples, 1))
