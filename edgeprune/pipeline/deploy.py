"""Stage: `TunedModel` -> `DeployedModel`: the file that ships, with the proof on the test split."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from edgeprune.conversion import Attempt, Converted, Parity, Quantized, QuantizeOptions, Validation
from edgeprune.conversion.scores import OutputKind, Scores
from edgeprune.data.dataset import Split
from edgeprune.data.splits import choose
from edgeprune.data.streamed import HeldSamples, ModelInput, batches_of, in_memory, is_streamed
from edgeprune.errors import InputError
from edgeprune.keras_types import KerasModel
from edgeprune.pipeline.artifacts import Baseline, DeployedModel, Outputs, TunedModel
from edgeprune.pipeline.context import BuildContext
from edgeprune.pipeline.streaming import streaming_tflite
from edgeprune.pipeline.tune import fine_tuning
from edgeprune.preprocessing import Step
from edgeprune.progress import at
from edgeprune.recipe import QuantizeSettings, TrainSettings
from edgeprune.report.schema import FILE
from edgeprune.tasks import OutputTask, several
from edgeprune.tasks.greedy import outputs_of, written_input
from edgeprune.training.fine_tune import fine_tune
from edgeprune.training.prediction import predict
from edgeprune.types import TargetKind

_AGREEMENT = "agreement"
_OUTPUT_KINDS: Mapping[TargetKind, OutputKind] = {
    "classes": "classes", "binary": "classes", "values": "values", "image": "values", "original": "values",
    "random": "random",
}
_AFTER = 0.3
_TIMED_SAMPLES = 128
"""Calibration samples for files that are only timed."""


def float_baseline(baseline: Baseline, settings: QuantizeSettings, context: BuildContext) -> Converted:
    """The original as a float `.tflite`, so that what stands in the way is said before anything is trained.

    Raises:
        InputError: the model cannot be converted, or not to a file that can be run here.
    """
    from edgeprune.conversion import convert

    if any(None in tensor.shape[1:] for tensor in baseline.model.inputs):
        fixed = " and ".join(" x ".join(map(str, one.shape[1:])) for one in _several(baseline.calibration))
        context.warn(
            f"The model's inputs leave sizes open; model.tflite takes those of the data only ({fixed}).", FILE
        )
    with context.timed("convert"):
        converted = convert(
            baseline.model, "none", _several(baseline.calibration), allow_flex=settings.allow_flex
        )
    flex = [name for name in converted.operators if name.startswith("Flex")]
    if flex:
        raise InputError(
            f"The .tflite needs TensorFlow's operators {', '.join(flex)}.",
            "Operators of LiteRT: the file is run here, to verify and to measure it, and no LiteRT package "
            "of today has TensorFlow's.",
            "Write these layers with other operations; edgeprune.conversion.convert(model, allow_flex=True) "
            "gives a file that nothing was proved of.",
        )
    return converted


def deploy(
    baseline: Baseline, tuned: TunedModel, original: Converted, settings: QuantizeSettings,
    train: TrainSettings, context: BuildContext,
) -> DeployedModel:
    """Quantizes, embeds what is asked for, and checks the file on the test split.

    Raises:
        InputError: the model cannot be quantized as asked for.
        VerificationError: the file gives other outputs than the float model.
    """
    from edgeprune.conversion import parity, quantize

    data = baseline.data
    kinds, labelled = _judged(baseline)
    # No epochs: no weight is touched, unless what trains was asked for by name.
    still = not (train.epochs or settings.qat or settings.clusters)
    with context.stage("convert") as tell:
        validation = Validation(
            _several(baseline.validation), scores=_scores(baseline, data.validation, baseline.validation),
            kinds=kinds, labelled=labelled, label_variances=_label_variances(data.tasks, data.validation),
        )
        quantized = quantize(
            tuned.model, _options(settings), _several(baseline.calibration), validation,
            None if still else lambda model: _fit(baseline, model, train, context), _told(context),
        )
        tried = _tried(quantized.attempts)
        quantized.validation.require(settings.max_quantization_drop, settings.scheme, tried)
        tell(1 - _AFTER)
        shipped, steps = finished(baseline, quantized.result, settings)
        others = quantized.runners_up if settings.keep_candidates else ()
        kept = tuple(finished(baseline, one, settings)[0] for one in others)
        quantized = dataclasses.replace(quantized, runners_up=kept)
        test = baseline.test if steps == data.preprocessing else _raw(baseline, steps)
        outputs = {
            "baseline": decoded(baseline, baseline.original.model, baseline.original.test),
            "pruned": decoded(baseline, quantized.model, baseline.test),
            "deployed": decoded(baseline, shipped.tflite, test),
        }
        check = parity(
            outputs["pruned"], outputs["deployed"], None, _scores(baseline, data.test, baseline.test),
            kinds=kinds, labelled=labelled, names=tuple(info.name for info in shipped.outputs),
            label_variances=_label_variances(data.tasks, data.test),
        )
        check.require(settings.max_quantization_drop, settings.scheme, tried)
        streaming = _streaming(baseline, quantized, validation, settings, context)
        files = {"baseline": original, "pruned": quantized.baseline, "deployed": shipped}
        thresholds = _thresholds(baseline, quantized)
        return DeployedModel(quantized, files, outputs, thresholds, check, steps, streaming)


def _streaming(
    baseline: Baseline, quantized: Quantized, validation: Validation, settings: QuantizeSettings,
    context: BuildContext,
) -> bytes | None:
    """The file that takes one step a call, if that is asked for."""
    from edgeprune.conversion import parity

    if not settings.streaming:
        return None
    names = tuple(info.name for info in quantized.result.outputs)

    def judged(reference: Outputs, found: Outputs) -> Parity:
        return parity(
            reference, found, None, validation.scores, kinds=validation.kinds, labelled=validation.labelled,
            names=names, label_variances=validation.label_variances,
        )

    return streaming_tflite(baseline, quantized.model, settings, judged, context)


def _told(context: BuildContext) -> Callable[[str, int, int], None]:
    """Shows each candidate as it is begun; the last `_AFTER` of the stage come when all are made."""
    done = 0.0

    def tell(name: str, number: int, of: int) -> None:
        nonlocal done
        done = max(done, (1 - _AFTER) * (number - 1) / of)
        context.progress(at("convert", name, number, of), done)

    return tell


def _tried(attempts: Sequence[Attempt]) -> str:
    """All that was tried, and what it lost on validation data or why it made no file."""
    told = [
        f"{step.name}: no file ({_first_sentence(step.detail)})" if step.drop_points is None
        else f"{step.name}: {step.drop_points:.2f} points of {step.worst_part} lost"
        for step in attempts
    ]
    return f" Tried on validation data: {'; '.join(told)}."


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")[:200]


def _judged(baseline: Baseline) -> tuple[tuple[OutputKind, ...], tuple[bool, ...]]:
    """What each output holds, and which of them the task's scores judge.

    Without labels every prediction that changes counts: measured by agreement with the original, those that
    change for the worse and for the better would cancel.
    """
    tasks = baseline.data.tasks
    kinds = tuple(_OUTPUT_KINDS.get(task.kind, "scored") for task in tasks)
    return kinds, tuple(task.metrics[:1] != (_AGREEMENT,) for task in tasks)


def _label_variances(tasks: Sequence[OutputTask], split: Split) -> tuple[np.ndarray | None, ...]:
    """(C,) of the labels of each output that holds values; None for other outputs."""
    found: list[np.ndarray | None] = []
    for task, y in zip(tasks, several(split.y, len(tasks)), strict=True):
        if y is None or task.kind != "values" or y.dtype.kind not in "biuf":
            found.append(None)
            continue
        rows = y.astype(np.float64).reshape(-1, y.shape[-1] if y.ndim > 1 else 1)
        there = np.isfinite(rows)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, rows, 0).sum(axis=0) / count
        found.append(np.where(there, (rows - mean) ** 2, 0).sum(axis=0) / count)
    return tuple(found)


def _scores(baseline: Baseline, split: Split, inputs: ModelInput) -> Scores | None:
    """The task's scores of outputs for some of the samples of a split; None where there are no labels."""
    if all(task.metrics[:1] in ((), (_AGREEMENT,)) for task in baseline.data.tasks):
        return None

    anomalies = any(task.kind == "anomaly" for task in baseline.data.tasks)
    numbered = dataclasses.replace(split, x=np.arange(len(split)))  # labels alone: samples are not copied

    def scores(outputs: Outputs, rows: np.ndarray) -> dict[str, float]:
        seen = _rows(in_memory(inputs), rows) if anomalies and not is_streamed(inputs) else ()
        found = baseline.scores(numbered.take(rows), outputs, seen)
        return {name: value for name, value in found.items() if name.rpartition("/")[2] != _AGREEMENT}

    return scores


