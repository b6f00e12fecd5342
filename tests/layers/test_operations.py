"""Operations in the graph, in both Keras versions: a pruned model equals the masked original."""

import pytest

from edgeprune.layers import RULES, row_of
from tests.layers.operation_cases import OPERATIONS
from tests.layers.pruned import model_of, prune, samples_of

# Variants of an operation run in the long matrix, as its own case is among the others.
RUNS = [
    pytest.param(
        one, id=f"{one.case.name}-{one.case.keras_versions[0]}",
        marks=[pytest.mark.heavy] if one.case.note else [],
    )
    for one in OPERATIONS
]


def test_there_is_a_case_for_every_operation():
    rows = {row for row in RULES if row.startswith(("ops.", "tf."))}
    assert {row for one in OPERATIONS for row in one.rows} == rows


@pytest.mark.parametrize("one", RUNS)
def test_pruned_equals_masked(one):
    pruned = prune(model_of(one.case, one.case.keras_versions[0]), samples_of(one.case))
    missing = set(one.rows) - {row_of(layer) for layer in pruned.reading.graph.layers.values()}
    assert not missing
    pruned.check()
