"""What `--verify` looks at, gathered once: the folder as read, its report, and the model as it runs."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, cast

from device_runners import BenchOptions, bench
from edgeprune import jsonable
from edgeprune.bundle import Bundle, EvalData, read_bundle
from edgeprune.bundle.read import EVAL, MANIFEST
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.report.read import read_report
from edgeprune.report.schema import Report
from edgeprune.run_record import RunRecord
from edgeprune.types import TensorInfo

T = TypeVar("T")


class NothingToCheckByError(Exception):
    """The bundle holds nothing that this part could be checked by; the text says what is missing."""


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What a `.tflite` file says of itself."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: dict[str, int]


class _Once(Generic[T]):
    """A property that is read once; an error is raised again as the very same object."""

    def __init__(self, read: Callable[[Evidence], T]) -> None:
        self._read = read

    def __get__(self, evidence: Evidence, owner: type[Evidence]) -> T:
        name = self._read.__name__
        if name not in evidence.seen:
            try:
                evidence.seen[name] = self._read(evidence)
            except (EdgepruneError, NothingToCheckByError) as error:
                evidence.seen[name] = error
        found = evidence.seen[name]
        if isinstance(found, Exception):
            raise found
        return cast("T", found)


class Evidence:
    """Values are read when first asked for; an `EdgepruneError` then says what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: dict[str, object] = {}
        self.refused = False

    @_Once
    def manifest_json(self) -> object:
        """manifest.json as JSON values."""
        path = self.folder / MANIFEST
        if not path.is_file() or path.is_symlink():
            raise InputError(f"there is no plain file {MANIFEST}.")
        return jsonable.parse_file(path)

    @_Once
    def bundle(self) -> Bundle:
        """The bundle; its files match the manifest."""
        return read_bundle(self.folder)

    @_Once
    def report(self) -> Report:
        """report.json."""
        return read_report(self.bundle)

    @_Once
    def samples(self) -> EvalData:
        """eval.npz."""
        if EVAL not in self.bundle.manifest.files:
            raise NothingToCheckByError(f"the bundle has no {EVAL}")
        return self.bundle.samples()

    @_Once
    def record(self) -> RunRecord:
        """A run on this machine, in a process of its own: a broken model may take it down."""
        if self.refused:
            raise NothingToCheckByError("a model is not run while the above is broken")
        return bench(self.bundle, "local", BenchOptions(runs=1, warmup=0, min_time_s=0.01))

    @_Once
    def model(self) -> ModelFacts:
        """Tensors and operators of model.tflite."""
        if importlib.util.find_spec("ai_edge_litert") is None:
            raise NothingToCheckByError("reading the operators needs ai-edge-litert")
        from edgeprune.conversion import flatfile

        _ = self.record  # the runtime has accepted the file, so its offsets can be followed
        try:
            tree = flatfile.parse(self.bundle.model.read_bytes())
            inputs, outputs = flatfile.tensor_infos(tree)
            return ModelFacts(inputs, outputs, dict(flatfile.operator_counts(tree)))
        except Exception as error:
            # The schema's reader has no error of its own: bad offsets end in whatever they hit.
            raise InputError(f"model.tflite cannot be read ({type(error).__name__}: {error}).") from error
