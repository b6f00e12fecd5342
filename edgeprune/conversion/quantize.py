"""The whole stage: a float Keras model in, the `.tflite` to ship out, with everything that was tried."""

from __future__ import annotations

import dataclasses
import functools
import io
import zipfile
from collections.abc import Sequence

import numpy.typing as npt

from edgeprune.conversion import ai_edge_route, flatfile
from edgeprune.conversion.candidates import Candidate, CandidateSet, Told, unheard
from edgeprune.conversion.choice import Choice, choose
from edgeprune.conversion.clustering import cluster, unshared_kernels
from edgeprune.conversion.convert import convert, converted_file
from edgeprune.conversion.kernels import slow_operators
from edgeprune.conversion.layer_error import LayerError, layer_errors, layer_of
from edgeprune.conversion.litert import latencies_us, run_tflite
from edgeprune.conversion.options import Quantized, QuantizeOptions, TrainInPlace, Validation
from edgeprune.conversion.qat import train_quantized
from edgeprune.conversion.recovery import (
    WEIGHTS_ALONE,
    QuantizationSource,
    keep_activations_float,
    keep_all_but_tables_float,
    quantized_by_extremes,
    recover,
    try_second_route,
)
from edgeprune.conversion.values import Converted, Samples, as_samples
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel

_ERROR_SAMPLES = 32
_UNSHARED = (
    "Quantization undid the sharing of weights in {} kernels: a scale for each channel, or a folded"
    " normalization, turns one shared value into many integers, so the file zips less well."
)
_AWARE = "quantization-aware training"
_SLOW = "LiteRT has no fast kernels for 16-bit activations: int16x8 saves bytes, not time."


def quantize(
    model: KerasModel, options: QuantizeOptions, calibration: npt.ArrayLike | Sequence[npt.ArrayLike],
    validation: Validation, train: TrainInPlace | None = None, tell: Told = unheard,
) -> Quantized:
    """Quantizes a float model of either Keras, recovering what is lost beyond the limit.

    The model is not changed. A drop that could not be recovered is in the result, not raised: the
    caller decides by `Parity.require` on test data. `calibration` are float samples as they reach the model,
    from training data. Without `train` there is no QAT, and clusters are not tuned. `tell` hears of each
    candidate before it is made.

    Raises:
        InputError: the options, the samples or the model cannot be used.
    """
    if calibration is None:
        raise InputError(
            "There are no calibration samples.", "Some dozens of training samples are expected.",
            "Pass --data.",
        )
    samples = as_samples(calibration)
    flex = options.allow_flex
    baseline = convert(model, "none", samples, allow_flex=flex)
    names = tuple(info.name for info in baseline.outputs)
    reference = run_tflite(baseline.tflite, validation.x)
    found = CandidateSet(
        reference, validation, options.max_quantization_drop, names, integer_only=options.integer_only,
        tell=tell,
    )
    shared, notes = (model, ()) if not options.clusters else cluster(model, options.clusters, train)
    floating = baseline if shared is model else convert(shared, "none", samples, allow_flex=flex)
    # Nested and wrapped layers too, in both Keras versions.
    layers = [layer.name for layer in model._flatten_layers(include_self=False)]  # noqa: SLF001
    source = QuantizationSource(floating, samples, options.io, layers)
    if not options.qat:
        _post_training(found, source, shared, options)
    if options.quantize == "int8" and (options.qat or not found.good_enough()):
        _quantization_aware(found, source, shared, options, train)
    refused = tuple[str, ...]()
    if options.qat:
        why = [attempt.detail for attempt in found.refusals() if attempt.name == _AWARE]
        refused = tuple(f"There was no training with simulated int8: {detail}" for detail in why)
    if options.quantize == "int16x8":
        notes = (*notes, _SLOW)
    notes = (*notes, *(one.detail for one in found.candidates if one.name == _AWARE and one.detail))
    choice = _choice(found, source, options, None if options.quantize == "none" else baseline.tflite)
    if choice is not None and options.clusters:
        lost = unshared_kernels(choice.chosen.converted.tflite, options.clusters)
        notes = (*notes, _UNSHARED.format(lost)) if lost else notes
    return dataclasses.replace(
        _result(found, choice, source, shared, baseline, notes), warnings=refused
    )


def _choice(
    found: CandidateSet, source: QuantizationSource, options: QuantizeOptions, floating: bytes | None
) -> Choice | None:
    """What ships. Where every integer file is slower than the float file, weights alone are tried in int8."""
    samples = found.samples(1)

    def chosen() -> Choice | None:
        return choose(found, options.prefer, lambda files: latencies_us(files, samples), floating)

    choice = chosen()
    may_be_float = options.quantize == "int8" and options.io == "float" and not options.integer_only
    if (
        choice is None or not choice.is_slower or not may_be_float or options.prefer == "size"
        or options.allow_flex or choice.chosen.converted.notes or not ai_edge_route.available()
        or any(one.name == WEIGHTS_ALONE for one in found.candidates)
    ):
        return choice
    keep_activations_float(found, source)
    return chosen()


