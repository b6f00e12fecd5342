"""What a sweep is asked to do, and what it varies: fields of the recipe, each with the values it may take."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeprune.errors import InputError
from edgeprune.pipeline.zoo import is_zoo
from edgeprune.recipe import SETTINGS, recipe
from edgeprune.sweep.front import OBJECTIVES

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


@dataclasses.dataclass(frozen=True)
class Sweep:
    """What to search, and with what: model and data as ``build`` takes them, a space, other settings.

    Attributes:
        data: in memory too; it is then written to ``samples.npz`` in the sweep's folder, for the workers.
        trials: builds in all, where the space has that many.
        storage: Optuna's URL; None for a file in the output folder.
        name: of the sweep in the storage.
        at_once: builds at the same time; None for one here, or one for each core of the cluster.
        ray: see `edgeprune.sweep.workers`.
        devices: a pool; each trial is measured on a free one, with its `python`.
        stop_early: whether trials that others are far ahead of end early.
    """

    model: str | None = None
    data: object = None
    space: Space = DEFAULT_SPACE
    fixed: Mapping[str, object] = dataclasses.field(default_factory=dict)
    objectives: Sequence[str] = tuple(OBJECTIVES)
    trials: int = 24
    storage: str | None = None
    name: str = "edgeprune"
    at_once: int | None = None
    ray: str | None = None
    devices: Sequence[str] = ("local",)
    custom_objects: str = ""
    trust_model: bool = False
    python: str | None = None
    stop_early: bool = True

    def check(self) -> None:
        """Refuses objectives, numbers, settings or a model that no sweep can work with."""
        unknown = [name for name in self.objectives if name not in OBJECTIVES]
        if unknown or not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise InputError(
                f"The objectives are {', '.join(self.objectives) or 'none'}.",
                f"Expected are some of {', '.join(OBJECTIVES)}, each once.",
            )
        if self.trials < 1 or (self.at_once is not None and self.at_once < 1):
            found = f"The sweep is asked for {self.trials} trials, {self.at_once} at once."
            raise InputError(found, "1 or more of both is expected.")
        both = sorted(set(self.fixed) & set(self.space.values))
        if both:
            raise InputError(
                f"{', '.join(both)} is both varied and fixed.", "Only one of the two is possible.",
            )
        if self.model is not None and not is_zoo(self.model) and not Path(self.model).exists():
            raise InputError(
                f"There is no model {self.model}.", "A trained Keras model is expected.", "Check the path.",
            )


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
            raise InputError(f"{name} is both varied and fixed.", "Only one is possible.", "Leave one out.")
        values[name] = tuple(dict.fromkeys(_value(name, part.strip()) for part in rest.split(",")))
        for value in values[name]:
            recipe(**{name: value})
    if values:
        return Space(values)
    # A search for the largest share has no share to vary.
    left_out = {*fixed, *(["prune"] if fixed.get("max_drop") is not None else [])}
    return Space({name: values for name, values in DEFAULT_SPACE.values.items() if name not in left_out})


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
