"""Axes and scales for inline SVG. Colours come from the page's style sheet, by class.

    y │   ·
      │ ·        value → pixel by `Scale.at`; ticks at 1, 2 or 5 times a power of ten
      └──────
           x

Drawings are laid out in pixels and scaled by the page.
"""

import dataclasses
import math
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from edgeprune.report.page.html import Html, join, tag

Show = Callable[[float], str]
_CHARACTER = 6.6  # pixels of a character at the plots' font size, roughly


@dataclasses.dataclass(frozen=True)
class Scale:
    """Values low..high to pixels start..end; with `log`, equal factors are equally far apart."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Pixel of a value."""
        if self.log:
            fraction = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            fraction = (value - self.low) / (self.high - self.low or 1.0)
        return self.start + fraction * (self.end - self.start)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values that cover low..high, first and last included."""
    span = high - low
    # A span among subnormal numbers has no tenth to step by.
    if not math.isfinite(span) or span < sys.float_info.min * 1e3:
        span, high = 1.0, low + 1.0
    raw = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5) if m * power >= raw * 0.999), 10 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten around low..high (both above 0); powers alone where that is many."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    heads = (1, 2, 5) if last - first <= 3 else (1,)
    values = [float(f"{head * 10.0**power:.12g}") for power in range(first, last + 1) for head in heads]
    start = max((index for index, value in enumerate(values) if value <= low), default=0)
    end = next((index for index, value in enumerate(values) if value >= high), len(values) - 1)
    return values[start : max(end, start + 1) + 1]


def duration_tick(value_ms: float) -> str:
    """Round milliseconds, written short."""
    if value_ms >= 1000:
        return f"{value_ms / 1000:g} s"
    return f"{value_ms:g} ms" if value_ms >= 1 else f"{value_ms * 1000:g} µs"


def percent_tick(value: float) -> str:
    """A round fraction as a percentage, without zeros at its end."""
    return f"{100 * value:.6g} %"


def size_tick(value: float) -> str:
    """Round bytes, written short."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:g} {unit}"
    return f"{value:g} B"


@dataclasses.dataclass(frozen=True)
class Frame:
    """A plot area between its axes, in a drawing of `width` by `height` pixels."""

    width: float
    height: float
    x: Scale
    y: Scale
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]


def frame(
    x_range: tuple[float, float], y_range: tuple[float, float], *, width: float = 520, height: float = 300,
    left: float = 84, log: bool = False,
) -> Frame:
    """A frame whose axes end at round values; `log` is for x."""
    x_ticks, y_ticks = log_ticks(*x_range) if log else ticks(*x_range), ticks(*y_range)
    return Frame(
        width, height, Scale(x_ticks[0], x_ticks[-1], left, width - 36, log),
        Scale(y_ticks[0], y_ticks[-1], height - 48, 16), x_ticks, y_ticks,
    )


def axes(area: Frame, x_label: str, y_label: str, x_show: Show, y_show: Show) -> Html:
    """Grid lines, tick labels and names of both axes."""
    left, bottom = area.x.start, area.y.start
    parts = []
    for value in area.y_ticks:
        y = area.y.at(value)
        parts.append(tag("line", x1=left, x2=area.x.end, y1=y, y2=y, class_="grid"))
        parts.append(label(left - 8, y + 4, y_show(value), anchor="end"))
    for value in area.x_ticks:
        x = area.x.at(value)
        parts.append(tag("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
        parts.append(label(x, bottom + 18, x_show(value), anchor="middle"))
    middle = (area.y.start + area.y.end) / 2
    return join((
        *parts, tag("line", x1=left, x2=area.x.end, y1=bottom, y2=bottom, class_="axis"),
        label((left + area.x.end) / 2, area.height - 8, x_label, anchor="middle", kind="name"),
        tag("text", y_label, x=12, y=middle, text_anchor="middle", class_="name",
            transform=f"rotate(-90 12 {middle:.2f})"),
    ))


def polyline(corners: Iterable[tuple[float, float]], kind: str) -> Html:
    """Lines from corner to corner, in pixels."""
    return tag("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in corners), class_=kind)


def label(x: float, y: float, words: str, *, anchor: str = "start", kind: str = "tick") -> Html:
    """Text in a drawing."""
    return tag("text", words, x=float(x), y=float(y), text_anchor=anchor, class_=kind)


def shorten(words: str, characters: int) -> str:
    """Cut in the middle: names of layers differ at their ends."""
    if len(words) <= characters:
        return words
    keep = characters - 1
    return words[: keep - keep // 2] + "…" + words[len(words) - keep // 2 :]


def text_width(words: str) -> float:
    """Pixels that a text takes, roughly; East Asian characters take twice as many."""
    wide = sum(unicodedata.east_asian_width(character) in "WFA" for character in words)
    return _CHARACTER * (len(words) + wide)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """An SVG element and its id, which is unique in the page."""

    identity: str
    markup: Html


def drawing(
    identity: str, title: str, description: str, width: float, height: float, *parts: Html
) -> Drawing:
    """An SVG element that screen readers read out as one picture, with the figures that matter."""
    markup = tag(
        "svg", tag("title", title, id=f"{identity}-t"), tag("desc", description, id=f"{identity}-d"), *parts,
        viewBox=f"0 0 {width:g} {height:g}", width=width, height=height, role="img",
        aria_labelledby=f"{identity}-t {identity}-d", id=identity,
    )
    return Drawing(identity, markup)


def figure(picture: Drawing, caption: str, data: Html | None = None) -> Html:
    """A drawing with its caption and, folded, the figures behind it as a table."""
    folded = None if data is None else tag("details", tag("summary", "Figures as a table"), data)
    name = f"{picture.identity}-t"
    return tag("figure", picture.markup, tag("figcaption", caption), folded, aria_labelledby=name)