def _rows(inputs: HeldSamples, rows: np.ndarray) -> HeldSamples:
    return tuple(one[rows] for one in inputs) if isinstance(inputs, tuple) else inputs[rows]


def as_timed(
    baseline: Baseline, model: KerasModel, settings: QuantizeSettings, samples: int, seed: int
) -> bytes:
    """A model as `deploy` would convert it, without what does not change its latency.

    Args:
        samples: of calibration, at most.
        seed: chooses them.
    """
    from edgeprune.conversion import QuantizeOptions, quantize_for_timing

    data = baseline.data
    few = in_memory(data.model_input(choose(data.train, min(samples, _TIMED_SAMPLES), seed).x))
    options = QuantizeOptions(settings.scheme, io=settings.tensors, allow_flex=settings.allow_flex)
    return finished(baseline, quantize_for_timing(model, options, _several(few)), settings)[0].tflite


def finished(
    baseline: Baseline, converted: Converted, settings: QuantizeSettings
) -> tuple[Converted, Sequence[Step]]:
    """The file with its front end and its metadata, and the steps that stay outside of it."""
    from edgeprune.conversion import attach
    from edgeprune.conversion.frontend import embed, split_steps
    from edgeprune.conversion.metadata import normalization_of

    data = baseline.data
    steps: Sequence[Step] = data.preprocessing
    if settings.embed_frontend:
        steps, inside = split_steps(data.preprocessing)
        samples = int(_raw(baseline, steps, 1)[0].shape[-1])
        converted = embed(converted, inside, samples)
    mean, std = normalization_of(steps)
    tflite = attach(converted.tflite, baseline.model.name, data.labels or (), mean, std)
    return dataclasses.replace(converted, tflite=tflite), steps


