"""The whole stage: a float Keras model in, the `.tflite` to ship out, with everything that was tried."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from typing import TYPE_CHECKING, Any

from edgeprune.conversion import ai_edge_route, flatfile
from edgeprune.conversion.clustering import cluster
from edgeprune.conversion.convert import convert, finished
from edgeprune.conversion.kernels import slow_operators
from edgeprune.conversion.ladder import Source, as_calibrated, recover, second_route
from edgeprune.conversion.layer_error import layer_errors, layer_of
from edgeprune.conversion.litert import run_tflite
from edgeprune.conversion.options import Quantized
from edgeprune.conversion.qat import train_quantized
from edgeprune.conversion.trial import Trial
from edgeprune.conversion.values import as_samples
from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from edgeprune.conversion.layer_error import LayerError
    from edgeprune.conversion.options import Fit, QuantizeOptions, Validation
    from edgeprune.conversion.trial import Candidate
    from edgeprune.conversion.values import Converted, Samples

_ERROR_SAMPLES = 32
_AWARE = "quantization-aware training"
_SLOW = "LiteRT has no fast kernels for 16-bit activations: int16x8 saves bytes, not time."


def quantize(
    model: Any,
    options: QuantizeOptions,
    calibration: npt.ArrayLike | Sequence[npt.ArrayLike],
    validation: Validation,
    fit: Fit | None = None,
) -> Quantized:
    """Quantizes a model, recovering what is lost beyond the limit.

    The model is not changed. A drop that could not be recovered is in the result, not raised: the
    caller decides by `Parity.require` on test data.

    Args:
        model: tf_keras or Keras 3, float.
        options: the recipe.
        calibration: float samples as they reach the model, from training data.
        validation: samples for every decision.
        fit: trains a model in place; without it there is no QAT, and clusters are not tuned.

    Raises:
        InputError: the options, the samples or the model cannot be used.
    """
    samples = as_samples(calibration)
    if samples is None:
        raise InputError("No calibration samples.", "Some dozens of training samples.", "Pass --data.")
    baseline = convert(model, "none", samples, allow_flex=options.allow_flex)
    trial = Trial(run_tflite(baseline.tflite, validation.x), validation, options.max_quantization_drop)
    shared, notes = (model, ()) if not options.clusters else cluster(model, options.clusters, fit)
    source = Source(
        baseline if shared is model else convert(shared, "none", samples, allow_flex=options.allow_flex),
        samples,
        options.io,
        # Nested and wrapped layers too, in both flavours.
        [layer.name for layer in model._flatten_layers(include_self=False)],  # noqa: SLF001
    )
    if not options.qat:
        _post_training(trial, source, shared, options)
    if options.quantize == "int8" and (options.qat or not trial.good_enough()):
        _aware(trial, source, shared, options, fit)
    if options.qat:
        why = [step.detail for step in trial.refusals() if step.name == _AWARE]
        notes = (*notes, *(f"No training with simulated int8: {detail}" for detail in why))
    if options.quantize == "int16x8":
        notes = (*notes, _SLOW)
    notes = (*notes, *(one.detail for one in trial.candidates if one.name == _AWARE and one.detail))
    return _result(trial, source, shared, baseline, notes)


def as_timed(model: Any, options: QuantizeOptions, calibration: Samples) -> Converted:
    """A file as fast as the one that `quantize` gives where nothing has to be recovered.

    Args:
        model: tf_keras or Keras 3, float.
        options: the recipe.
        calibration: float samples; few are enough.

    Raises:
        InputError: the model cannot be converted.
    """
    made = convert(model, options.quantize, calibration, options.io, allow_flex=options.allow_flex)
    integer = options.quantize == "int8" and not options.allow_flex and not made.notes
    slow = slow_operators(made.tflite) if integer and ai_edge_route.available() else ()
    if not slow:
        return made
    source = Source(convert(model, "none", calibration), calibration, options.io, ())
    return as_calibrated(source.without(slow))


def _post_training(trial: Trial, source: Source, model: Any, options: QuantizeOptions) -> None:
    mode = options.quantize

    def converted(*, per_channel: bool) -> Converted:
        return convert(
            model, mode, source.calibration, options.io,
            allow_flex=options.allow_flex, per_channel=per_channel,
        )

    if options.clusters and mode == "int8":
        trial.attempt("int8, a scale for each kernel", lambda: converted(per_channel=False))
        if trial.good_enough():
            return
    first = trial.attempt(mode, lambda: converted(per_channel=True))
    loops = first is not None and bool(first.converted.notes)
    if not ai_edge_route.available() or options.allow_flex:
        pass
    elif mode == "dynamic" or loops:
        trial.attempt(mode, lambda: _dynamic(source, first))
    elif mode == "int8":
        source = second_route(trial, source)
    if mode == "int8" and not loops and not options.allow_flex and not trial.good_enough():
        recover(trial, source)


def _dynamic(source: Source, first: Candidate | None) -> Converted:
    raw = ai_edge_route.quantize_file(source.baseline.tflite, "dynamic", None)
    names = [[info.name for info in infos] for infos in (source.baseline.inputs, source.baseline.outputs)]
    notes = first.converted.notes if first else ()
    mode = first.converted.mode if first else "dynamic"
    return finished(raw, mode, "ai-edge-quantizer", names[0], names[1], notes)


def _aware(trial: Trial, source: Source, model: Any, options: QuantizeOptions, fit: Fit | None) -> None:
    if fit is None:
        trial.note(_AWARE, "No training data was given.")
        return
    try:
        trained, detail = train_quantized(model, fit, clusters=bool(options.clusters))
    except InputError as error:
        trial.note(_AWARE, str(error))
        if not trial.candidates:
            _post_training(trial, source, model, options)
        return
    inputs = [info.name for info in source.baseline.inputs]
    outputs = [info.name for info in source.baseline.outputs]
    trial.attempt(
        _AWARE,
        lambda: convert(
            trained, "int8", source.calibration, options.io, input_names=inputs, output_names=outputs
        ),
        detail,
    )


def _result(
    trial: Trial, source: Source, model: Any, baseline: Converted, notes: Sequence[str]
) -> Quantized:
    best = trial.best()
    if best is None:
        reasons = [step.detail for step in trial.refusals()]
        raise InputError(f"No route could quantize the model: {' '.join(reasons)}")
    few = trial.samples(_ERROR_SAMPLES)
    errors: tuple[LayerError, ...] = ()
    # After training with simulated int8 there is no float file with the same weights to compare with.
    if best.converted.mode != "none" and best.name != _AWARE:
        level = best.level or source.baseline.tflite
        errors = layer_errors(level, best.converted.tflite, few, source.layers)
    shipped = dataclasses.replace(best.converted, tflite=_shortened(best.converted.tflite, source.layers))
    return Quantized(
        shipped,
        baseline,
        model,
        trial.steps(best),
        errors,
        best.parity,
        len(shipped.tflite),
        len(zipped(shipped.tflite)),
        (*notes, *shipped.notes),
    )


def zipped(tflite: bytes) -> bytes:
    """The file alone in a zip, strongest deflate, without a date."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr(zipfile.ZipInfo("model.tflite"), tflite, zipfile.ZIP_DEFLATED, 9)
    return sink.getvalue()


def _shortened(tflite: bytes, layers: Sequence[str]) -> bytes:
    tree = flatfile.parse(tflite)
    flatfile.shorten_names(tree, lambda tensor: layer_of(tensor, layers))
    return flatfile.pack(tree)
