"""What the terminal says about quantization."""

from edgeprune.report import quantization
from tests.report import rich


def reported(limit):
    made = {"mode": "int8", "route": "tensorflow"}
    report = {"quantization": made, "recipe": {"max_quantization_drop": limit}}
    rich.enrich(report)
    errors = report["quantization"]["layer_errors"]
    report["quantization"]["layer_errors"] = sorted(errors, key=lambda one: -one["relative_error"])
    return list(quantization.lines(report))


def test_worst_layers_are_named_first():
    (said,) = reported(2.0)
    assert said.startswith("Quantized to int8 by tensorflow; largest errors of layers: conv_1 5.0 %")


def test_recovery_is_told_with_its_cost():
    lines = reported(0.5)
    assert lines[1].startswith("Quantized plainly it lost more than 0.5 points")
    assert lines[2:] == [
        "  int8, tensorflow: +1.25 points lost, 4.0 kB, 20 us",
        "  bias correction, tensorflow: +0.25 points lost, 4.1 kB, 21 us, shipped (conv)",
    ]