def _options(settings: QuantizeSettings) -> QuantizeOptions:
    from edgeprune.conversion import QuantizeOptions

    return QuantizeOptions(
        settings.scheme, settings.qat, settings.tensors, settings.clusters, settings.max_quantization_drop,
        settings.integer_only, settings.prefer, settings.allow_flex,
    )


def _thresholds(baseline: Baseline, quantized: Quantized) -> dict[str, float]:
    """Where anomalies begin for each model, as its own outputs on validation data say."""
    if baseline.threshold(baseline.predictions) is None:
        return {}
    found = {
        "baseline": baseline.predictions, "pruned": predict(quantized.model, baseline.validation),
        # An embedded front end computes the same features.
        "deployed": _outputs(quantized.result.tflite, baseline.validation),
    }
    return {name: baseline.threshold(outputs) or 0.0 for name, outputs in found.items()}


def _fit(baseline: Baseline, model: KerasModel, train: TrainSettings, context: BuildContext) -> None:
    """Trains a model that tfmot has wrapped, for quantization or shared weights."""
    epochs = max(train.epochs, 1)
    settings = fine_tuning(train, context.seed, len(baseline.data.train), "quantize", epochs)
    settings = dataclasses.replace(
        settings, learning_rate=settings.learning_rate / 5, l1=0.0, l2=0.0, precision="float32", freeze=()
    )
    fine_tune(
        model, baseline.model, baseline.epochs(epochs, context.seed + 2), settings, baseline.objective,
        baseline.score,
    )


def _raw(baseline: Baseline, steps: Sequence[Step], number: int | None = None) -> HeldSamples:
    """Test samples after some of the steps only."""
    from edgeprune import preprocessing

    split = baseline.data.test.take(slice(0, number))
    return preprocessing.apply(steps, in_memory(split.x), baseline.data.files)


def _several(inputs: HeldSamples) -> tuple[np.ndarray, ...]:
    return inputs if isinstance(inputs, tuple) else (inputs,)


def decoded(baseline: Baseline, model: KerasModel | bytes, inputs: ModelInput) -> Outputs:
    """Outputs of a Keras model or a `.tflite` file; of a translator for the tokens that it wrote itself."""

    def run(given: ModelInput) -> Outputs:
        return _outputs(model, given) if isinstance(model, bytes) else predict(model, given)

    tasks = baseline.data.tasks
    if written_input(tasks) is None:
        return run(inputs)
    return tuple(outputs_of(tasks, lambda given: run(tuple(given)), _several(in_memory(inputs))))


def _outputs(tflite: bytes, inputs: ModelInput) -> Outputs:
    from edgeprune.conversion import run_tflite

    parts = []
    for batch in batches_of(inputs) if is_streamed(inputs) else [in_memory(inputs)]:
        found = run_tflite(tflite, _several(batch))
        parts.append(found if isinstance(found, tuple) else (found,))
    return tuple(np.concatenate(several) for several in zip(*parts, strict=True))
