"""The proof that stripping removed neurons and nothing else: the smaller model against the masked original.

Masked original: the unpruned model in which every removed channel is silenced, by zeros in every weight slice
and every activation that belongs to it. Whatever is left must compute the same numbers in the smaller model.

What "the same" means under normalizations over channels is a definition. Here: LayerNormalization,
GroupNormalization and RMSNormalization take their statistics over the channels that stay, so in
the reference a masked version stands in for the layer (`Rule.stand_in`). The statistics over
half the channels estimate those over all of them; counting silenced channels as zeros would shrink
them. UnitNormalization divides by a sum, to which silenced channels add nothing, and needs no
stand-in. Softmax over channels is a barrier: its channels stay.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.errors import VerificationError
from edgeprune.graph import ChannelIds, KeepMask, WeightFlow

RELATIVE_TOLERANCE = 1e-4
"""Of the largest magnitude in an output: float32 sums in another order."""


@dataclasses.dataclass(frozen=True)
class Equivalence:
    """The largest difference between the smaller model's and the masked original's outputs, and its limit."""

    max_abs_error: float
    tolerance: float
    samples: int

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance."""
        return bool(self.max_abs_error <= self.tolerance)

    def check(self) -> None:
        """Raises a `VerificationError` for a pruned model that computes something else."""
        if not self.holds:
            raise VerificationError(
                f"The smaller model differs from its reference by {self.max_abs_error:.3g} "
                f"on {self.samples} samples.",
                f"At most {self.tolerance:.3g} is rounding.",
                "Nothing was written. Find the layer by protecting some by name (--protect), and please "
                "report which layers the model has.",
            )


def compare(
    reference: Sequence[np.ndarray], outputs: Sequence[np.ndarray], relative: float = RELATIVE_TOLERANCE
) -> Equivalence:
    """Compares outputs; the one that is furthest from its own tolerance counts.

    The tolerance is `relative` to the largest magnitude in the output's reference.

    Raises:
        VerificationError: a reference holds no finite number, so that nothing can be compared.
    """
    worst = Equivalence(0.0, 0.0, len(reference[0]))
    margin = -np.inf
    for expected, found in zip(reference, outputs, strict=True):
        wide = np.asarray(expected, np.float64)
        finite = np.isfinite(wide)
        if wide.size and not finite.any():
            raise VerificationError(
                "The original's outputs are NaN or infinite on the samples that were to prove the pruning.",
                way_out="Check the model on data of its own; training it again may help.",
            )
        # What overflows in both models is the same in both.
        differs = np.where(np.isfinite(found) == finite, 0.0, np.inf)
        difference = np.abs(np.subtract(wide, found, out=differs, where=finite & np.isfinite(found)))
        error = float(np.max(difference, initial=0.0))
        tolerance = relative * float(np.max(np.abs(wide), initial=0.0, where=finite))
        if error - tolerance > margin:
            margin = error - tolerance
            worst = Equivalence(error, tolerance, len(wide))
    return worst


def silence(array: np.ndarray, ids: ChannelIds, kept: KeepMask) -> np.ndarray:
    """Zeros where the channel behind an element is gone; `ids` broadcasts against `array`."""
    mask = kept.mask(ids)
    return array if mask.all() else np.where(mask, array, np.zeros((), array.dtype))


def silence_weight(weight: np.ndarray, flow: WeightFlow, kept: KeepMask) -> np.ndarray:
    """Zeros in every slice of a weight that belongs to a channel that is gone."""
    for axis, ids in enumerate(flow.axes):
        if ids is not None:
            view = [1] * weight.ndim
            view[axis] = len(ids)
            weight = silence(weight, ids.reshape(view), kept)
    return weight
