"""Every setting that decides the result of a build, and the files that hold them."""

from edgeprune.recipe.schema import LIMITS, SETTINGS, Recipe, as_mapping, recipe
from edgeprune.recipe.sections import (
    BudgetSettings,
    Criterion,
    MeasureSettings,
    PruneSettings,
    QuantizeSettings,
    TrainSettings,
)

__all__ = [
    "LIMITS",
    "SETTINGS",
    "BudgetSettings",
    "Criterion",
    "MeasureSettings",
    "PruneSettings",
    "QuantizeSettings",
    "Recipe",
    "TrainSettings",
    "as_mapping",
    "recipe",
]
