"""Limits of single metrics by their names: ``min class/accuracy``, ``max box/mean_absolute_error``.

--min NAME=VALUE        at least, in the unit of the final table: 90 and 90% are 90 % of a fraction, as is 0.9
--max NAME=VALUE        at most, for metrics of which less is better
--max-drop NAME=POINTS  what it may lose against the baseline: points of a fraction (1 is 0.01 of R²), or
the metric's own unit
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from edgeprune import quantities as q
from edgeprune.errors import InputError
from edgeprune.report.figures import higher_is_better, quality_show
from edgeprune.tasks import metric_of

_WAY_OUT = "For example class/accuracy=90; the final table of a build shows the names."


def read_metric_limits(side: str, written: object, option: str) -> Iterator[tuple[str, float]]:
    """(name of the limit, what it allows) of ``NAME=VALUE`` texts, or of a table by name.

    Raises:
        InputError: no name, or a value that the metric cannot have.
    """
    for metric, value in () if written is None else _pairs(written, option):
        read, known = read_drop if side == "max-drop" else read_value, metric_of(metric) is not None
        if side != "max-drop" and known and higher_is_better(metric) != (side == "min"):
            better, other = ("higher", "min") if side == "max" else ("lower", "max")
            raise InputError(
                f"{option} {metric} is on the wrong side.", f"{metric} is better when it is {better}.",
                f"Use --{other} {metric}=VALUE.",
            )
        yield f"{side} {metric}", read(metric, value, f"{option} {metric}")


def _pairs(written: object, option: str) -> Iterator[tuple[str, object]]:
    if isinstance(written, Mapping):
        yield from ((str(name), value) for name, value in written.items())
        return
    texts = written if isinstance(written, Sequence) and not isinstance(written, str) else (written,)
    for text in texts:
        name, found, value = str(text).rpartition("=")
        if not found or not name.strip():
            raise InputError(f"{option} is {str(text)[:60]!r}.", "NAME=VALUE is expected.", _WAY_OUT)
        yield name.strip(), value.strip()


def read_value(metric: str, value: object, option: str) -> float:
    """A metric's value, as somebody wrote it."""
    text = str(value).strip()
    found = _number(text.removesuffix("%") if not isinstance(value, bool) else value, option)
    if text.endswith("%") or (quality_show(metric) is q.show_percent and abs(found) > 1):
        found /= 100
    known = metric_of(metric)
    if known is not None and not known.possible(found):
        raise InputError(
            f"{option} is {value}.", f"{known.name} cannot be {quality_show(metric)(found)}.",
            "Correct the limit.",
        )
    return found


def read_drop(metric: str, value: object, option: str) -> float:
    """What a metric may lose, as somebody wrote it."""
    if is_fraction(metric):
        return q.parse_points(value, option)
    number = _number(value, option)
    if number < 0:
        raise InputError(f"{option} is {value}.", "0 or more is expected, in the metric's own unit.")
    return number


def is_fraction(metric: str) -> bool:
    """Whether what it loses is counted in points."""
    known = metric_of(metric)
    return known is not None and known.unit == "fraction"


def _number(value: object, option: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{option} is {str(value)[:60]!r}.", "A finite number is expected.")
    return number
