"""Round values along an axis, written short."""

from __future__ import annotations


def duration_tick(value_ms: float) -> str:
    """Milliseconds, at most three figures."""
    if value_ms >= 1000:
        return f"{value_ms / 1000:g} s"
    return f"{value_ms:g} ms" if value_ms >= 1 else f"{value_ms * 1000:g} us"


def percent_tick(value: float) -> str:
    """A fraction as a percentage, without zeros at its end."""
    return f"{100 * value:.6g} %"


def size_tick(value: float) -> str:
    """Bytes, at most three figures."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g} B"
