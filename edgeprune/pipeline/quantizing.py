"""From the trained float model to the file that ships, with the proof on the test split."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.data.streamed import batches_of, in_memory, is_streamed
from edgeprune.errors import InputError
from edgeprune.training.fine_tune import fine_tune
from edgeprune.training.prediction import Predictions, predict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgeprune.conversion import Converted, Parity, Quantized
    from edgeprune.pipeline.inputs import Inputs
    from edgeprune.pipeline.job import Job
    from edgeprune.pipeline.training import Trained


@dataclasses.dataclass(frozen=True, eq=False)
class Deployed:
    """The three models as `.tflite`, and what they answer on the test split.

    Attributes:
        float_model: the Keras model that the deployed file matches.
        quantized: all that was tried.
        files: ``baseline`` and ``pruned`` in float, and ``deployed``.
        outputs: of the same three on the test split.
        thresholds: of the same three, chosen on the validation split, where outputs are anomaly scores.
        parity: deployed against its float model, on the test split.
        preprocessing: what is left to do outside of the deployed file.
    """

    float_model: Any
    quantized: Quantized
    files: Mapping[str, Converted]
    outputs: Mapping[str, Predictions]
    thresholds: Mapping[str, float]
    parity: Parity
    preprocessing: Sequence[Mapping[str, Any]]


def float_baseline(job: Job, inputs: Inputs) -> Converted:
    """The original as a float `.tflite`, so that what stands in the way is said before anything is trained.

    Raises:
        InputError: the model cannot be converted, or not to a file that can be run here.
    """
    from edgeprune.conversion import convert

    start = time.perf_counter()
    if any(None in tensor.shape[1:] for tensor in inputs.model.inputs):
        job.notes.append("Sizes that the model's inputs leave open are fixed to those of the data.")
    baseline = convert(
        inputs.model, "none", _several(inputs.calibration), allow_flex=job.recipe.allow_flex
    )
    flex = [name for name in baseline.operators if name.startswith("Flex")]
    if flex:
        raise InputError(
            f"The .tflite needs TensorFlow's operators {', '.join(flex)}.",
            "Operators of LiteRT: the file is run here, to verify and to measure it, and no LiteRT package "
            "of today has TensorFlow's.",
            "Write these layers with other operations; edgeprune.conversion.convert(model, allow_flex=True) "
            "gives a file that nothing was proved of.",
        )
    job.seconds["convert"] = time.perf_counter() - start
    return baseline


def deployed(job: Job, inputs: Inputs, trained: Trained, baseline: Converted) -> Deployed:
    """Quantizes, embeds what is asked for, and checks the file on the test split.

    Args:
        job: the build.
        inputs: model and data.
        trained: the pruned model.
        baseline: of `float_baseline`.

    Raises:
        InputError: the model cannot be quantized as asked for.
        VerificationError: the file gives other answers than the float model.
    """
    from edgeprune.conversion import QuantizeOptions, Validation, parity, quantize

    recipe, data = job.recipe, inputs.data
    with job.clock("convert") as tell:
        options = QuantizeOptions(
            recipe.quantize, recipe.qat, recipe.io, recipe.clusters, recipe.max_quantization_drop,
            recipe.allow_flex,
        )
        validation = Validation(_several(inputs.validation), classes=inputs.classes)
        # Without labels every answer that changes counts: measured by agreement with the original, those
        # that change for the worse and for the better would cancel.
        if data.metrics[0] != "agreement":
            validation = dataclasses.replace(
                validation, y=data.validation.y,
                score=lambda found: inputs.worth(data.validation, found, inputs.validation),
            )
        done = quantize(
            trained.model, options, _several(inputs.calibration), validation,
            lambda model: _fit(job, inputs, model),
        )
        tell(0.7)
        shipped, steps = finished(job, inputs, done.result)
        test_inputs = inputs.test if steps == data.preprocessing else _raw(inputs, steps)
        outputs = {
            "baseline": predict(inputs.model, inputs.test),
            "pruned": predict(done.model, inputs.test),
            "deployed": _outputs(shipped.tflite, test_inputs),
        }
        check = parity(
            outputs["pruned"], outputs["deployed"], None,
            lambda found: inputs.worth(data.test, found, inputs.test), classes=inputs.classes,
        )
        check.require(recipe.max_quantization_drop + check.noise_points)
    files = {"baseline": baseline, "pruned": done.baseline, "deployed": shipped}
    thresholds = _thresholds(inputs, done)
    return Deployed(done.model, done, files, outputs, thresholds, check, steps)


def _thresholds(inputs: Inputs, done: Quantized) -> dict[str, float]:
    """Where anomalies begin for each model, as its own outputs on validation data say."""
    if inputs.threshold(inputs.answers) is None:
        return {}
    found = {
        "baseline": inputs.answers, "pruned": predict(done.model, inputs.validation),
        # An embedded front end computes the same features.
        "deployed": _outputs(done.result.tflite, inputs.validation),
    }
    return {name: inputs.threshold(outputs) or 0.0 for name, outputs in found.items()}


def _fit(job: Job, inputs: Inputs, model: Any) -> None:
    """Trains a model that tfmot has wrapped, for quantization or shared weights."""
    from edgeprune.pipeline.training import settings_of

    epochs = max(job.recipe.epochs, 1)
    settings = settings_of(job, inputs, "quantize", epochs)
    settings = dataclasses.replace(
        settings, learning_rate=settings.learning_rate / 5,
        l1=0.0, l2=0.0, precision="float32", freeze=(),
    )
    fine_tune(
        model, inputs.model, inputs.epochs(epochs, job.recipe.seed + 2), settings, inputs.objective,
        inputs.score,
    )


def finished(
    job: Job, inputs: Inputs, converted: Converted
) -> tuple[Converted, Sequence[Mapping[str, Any]]]:
    """The file with its front end and its metadata, and the steps that stay outside of it."""
    from edgeprune.conversion import attach
    from edgeprune.conversion.frontend import embed, split_steps
    from edgeprune.conversion.metadata import normalization_of

    data = inputs.data
    steps: Sequence[Mapping[str, Any]] = data.preprocessing
    if job.recipe.embed_frontend:
        steps, inside = split_steps(data.preprocessing)
        samples = int(_raw(inputs, steps, 1)[0].shape[-1])
        converted = embed(converted, inside, samples)
    mean, std = normalization_of(steps)
    tflite = attach(converted.tflite, inputs.model.name, data.labels or (), mean, std)
    return dataclasses.replace(converted, tflite=tflite), steps


def _raw(inputs: Inputs, steps: Sequence[Mapping[str, Any]], number: int | None = None) -> Any:
    """Test samples after some of the steps only."""
    from edgeprune import preprocessing

    split = inputs.data.test.take(slice(0, number))
    return preprocessing.apply(steps, in_memory(split.x), inputs.data.files)


def _several(inputs: Any) -> tuple[Any, ...]:
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _outputs(tflite: bytes, inputs: Any) -> Predictions:
    from edgeprune.conversion import run_tflite

    parts = []
    for batch in batches_of(inputs) if is_streamed(inputs) else [inputs]:
        found = run_tflite(tflite, _several(batch))
        parts.append(found if isinstance(found, tuple) else (found,))
    return tuple(np.concatenate(several) for several in zip(*parts, strict=True))