def quantize_for_timing(model: KerasModel, options: QuantizeOptions, calibration: Samples) -> Converted:
    """A file as fast as the one that `quantize` gives where nothing has to be recovered; few samples do."""
    made = convert(model, options.quantize, calibration, options.io, allow_flex=options.allow_flex)
    integer = options.quantize == "int8" and not options.allow_flex and not made.notes
    slow = slow_operators(made.tflite) if integer and ai_edge_route.available() else ()
    if not slow:
        return made
    source = QuantizationSource(convert(model, "none", calibration), calibration, options.io, ())
    return quantized_by_extremes(source.without(slow))


def _post_training(
    found: CandidateSet, source: QuantizationSource, model: KerasModel, options: QuantizeOptions
) -> None:
    mode = options.quantize

    def converted(*, per_channel: bool) -> Converted:
        flex = options.allow_flex
        return convert(model, mode, source.calibration, options.io, allow_flex=flex, per_channel=per_channel)

    both = ai_edge_route.available() and not options.allow_flex and mode in ("int8", "dynamic")
    sharing = bool(options.clusters) and mode == "int8"
    found.expect(1 + both + sharing)
    if sharing:
        found.attempt("int8, a scale for each kernel", lambda: converted(per_channel=False))
        if found.good_enough():
            return
    first = found.attempt(mode, lambda: converted(per_channel=True))
    loops = first is not None and bool(first.converted.notes)
    if both:
        if mode == "dynamic" or (loops and not found.good_enough()):
            found.attempt(mode, lambda: _dynamic(source, first))
        elif not loops:
            source = try_second_route(found, source)
    if mode == "int8" and not loops and not options.allow_flex and not found.good_enough():
        recover(found, source)
    if mode == "int8" and not options.allow_flex:
        keep_all_but_tables_float(found, source)


def _dynamic(source: QuantizationSource, first: Candidate | None) -> Converted:
    raw = ai_edge_route.quantize_file(source.baseline.tflite, "dynamic", None)
    notes = first.converted.notes if first else ()
    mode = first.converted.mode if first else "dynamic"
    return converted_file(raw, mode, "ai-edge-quantizer", *source.names(), notes)


def _quantization_aware(
    found: CandidateSet, source: QuantizationSource, model: KerasModel, options: QuantizeOptions,
    train: TrainInPlace | None,
) -> None:
    if train is None:
        found.note(_AWARE, "There is nothing to train with, or --epochs is 0.")
        return
    found.expect(2)
    found.begin(f"{_AWARE}, training")
    try:
        trained, detail = train_quantized(model, train, clusters=bool(options.clusters))
    except InputError as error:
        found.note(_AWARE, str(error))
        if not found.candidates:
            _post_training(found, source, model, options)
        return
    inputs, outputs = source.names()
    made = functools.partial(convert, trained, "int8", source.calibration, options.io)
    found.attempt(_AWARE, lambda: made(input_names=inputs, output_names=outputs), detail)


def _result(
    found: CandidateSet, choice: Choice | None, source: QuantizationSource, model: KerasModel,
    baseline: Converted, notes: Sequence[str],
) -> Quantized:
    if choice is None:
        reasons = [f"{attempt.name}: {attempt.detail}" for attempt in found.refusals()]
        raise InputError(
            f"The model could not be quantized. Tried: {' '.join(reasons)}",
            "A model that one of these can convert.", "Mend what is named, or choose another --quantize.",
        )
    best, errors = choice.chosen, tuple[LayerError, ...]()
    # After training with simulated int8 there is no float file with the same weights to compare with.
    if best.converted.mode != "none" and best.name != _AWARE:
        reference, few = best.float_tflite or source.baseline.tflite, found.samples(_ERROR_SAMPLES)
        errors = layer_errors(reference, best.converted.tflite, few, source.layers)
    shipped = _with_short_names(best.converted, source)
    attempts = found.attempts(best, choice.runners_up, choice.verdicts, choice.latencies_us)
    others = tuple(_with_short_names(one.converted, source) for one in choice.runners_up)
    return Quantized(
        shipped, baseline, model, attempts, errors, best.parity, len(shipped.tflite),
        len(_zipped(shipped.tflite)), others, (*notes, *shipped.notes),
    )


def _with_short_names(made: Converted, source: QuantizationSource) -> Converted:
    tree = flatfile.parse(made.tflite)
    flatfile.shorten_names(tree, lambda tensor: layer_of(tensor, source.layers))
    return dataclasses.replace(made, tflite=flatfile.pack(tree))


def _zipped(tflite: bytes) -> bytes:
    """The file alone in a zip, strongest deflate, without a date."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo("model.tflite"), tflite, zipfile.ZIP_DEFLATED, 9)
    return sink.getvalue()
