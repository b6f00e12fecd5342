"""What ships of every model of the zoo: nothing as accurate is smaller and faster, nor is float faster."""

import numpy as np
import pytest

import edgeprune_models as zoo
from edgeprune.conversion.litert import latencies_us
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize

SHAPES = {
    "vision": (28, 28, 1), "segmentation": (16, 24, 1), "detection": (32, 48, 1), "speech": (49, 40),
    "text": (24,), "translation": ((12,), (9,)), "tabular": (10,),
}
OUT = ("shipped", "refused", "loses too much", "less accurate")


def slowest(time_us):
    """The longest time that counts as the same: 15 % of the call more, or 2 µs, which are of no use."""
    return max(1.15 * (time_us + 2) - 2, time_us + 2)


def quantized(name):
    """The model as it starts, with all candidates kept: sizes and times do not depend on training."""
    entry = zoo.find(name)
    shape, rng = SHAPES[entry.task], np.random.default_rng(1)
    tokens = entry.task in ("text", "translation")
    each = shape if isinstance(shape[0], tuple) else (shape,)
    x = tuple(
        rng.integers(1, 50, (24, *one)).astype(np.int32) if tokens
        else rng.normal(size=(24, *one)).astype(np.float32) for one in each
    )
    model = entry.build(shape, 5, 1, vocabulary=50)
    found = quantize(model, QuantizeOptions(max_quantization_drop=100.0), x, Validation(x))
    return found, x


@pytest.mark.heavy
@pytest.mark.alone
@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_nothing_as_accurate_beats_what_ships_nor_is_float_faster(name):
    found, x = quantized(name)
    (shipped,) = [step for step in found.attempts if step.chosen]
    assert shipped.verdict == "shipped"
    others = [step for step in found.attempts if step.verdict not in OUT]
    for step in others:
        smaller = step.runnable_bytes * 1.02 < shipped.runnable_bytes
        assert not (smaller and shipped.latency_us > slowest(step.latency_us))
    # Measured again, so within noise of two measurements.
    mine, floating = latencies_us([found.result.tflite, found.baseline.tflite], x)
    all_slower = all(step.latency_us > slowest(floating) for step in (shipped, *others))
    assert mine <= slowest(slowest(floating)) or all_slower, f"{mine:.1f} µs, in float {floating:.1f} µs"
