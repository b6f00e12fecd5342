"""How single inferences spread: a histogram with its percentiles.

Timings have a long tail, which would press everything else into one bar: the axis ends a little after the
99th percentile, and what lies beyond is counted in words.
"""

from collections.abc import Sequence

from edgeprune.quantities import show_duration
from edgeprune.report.page.html import tag
from edgeprune.report.page.svg import Drawing, axes, drawing, duration_tick, frame, label
from edgeprune.run_parts import percentile

_BINS = 40
_MARKS = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))


def histogram(identity: str, title: str, latency_ns: Sequence[int]) -> Drawing:
    """Of raw timings, at least one."""
    values = sorted(value / 1e6 for value in latency_ns)
    low, high = values[0], percentile(values, 0.99) * 1.05
    width = (high - low) / _BINS or 1e-6
    counts = [0] * _BINS
    for value in values:
        if value <= high:
            counts[min(int((value - low) / width), _BINS - 1)] += 1
    beyond = len(values) - sum(counts)
    area = frame((low, low + _BINS * width), (0.0, float(max(counts))), height=260)
    parts = [axes(area, "time of one inference", "inferences", duration_tick, lambda value: f"{value:,.0f}")]
    for index, count in enumerate(counts):
        if count:
            left, right = area.x.at(low + index * width), area.x.at(low + (index + 1) * width)
            top, wide = area.y.at(count), max(right - left - 1, 0.5)
            parts.append(tag("rect", x=left, y=top, width=wide, height=area.y.start - top, class_="deployed"))
    words = []
    for row, (name, fraction) in enumerate(_MARKS):
        value = percentile(values, fraction)
        x = area.x.at(value)
        parts.append(tag("line", x1=x, x2=x, y1=area.y.end, y2=area.y.start, class_="mark"))
        words.append(f"{name} {show_duration(value)}")
        side, anchor = (-5, "end") if x > area.width - 130 else (5, "start")
        parts.append(label(x + side, area.y.end + 11 + row * 15, words[-1], anchor=anchor, kind="strong"))
    tail = f" {beyond:,} took longer than is drawn, up to {show_duration(values[-1])}." if beyond else ""
    description = f"{len(values):,} timed inferences: {', '.join(words)}.{tail}"
    return drawing(identity, title, description, area.width, area.height, *parts)
