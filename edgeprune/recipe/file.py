"""Recipe files: TOML with the settings of `edgeprune.recipe.Recipe`, and what to build.

Settings stand there by their flat names, or in a table of their section's name (``[train] epochs = 3``).

::

    model = "my_model.keras"      # optional: model, data, out, custom_objects
    data = "samples.npz"
    prune = 0.5                   # or max_latency = "5ms" and device = "local": what is built
    [ratios]
    "conv*" = 0.3
    [limits]                      # what `edgeprune check` demands of it, not read here
    max_size = "200kB"
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import InputError
from edgeprune.recipe.schema import SETTINGS, Recipe, as_mapping, flat_settings
from edgeprune.recipe.toml import read_toml

PLACES = ("model", "data", "out", "custom_objects")
"""What is built from and where it goes; next to the recipe's own fields in a file."""
_GATE = ("limits", "budget")
"""The gate's tables, today's and the older one: see `edgeprune.gate.recipe_limits`."""


def read_recipe(path: Path) -> tuple[dict[str, object], dict[str, str]]:
    """Settings, and places, as a file gives them; see `edgeprune.recipe.recipe` for what they may be.

    Relative `model`, `data` and `out` paths are relative to the file.

    Raises:
        InputError: unreadable, no TOML, or a place that is no text.
    """
    content = read_toml(path)
    for name in _GATE:
        content.pop(name, None)
    given = flat_settings(content)
    places = {}
    for name in PLACES:
        if name not in given:
            continue
        value = given.pop(name)
        if not isinstance(value, str):
            raise InputError(f"{path}: {name} is {value!r}.", "A text is expected.")
        beside = path.parent / value
        is_beside = name == "out" or (name in ("model", "data") and beside.exists())
        places[name] = str(beside) if is_beside else value
    return given, places


def written_recipe(settings: Recipe, places: Mapping[str, str]) -> str:
    """A recipe file that builds the same, with what each setting means."""
    lines = [f"{name} = {_toml(value)}" for name, value in places.items()]
    values = as_mapping(settings)
    tables = []
    for name, one in SETTINGS.items():
        value = values[name]
        if isinstance(value, Mapping):
            tables += [f"# {one.help}", f"[{name}]"] if value else []
            tables += [f"{_toml(key)} = {_toml(item)}" for key, item in value.items()]
        elif value is None:
            lines += [f"# {one.help}", f"# {name} ="]
        else:
            lines += [f"# {one.help}", f"{name} = {_toml(value)}"]
    return "\n".join([*lines, *tables]) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = "".join(
            f"\\u{ord(char):04X}" if ord(char) < 32 or ord(char) == 127 else char
            for char in value.replace("\\", "\\\\").replace('"', '\\"')
        )
        return f'"{escaped}"'
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return repr(value)
