"""Every setting that decides the result of a build, and the files that hold them."""

from edgeprune.recipe.schema import BUDGET, Criterion, Recipe, as_mapping, recipe

__all__ = ["BUDGET", "Criterion", "Recipe", "as_mapping", "recipe"]
