"""What each layer that costs anything costs before and after, counted as the stages are."""

import numpy as np

from edgeprune.graph.cost import layer_costs
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.report.schema import LayerReport


def layer_rows(
    dependencies: DependencyGraph, keep: np.ndarray, original: DependencyGraph | None = None
) -> tuple[LayerReport, ...]:
    """The entries of ``layers`` in report.json, of the original's dependencies and a keep mask (C,).

    `original` is what the dependencies were before tokens left the vocabulary.
    """
    before, after = layer_costs(original or dependencies), layer_costs(dependencies, keep)
    return tuple(
        LayerReport(
            path, dependencies.graph.layers[path].kind,
            macs_before=cost.macs if cost.counted else None,
            macs_after=after[path].macs if cost.counted else None,
            params_before=cost.params, params_after=after[path].params,
        )
        for path, cost in before.items() if cost.macs or cost.params or not cost.counted
    )
