"""Sizes, durations and fractions as people write them, read strictly and written back.

    200kB = 200,000 bytes    64KiB = 65,536 bytes    5ms    300us    0.95 = 95%

A number without a unit is refused where it could mean several things, as are other units and useless values:
each `parse_…` then raises `InputError`, with `name` for what was read.
"""

import math
import re
from collections.abc import Mapping

from edgeprune.errors import InputError

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-zµμ%]*)")
_BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_COUNTS: Mapping[str, float] = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}
_MILLIJOULES: Mapping[str, float] = {"uJ": 1e-3, "µJ": 1e-3, "μJ": 1e-3, "mJ": 1.0, "J": 1e3}
_MILLISECONDS: Mapping[str, float] = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3}


def parse_size(text: object, name: str) -> float:
    """Bytes from ``200kB``, more than zero."""
    number, unit = _split(text, name, "a size such as 200kB, 1.5MB or 64KiB")
    expected = f"Expected one of {', '.join(_BYTES)} (kB is 1000 bytes, KiB 1024)."
    ways = f"{number:g}kB or {number:g}KiB" if unit else f"{number:g}B or {number / 1000:g}kB"
    return _in_units(number, _BYTES.get(unit), f"{name} = {text}", unit, expected, f"Write {ways}.")


def parse_duration(text: object, name: str) -> float:
    """Milliseconds from ``5ms``, more than zero."""
    number, unit = _split(text, name, "a duration such as 5ms or 300us")
    expected, way_out = "Expected one of ns, us, ms, s.", f"Write {number:g}ms, for example."
    return _in_units(number, _MILLISECONDS.get(unit), f"{name} = {text}", unit, expected, way_out)


def parse_energy(text: object, name: str) -> float:
    """Millijoules from ``2mJ``, more than zero."""
    number, unit = _split(text, name, "an energy such as 2mJ or 300uJ")
    expected, way_out = "Expected one of uJ, mJ, J.", f"Write {number:g}mJ, for example."
    return _in_units(number, _MILLIJOULES.get(unit), f"{name} = {text}", unit, expected, way_out)


def parse_count(text: object, name: str) -> float:
    """A number from ``5000000`` or ``5M``, more than zero."""
    number, unit = _split(text, name, "a number such as 5000000 or 5M")
    expected, way_out = "Expected k, M, G or none.", f"Such as {number:g}M."
    return _in_units(number, _COUNTS.get(unit), f"{name} = {text}", unit, expected, way_out)


def parse_fraction(text: object, name: str) -> float:
    """A fraction 0..1 from ``0.95`` or ``95%``; 95 alone is above 1 and refused."""
    number, unit = _split(text, name, "a fraction such as 0.95, or 95%")
    fraction = number / 100 if unit == "%" else number
    if unit not in ("", "%") or not 0 <= fraction <= 1:
        raise InputError(
            f"{name} = {text} is not a fraction.", "Expected a fraction from 0 to 1, or a percentage.",
            f"Write {number:g}% or {number / 100:g}." if not unit else "Write 0.95 or 95%, for example.",
        )
    return fraction


def parse_points(text: object, name: str) -> float:
    """Percentage points 0..100 from ``0.5`` or ``0.5points``; 0.5 is half a percent."""
    number, unit = _split(text, name, "percentage points such as 0.5")
    if unit not in ("", "point", "points") or number > 100:
        raise InputError(
            f"{name} = {text} is not a number of points.",
            "Expected percentage points, 0 to 100: 0.5 allows 97.9 % to become 97.4 %.",
            f"Write {min(number, 100):g}.",
        )
    return number


def show_size(value: float) -> str:
    """Bytes for people; as many digits as tell neighbours apart."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if abs(value) >= factor:
            return f"{value / factor:.{2 if factor > 10**3 else 1}f} {unit}"
    return f"{value:.0f} B"


def show_duration(value_ms: float) -> str:
    """Milliseconds for people."""
    if abs(value_ms) >= 1000:
        return f"{value_ms / 1000:.2f} s"
    if abs(value_ms) >= 1:
        return f"{value_ms:.3f} ms"
    value_us = value_ms * 1000
    digits = 0 if abs(value_us) >= 100 else 1 if abs(value_us) >= 1 or not value_us else 2
    return f"{value_us:.{digits}f} µs"


def show_energy(value_mj: float) -> str:
    """Millijoules for people."""
    if abs(value_mj) >= 1000:
        return f"{value_mj / 1000:.2f} J"
    return f"{value_mj:.3g} mJ" if abs(value_mj) >= 1 else f"{value_mj * 1000:.3g} µJ"


def show_percent(value: float) -> str:
    """A fraction as a percentage."""
    return f"{100 * value:.2f} %"


def show_points(value: float) -> str:
    """Percentage points."""
    return f"{value:.2f} points"


def _split(text: object, name: str, expected: str) -> tuple[float, str]:
    """Number and unit of a quantity; TOML gives numbers where there is no unit."""
    written = str(text).strip()
    match = None if isinstance(text, bool) else _QUANTITY.fullmatch(written)
    if match is None:
        raise InputError(f"{name} = {written[:60]!r} cannot be read.", f"Expected {expected}.")
    if not math.isfinite(number := float(match[1])):
        raise InputError(f"{name} = {written[:20]}… is too large.", f"Expected {expected}.")
    return number, match[2]


def _in_units(
    number: float, factor: float | None, found: str, unit: str, expected: str, way_out: str
) -> float:
    """`number` times the unit's `factor`, which is None for an unknown unit."""
    if factor is None:
        what = f"the unit '{unit}'" if unit else "no unit"
        raise InputError(f"{found} has {what}.", expected, way_out)
    if number <= 0:
        raise InputError(f"{found} allows nothing.", "Expected more than zero.")
    return number * factor
