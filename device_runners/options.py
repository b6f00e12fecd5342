"""What to measure and how: the options and the target of a measurement."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from device_runners.agent.extras import affinity
from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import HOST_ONLY, MANIFEST, MODEL
from edgeprune.errors import InputError
from edgeprune.recipe.setting import AT_LEAST_1, NOT_NEGATIVE, Bounds
from edgeprune.run_parts import InputShape, RunSettings
from edgeprune.tasks import OwnMetric

Waiting = Callable[[str, int], None]
"""Told a device's name, and for how many seconds its lock has been waited for."""


def unheard(_device: str, _seconds: int) -> None:
    """Tells nobody."""


_PROFILE_S = 20.0
_ENERGY_S = 30.0
_SECONDS = Bounds(0, 1e6, "seconds")
_BOUNDS = {
    "threads": Bounds(1, 1025, "threads"), "runs": AT_LEAST_1, "warmup": NOT_NEGATIVE,
    "min_time_s": _SECONDS, "time_limit_s": Bounds(1e-3, 1e6, "seconds"), "lock_wait_s": _SECONDS,
    "eval_samples": NOT_NEGATIVE, "sustained_s": Bounds(0, 86_400, "seconds"),
    "concurrent": Bounds(1, 65, "interpreters"),
}


@dataclasses.dataclass(frozen=True)
class BenchOptions:
    """How to measure."""

    threads: int = 1
    runs: int = 50  # timed inferences at least
    warmup: int = 5  # inferences before them at least
    min_time_s: float = 1.0  # timed inferences go on for at least this long
    time_limit_s: float = 120.0  # for the run on the device, which ends it by itself
    xnnpack: bool = True  # False turns the default delegate off
    python: str | None = None  # to run the agent with; None for `python3`, or this one on this machine
    eval_samples: int | None = None  # how many samples to evaluate at most; None for all
    lock_wait_s: float = 120.0  # how long to wait for another run on the same device
    runner: str = "python"  # or "native" or "benchmark_model"
    library: Path | None = None  # the TFLite library for the native runner; None for what fits
    benchmark_model: Path | None = None  # Google's prebuilt tool, for that runner
    native_runner: Path | None = None  # a runner built for the device; None to look for or build one
    shapes: tuple[InputShape, ...] = ()  # of inputs whose sizes the file leaves open
    sustained_s: float = 0.0  # of work without a pause, beside the time limit; by the Python runner
    concurrent: int = 1  # interpreters at the same time, too; by the Python runner
    energy: bool = False  # of one inference, too; by the Python runner
    power_command: tuple[str, ...] = ()  # on the device, that prints watts, for `energy`
    accelerator: str | None = None  # cpu, gpu or npu: through CompiledModel, too; by the Python runner
    cpus: str | None = None  # cores to stay on: big, little or numbers; by the Python runner
    governor: str | None = None  # of the CPU's clock, for the run only
    profile: bool = False  # time every operator, too; by the Python runner
    metric: OwnMetric | None = None  # the user's own, computed here from the outputs that come back

    waiting: Waiting = unheard

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant.

        Raises:
            InputError: names the option.
        """
        if self.extras and self.runner != "python":
            raise InputError(
                f"{self.extras[0]} does not go with the runner {self.runner}.",
                "Only the Python runner does that.",
                "Leave --runner out. benchmark_model itself has --enable_op_profiling=true.",
            )
        if self.accelerator not in (None, "cpu", "gpu", "npu"):
            raise InputError(f"--accelerator is {self.accelerator[:40]!r}.", "Expected cpu, gpu or npu.")
        if self.cpus not in (None, "big", "little"):
            affinity.parse(str(self.cpus))
        for name, bounds in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None:
                bounds.check(name, value)

    @property
    def extras(self) -> list[str]:
        """Options that ask for more than a plain run."""
        asked = {
            "--profile": self.profile, "--sustained": self.sustained_s, "--concurrent": self.concurrent > 1,
            "--energy": self.energy, "--accelerator": self.accelerator, "--cpus": self.cpus,
        }
        return [option for option, given in asked.items() if given]

    @property
    def run_limit_s(self) -> float:
        """The time limit of the run on the device, with what was asked for beside it."""
        return self.time_limit_s + self.sustained_s + (_ENERGY_S if self.energy else 0)

    @property
    def profile_s(self) -> float:
        """How long operators are timed for, about."""
        return min(_PROFILE_S, self.time_limit_s / 4) if self.profile else 0.0

    def settings(self) -> RunSettings:
        """The part that stands in the record."""
        return RunSettings(self.runner, self.threads, self.xnnpack, self.runs, self.warmup, self.run_limit_s)


_LARGEST_SIZE = 1 << 24


def parse_shape(text: str) -> InputShape:
    """``image=1,224,224,3``, or ``1,224,224,3`` for a model of one input.

    Raises:
        InputError: the text is no shape.
    """
    name, _, sizes = text.rpartition("=")
    parts = [part.strip() for part in sizes.replace("x", ",").split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= _LARGEST_SIZE for part in parts):
        raise InputError(f"--shape {text!r} is not a shape.", "Write --shape NAME=1,224,224,3, batch first.")
    return InputShape(name.strip(), tuple(map(int, parts)))


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
    """A folder is a bundle, a file a bare model; an `InputError` for neither, or for a damaged bundle."""
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
