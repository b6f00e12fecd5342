"""Quantization recovery: one step after the other, until the drop is within the limit.

1. int8 by both routes; with float where int8 has no fast kernels;
2. ranges of least squared error instead of extremes;
3. bias correction of the best so far;
4. ranges equalized between layers, with 2 and 3;
5. the operators that cost most at the network's output stay float: single ones, the beginning, the end or
   branches (16-bit activations would do too, but LiteRT has no fast kernels for them: ResNet-8 takes 30 times
   as long);
6. weights alone are int8.

Training with simulated int8 comes after, as it needs training data: `edgeprune.conversion.qat`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Collection, Mapping, Sequence

from edgeprune.conversion import ai_edge_route, flatfile, ranges
from edgeprune.conversion.bias import correct_bias
from edgeprune.conversion.candidates import CandidateSet
from edgeprune.conversion.convert import converted_file
from edgeprune.conversion.embedding_tables import tables_dominate, with_small_tables
from edgeprune.conversion.equalize import equalize
from edgeprune.conversion.float_regions import (
    Region,
    branches,
    float_operators,
    prefixes,
    suffixes,
    united,
)
from edgeprune.conversion.kernels import slow_operators, tensors_to_keep_float
from edgeprune.conversion.layer_error import layer_errors, layer_of
from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples
from edgeprune.errors import InputError
from edgeprune.install_source import install_command

_STATISTICS_SAMPLES = 64
_STEPS = 3
"""Ranges of least squares, corrected biases, and equalized ranges."""
_MOST_OPERATORS = 24
_MUCH_SMALLER = 0.8
_WEIGHTS_ALONE = "Int8 activations lost too much or were too slow, so only the weights are int8."
WEIGHTS_ALONE = "int8 weights, float activations"
_TABLES = "int8 embedding tables, the rest in float"
_TABLES_ALONE = "Only the embedding tables are int8: they are most of the file, the rest is fast in float."
_ROUTE: Route = "ai-edge-quantizer"


@dataclasses.dataclass(frozen=True, eq=False)
class CalibratedFile:
    """A float file that computes what the baseline does, and the ranges of its tensors."""

    tflite: bytes
    ranges: Mapping[str, ranges.Range]


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizationSource:
    """What every candidate is made from."""

    baseline: Converted  # the float file
    calibration: Samples
    io: Io
    layers: Sequence[str]  # names of the Keras layers
    float_tensors: Sequence[str] = ()  # output tensors of operators that stay float in every candidate

    def calibrated(self, float_tflite: bytes) -> CalibratedFile:
        """A float file with ranges of least squared error."""
        statistics = ranges.collect(float_tflite, self.calibration)
        return CalibratedFile(float_tflite, ranges.least_squares(statistics))

    def without(self, slow: Collection[str]) -> QuantizationSource:
        """The same with float where these operators are slow in int8."""
        return dataclasses.replace(self, float_tensors=tensors_to_keep_float(self.baseline.tflite, slow))

    def statistics_samples(self) -> Samples:
        """Samples enough for a mean."""
        return tuple(array[:_STATISTICS_SAMPLES] for array in self.calibration)

    def names(self) -> tuple[list[str], list[str]]:
        """Signature names of the inputs and of the outputs."""
        return [info.name for info in self.baseline.inputs], [info.name for info in self.baseline.outputs]


def try_second_route(found: CandidateSet, source: QuantizationSource) -> QuantizationSource:
    """int8 by `ai-edge-quantizer`, to compare with that of TensorFlow's converter.

    Where operators have no fast kernel for int8, they stay float: further steps start from such a file.
    """
    found.attempt("int8", lambda: quantized_by_extremes(source))
    best = found.best()
    slow = slow_operators(best.converted.tflite) if best else ()
    if not slow or found.integer_only:
        return source
    mixed, detail = source.without(slow), f"no fast int8 kernel for {', '.join(slow)}"
    candidate = found.attempt("int8, float where that is slow", lambda: quantized_by_extremes(mixed), detail)
    return source if candidate is None else mixed


def quantized_by_extremes(source: QuantizationSource) -> Converted:
    """int8 by `ai-edge-quantizer`, with the extremes of the calibration samples as ranges."""
    statistics = ranges.collect(source.baseline.tflite, source.calibration)
    return _quantized(source, CalibratedFile(source.baseline.tflite, ranges.extremes(statistics)))


def recover(found: CandidateSet, source: QuantizationSource) -> None:
    """Takes the steps in turn until a candidate is good enough or none is left."""
    plain, baseline = None, source.baseline.tflite
    found.expect(_STEPS)
    if ai_edge_route.available():
        plain = source.calibrated(baseline)
        found.attempt("least-squares ranges", functools.partial(_quantized, source, plain))
    else:
        way_out = f"ai-edge-quantizer is not installed: {install_command('host')}."
        found.note("least-squares ranges", way_out)
    best = found.best()
    if best is not None and not found.good_enough():
        found.attempt("bias correction", lambda: _corrected(source, baseline, best.converted))
    if plain is None or found.good_enough():
        return
    files = [plain]
    try:
        equal = source.calibrated(equalize(baseline, source.statistics_samples()))
    except InputError as error:
        found.note("equalized ranges", str(error))
    else:
        files.append(equal)
        made = functools.partial(_quantized_and_corrected, source, equal)
        found.attempt("equalized ranges", made, float_tflite=equal.tflite)
    if found.integer_only:
        return
    if found.best(_ROUTE) is not None and not found.good_enough():
        _keep_operators_float(found, source, min(files, key=lambda one: _error(found, source, one)))
    if source.io == "float" and not found.good_enough():
        keep_activations_float(found, source)


def _keep_operators_float(found: CandidateSet, source: QuantizationSource, file: CalibratedFile) -> None:
    """Tries regions in float, the smaller first, as long as each promises a much smaller error."""
    operators = tuple(one for one in float_operators(file.tflite) if one not in source.float_tensors)
    promised = math.inf
    found.expect(1)
    found.begin("operators that cost most")
    regions = _promising_regions(found, source, file, operators)
    found.expect(len(regions))
    for region, error in regions:
        if found.good_enough():
            return
        if error < _MUCH_SMALLER * promised:
            promised = error
            names = ", ".join(dict.fromkeys(layer_of(tensor, source.layers) for tensor in region))
            made = functools.partial(_quantized_and_corrected, source, file, region)
            found.attempt(f"{len(region)} of {len(operators)} operators in float", made, names, file.tflite)


def _promising_regions(
    found: CandidateSet, source: QuantizationSource, file: CalibratedFile, operators: Region
) -> list[tuple[Region, float]]:
    """Regions that come nearer to the float outputs than every smaller one, the smallest first."""
    single = _costliest_operators(found, source, file)
    error_of: dict[Region, float] = {
        (tensor,): _error(found, source, file, tensor) for tensor in single[:_MOST_OPERATORS]
    }
    worst = [region[0] for region in sorted(error_of, key=error_of.__getitem__)]
    many = [united(operators, [tuple(worst[: 2**power])]) for power in range(1, len(worst).bit_length())]
    starts, ends = prefixes(operators), suffixes(operators)
    for region in (*many, *starts, *ends, *branches(file.tflite)):
        if region and region not in error_of and len(region) <= len(operators) / 2:
            error_of[region] = _error(found, source, file, *region)
    if starts and ends:
        pair = [min(regions, key=error_of.__getitem__) for regions in (starts, ends)]
        both = united(operators, pair)
        error_of[both] = _error(found, source, file, *both)
    best = math.inf
    promising: list[tuple[Region, float]] = []
    for region, error in sorted(error_of.items(), key=lambda one: (len(one[0]), one[1])):
        if error < best:
            best = error
            promising.append((region, error))
    return promising


def _costliest_operators(found: CandidateSet, source: QuantizationSource, file: CalibratedFile) -> list[str]:
    """Output tensors by what their operators add to the error, where it is measured behind each of them.

    That alone would mislead: an average in int8 seems to remove noise, yet it is rounded to the steps of what
    it averages. So it chooses only which are tried alone.
    """
    # On the samples that show the drop: those of calibration lie within the ranges they gave.
    samples = found.samples(_STATISTICS_SAMPLES)
    errors = layer_errors(file.tflite, _quantized(source, file).tflite, samples)
    worst = sorted(errors, key=lambda error: -error.added_error)
    return [error.tensor for error in worst if error.tensor not in source.float_tensors]


def keep_activations_float(found: CandidateSet, source: QuantizationSource) -> None:
    """The last resort of int8, for accuracy or speed: weights alone are int8."""

    def made() -> Converted:
        raw = ai_edge_route.quantize_file(source.baseline.tflite, "dynamic", None)
        return converted_file(raw, "int8", _ROUTE, *source.names(), (_WEIGHTS_ALONE,))

    found.attempt(WEIGHTS_ALONE, made)


def keep_all_but_tables_float(found: CandidateSet, source: QuantizationSource) -> None:
    """Of a text model the tables alone in int8: nearly as small as all of it, and as fast as in float."""
    float_tflite = source.baseline.tflite
    if source.io != "float" or found.integer_only or not tables_dominate(float_tflite):
        return

    def made() -> Converted:
        raw = with_small_tables(float_tflite)
        return converted_file(raw, "int8", source.baseline.route, *source.names(), (_TABLES_ALONE,))

    found.attempt(_TABLES, made)


def _error(found: CandidateSet, source: QuantizationSource, file: CalibratedFile, *more: str) -> float:
    try:
        return found.relative_error(_quantized(source, file, more).tflite, _STATISTICS_SAMPLES)
    except InputError:
        return math.inf


def _quantized(source: QuantizationSource, file: CalibratedFile, more: Sequence[str] = ()) -> Converted:
    """int8, but for the source's float tensors and `more`."""
    exceptions: dict[str, Mode] = dict.fromkeys((*source.float_tensors, *more), "none")
    raw = ai_edge_route.quantize_file(file.tflite, "int8", file.ranges, source.io, exceptions)
    return converted_file(raw, "int8", _ROUTE, *source.names())


def _corrected(source: QuantizationSource, float_tflite: bytes, quantized: Converted) -> Converted:
    raw = correct_bias(float_tflite, quantized.tflite, source.statistics_samples())
    infos_in, infos_out = flatfile.tensor_infos(flatfile.parse(raw))
    return dataclasses.replace(quantized, tflite=raw, inputs=infos_in, outputs=infos_out)


def _quantized_and_corrected(
    source: QuantizationSource, file: CalibratedFile, more: Sequence[str] = ()
) -> Converted:
    return _corrected(source, file.tflite, _quantized(source, file, more))
