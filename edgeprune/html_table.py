"""Tables of results for notebooks. Every text is escaped: names come from models, data and devices."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence

_LEFT = " style='text-align:left'"


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table whose first column names its rows; without headings where `columns` are empty."""
    head = "".join(f"<th{_LEFT}>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td{_LEFT}>{html.escape(str(value))}</td>" for value in row) + "</tr>"
        for row in rows
    )
    above = f"<thead><tr>{head}</tr></thead>" if columns else ""
    caption = f"<caption{_LEFT}>{html.escape(title)}</caption>"
    return f"<table>{caption}{above}<tbody>{body}</tbody></table>"


def stages_table(title: str, stages: Mapping[str, object]) -> str:
    """The stages of a build beside each other, as `report.json` has them; what is no number is left out."""
    columns = {name: dict(_figures(stage)) for name, stage in stages.items()}
    names = dict.fromkeys(name for figures in columns.values() for name in figures)
    rows = [(name, *(figures.get(name, "") for figures in columns.values())) for name in names]
    return html_table(title, ("", *columns), rows)


def _figures(stage: object) -> Iterator[tuple[str, str]]:
    """Names and texts of one stage's figures."""
    if not isinstance(stage, Mapping):
        return
    metrics, latency = stage.get("metrics"), stage.get("latency_ms")
    for name, value in metrics.items() if isinstance(metrics, Mapping) else ():
        if _is_number(value) and "/" not in name:
            yield name, f"{value:.4g}"
    for key, name in (("neurons", "neurons"), ("params", "parameters"), ("macs", "MACs"),
                      ("tflite_bytes", "bytes")):
        if _is_number(stage.get(key)):
            yield name, f"{stage[key]:,}"
    if isinstance(latency, Mapping) and _is_number(latency.get("p50")):
        yield "latency p50, ms", f"{latency['p50']:.4g}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
