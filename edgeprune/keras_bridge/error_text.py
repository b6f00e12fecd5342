"""The sentence of a framework's error that says what is wrong, without the calls around it."""

from __future__ import annotations

import re

_AROUND = ("Exception encountered", "Call arguments received", "Arguments received", "in user code", "File ")


def error_text(error: Exception) -> str:
    """The reason in one line, without the paragraphs about layers and arguments around it."""
    plain = re.sub(r"\x1b\[\d*m|\{\{.*?\}\}|\[Op:[^\]]*\]|\sname:\s*$", "", str(error))
    paragraphs = [" ".join(part.split()) for part in plain.split("\n\n")]
    reasons = [
        part for part in paragraphs
        if part and not part.startswith(_AROUND) and not part.endswith("Error encountered:")
    ]
    return reasons[0][:300] if reasons else type(error).__name__
