"""HTML elements as text. What is not an `Html` already is escaped, so that nothing can be forgotten."""

import html
import re
from collections.abc import Iterable, Sequence

Value = str | int | float | None
_VOID = frozenset({"meta", "link", "br", "rect", "line", "circle", "path", "polyline"})
# Control characters are errors in HTML; the bidirectional ones turn the text around that follows; halves of
# a pair have no UTF-8.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_TIMES = re.compile(r"(?<=\d)x(?= [a-z])")
_UNIT = re.compile(r"(\d) (?=%|[a-zµ]{1,2}\b)")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9:-]*")


class Html(str):
    """Markup that was made here."""

    __slots__ = ()


Child = str | int | float | Html | None


def text(value: object) -> Html:
    """Any value as text that means itself."""
    if isinstance(value, Html):
        return value
    return Html(html.escape(_CONTROL.sub("\ufffd", str(value))))


def typeset(words: str) -> str:
    """With an arrow and a times sign, and no line break between a number and what it counts."""
    whole = "\N{NO-BREAK SPACE}"
    words = words.replace(" -> ", " → ").replace(" ± ", f"{whole}±{whole}")
    return _UNIT.sub(rf"\1{whole}", _TIMES.sub("\N{MULTIPLICATION SIGN}", words))


def tag(name: str, *children: Child, **attributes: Value) -> Html:
    """One element; children are escaped unless `Html`, None is nothing.

    In names of attributes a trailing underscore is dropped, others become hyphens (``aria_label``);
    numbers are rounded to hundredths of a pixel; None leaves the attribute out.
    """
    parts = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")  # noqa: PLW2901  (a cleaner name for the same thing)
        if not _NAME.fullmatch(key):
            raise ValueError(f"{key!r} is not an attribute")
        if value is not None:
            parts.append(f'{key}="{text(_rounded(value))}"')
    start = " ".join(parts)
    if name in _VOID and not children:
        return Html(f"<{start}/>" if name not in ("meta", "link", "br") else f"<{start}>")
    return Html(f"<{start}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Elements and texts one after the other."""
    return Html("".join(text(child) for child in children if child is not None))


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Child]], *, numbers_from: int = 1
) -> Html:
    """A table whose rows begin with their headers; from column `numbers_from` on, cells are to the right."""

    def side(index: int) -> str | None:
        return "n" if index >= numbers_from else None

    head = tag("tr", *(tag("th", name, scope="col", class_=side(i)) for i, name in enumerate(columns)))
    body = [
        tag("tr", tag("th", row[0], scope="row"), *(
            tag("td", cell, class_=side(i)) for i, cell in enumerate(row[1:], start=1)
        ))
        for row in rows
    ]
    content = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body))
    # Wide tables scroll on a phone; whatever scrolls must be reachable by keyboard.
    return tag("div", content, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _rounded(value: str | float) -> str | float:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return value
