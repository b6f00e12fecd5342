"""One setting: its name, its help, and what it may be; declared beside its field, checked in one place."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from edgeprune.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


MOST = 1e9
"""No number that a person types is meant to be as large."""


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The numbers that a setting may be, from `low` to below `high`, and what they mean."""

    low: float
    high: float = MOST
    meaning: str = ""

    def check(self, option: str, value: float) -> None:
        """Refuses a number outside.

        Raises:
            InputError: names the option and both ends.
        """
        if not self.low <= value < self.high:  # true for what is no number
            most = f"below {self.high:,.0f}" if self.high in (1, MOST) else f"at most {self.high:g}"
            found = str(value) if len(str(value)) < 20 else f"{str(value)[:20]}…"
            meaning = f" ({self.meaning})" if self.meaning else ""
            raise InputError(f"{option} is {found}.", f"Expected at least {self.low:g} and {most}{meaning}.")


NOT_NEGATIVE = Bounds(0)
AT_LEAST_1 = Bounds(1, meaning="a whole number")
FRACTION = Bounds(0, math.nextafter(1, 2), "a ratio")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One field of one section, under the name that users type.

    Attributes:
        name: of the option, the key of a recipe file and the keyword of `edgeprune.build`.
        section: field of the recipe that holds it; empty where the recipe itself does.
        field: its name there.
        kind: its type.
        help: one sentence, as ``--help`` shows it.
    """

    name: str
    section: str
    field: str
    kind: object
    default: object
    help: str
    bounds: Bounds | None

    @property
    def option(self) -> str:
        """As the command line has it."""
        return "--" + self.name.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be; empty for anything else."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    def check(self, value: object) -> None:
        """Refuses a value of another kind or outside of its bounds.

        Raises:
            InputError: what was found and what was expected.
        """
        if self.choices:
            self._check_choice(value)
            return
        kinds, expected = _KINDS[self.kind]
        items: tuple[object, ...] = ()
        if isinstance(value, tuple):
            items = tuple(item for item in value if not isinstance(item, str))
        elif isinstance(value, Mapping):
            items = tuple(item for item in value.values() if not _is_number(item))
        if items or not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise InputError(f"{self.option} is {value!r}.", f"Expected {expected}.")
        if self.bounds is None:
            return
        if isinstance(value, (int, float)):
            self.bounds.check(self.option, value)
        elif isinstance(value, Mapping):
            for pattern, number in value.items():
                self.bounds.check(f"{self.option} {pattern}", number)

    def _check_choice(self, value: object) -> None:
        if value not in self.choices:
            near = difflib.get_close_matches(str(value), self.choices, 1)
            raise InputError(
                f"{self.option} is '{value}'.", f"Expected one of {', '.join(self.choices)}.",
                f"Did you mean '{near[0]}'?" if near else "",
            )


def setting(default: Any, text: str, *, name: str = "", bounds: Bounds | None = None) -> Any:
    """A dataclass field with the sentence that ``--help`` and a written recipe show.

    Args:
        default: of the field.
        text: the sentence.
        name: what users type, where that is not the field's name.
        bounds: of a number, or of the numbers of a table.
    """
    facts = {"help": text, "name": name, "bounds": bounds}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=dict, metadata=facts)
    return dataclasses.field(default=default, metadata=facts)


def settings_of(owner: type[DataclassInstance], section: str = "") -> tuple[Setting, ...]:
    """The settings that a dataclass declares, in their order."""
    kinds = get_type_hints(owner)
    return tuple(
        Setting(
            field.metadata["name"] or field.name, section, field.name, kinds[field.name],
            {} if field.default is dataclasses.MISSING else field.default,
            field.metadata["help"], field.metadata["bounds"],
        )
        for field in dataclasses.fields(owner)
        if "help" in field.metadata
    )


@dataclasses.dataclass(frozen=True)
class Checked:
    """Base of the sections: every value is checked against its field's declaration."""

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InputError: a value of another kind, or outside of its choices or bounds.
        """
        for one in settings_of(type(self)):
            one.check(getattr(self, one.field))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS: Mapping[object, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    int | None: ((int, type(None)), "a whole number"),
    float: ((int, float), "a number"),
    float | None: ((int, float, type(None)), "a number"),
    bool: ((bool,), "true or false"),
    str | None: ((str, type(None)), "a text such as 5ms or 200kB"),
    str | float | None: ((str, int, float, type(None)), "a number, or a text such as 5M"),
    tuple[str, ...]: ((tuple,), "a list of names"),
    Mapping[str, float]: ((Mapping,), "a table of pattern = ratio"),
}
