"""Every row of the table, in both Keras versions: a pruned model equals the masked original."""

import pytest

from edgeprune.keras_bridge.read import read
from edgeprune.layers import RULES, row_of
from edgeprune.pruning.dependencies import find_dependencies
from tests.layers.layer_cases import LAYERS
from tests.layers.pruned import model_of, prune, samples_of

# Every case runs in one Keras here, alternating, and in the other one in the long matrix.
RUNS = [
    pytest.param(
        case,
        keras_version,
        id=f"{case.name}-{keras_version}",
        marks=[pytest.mark.heavy] if len(case.keras_versions) > 1 and (number + side) % 2 else [],
    )
    for number, case in enumerate(LAYERS)
    for side, keras_version in enumerate(case.keras_versions)
]


def test_there_is_a_case_for_every_layer():
    rows = {row for row in RULES if not row.startswith(("ops.", "tf."))}
    assert {case.row for case in LAYERS} == rows


def test_an_unfolded_vector_shrinks_by_channels():
    (case,) = (case for case in LAYERS if case.note == "unfolded vector")
    dependencies = find_dependencies(read(model_of(case, "keras")).graph)
    assert [len(group.channels) for group in dependencies.groups] == [4, 3]


@pytest.mark.parametrize(("case", "keras_version"), RUNS)
def test_pruned_equals_masked(case, keras_version):
    pruned = prune(model_of(case, keras_version), samples_of(case))
    assert case.row in {row_of(layer) for layer in pruned.reading.graph.layers.values()}
    pruned.check()
