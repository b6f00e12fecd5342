"""Settings that do not fit a model and its data, refused before anything is trained."""

from __future__ import annotations

from edgeprune.errors import InputError
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.pipeline.artifacts import Baseline
from edgeprune.pipeline.streaming import check_streaming
from edgeprune.recipe import Recipe

_MOST_REASONS = 3
"""That an error names for neurons which stay."""


def check_settings(baseline: Baseline, recipe: Recipe) -> None:
    """Refuses what cannot be done with this model and data.

    Raises:
        InputError: names what cannot be done.
    """
    from edgeprune.conversion.frontend import split_steps
    from edgeprune.training.training_copy import frozen_layers

    if recipe.quantize.embed_frontend and not split_steps(baseline.data.preprocessing)[1]:
        raise InputError(
            "--embed-frontend was given.", "The data has no audio front end to embed.", "Leave it out."
        )
    if recipe.quantize.streaming:
        check_streaming(baseline)
    frozen_layers(baseline.model, recipe.train.freeze)
    method = recipe.prune.method
    if method != "structural" and is_keras3(baseline.model):
        raise InputError(
            f"--method {method} cannot be used on a Keras 3 model.",
            "tfmot sets weights of Keras 2 (tf_keras) models to zero, and of no others.",
            "Use --method structural, or load and save the model with tf_keras.",
        )
    if recipe.prune.ratio and method != "weight" and not recipe.budget.limited:
        _check_prunable(baseline.dependencies)


def _check_prunable(dependencies: DependencyGraph) -> None:
    """Refuses a model of which nothing can go, instead of training what stays whole."""
    if dependencies.groups:
        return
    reasons = [one.sentence for one in dependencies.refusals]
    raise InputError(
        f"No neuron of this model can be removed ({'; '.join(reasons[:_MOST_REASONS]) or 'it has none'}).",
        "Neurons between its inputs and its outputs are expected.",
        "Use --prune 0 to quantize it as it is; `edgeprune inspect` shows what must stay and why.",
    )
