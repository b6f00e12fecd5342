"""How far below a limit to aim, whether a measured round is good enough, and what to say where none is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from edgeprune.budget.breakdown import holding_back
from edgeprune.budget.limits import shown
from edgeprune.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from edgeprune.budget.explain import Round
    from edgeprune.budget.limits import Budget, Resource
    from edgeprune.budget.profile import Profile

UNDERSHOT = 0.90
"""Share of the latency budget below which accuracy was given away for nothing."""
_AIMS = (0.96, 0.955, 0.95)
TIGHT = 0.985


def aimed(resources: Sequence[Resource], rounds: Sequence[Round]) -> list[Resource]:
    """Below the limit by what measuring leaves open: as much as the last round's interval."""
    aim = _AIMS[min(len(rounds), len(_AIMS) - 1)]
    if rounds and rounds[-1].high is not None:
        aim = max(min(aim, 0.995 * rounds[-1].measured["latency_ms"] / rounds[-1].high), UNDERSHOT + 0.02)
    return [dataclasses.replace(one, aim=aim) if one.name == "latency_ms" else one for one in resources]


def undershot(latest: Round, budget: Budget) -> bool:
    """Whether the latency's limit is not used to within 10 %, and no other one is either."""
    given = budget.given()
    return "latency_ms" in given and all(
        latest.measured[name] < UNDERSHOT * limit for name, limit in given.items()
    )


def used(one: Round, budget: Budget) -> float:
    """The latency as a share of its limit; without that limit, the largest share of another."""
    shares = {name: one.measured[name] / limit for name, limit in budget.given().items()}
    return shares.get("latency_ms", max(shares.values()))


def unmet(rounds: Sequence[Round], budget: Budget) -> VerificationError:
    """No round was measured inside the budget; with the closest."""
    last = min(rounds, key=lambda one: used(one, budget))
    parts = ", ".join(
        f"{shown(name, last.measured[name])} of {shown(name, limit)}"
        for name, limit in budget.given().items()
    )
    most = "" if last.high is None else f", at most {shown('latency_ms', last.high)} with its interval"
    return VerificationError(
        f"After {len(rounds)} rounds no model was measured inside the budget (closest: {parts}{most}).",
        "A measurement whose whole interval is inside.",
        "Quieten the device (other programs, heat), or allow a few percent more.",
    )


def out_of_reach(known: Profile, counts: np.ndarray, resources: Sequence[Resource]) -> VerificationError:
    """Even these counts, the cheapest, take more than the limit; with the layers that hold it back."""
    what = max(resources, key=lambda one: one.value(counts) / one.limit)
    whole = float(what.predict(known.full[None].astype(float))[0])
    layers = ""
    if what.name == "latency_ms":
        parts = [f"{path} {share:.0%}" for path, share in holding_back(known, counts)]
        layers = f" What holds it back: {', '.join(parts)} of the time."
    return VerificationError(
        f"The {what.noun} budget of {shown(what.name, what.limit)} cannot be met on {known.device}: "
        f"the best that can be reached is {shown(what.name, what.value(counts))} "
        f"({what.value(counts) / what.limit - 1:.1%} more), of {shown(what.name, whole)} as it "
        f"is.{layers}",
        "",
        "Allow more, protect less, lower --min-width or --round-to, or take a smaller model.",
    )
