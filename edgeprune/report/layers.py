"""What each layer costs before and after, counted by the function that counts the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.graph.cost import layer_costs

if TYPE_CHECKING:
    import numpy as np

    from edgeprune.graph.dependency_graph import DependencyGraph


def layer_rows(dependencies: DependencyGraph, keep: np.ndarray) -> list[dict[str, Any]]:
    """The entries of ``layers`` in report.json, layers that cost nothing left out.

    Args:
        units: the original's.
        keep: for each unit number, whether it stays.
    """
    before, after = layer_costs(dependencies), layer_costs(dependencies, keep)
    return [
        {
            "name": path, "kind": dependencies.graph.layers[path].kind,
            "macs_before": cost.macs, "macs_after": after[path].macs,
            "params_before": cost.params, "params_after": after[path].params,
        }
        for path, cost in before.items() if cost.macs or cost.params
    ]
