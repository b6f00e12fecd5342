"""Getting lost accuracy back, one step after the other, until the drop is within the limit.

1. int8 by both routes;
2. ranges of least squared error instead of extremes;
3. bias correction of the best so far;
4. ranges equalised between layers, with 2 and 3;
5. the layers that add most error stay float (16-bit activations would do too, but LiteRT has no
   fast kernels for them: ResNet-8 takes 30 times as long).

Training with simulated int8 comes after, as it needs training data: `edgeprune.conversion.qat`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from edgeprune.conversion import ai_edge_route, flatfile, ranges
from edgeprune.conversion.bias import correct_bias
from edgeprune.conversion.convert import finished
from edgeprune.conversion.equalize import equalize
from edgeprune.conversion.layer_error import layer_errors, layer_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.conversion.trial import Candidate, Trial
    from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples

_STATISTICS_SAMPLES = 64
_ROUTE: Route = "ai-edge-quantizer"


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What the steps start from.

    Attributes:
        baseline: the float file.
        calibration: float samples.
        io: type of inputs and outputs.
        layers: names of the Keras layers.
    """

    baseline: Converted
    calibration: Samples
    io: Io
    layers: Sequence[str]

    def few(self) -> Samples:
        """Samples enough for a mean."""
        return tuple(array[:_STATISTICS_SAMPLES] for array in self.calibration)


def second_route(trial: Trial, source: Source) -> None:
    """int8 by `ai-edge-quantizer`, as a rival to TensorFlow's converter."""
    found = ranges.extremes(ranges.observe(source.baseline.tflite, source.calibration))
    trial.attempt("int8", lambda: _made(source, source.baseline.tflite, found))


def recover(trial: Trial, source: Source) -> None:
    """Climbs the ladder until a candidate is good enough or the rungs are used up."""
    if ai_edge_route.available():
        observed = ranges.observe(source.baseline.tflite, source.calibration)
        clipped = ranges.least_squares(observed)
        trial.attempt("least-squares ranges", lambda: _made(source, source.baseline.tflite, clipped))
    else:
        clipped = {}
        way_out = "ai-edge-quantizer is not installed: pip install 'edgeprune[host]'."
        trial.note("least-squares ranges", way_out)
    best = trial.best()
    if best is not None and not trial.good_enough():
        trial.attempt("bias correction", lambda: _corrected(source, source.baseline.tflite, best.converted))
    if clipped and not trial.good_enough():
        trial.attempt("equalised ranges", lambda: _equalized(source))
    if clipped and not trial.good_enough():
        _keep_layers_float(trial, source, clipped)


def _keep_layers_float(trial: Trial, source: Source, clipped: Mapping[str, ranges.Range]) -> None:
    best = trial.best(_ROUTE)
    if best is None:
        return
    # On the samples that show the drop: those of calibration lie within the ranges they gave.
    worst = _worst_tensors(source, best, trial.samples(_STATISTICS_SAMPLES))
    count = 1
    while count <= len(worst) / 2 and not trial.good_enough():
        chosen = worst[:count]
        exceptions: dict[str, Mode] = dict.fromkeys(chosen, "none")
        names = ", ".join(layer_of(tensor, source.layers) for tensor in chosen)
        trial.attempt(
            f"{count} of {len(worst)} operators in float",
            lambda exceptions=exceptions: _corrected(  # type: ignore[misc]
                source, source.baseline.tflite, _made(source, source.baseline.tflite, clipped, exceptions)
            ),
            names,
        )
        count *= 2


def _worst_tensors(source: Source, candidate: Candidate, samples: Samples) -> list[str]:
    errors = layer_errors(source.baseline.tflite, candidate.converted.tflite, samples)
    return [error.tensor for error in sorted(errors, key=lambda error: -error.added_error)]


def _made(
    source: Source,
    float_tflite: bytes,
    found: Mapping[str, ranges.Range],
    exceptions: Mapping[str, Mode] | None = None,
) -> Converted:
    raw = ai_edge_route.quantize_file(float_tflite, "int8", found, source.io, exceptions)
    return _finished(source, raw)


def _equalized(source: Source) -> Converted:
    level = equalize(source.baseline.tflite, source.few())
    found = ranges.least_squares(ranges.observe(level, source.calibration))
    return _corrected(source, level, _made(source, level, found))


def _corrected(source: Source, float_tflite: bytes, quantized: Converted) -> Converted:
    raw = correct_bias(float_tflite, quantized.tflite, source.few())
    infos_in, infos_out = flatfile.tensor_infos(flatfile.parse(raw))
    return dataclasses.replace(quantized, tflite=raw, inputs=infos_in, outputs=infos_out)


def _finished(source: Source, raw: bytes) -> Converted:
    inputs = [info.name for info in source.baseline.inputs]
    return finished(raw, "int8", _ROUTE, inputs, [info.name for info in source.baseline.outputs])
