"""What a sweep varies: fields of the recipe, each with the values it may take."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from edgeprune.errors import InputError
from edgeprune.recipe import SETTINGS, recipe

Value = str | int | float | bool
Settings = dict[str, Value]
_TRIES = 100
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclasses.dataclass(frozen=True)
class Space:
    """Values by setting of the recipe, at least one for each."""

    values: Mapping[str, Sequence[Value]]

    def drawn(self, number: int, seed: int, fixed: Mapping[str, object]) -> list[Settings]:
        """Different settings that a recipe can have together with the fixed ones, at most `number`.

        The first ones are the same whatever the number, so that a sweep can be made longer, and among
        them every value of a field comes about equally often.
        """
        return list(itertools.islice(self._different(seed, fixed), number))

    @property
    def size(self) -> int:
        """How many settings there are, those included that no recipe can have."""
        return math.prod(len(values) for values in self.values.values())

    def without(self, names: Iterable[str]) -> Space:
        """The space of the other fields."""
        return Space({name: values for name, values in self.values.items() if name not in set(names)})

    def _different(self, seed: int, fixed: Mapping[str, object]) -> Iterator[Settings]:
        seen: set[tuple[Value, ...]] = set()
        for row in itertools.chain(self._balanced(seed, seen), itertools.product(*self.values.values())):
            settings = dict(zip(self.values, row, strict=True))
            if row not in seen:
                seen.add(row)
                if allowed({**fixed, **settings}):
                    yield settings

    def _balanced(self, seed: int, seen: set[tuple[Value, ...]]) -> Iterator[tuple[Value, ...]]:
        """Rows whose every column is one permutation of its values after the other, until none is new."""
        random = np.random.default_rng(seed)
        columns = [_permutations(list(values), random) for values in self.values.values()]
        repeats = 0
        for row in zip(*columns, strict=True):
            repeats = repeats + 1 if row in seen else 0
            if repeats > _TRIES or not columns:
                return
            yield row


DEFAULT_SPACE = Space({
    "prune": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8), "schedule": ("gradual", "one-shot"),
    "criterion": ("reconstruction", "taylor", "l2"), "allocation": ("global", "uniform"),
    "quantize": ("int8", "dynamic", "float16"), "learning_rate": (2e-4, 5e-4, 1e-3), "distill": (0.7, 0.0),
})  # fmt: skip


def allowed(settings: Mapping[str, object]) -> bool:
    """Whether a recipe takes these settings together."""
    try:
        recipe(**settings)
    except InputError:
        return False
    return True


def _permutations(values: list[Value], random: np.random.Generator) -> Iterator[Value]:
    while True:
        yield from (values[int(place)] for place in random.permutation(len(values)))


def parse_space(given: Iterable[str], fixed: Mapping[str, object]) -> Space:
    """A space from ``field=value,value,…``; where nothing is given, the default one without fixed settings.

    Raises:
        InputError: a field that the recipe does not have, a value that it refuses, or a field that is
            both varied and fixed.
    """
    values: dict[str, tuple[Value, ...]] = {}
    for text in given:
        name, equals, rest = text.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not rest.strip():
            raise InputError(f"--vary is '{text}'.", "FIELD=VALUE,VALUE is expected, as prune=0.3,0.5.")
        if name in values:
            raise InputError(f"--vary {name} is there twice.", "Give all its values at once.")
        if name in fixed:
            raise InputError(f"{name} is both varied and fixed.", "One of the two.", "Leave one out.")
        values[name] = tuple(dict.fromkeys(_value(name, part.strip()) for part in rest.split(",")))
        for value in values[name]:
            recipe(**{name: value})
    if values:
        return Space(values)
    # A search for the largest share has no share to vary.
    return DEFAULT_SPACE.without([*fixed, *(["prune"] if fixed.get("max_drop") is not None else [])])


def _value(name: str, text: str) -> Value:
    kind = SETTINGS[name].kind if name in SETTINGS else None
    try:
        if kind is int:
            return int(text)
        if kind in (float, float | None):
            return float(text)
        if kind is bool:
            return _TRUTH[text.lower()]
    except (ValueError, KeyError):
        expected = "true or false is" if kind is bool else "A number is"
        raise InputError(f"--vary {name} has the value '{text}'.", f"{expected} expected.") from None
    return text
