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
from edgeprune.recipe import Recipe, as_mapping
from edgeprune.report.stages import SCHEMA_VERSION, Stage, stage_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from edgeprune.bundle import Bundle
    from edgeprune.conversion import Converted
    from edgeprune.data.dataset import Dataset, Split
    from edgeprune.graph.cost import Cost
    from edgeprune.pruning.prune import PruneResult

HOST_PACKAGES = ("tensorflow", "tf_keras", "tensorflow_model_optimization", "ai_edge_litert")
_PARITY_POINTS = 5.0


def build(
    model: Any = None,
    data: Dataset | None = None,
    recipe: Recipe | None = None,
    *,
    out: Path | str = "build/edgeprune",
    command: str = "",
    progress: Progress = silent,
) -> Bundle:
    """Makes a bundle: a pruned, fine-tuned, quantized and measured model.

    Args:
        model: a trained Keras model or the path of one; None trains the zoo's model of the task.
        data: what to train and measure on; None for the zoo's own, with the zoo's model.
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
    if model is not None and data is None:
        raise InputError(
            "A model was given without data.",
            "Pruning needs samples to decide by and to measure on.",
            "Pass data=…, or leave the model out to try edgeprune on the zoo's.",
        )
    build_ = _Build(recipe, progress)
    with build_.quietly():
        build_.start(model, data)
        pruned = build_.prune()
        final = build_.fine_tune(pruned)
        return build_.finish(pruned, final, folder, command)


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


class _Build:
    """One build's values and clock."""

    def __init__(self, recipe: Recipe, progress: Progress) -> None:
        self.recipe = recipe
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.curve: Any = ()
        self.data: Dataset
        self.model: Any
        self.zoo: Any = None
        self.test_inputs: Any
        self.validation_inputs: Any
        self.calibration: Any

    @contextlib.contextmanager
    def quietly(self) -> Iterator[None]:
        """TensorFlow prints from C++ and Python alike; none of it is for the user."""
        from edgeprune.conversion.quiet import silence
        from edgeprune.keras_bridge import flavour  # sets the environment before TensorFlow is imported

        del flavour
        with silence():
            import tensorflow as tf

            tf.config.experimental.enable_op_determinism()
            yield

    @contextlib.contextmanager
    def clock(self, name: str) -> Iterator[None]:
        """Times a stage and tells its beginning and end."""
        self.progress(name, 0.0)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.progress(name, 1.0)

    def start(self, model: Any, data: Dataset | None) -> None:
        """Loads the data, and loads or trains the model."""
        import tf_keras

        from edgeprune.data.calibration import choose

        tf_keras.utils.set_random_seed(self.recipe.seed)
        if data is None:
            from edgeprune_models import default_for

            self.zoo = default_for(self.recipe.task)
            data = self.zoo.load_data()
        self.data = data
        self.validation_inputs = data.model_input(data.validation.x)
        self.test_inputs = data.model_input(data.test.x)
        chosen = choose(data.train, self.recipe.calibration, self.recipe.seed)
        self.calibration = data.model_input(chosen.x)
        self.model = self.train() if self.zoo is not None else self.load(model)

    def load(self, model: Any) -> Any:
        """The user's model, in memory or on disk."""
        if isinstance(model, (str, Path)):
            from edgeprune.keras_bridge.load import load

            return load(Path(model))
        return model

    def train(self) -> Any:
        """Trains the zoo's model: the baseline."""
        from edgeprune_models.training import train

        with self.clock("train"):
            untrained = self.zoo.build_for(self.data, self.recipe.seed)
            return train(
                untrained, self.data, self.zoo.recipe, self.recipe.seed,
                progress=part(self.progress, "train", 0, 1),
            ).model

    def prune(self) -> PruneResult:
        """Chooses, strips, proves and repairs."""
        from edgeprune.pruning.prune import prune

        order = ("rank", "measure", "strip", "repair")

        def tell(step: str, done: float) -> None:
            at = order.index(step) if step in order else 0
            self.progress("prune", (at + done) / len(order))

        with self.clock("prune"):
            return prune(
                self.model, self.recipe.prune, calibration=self.calibration,
                criterion=self.recipe.criterion, allocation=self.recipe.allocation, unit=self.recipe.unit,
                min_width=self.recipe.min_width, round_to=self.recipe.round_to, seed=self.recipe.seed,
                progress=tell,
            )

    def fine_tune(self, pruned: PruneResult) -> Any:
        """Trains what is left, and before that, in gradual mode, while it goes."""
        from edgeprune.keras_bridge.flavour import is_keras3
        from edgeprune.training import FineTuning, fine_tune

        recipe = self.recipe
        settings = FineTuning(
            recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.weight_decay, recipe.distill
        )
        with self.clock("fine_tune"):
            model = pruned.model
            gradual = recipe.schedule == "gradual" and recipe.gradual_epochs and recipe.prune
            share = 0.0
            if gradual and not is_keras3(self.model):
                share = recipe.gradual_epochs / (recipe.gradual_epochs + recipe.epochs)
                faded = self.fade(pruned, settings, part(self.progress, "fine_tune", 0, share))
                if self.score(faded) >= self.score(model):
                    model = faded
            self.curve = fine_tune(
                model, self.model, self.epochs(recipe.epochs, recipe.seed + 1), settings, self.score,
                progress=part(self.progress, "fine_tune", share, 1),
            )
        return model

    def fade(self, pruned: PruneResult, settings: Any, progress: Any) -> Any:
        """Masks the planned neurons step by step with tfmot, then cuts them off."""
        from edgeprune.keras_bridge.network import stripped_network
        from edgeprune.keras_bridge.read import read
        from edgeprune.training import fine_tune, mask_gradually

        epochs = self.recipe.gradual_epochs
        ours = dataclasses.replace(settings, epochs=epochs)

        def train(wrapped: Any, callbacks: Any) -> None:
            fine_tune(
                wrapped, self.model, self.epochs(epochs, self.recipe.seed), ours, self.score,
                callbacks=callbacks, keep_best=False, progress=progress,
            )

        masked = mask_gradually(
            self.model, pruned.units, pruned.leaves_at, pruned.report.removed.neurons,
            epochs * -(-len(self.data.train) // settings.batch_size), train,
        )
        return stripped_network(read(masked), pruned.units, pruned.keep).reading.model

    def epochs(self, number: int, seed: int) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Model inputs and labels of each epoch, augmented as the zoo's recipe says."""
        if self.zoo is not None:
            from edgeprune_models.training import augmented_epochs

            recipe = dataclasses.replace(self.zoo.recipe, epochs=number)
            yield from augmented_epochs(self.data, recipe, seed)
            return
        inputs = self.data.model_input(self.data.train.x)
        for _ in range(number):
            yield inputs, self.data.train.y

    def score(self, model: Any) -> float:
        """The first metric on validation data, so that higher is better."""
        from edgeprune.metrics import METRICS

        figures = self.metrics(self.data.validation, _predict(model, self.validation_inputs), self.validation_inputs)
        name, value = next(iter(figures.items()))
        metric = METRICS.get(name.split("/")[0])
        return value if metric is None or metric.higher_is_better else -value

    def metrics(self, split: Split, outputs: np.ndarray, inputs: Any) -> dict[str, float]:
        """All metrics of the task for outputs on a split."""
        from edgeprune.metrics import evaluate

        return evaluate(self.data.metrics, split.y, outputs, labels=self.data.labels, inputs=inputs)

    def finish(self, pruned: PruneResult, final: Any, folder: Path, command: str) -> Bundle:
        """Converts, verifies, measures, writes."""
        from edgeprune.bundle import write_bundle
        from edgeprune.conversion import convert, parity, run_tflite

        recipe, report = self.recipe, pruned.report
        with self.clock("convert"):
            tell = part(self.progress, "convert", 0, 1)
            baseline = convert(self.model, "none")
            tell(0.2)
            floating = convert(final, "none")
            tell(0.4)
            deployed = convert(final, recipe.quantize, self.calibration, recipe.io)
            tell(0.7)
            outputs = run_tflite(deployed.tflite, self.test_inputs)
            floats = _predict(final, self.test_inputs)
            truth = self.data.test.y
            check = parity(floats, outputs, truth if truth is not None and truth.ndim == 1 else None)
            check.require(_PARITY_POINTS)
        reports = {
            "baseline": self.metrics(self.data.test, _predict(self.model, self.test_inputs), self.test_inputs),
            "pruned": self.metrics(self.data.test, floats, self.test_inputs),
            "deployed": self.metrics(self.data.test, outputs, self.test_inputs),
        }
        files = self.files(deployed, final)
        manifest = self.manifest(deployed, command)
        with tempfile.TemporaryDirectory(prefix="edgeprune-") as name:
            room = Path(name)
            with self.clock("measure"):
                trial = write_bundle(room / "bundle", manifest, files)
                records = {}
                for number, (stage, target) in enumerate((
                    ("baseline", _written(room / "baseline.tflite", baseline)),
                    ("pruned", _written(room / "pruned.tflite", floating)),
                    ("deployed", trial),
                )):
                    records[stage] = self.bench(target)
                    self.progress("measure", (number + 1) / 3)
        costs = {"baseline": report.before, "pruned": report.after, "deployed": report.after}
        sizes = {"baseline": baseline, "pruned": floating, "deployed": deployed}
        stages = {
            name: _stage(costs[name], sizes[name], reports[name], records[name]) for name in costs
        }
        document = {
            "schema_version": SCHEMA_VERSION,
            "recipe": as_mapping(recipe),
            "model": self.model.name,
            "data": {
                "name": self.data.name, "source": self.data.source, "licence": self.data.licence,
                "synthetic": self.data.synthetic, "train": len(self.data.train),
                "validation": len(self.data.validation), "test": len(self.data.test),
            },
            "stages": {name: stage_json(stage) for name, stage in stages.items()},
            "removed": dataclasses.asdict(report.removed),
            "groups": [dataclasses.asdict(group) for group in report.groups],
            "refusals": [dataclasses.asdict(refusal) for refusal in report.refusals],
            "equivalence": dataclasses.asdict(report.equivalence),
            "quantization": {
                "mode": deployed.mode, "route": deployed.route, "io": recipe.io,
                "operators": dict(deployed.operators),
                "agreement": check.agreement_fraction, "max_abs_difference": check.max_abs_difference,
            },
            "training": [
                {"epoch": epoch.number, "loss": _finite(epoch.loss), "score": _finite(epoch.score)}
                for epoch in self.curve
            ],
            "notes": [*report.notes, *deployed.notes],
            "timings_s": {name: round(value, 3) for name, value in self.seconds.items()},
        }
        from edgeprune import jsonable

        files["report.json"] = (jsonable.dumps(document, indent=1) + "\n").encode()
        return write_bundle(folder, manifest, files)

    def bench(self, target: Any) -> Any:
        """This machine as a device: a fresh process that imports no TensorFlow."""
        from device_runners import BenchOptions, bench

        return bench(target, "local", BenchOptions(threads=self.recipe.threads))

    def files(self, deployed: Converted, final: Any) -> dict[str, bytes | Path]:
        """What goes into the bundle, beside the manifest and the report."""
        from edgeprune.bundle import pack_eval
        from edgeprune.keras_bridge.save import saved_bytes

        files: dict[str, bytes | Path] = {
            "model.tflite": deployed.tflite,
            "model.keras": saved_bytes(final),
            **{name: text.encode() for name, text in self.data.files.items()},
        }
        if self.data.test.y is not None:
            from edgeprune.data.calibration import choose

            split = choose(self.data.test, self.recipe.eval_samples, self.recipe.seed)
            inputs = split.x if isinstance(split.x, tuple) else (split.x,)
            files["eval.npz"] = pack_eval(inputs, split.y)
        if self.data.labels:
            files["labels.txt"] = ("\n".join(self.data.labels) + "\n").encode()
        return files

    def manifest(self, deployed: Converted, command: str) -> Any:
        """The bundle's own description."""
        import importlib.metadata

        from edgeprune.types import Manifest

        names = ("edgeprune", "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "numpy")
        return Manifest(
            task=self.recipe.task, inputs=deployed.inputs, outputs=deployed.outputs,
            preprocessing=self.data.preprocessing, metrics=self.data.metrics, files={},
            seed=self.recipe.seed, recipe=as_mapping(self.recipe),
            calibration={"samples": len(_first(self.calibration)), "sha256": _digest(self.calibration)},
            versions={name: importlib.metadata.version(name) for name in names},
            commands=(command,) if command else (), stream=self.data.stream,
        )


def _predict(model: Any, inputs: Any) -> np.ndarray:
    return np.asarray(model.predict(inputs, batch_size=256, verbose=0))


def _first(inputs: Any) -> np.ndarray:
    return np.asarray(inputs[0] if isinstance(inputs, tuple) else inputs)


def _digest(inputs: Any) -> str:
    import hashlib

    found = hashlib.sha256()
    for array in inputs if isinstance(inputs, tuple) else (inputs,):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _written(path: Path, converted: Converted) -> Path:
    path.write_bytes(converted.tflite)
    return path


def _stage(cost: Cost, converted: Converted, metrics: Mapping[str, float], record: Any) -> Stage:
    return Stage(cost.neurons, cost.params, cost.macs, len(converted.tflite), metrics, record)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
