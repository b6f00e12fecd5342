"""What every stage of a build is handed: the recipe, the clock, and what an earlier try had finished."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeprune.pipeline.zoo import is_zoo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from device_runners.options import BenchOptions
    from edgeprune.data.dataset import Dataset
    from edgeprune.pipeline.state import State
    from edgeprune.progress import Progress, Watch
    from edgeprune.recipe import Recipe


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What a build starts from.

    Attributes:
        model: a trained Keras model or the path of one; ``zoo:NAME`` trains that model of the zoo, None
            the task's default.
        data: what to train and measure on, or where it is; None for the zoo's own.
        custom_objects: module with the model's own layers, losses and metrics.
        trust_model: whether code in the model's file may run.
        trained: file of the zoo's model, where somebody has trained it already.
    """

    model: Any = None
    data: Dataset | Path | str | None = None
    custom_objects: str = ""
    trust_model: bool = False
    trained: Path | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One build.

    Attributes:
        tools: how devices are reached and measured; None for the usual way.
        strategy: a `tf.distribute.Strategy`, or None.
        watch: told how the model does while it is trained; None where nobody asks.
        seconds: wall time of each stage so far.
        notes: what the user has to know, so far.
    """

    recipe: Recipe
    source: Source
    state: State
    progress: Progress
    tools: BenchOptions | None = None
    strategy: Any = None
    watch: Watch | None = None
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def device(self) -> str:
        """Where the models are measured."""
        return self.recipe.device or "local"

    def bench_options(self) -> BenchOptions:
        """How they are measured there."""
        from device_runners.options import DEFAULT_OPTIONS

        return dataclasses.replace(self.tools or DEFAULT_OPTIONS, threads=self.recipe.threads)

    @contextlib.contextmanager
    def clock(self, name: str) -> Iterator[Callable[[float], None]]:
        """Times a stage and tells its beginning and end; gives what tells its fraction done."""
        self.progress(name, 0.0)
        start = time.perf_counter()
        yield lambda done: self.progress(name, done)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.progress(name, 1.0)

    def load(self, path: Path) -> Any:
        """Loads a model that a stage had kept, or the user's."""
        from edgeprune.keras_bridge.load import load_model

        return load_model(path, trust=self.source.trust_model, custom_objects=self.custom_objects())

    def custom_objects(self) -> dict[str, Any]:
        """The user's own classes and functions by name; the zoo's own losses for its models.

        Raises:
            InputError: no such module.
        """
        from edgeprune.keras_bridge.custom_objects import objects_of

        if is_zoo(self.source.model):
            from edgeprune_models.training import ctc_loss

            return {"ctc_loss": ctc_loss}
        return objects_of(self.source.custom_objects)

    def model_once(self, stage: str, make: Callable[[], Any]) -> Any:
        """A stage whose result is a model: made, or taken from an earlier try."""
        from edgeprune.keras_bridge.load import saved_bytes

        done = self.state.finished(stage)
        if done is not None:
            return self.load(done / "model.keras")
        model = make()
        with self.state.finishing(stage) as room:
            if room is not None:
                (room / "model.keras").write_bytes(saved_bytes(model))
        return model
