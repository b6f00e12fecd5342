"""What to measure and how: the options and the target of a measurement."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import HOST_ONLY, MANIFEST, MODEL
from edgeprune.errors import InputError
from edgeprune.run_record import RunSettings


@dataclasses.dataclass(frozen=True)
class BenchOptions:
    """How to measure: at least `runs` timed inferences and `min_time_s`, after at least `warmup` others.

    Attributes:
        time_limit_s: for the run on the device, which ends it by itself.
        xnnpack: False turns the default delegate off.
        python: to run the agent with; None for `python3`, or this one on this machine.
        eval_samples: how many samples to evaluate at most; None for all.
        lock_wait_s: how long to wait for another run on the same device.
        runner: ``python``, ``native`` or ``benchmark_model`` (Google's prebuilt tool, named by the option).
        library: the TFLite library for the native runner; None for what fits.
        native_runner: a runner built for the device; None to look for or build one.
    """

    threads: int = 1
    runs: int = 50
    warmup: int = 5
    min_time_s: float = 1.0
    time_limit_s: float = 120.0
    xnnpack: bool = True
    python: str | None = None
    eval_samples: int | None = None
    lock_wait_s: float = 120.0
    runner: str = "python"
    library: Path | None = None
    benchmark_model: Path | None = None
    native_runner: Path | None = None

    def settings(self) -> RunSettings:
        """The part that stands in the record."""
        return RunSettings(self.runner, self.threads, self.xnnpack, self.runs, self.warmup, self.time_limit_s)


DEFAULT_OPTIONS = BenchOptions()
_EXPECTED = "A bundle or a .tflite file was expected."


@dataclasses.dataclass(frozen=True)
class Target:
    """What to run: a verified bundle, or a bare `.tflite` file, which gives latency and memory only."""

    model: Path
    bundle: Bundle | None = None

    def device_files(self, folder: str) -> dict[str, Path | bytes]:
        """Files to bring to the device, by their path in the run's folder."""
        if self.bundle is None:
            return {f"{folder}/{MODEL}": self.model}
        names = [name for name in self.bundle.manifest.files if name not in HOST_ONLY]
        return {f"{folder}/{name}": self.bundle.file(name) for name in (*names, MANIFEST)}


def open_target(target: Path | str | Bundle) -> Target:
    """A folder is a bundle, a file a bare model.

    Raises:
        InputError: neither, or a bundle that is damaged.
    """
    if isinstance(target, Bundle):
        target = target.path
    path = Path(target)
    if path.is_dir():
        bundle = read_bundle(path)
        return Target(bundle.model, bundle)
    if not path.is_file():
        raise InputError(f"There is no {path}.", _EXPECTED, "See `edgeprune build`.")
    with path.open("rb") as stream:
        if stream.read(8)[4:] != b"TFL3":
            raise InputError(f"{path} is not a .tflite file.", _EXPECTED)
    return Target(path)
