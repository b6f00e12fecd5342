"""A sliced file against the pruned model, converted."""

from __future__ import annotations

import numpy as np
import pytest

from edgeprune.budget.candidates import candidates_of
from edgeprune.budget.resources import vectorized
from edgeprune.budget.width_slicing import width_slicer
from edgeprune.conversion import flatfile, run_tflite
from edgeprune.graph.cost_model import cost_model
from edgeprune.keras_bridge.prune import analyze
from edgeprune.pruning.analysis import PruningAnalysis
from tests.budget.networks import network, samples, tflite


def shapes(file: bytes) -> list[tuple[str, list[list[int]]]]:
    tree = flatfile.parse(file)
    graph = tree.subgraphs[0]
    return [
        (
            flatfile.operator_name(tree.operatorCodes[op.opcodeIndex]),
            [graph.tensors[place].shape.tolist() for place in (*op.inputs, *op.outputs)],
        )
        for op in graph.operators
    ]


@pytest.fixture(scope="module")
def prepared() -> PruningAnalysis:
    return analyze(network(), samples(), criterion="l2", allocation="uniform")


def test_it_has_the_shapes_of_the_converted_pruned_model(prepared: PruningAnalysis) -> None:
    counts = [
        max(len(group.channels) // 3 - place, 1) for place, group in enumerate(prepared.dependencies.groups)
    ]
    candidates = candidates_of(prepared, tflite)
    assert candidates.cheap
    converted = tflite(prepared.prune_to(np.array(counts), reconstruct=False).model)
    sliced = candidates.file(counts)
    assert shapes(sliced) == shapes(converted)
    assert abs(len(sliced) - len(converted)) <= 0.02 * len(converted)
    assert run_tflite(sliced, (samples(2),))[0].shape[-1] == 10


def test_all_units_give_the_same_answers(prepared: PruningAnalysis) -> None:
    candidates = candidates_of(prepared, tflite)
    whole = candidates.file([len(group.channels) for group in prepared.dependencies.groups])
    x = (samples(4),)
    assert np.array_equal(run_tflite(whole, x), run_tflite(candidates.baseline, x))


def test_a_file_of_unknown_operators_is_left_alone(prepared: PruningAnalysis) -> None:
    import tf_keras

    layers = tf_keras.layers
    inputs = layers.Input((8, 4))
    model = tf_keras.Model(inputs, layers.Dense(3)(layers.GRU(6, unroll=True)(inputs)))
    from edgeprune.conversion import convert

    file = convert(model, "none").tflite
    assert width_slicer(file, prepared.dependencies.groups, [layer.name for layer in model.layers]) is None


def test_prune_to_keeps_what_it_is_told(prepared: PruningAnalysis) -> None:
    counts = np.array([5 + place for place in range(len(prepared.dependencies.groups))])
    report = prepared.prune_to(counts).report
    assert [group.units_after for group in report.groups] == counts.tolist()


def test_multiply_accumulates_of_plans_are_those_of_the_model(prepared: PruningAnalysis) -> None:
    macs = vectorized(cost_model(prepared.dependencies, "macs"))
    counts = np.array([7 + place for place in range(len(prepared.dependencies.groups))])
    assert macs(counts[None])[0] == prepared.prune_to(counts, reconstruct=False).report.after.macs
