"""How far below a limit to aim, whether a measured round is good enough, and the error where none is."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.budget.allocation import Cost
from edgeprune.budget.cost_attribution import slowest_layers
from edgeprune.budget.explain import NOUNS, Round, show_cost
from edgeprune.budget.profile import LatencyProfile
from edgeprune.budget.resources import Resource, ResourceBudget, relative_cost
from edgeprune.errors import VerificationError

UNDERUSED = 0.90
"""Fraction of the latency budget below which accuracy was given away for nothing."""
_AIMS = (0.96, 0.955, 0.95)
TIGHT = 0.985


def cost_with_margin(resources: Sequence[Resource], rounds: Sequence[Round] = ()) -> Cost:
    """Aims below the latency limit by the last round's interval; by a fixed margin before the first."""
    aim = _AIMS[min(len(rounds), len(_AIMS) - 1)]
    if rounds and rounds[-1].high is not None:
        aim = max(min(aim, 0.995 * rounds[-1].measured["latency_ms"] / rounds[-1].high), UNDERUSED + 0.02)
    return relative_cost(
        [dataclasses.replace(one, aim=aim) if one.name == "latency_ms" else one for one in resources]
    )


def is_underused(latest: Round, budget: ResourceBudget) -> bool:
    """Whether the model stays more than 10 % below the latency limit and below every other one."""
    given = budget.given()
    far_below = all(latest.measured[name] < UNDERUSED * limit for name, limit in given.items())
    return "latency_ms" in given and far_below


def used_fraction(one: Round, budget: ResourceBudget) -> float:
    """The latency over its limit; without that limit, the largest such fraction of the others."""
    fractions = {name: one.measured[name] / limit for name, limit in budget.given().items()}
    return fractions.get("latency_ms", max(fractions.values()))


def not_met(rounds: Sequence[Round], budget: ResourceBudget) -> VerificationError:
    """The error where no round was measured inside the budget; names the closest."""
    last = min(rounds, key=lambda one: used_fraction(one, budget))
    parts = ", ".join(
        f"{show_cost(name, last.measured[name])} of {show_cost(name, limit)}"
        for name, limit in budget.given().items()
    )
    most = "" if last.high is None else f", at most {show_cost('latency_ms', last.high)} with its interval"
    return VerificationError(
        f"After {len(rounds)} rounds no model was measured inside the budget (closest: {parts}{most}).",
        "A measurement is expected whose whole interval is inside.",
        "Close other programs on the device, let it cool, or allow a few percent more.",
    )


def out_of_reach(profile: LatencyProfile, counts: np.ndarray, resources: list[Resource]) -> VerificationError:
    """The error where even the cheapest counts exceed a limit; names the layers that take most of it."""
    what = max(resources, key=lambda one: one.value(counts) / one.limit)
    original = float(what.predict(profile.full[None].astype(float))[0])
    layers = ""
    if what.name == "latency_ms":
        parts = [f"{path} {fraction:.0%}" for path, fraction in slowest_layers(profile.table, counts)]
        layers = f" What holds it back: {', '.join(parts)} of the time."
    return VerificationError(
        f"The {NOUNS[what.name]} budget of {show_cost(what.name, what.limit)} cannot be met on "
        f"{profile.device}: the best that can be reached is {show_cost(what.name, what.value(counts))} "
        f"({what.value(counts) / what.limit - 1:.1%} more), of {show_cost(what.name, original)} as it "
        f"is.{layers}",
        "",
        "Allow more, protect less, lower --min-width or --round-to, or take a smaller model.",
    )
