"""Getting lost accuracy back, one step after the other, until the drop is within the limit.

1. int8 by both routes; with float where int8 has no fast kernels;
2. ranges of least squared error instead of extremes;
3. bias correction of the best so far;
4. ranges equalised between layers, with 2 and 3;
5. the operators that cost most at the network's output stay float (16-bit activations would do too, but
   LiteRT has no fast kernels for them: ResNet-8 takes 30 times as long).

Training with simulated int8 comes after, as it needs training data: `edgeprune.conversion.qat`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from edgeprune.conversion import ai_edge_route, flatfile, ranges
from edgeprune.conversion.bias import correct_bias
from edgeprune.conversion.convert import finished
from edgeprune.conversion.equalize import equalize
from edgeprune.conversion.kernels import in_float, slow_operators
from edgeprune.conversion.layer_error import layer_errors, layer_of
from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edgeprune.conversion.trial import Trial
    from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples

_STATISTICS_SAMPLES = 64
_MOST_OPERATORS = 64
_ROUTE: Route = "ai-edge-quantizer"


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """A float file that answers as the baseline, and the ranges of its tensors."""

    tflite: bytes
    ranges: Mapping[str, ranges.Range]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What the steps start from.

    Attributes:
        baseline: the float file.
        calibration: float samples.
        io: type of inputs and outputs.
        layers: names of the Keras layers.
        in_float: output tensors of operators that stay float whatever the step.
    """

    baseline: Converted
    calibration: Samples
    io: Io
    layers: Sequence[str]
    in_float: Sequence[str] = ()

    def level(self, float_tflite: bytes) -> Level:
        """A float file with ranges of least squared error."""
        return Level(float_tflite, ranges.least_squares(ranges.observe(float_tflite, self.calibration)))

    def without(self, slow: Collection[str]) -> Source:
        """The same with float where these operators are slow in int8."""
        return dataclasses.replace(self, in_float=in_float(self.baseline.tflite, slow))

    def few(self) -> Samples:
        """Samples enough for a mean."""
        return tuple(array[:_STATISTICS_SAMPLES] for array in self.calibration)


def second_route(trial: Trial, source: Source) -> Source:
    """int8 by `ai-edge-quantizer`, as a rival to TensorFlow's converter.

    Where operators have no fast kernel for int8, float takes their place: such a file puts the others out of
    the running, and further steps start from it.
    """
    trial.attempt("int8", lambda: as_calibrated(source))
    best = trial.best()
    slow = slow_operators(best.converted.tflite) if best else ()
    if not slow:
        return source
    mixed, detail = source.without(slow), f"no fast int8 kernel for {', '.join(slow)}"
    candidate = trial.attempt("int8, float where that is slow", lambda: as_calibrated(mixed), detail)
    if candidate is None:
        return source
    trial.candidates = [candidate]
    return mixed


def as_calibrated(source: Source) -> Converted:
    """int8 by `ai-edge-quantizer`, with the extremes of the calibration samples as ranges."""
    observed = ranges.observe(source.baseline.tflite, source.calibration)
    return _made(source, Level(source.baseline.tflite, ranges.extremes(observed)))


def recover(trial: Trial, source: Source) -> None:
    """Climbs the ladder until a candidate is good enough or the rungs are used up."""
    level = None
    if ai_edge_route.available():
        level = plain = source.level(source.baseline.tflite)
        trial.attempt("least-squares ranges", lambda: _made(source, plain))
    else:
        way_out = "ai-edge-quantizer is not installed: pip install 'edgeprune[host]'."
        trial.note("least-squares ranges", way_out)
    best = trial.best()
    if best is not None and not trial.good_enough():
        trial.attempt("bias correction", lambda: _corrected(source, source.baseline.tflite, best.converted))
    if level is None or trial.good_enough():
        return
    levels = [level]
    try:
        equal = source.level(equalize(source.baseline.tflite, source.few()))
    except InputError as error:
        trial.note("equalised ranges", str(error))
    else:
        levels.append(equal)
        trial.attempt(
            "equalised ranges",
            lambda: _corrected(source, equal.tflite, _made(source, equal)),
            level=equal.tflite,
        )
    if trial.best(_ROUTE) is not None and not trial.good_enough():
        _keep_operators_float(trial, source, min(levels, key=lambda one: _scatter(trial, source, one)))


def _keep_operators_float(trial: Trial, source: Source, level: Level) -> None:
    worst = _costliest_operators(trial, source, level)
    count = 1
    while count <= len(worst) / 2 and not trial.good_enough():
        chosen = worst[:count]
        names = ", ".join(layer_of(tensor, source.layers) for tensor in chosen)
        trial.attempt(
            f"{count} of {len(worst)} operators in float",
            lambda chosen=chosen: _corrected(  # type: ignore[misc]
                source, level.tflite, _made(source, level, chosen)
            ),
            names,
            level.tflite,
        )
        count *= 2


def _costliest_operators(trial: Trial, source: Source, level: Level) -> list[str]:
    """Output tensors, by how near the network's outputs come where that one operator stays float.

    The error at an operator's own output would mislead: an average in int8 seems to remove noise, yet it
    is rounded to the steps of what it averages. Of many operators those with the largest error of their
    own are tried.
    """
    # On the samples that show the drop: those of calibration lie within the ranges they gave.
    samples = trial.samples(_STATISTICS_SAMPLES)
    errors = layer_errors(level.tflite, _made(source, level).tflite, samples)
    worst = sorted(errors, key=lambda error: -error.added_error)
    tensors = [error.tensor for error in worst if error.tensor not in source.in_float]
    left = {tensor: _scatter(trial, source, level, tensor) for tensor in tensors[:_MOST_OPERATORS]}
    return [*sorted(left, key=left.__getitem__), *tensors[_MOST_OPERATORS:]]


def _scatter(trial: Trial, source: Source, level: Level, *more: str) -> float:
    try:
        return trial.scatter(_made(source, level, more).tflite, _STATISTICS_SAMPLES)
    except InputError:
        return math.inf


def _made(source: Source, level: Level, more: Sequence[str] = ()) -> Converted:
    exceptions: dict[str, Mode] = dict.fromkeys((*source.in_float, *more), "none")
    raw = ai_edge_route.quantize_file(level.tflite, "int8", level.ranges, source.io, exceptions)
    inputs = [info.name for info in source.baseline.inputs]
    return finished(raw, "int8", _ROUTE, inputs, [info.name for info in source.baseline.outputs])


def _corrected(source: Source, float_tflite: bytes, quantized: Converted) -> Converted:
    raw = correct_bias(float_tflite, quantized.tflite, source.few())
    infos_in, infos_out = flatfile.tensor_infos(flatfile.parse(raw))
    return dataclasses.replace(quantized, tflite=raw, inputs=infos_in, outputs=infos_out)
