"""What a sweep varies: fields of the recipe, each with the values it may take."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np

from edgeprune.errors import InputError
from edgeprune.recipe import Recipe, recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Value = str | int | float | bool


@dataclasses.dataclass(frozen=True)
class Space:
    """Values by field of the recipe.

    Attributes:
        values: at least one for each field.
    """

    values: Mapping[str, Sequence[Value]]

    @property
    def size(self) -> int:
        """How many different settings there are."""
        return int(np.prod([len(values) for values in self.values.values()]))

    def drawn(self, number: int, seed: int) -> list[dict[str, Value]]:
        """So many different settings at most, every value of a field about equally often."""
        every = [list(values) for values in self.values.values()]
        if number >= self.size:
            chosen = list(itertools.product(*every))
        else:
            random = np.random.default_rng(seed)
            columns = [_balanced(values, number, random) for values in every]
            chosen = list(dict.fromkeys(zip(*columns, strict=True)))
        return [dict(zip(self.values, row, strict=True)) for row in chosen]


DEFAULT_SPACE = Space(
    {
        "prune": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        "criterion": ("reconstruction", "taylor", "l2"),
        "allocation": ("global", "uniform"),
        "quantize": ("int8", "dynamic", "float16"),
        "learning_rate": (2e-4, 5e-4, 1e-3),
    }
)


def _balanced(values: Sequence[Value], number: int, random: np.random.Generator) -> list[Value]:
    places = np.resize(random.permutation(len(values)), number)
    return [values[int(place)] for place in random.permutation(places)]


def parse_space(given: Iterable[str]) -> Space:
    """A space from ``field=value,value,…``; the default one where nothing is given.

    Raises:
        InputError: a field that the recipe does not have, or a value that it refuses.
    """
    values: dict[str, tuple[Value, ...]] = {}
    for text in given:
        name, equals, rest = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not rest.strip():
            raise InputError(f"--vary is '{text}'.", "FIELD=VALUE,VALUE is expected, as prune=0.3,0.5.")
        values[name] = tuple(_value(name, part.strip()) for part in rest.split(","))
        for value in values[name]:
            recipe(**{name: value})
    return Space(values) if values else DEFAULT_SPACE


def _value(name: str, text: str) -> Value:
    hints: dict[str, Any] = get_type_hints(Recipe)
    kind = hints.get(name)
    try:
        if kind is int:
            return int(text)
        if kind in (float, float | None):
            return float(text)
    except ValueError:
        raise InputError(f"--vary {name} has the value '{text}'.", "A number is expected.") from None
    if kind is bool:
        return text.lower() in ("true", "yes", "1")
    return text
