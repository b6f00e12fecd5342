"""Every setting that decides the result of a build, in one typed schema.

The command line's options, the keys of a recipe file and the keywords of `edgeprune.build` are the same flat
names; the program reads them in sections. Light on purpose: a recipe is checked before anything heavy is
imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from edgeprune.errors import InputError
from edgeprune.keywords import meant
from edgeprune.recipe.sections import (
    BudgetSettings,
    DataSettings,
    MeasureSettings,
    PruneSettings,
    QuantizeSettings,
    TrainSettings,
    check_together,
)
from edgeprune.recipe.setting import NOT_NEGATIVE, Checked, Setting, setting, settings_of

Task = Literal["vision", "segmentation", "detection", "speech", "text", "translation", "tabular"]
SECTIONS: Mapping[str, type] = {
    "data": DataSettings, "prune": PruneSettings, "budget": BudgetSettings, "train": TrainSettings,
    "quantize": QuantizeSettings, "measure": MeasureSettings,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Recipe(Checked):
    """Settings of a build."""

    task: Task = setting(
        "vision", "Zoo model to use without MODEL, and how data is read: vision, segmentation, detection, "
        "speech, text, translation or tabular.",
    )
    data: DataSettings = DataSettings()
    prune: PruneSettings = PruneSettings()
    budget: BudgetSettings = BudgetSettings()
    train: TrainSettings = TrainSettings()
    quantize: QuantizeSettings = QuantizeSettings()
    measure: MeasureSettings = MeasureSettings()
    seed: int = setting(0, "Random seed.", bounds=NOT_NEGATIVE)

    def __post_init__(self) -> None:
        """Refuses what cannot be meant, or not together.

        Raises:
            InputError: names what excludes what.
        """
        super().__post_init__()
        check_together(self.prune, self.budget, self.train, self.quantize)


def _all_settings() -> tuple[Setting, ...]:
    task, seed = settings_of(Recipe)
    return (task, *(one for name, kind in SECTIONS.items() for one in settings_of(kind, name)), seed)


SETTINGS: Mapping[str, Setting] = {one.name: one for one in _all_settings()}
"""All settings by the names that users type, in the order in which they are shown."""
LIMITS = ("max_latency", "max_memory", "max_size", "max_macs")
"""Settings that limit what the model may cost, in place of a share."""


def recipe(**settings: Any) -> Recipe:
    """A recipe from settings by name; dashes may stand for underscores.

    Raises:
        InputError: a name that is no setting (the nearest one is named), or a bad value.
    """
    values: dict[str, dict[str, object]] = {"": {}, **{name: {} for name in SECTIONS}}
    for given, value in flat_settings(settings).items():
        one = SETTINGS.get(given)
        if one is None:
            near = meant(given, SETTINGS)
            hint = f"Did you mean '{near}'?" if near else f"Settings are {', '.join(SETTINGS)}."
            raise InputError(f"There is no setting '{given}'.", way_out=hint)
        if value is None and one.kind == Mapping[str, float]:
            continue
        if isinstance(value, str) and one.kind == tuple[str, ...]:
            value = (value,)  # noqa: PLW2901  (one name is a list of one)
        values[one.section][one.field] = tuple(value) if isinstance(value, list) else value
    sections = {name: kind(**values[name]) for name, kind in SECTIONS.items()}
    own: dict[str, Any] = values[""]
    return Recipe(**own, **sections)


def flat_settings(settings: Mapping[str, object]) -> dict[str, object]:
    """Settings by their flat names; those of a section may stand in a table of its name."""
    flat: dict[str, object] = {}
    for key, value in settings.items():
        name = key.replace("-", "_")
        if name in SECTIONS and isinstance(value, Mapping):
            fields = {one.field: one.name for one in settings_of(SECTIONS[name])}
            flat |= {
                fields.get(inner.replace("-", "_"), inner.replace("-", "_")): item
                for inner, item in value.items()
            }
        else:
            flat[name] = value
    return flat


def as_mapping(recipe: Recipe) -> dict[str, Any]:
    """All settings by their flat names, in their order."""
    return {
        name: getattr(getattr(recipe, one.section) if one.section else recipe, one.field)
        for name, one in SETTINGS.items()
    }
