"""Files of a model with given widths, for measuring: cut out of the baseline's file, or converted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.budget.narrow import Template, template

if TYPE_CHECKING:
    from edgeprune.pruning.analysis import PruningAnalysis

Convert = Callable[[Any], bytes]
"""A Keras model to `.tflite`, quantized as the build will."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
    """Makes candidates.

    Attributes:
        prepared: the model.
        convert: see `Convert`.
        baseline: the original, converted.
        template: None where the file cannot be narrowed and every candidate is converted.
    """

    prepared: PruningAnalysis
    convert: Convert
    baseline: bytes
    template: Template | None

    @property
    def cheap(self) -> bool:
        """Whether a candidate costs milliseconds rather than seconds."""
        return self.template is not None

    def file(self, counts: Sequence[int] | np.ndarray) -> bytes:
        """A model with these many units in each group; its numbers mean nothing."""
        if self.template is not None:
            return self.template.narrowed(counts)
        return self.convert(self.prepared.prune_to(np.asarray(counts), reconstruct=False).model)


def candidates_of(prepared: PruningAnalysis, convert: Convert) -> Candidates:
    """Converts the original, and finds out whether its file can be narrowed."""
    baseline = convert(prepared.model)
    names = [layer.split("/")[-1] for layer in prepared.dependencies.graph.layers]
    return Candidates(prepared, convert, baseline, template(baseline, prepared.dependencies.groups, names))
