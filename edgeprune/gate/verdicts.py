"""The limits of a recipe as verdicts on a bundle's own figures, for a build's summary and for the page."""

from pathlib import Path

from edgeprune.gate.checking import check
from edgeprune.gate.recipe_limits import PERCENTILES, RecipeLimits
from edgeprune.gate.result import Status
from edgeprune.report.verdict import LimitVerdict


def limit_verdicts(bundle: Path, asked: RecipeLimits) -> tuple[LimitVerdict, ...]:
    """One for each limit, judged by report.json; devices that the recipe names are not measured on."""
    found = check(bundle, asked.limits, percentile=asked.percentile or PERCENTILES[0])
    return tuple(
        LimitVerdict(one.limit, one.status is Status.HELD, one.sentence()) for one in found.judgements
    )
