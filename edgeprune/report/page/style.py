"""The page's style sheet: light, dark, paper. Every colour pair was chosen for at least 4.5:1."""

from __future__ import annotations

import importlib.resources

CSS = "\n" + importlib.resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
