"""`edgeprune.inspect`: what a model consists of, what can be removed, and what cannot and why."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from edgeprune.graph.cost import Cost, cost, layer_costs
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.html_table import html_table
from edgeprune.keras_bridge.keras_version import is_keras3
from edgeprune.keras_bridge.load import load_if_path
from edgeprune.keras_bridge.read import read
from edgeprune.keras_types import KerasModel
from edgeprune.keywords import checked
from edgeprune.pruning.dependencies import find_dependencies
from edgeprune.pruning.unpruned_layers import UnprunedLayer, unpruned_layers


@dataclasses.dataclass(frozen=True)
class InspectedLayer:
    """A layer and what it costs over all of its calls; `macs` are None where nobody knows them."""

    name: str
    kind: str
    params: int
    macs: int | None


@dataclasses.dataclass(frozen=True)
class InspectedGroup:
    """Neurons that are pruned together, and the layers that make them."""

    name: str
    neurons: int
    producers: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class InspectedRefusal:
    """A layer whose neurons stay, and why."""

    layer: str
    neurons: int
    because_of: str
    reason: str


@dataclasses.dataclass(frozen=True, repr=False)
class Inspection:
    """What `inspect` found.

    Attributes:
        keras: the version of Keras that the model belongs to, 2 or 3.
        total: of the model; its multiply-accumulates are at least these where those of a layer are unknown.
        unpruned: layers of which nothing can go, although much of the model is in them.
    """

    keras: int
    total: Cost
    layers: tuple[InspectedLayer, ...]
    groups: tuple[InspectedGroup, ...]
    refusals: tuple[InspectedRefusal, ...]
    unpruned: tuple[UnprunedLayer, ...] = ()

    @property
    def macs_text(self) -> str:
        """The model's multiply-accumulates, for people."""
        unknown = any(one.macs is None for one in self.layers)
        return f"{'at least ' if unknown else ''}{self.total.macs:,}"

    def __repr__(self) -> str:
        return (
            f"<Inspection: Keras {self.keras}, {self.total.neurons:,} prunable neurons in {len(self.groups)} "
            f"groups, {self.total.params:,} parameters, {self.macs_text} MACs, "
            f"{len(self.refusals)} refusals>"
        )

    def _repr_html_(self) -> str:
        groups = [(one.name, f"{one.neurons:,}", ", ".join(one.producers)) for one in self.groups]
        refused = [(one.layer, f"{one.neurons:,}", one.reason) for one in self.refusals]
        tables = [html_table(repr(self)[1:-1], ("group", "neurons", "made by"), groups)]
        if refused:
            tables.append(html_table("Neurons that stay", ("layer", "neurons", "why"), refused))
        return "".join(tables)


@checked()
def inspect(
    model: KerasModel | str | os.PathLike[str], *,
    custom_objects: Mapping[str, object] | str | None = None, trust_model: bool = False,
) -> Inspection:
    """Shows what can be removed from a model, what cannot, and why. Nothing is changed.

    >>> found = edgeprune.inspect("mine.keras")
    >>> found.total.neurons > 0, [group.name for group in found.groups]
    (True, ['hidden'])

    Args:
        model: a Keras 3 or tf_keras model, or its file.
        custom_objects: your own layers, losses and metrics by name, or the module that holds them.
        trust_model: allow code inside the model file to run.

    Raises:
        InputError: the model cannot be read as a graph of layers.
    """
    loaded = load_if_path(model, trust=trust_model, custom_objects=custom_objects)
    return _inspected(find_dependencies(read(loaded).graph), 3 if is_keras3(loaded) else 2)


def _inspected(dependencies: DependencyGraph, keras: int) -> Inspection:
    layers = dependencies.graph.layers
    return Inspection(
        keras, cost(dependencies),
        tuple(
            InspectedLayer(path, layers[path].kind, one.params, one.macs if one.counted else None)
            for path, one in layer_costs(dependencies).items()
        ),
        tuple(
            InspectedGroup(group.name, len(group.channels), tuple(group.producers))
            for group in dependencies.groups
        ),
        tuple(
            InspectedRefusal(one.layer, one.channels, one.because_of, one.reason)
            for one in dependencies.refusals
        ),
        tuple(unpruned_layers(dependencies)),
    )
