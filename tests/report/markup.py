"""Reads a page back with Python's own parser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "base", "area", "col", "embed", "source", "track", "wbr", "hr"}


class Page(HTMLParser):
    """Elements in order as (name, attributes, text inside); raises on unbalanced ones."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute twice"
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def all(self, name: str, **wanted: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of the elements with that name and these attributes."""
        return [
            (attributes, "".join(text)) for tag, attributes, text in self.elements
            if tag == name and all(attributes.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]
