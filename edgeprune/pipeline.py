"""`build`: calls the stages in order. It holds no algorithm of its own.

model + data + recipe → prune → strip → fine-tune → quantize → verify → measure → bundle
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeprune.errors import InputError
from edgeprune.progress import Progress, part, silent
from edgeprune.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgeprune.bundle import Bundle
    from edgeprune.data.dataset import Dataset, Split
    from edgeprune.pruning.result import PruneResult
    from edgeprune.report.document import Built, Files
    from edgeprune.training import Epoch, FineTuning
    from edgeprune.training.targets import Targets

HOST_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert")
MAX_PARITY_DROP_POINTS = 5.0
"""More than that between float and `.tflite` is a defect, whatever the recipe allows."""


def build(
    model: Any = None,
    data: Dataset | Path | str | None = None,
    recipe: Recipe | None = None,
    *,
    out: Path | str = "build/edgeprune",
    command: str = "",
    progress: Progress = silent,
) -> Bundle:
    """Makes a bundle: a pruned, fine-tuned, quantized and measured model.

    Args:
        model: a trained Keras model or the path of one; None trains the zoo's model of the task.
        data: what to train and measure on, or the path of it; None for the zoo's own.
        recipe: all settings.
        out: folder to write; replaced as a whole, at the very end.
        command: what the user typed, for the manifest.
        progress: told each stage's name and its share done.

    Raises:
        InputError: settings, model, data or folder are not fit, said before anything is trained.
        VerificationError: the stripped or the converted model computes something else.
    """
    recipe = recipe or Recipe()
    require_host()
    from edgeprune.bundle import check_out_dir

    folder = check_out_dir(Path(out))
    with quietly(recipe.seed):
        job = _Job(recipe, progress)
        job.open(model, data)
        pruned = job.prune()
        final, curve = job.fine_tune(pruned)
        built = job.convert(pruned, final, curve)
        return job.measure_and_write(built, folder, command)


def require_host() -> None:
    """Says how to install what a build needs.

    Raises:
        InputError: a package of the extra ``[host]`` is missing.
    """
    missing = [name for name in HOST_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"Building needs {', '.join(missing)}, which is not installed.",
            way_out="Install it with: pip install 'edgeprune[host]'",
        )


@contextlib.contextmanager
def quietly(seed: int) -> Iterator[None]:
    """Seeds everything, and silences TensorFlow, which prints from C++ and Python alike."""
    from edgeprune.conversion.quiet import silence
    from edgeprune.keras_bridge import flavour  # sets the environment before TensorFlow is imported

    del flavour
    with silence():
        import tensorflow as tf
        import tf_keras

        tf_keras.utils.set_random_seed(seed)
        # The same seed gives the same bytes, whatever the number of threads.
        tf.config.experimental.enable_op_determinism()
        yield


class _Job:
    """The values that the stages share, and the clock."""

    def __init__(self, recipe: Recipe, progress: Progress) -> None:
        self.recipe = recipe
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.zoo: Any = None
        self.model: Any
        self.data: Dataset
        self.calibration: Any
        self.validation_inputs: Any
        self.test_inputs: Any
        self._targets: Targets | None = None

    @contextlib.contextmanager
    def clock(self, name: str) -> Iterator[None]:
        """Times a stage and tells its beginning and end."""
        self.progress(name, 0.0)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.progress(name, 1.0)

    def open(self, model: Any, data: Dataset | Path | str | None) -> None:
        """Loads model and data, the model first: what is wrong with it is said at once."""
        from edgeprune.data.calibration import choose

        model = _loaded(model)
        self.data = self.load_data(data, zoo=model is None)
        self.validation_inputs = self.data.model_input(self.data.validation.x)
        self.test_inputs = self.data.model_input(self.data.test.x)
        chosen = choose(self.data.train, self.recipe.calibration, self.recipe.seed)
        self.calibration = self.data.model_input(chosen.x)
        if model is not None:
            _check_shapes(model, self.calibration)
        self.model = self.train() if model is None else model

    def load_data(self, data: Dataset | Path | str | None, *, zoo: bool) -> Dataset:
        """The data itself, or what a path or the zoo has."""
        if zoo:
            from edgeprune_models import default_for

            self.zoo = default_for(self.recipe.task)
        if isinstance(data, (str, Path)):
            from edgeprune.data.arrays import read_npz

            return read_npz(Path(data), self.recipe.task, self.recipe.seed)
        if data is not None:
            return data
        if self.zoo is None:
            raise InputError(
                "A model was given without data.",
                "Pruning needs samples to decide by and to measure on.",
                "Pass --data samples.npz (x_train, y_train, x_test, y_test), or leave the model out to try "
                "edgeprune on the zoo's.",
            )
        loaded: Dataset = self.zoo.load_data()
        return loaded

    def train(self) -> Any:
        """Trains the zoo's model: the baseline."""
        from edgeprune_models.training import train

        with self.clock("train"):
            return train(
                self.zoo.build_for(self.data, self.recipe.seed), self.data, self.zoo.recipe, self.recipe.seed,
                progress=part(self.progress, "train", 0, 1),
            ).model

    def prune(self) -> PruneResult:
        """Chooses, strips, proves and repairs."""
        from edgeprune.pruning.prune import prune

        order = ("rank", "measure", "strip", "repair")

        def tell(step: str, done: float) -> None:
            at = order.index(step) if step in order else 0
            self.progress("prune", (at + done) / len(order))

        recipe = self.recipe
        with self.clock("prune"):
            return prune(
                self.model, recipe.prune, calibration=self.calibration, criterion=recipe.criterion,
                allocation=recipe.allocation, unit=recipe.unit, min_width=recipe.min_width,
                round_to=recipe.round_to, seed=recipe.seed, progress=tell,
            )

    def fine_tune(self, pruned: PruneResult) -> tuple[Any, tuple[Epoch, ...]]:
        """Trains what is left, and before that, in gradual mode, while it goes."""
        from edgeprune.keras_bridge.flavour import is_keras3
        from edgeprune.training import FineTuning, fine_tune

        recipe, model, share = self.recipe, pruned.model, 0.0
        settings = FineTuning(
            recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.weight_decay, recipe.distill
        )
        gradual = recipe.schedule == "gradual" and recipe.gradual_epochs and not pruned.keep.all()
        with self.clock("fine_tune"):
            if gradual and not is_keras3(self.model):
                share = recipe.gradual_epochs / (recipe.gradual_epochs + recipe.epochs)
                faded = self.fade(pruned, settings, share)
                # Validation data decides which start is better: faded out or repaired in one shot.
                model = faded if self.score(faded) >= self.score(model) else model
            curve = fine_tune(
                model, self.model, self.epochs(recipe.epochs, recipe.seed + 1), settings, self.score,
                progress=part(self.progress, "fine_tune", share, 1),
            )
        return model, curve

    def fade(self, pruned: PruneResult, settings: FineTuning, share: float) -> Any:
        """Masks the planned neurons step by step with tfmot, then cuts them off."""
        from edgeprune.keras_bridge.network import stripped_network
        from edgeprune.keras_bridge.read import read
        from edgeprune.training import fine_tune, mask_gradually

        number = self.recipe.gradual_epochs
        steps = number * -(-len(self.data.train) // settings.batch_size)

        def train(wrapped: Any, callbacks: Any) -> None:
            fine_tune(
                wrapped, self.model, self.epochs(number, self.recipe.seed),
                dataclasses.replace(settings, epochs=number), self.score,
                callbacks=callbacks, keep_best=False, progress=part(self.progress, "fine_tune", 0, share),
            )

        masked = mask_gradually(self.model, pruned.units, pruned.keep, steps, train)
        return stripped_network(read(masked), pruned.units, pruned.keep).reading.model

    def epochs(self, number: int, seed: int) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Model inputs and labels of each epoch, augmented as the zoo's recipe says."""
        if self.zoo is not None:
            from edgeprune_models.training import augmented_epochs

            yield from augmented_epochs(self.data, dataclasses.replace(self.zoo.recipe, epochs=number), seed)
            return
        inputs = self.data.model_input(self.data.train.x)
        for _ in range(number):
            yield inputs, self.data.train.y

    def score(self, model: Any) -> float:
        """How well a model meets the targets of fine-tuning on validation data; higher is better.

        The loss, not the metric: a few hundred samples tell models apart by it long before one of
        them gets a sample more right.
        """
        from edgeprune.training.targets import loss_value

        return -loss_value(self.validation_targets(), predict(model, self.validation_inputs))

    def validation_targets(self) -> Targets:
        """What the original answers on validation data, mixed with the labels."""
        from edgeprune.training.targets import mix

        if self._targets is None:
            answers = predict(self.model, self.validation_inputs)
            self._targets = mix(answers, self.data.validation.y, self.recipe.distill)
        return self._targets

    def metrics(self, split: Split, outputs: Any, inputs: Any) -> dict[str, float]:
        """All metrics of the task for outputs on a split."""
        from edgeprune.metrics import evaluate

        return evaluate(self.data.metrics, split.y, outputs, labels=self.data.labels, inputs=inputs)

    def convert(self, pruned: PruneResult, final: Any, curve: tuple[Epoch, ...]) -> Built:
        """Makes the three `.tflite` files and checks that the deployed one does what its model does."""
        from edgeprune.conversion import convert, parity, run_tflite
        from edgeprune.report.document import Built

        recipe, truth = self.recipe, self.data.test.y
        with self.clock("convert"):
            tell = part(self.progress, "convert", 0, 1)
            converted = {"baseline": convert(self.model, "none")}
            tell(0.2)
            converted["pruned"] = convert(final, "none")
            tell(0.4)
            converted["deployed"] = convert(final, recipe.quantize, self.calibration, recipe.io)
            tell(0.7)
            outputs = {
                "baseline": predict(self.model, self.test_inputs),
                "pruned": predict(final, self.test_inputs),
                "deployed": run_tflite(converted["deployed"].tflite, self.test_inputs),
            }
            labels = truth if truth is not None and truth.ndim == 1 else None
            check = parity(
                outputs["pruned"], outputs["deployed"], labels, classes=self.data.labels is not None
            )
            check.require(MAX_PARITY_DROP_POINTS)
        metrics = {
            name: self.metrics(self.data.test, found, self.test_inputs) for name, found in outputs.items()
        }
        return Built(recipe, self.data, self.model, final, pruned, curve, converted, metrics, check)

    def measure_and_write(self, built: Built, folder: Path, command: str) -> Bundle:
        """Runs all three on this machine as a device, and writes the bundle."""
        from device_runners import BenchOptions, bench
        from edgeprune.bundle import write_bundle
        from edgeprune.report.document import bundle_files, document, manifest

        files: Files = bundle_files(built)
        description = manifest(built, self.calibration, command)
        records = {}
        with tempfile.TemporaryDirectory(prefix="edgeprune-") as name, self.clock("measure"):
            room = Path(name)
            trial = write_bundle(room / "bundle", description, files)
            for number, (stage, converted) in enumerate(built.converted.items(), start=1):
                path = room / f"{stage}.tflite"
                path.write_bytes(converted.tflite)
                target = trial if stage == "deployed" else path
                records[stage] = bench(target, "local", BenchOptions(threads=self.recipe.threads))
                self.progress("measure", number / len(built.converted))
        files["report.json"] = document(built, records, self.seconds)
        return write_bundle(folder, description, files)


def predict(model: Any, inputs: Any) -> Any:
    """A Keras model's outputs."""
    return np.asarray(model.predict(inputs, batch_size=256, verbose=0))


def _loaded(model: Any) -> Any:
    """The user's model, in memory or on disk; None where there is none."""
    if isinstance(model, (str, Path)):
        from edgeprune.keras_bridge.load import load_model

        return load_model(model)
    return model


def _check_shapes(model: Any, inputs: Any) -> None:
    """Refuses data that the model cannot take, before anything is done with it.

    Raises:
        InputError: another number of inputs, or a shape that does not fit.
    """
    arrays = inputs if isinstance(inputs, tuple) else (inputs,)
    wanted = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    found = [array.shape[1:] for array in arrays]
    fits = len(wanted) == len(found) and all(
        len(want) == len(have) and all(a in (None, b) for a, b in zip(want, have, strict=True))
        for want, have in zip(wanted, found, strict=False)
    )
    if not fits:
        raise InputError(
            f"The data has samples of shape {', '.join(map(str, found))}.",
            f"Model '{model.name}' takes {', '.join(map(str, wanted))}.",
            "Bring the samples into the model's shape.",
        )
