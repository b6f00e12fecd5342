"""What allocation must respect: minimum width, rounding, protected layers and fixed ratios."""

import dataclasses
import fnmatch
import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.graph.dependency_graph import ChannelGroup


@dataclasses.dataclass(frozen=True)
class Constraints:
    """What the caller wants kept.

    Attributes:
        min_width: channels that stay in every group.
        round_to: kept counts are multiples of this, or all channels of the group; in a group of fewer than
            four times as many, of the largest half, quarter, … of it that leaves four widths.
        protect: name patterns of groups or layers that keep everything.
        ratios: name pattern to the fraction that exactly these groups lose.
    """

    min_width: int = 1
    round_to: int = 1
    protect: Sequence[str] = ()
    ratios: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse widths that no group can have.

        Raises:
            InputError: names the setting.
        """
        for name, value in (("min_width", self.min_width), ("round_to", self.round_to)):
            if not 1 <= value < math.inf:
                raise InputError(f"{name} is {value}.", "A whole number from 1 is expected.")


def allowed_widths(groups: Sequence[ChannelGroup], constraints: Constraints) -> list[np.ndarray]:
    """For each group, the counts it may keep, the full one first.

    Raises:
        InputError: a pattern names no group, or a ratio is not a fraction.
    """
    for pattern in (*constraints.protect, *constraints.ratios):
        if not any(_matches(group, pattern) for group in groups):
            raise InputError(
                f"The pattern '{pattern}' matches no group of neurons.",
                f"Groups are {', '.join(group.name for group in groups)}.",
                "`edgeprune inspect` lists them.",
            )
    return [_allowed(group, constraints) for group in groups]


def _matches(group: ChannelGroup, pattern: str) -> bool:
    """Whether a pattern names a group, one of its layers, or a kind of channel of a layer."""
    names = {group.name, *group.producers, *(producer.split(":")[0] for producer in group.producers)}
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


def _allowed(group: ChannelGroup, constraints: Constraints) -> np.ndarray:
    size = len(group.channels)
    if any(_matches(group, pattern) for pattern in constraints.protect):
        return np.array([size])
    lowest = min(max(constraints.min_width, 1), size)
    step = constraints.round_to
    while step > 1 and 4 * step > size:
        step //= 2
    step = max(step, 1)
    allowed = np.unique([size, *(count for count in range(lowest, size) if count % step == 0)])[::-1]
    for pattern, ratio in constraints.ratios.items():
        if _matches(group, pattern):
            if not 0 <= ratio < 1:
                raise InputError(
                    f"The ratio for '{pattern}' is {ratio}.", "A fraction from 0 to below 1 is expected."
                )
            return np.array([allowed[np.argmin(np.abs(allowed - size * (1 - ratio)))]])
    return allowed
