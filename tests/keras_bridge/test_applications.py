"""keras.applications, pruned: one network here, every family in both Kerases in the long matrix."""

import pytest

from tests.benchmarks.coverage import FAMILIES, KERASES, measure

QUICK = {("MobileNetV2", "keras")}


@pytest.mark.parametrize(
    ("name", "package"),
    [
        pytest.param(name, package, marks=[] if (name, package) in QUICK else [pytest.mark.heavy])
        for name in FAMILIES
        for package in KERASES
    ],
)
def test_half_pruned_equals_masked_loads_and_trains(name, package):
    row = measure(name, package, FAMILIES[name])
    assert row.error <= 1e-4
    assert abs(row.after.neurons / row.before.neurons - 0.5) < 0.02
