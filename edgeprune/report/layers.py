"""What each layer costs before and after, counted by the function that counts the stages."""

from __future__ import annotations

import numpy as np

from edgeprune.graph.cost import layer_costs
from edgeprune.graph.dependency_graph import DependencyGraph
from edgeprune.report.schema import LayerReport


def layer_rows(dependencies: DependencyGraph, keep: np.ndarray) -> tuple[LayerReport, ...]:
    """The entries of ``layers`` in report.json, layers that cost nothing left out.

    Args:
        dependencies: the original's.
        keep: (C,) for each channel number, whether it stays.
    """
    before, after = layer_costs(dependencies), layer_costs(dependencies, keep)
    return tuple(
        LayerReport(
            path, dependencies.graph.layers[path].kind, macs_before=cost.macs, macs_after=after[path].macs,
            params_before=cost.params, params_after=after[path].params,
        )
        for path, cost in before.items() if cost.macs or cost.params
    )
