"""Candidates for measuring: which widths, and their files, cut out of the baseline's file or converted.

Few candidates show every group at several widths, beside others'. Some are uniform and show how latency
falls as a whole. In the rest every group is narrowed at once, by a Latin hypercube: each group's widths are
spread evenly over the candidates in a random order of its own, so that one file tells about all groups,
and a least-squares fit tells them apart.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.budget.width_slicing import WidthSlicer, width_slicer
from edgeprune.keras_types import KerasModel
from edgeprune.pruning.analysis import PruningAnalysis

NARROWEST = 0.2
UNIFORM = (0.85, 0.7, 0.55, 0.4, 0.25)

Convert = Callable[[KerasModel], bytes]
"""A Keras model to `.tflite`, quantized as the build will."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidates:
    """Makes candidates; without a slicer, every one is converted."""

    analysis: PruningAnalysis
    convert: Convert
    baseline: bytes
    slicer: WidthSlicer | None

    @property
    def cheap(self) -> bool:
        """Whether a candidate costs milliseconds rather than seconds."""
        return self.slicer is not None

    def file(self, counts: Sequence[int] | np.ndarray) -> bytes:
        """A model with this number of channels in each group; its weights are arbitrary."""
        if self.slicer is not None:
            return self.slicer.sliced(counts)
        return self.convert(self.analysis.prune_to(np.asarray(counts), reconstruct=False).model)


def candidates_of(analysis: PruningAnalysis, convert: Convert) -> Candidates:
    """Converts the original, and finds out whether its file can be sliced."""
    baseline = convert(analysis.model)
    dependencies = analysis.dependencies
    names = [layer.split("/")[-1] for layer in dependencies.graph.layers]
    return Candidates(analysis, convert, baseline, width_slicer(baseline, dependencies.groups, names))


def design_size(groups: int) -> int:
    """How many candidates with unlike groups a latency table of this many groups needs."""
    return int(np.clip(groups, 8, 24))


def design(full: np.ndarray, least: np.ndarray, number: int, seed: int) -> np.ndarray:
    """(N, G) kept counts, each once: uniform ones, and `number` in which groups differ.

    Groups have `full` (G,) channels and keep `least` (G,) or more.
    """
    random = np.random.default_rng(seed)
    strata = np.array([random.permutation(number) for _ in full]).T if len(full) else np.zeros((number, 0))
    fractions = NARROWEST + (1 - NARROWEST) * (strata + random.random(strata.shape)) / max(number, 1)
    uniform = np.repeat(np.array(UNIFORM)[:, None], len(full), axis=1)
    counts = np.clip(np.rint(np.concatenate([uniform, fractions]) * full).astype(int), least, full)
    _, first = np.unique(counts, axis=0, return_index=True)
    return np.asarray(counts[np.sort(first)])
