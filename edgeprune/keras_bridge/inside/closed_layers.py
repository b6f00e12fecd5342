"""Why a layer cannot be opened, in a sentence that names its line of code and the way out."""

from __future__ import annotations

import traceback

from edgeprune.keras_bridge.error_text import error_text


def why_closed(error: Exception, code: object) -> str:
    """The line of a function's or a layer's code that stopped it, and what was wrong there."""
    frames = traceback.extract_tb(error.__traceback__)
    function = getattr(type(code), "call", code)
    own = function.__code__.co_filename if hasattr(function, "__code__") else ""
    lines = [frame for frame in frames if frame.filename == own]
    reason = error_text(error).split(". ")[0].rstrip(".")
    if "SeedGenerator" in reason:
        reason = "it draws random numbers"
    if "used as input to a TensorFlow function" in reason:
        reason = "this function of TensorFlow cannot be followed; those of keras.ops can"
    way_out = "edgeprune.register_rule teaches it whole"
    if not lines or not lines[-1].line:
        return f"cannot be read as layers: {reason} ({way_out})"
    line = lines[-1]
    return f"cannot be read as layers because of line {line.lineno}, `{line.line}`: {reason} ({way_out})"
