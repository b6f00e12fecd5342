"""Every setting that decides the result of a build, in one typed schema.

Light on purpose: the command line builds one before anything heavy is imported.
"""

from __future__ import annotations

import dataclasses
import difflib
from typing import TYPE_CHECKING, Any, Literal, get_args

from edgeprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

Unit = Literal["neurons", "params", "macs"]
Allocation = Literal["global", "uniform"]
Schedule = Literal["gradual", "one-shot"]
Quantization = Literal["int8", "dynamic", "float16", "int16x8", "none"]
Io = Literal["float", "int8"]
TASKS = ("vision", "speech", "text")
_CHOICES: dict[str, tuple[str, ...]] = {
    "task": TASKS,
    "unit": get_args(Unit),
    "allocation": get_args(Allocation),
    "schedule": get_args(Schedule),
    "quantize": get_args(Quantization),
    "io": get_args(Io),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a build.

    Attributes:
        prune: share to remove, 0 ≤ prune < 1; 0 quantizes only.
        unit: what the share is of.
        criterion: which of the neurons go; see `edgeprune.pruning.importance`.
        allocation: whether layers give up the same share, or what costs the network least.
        min_width: neurons that every layer keeps at least.
        round_to: widths become multiples of this; XNNPACK works on 8 int8 channels at a time (measured:
            a third less time than unrounded).
        schedule: `gradual` masks neurons step by step while training goes on; `one-shot` removes
            them at once and trains what is left.
        epochs: of fine-tuning, after the neurons are gone.
        gradual_epochs: before that, while they go.
        batch_size: of fine-tuning.
        learning_rate: its peak; it falls to zero along a half cosine.
        weight_decay: of AdamW.
        distill: share of the target that is the original model's answer; 0 trains on labels alone.
        calibration: samples that drive reconstruction and quantization.
        quantize: how the weights are stored.
        io: type of the deployed model's inputs and outputs.
        eval_samples: test samples that travel in the bundle, at most.
        threads: of the runtime when latency is measured.
        seed: of everything random.
    """

    task: str = "vision"
    prune: float = 0.5
    unit: Unit = "neurons"
    criterion: str = "reconstruction"
    allocation: Allocation = "global"
    min_width: int = 2
    round_to: int = 8
    schedule: Schedule = "gradual"
    epochs: int = 2
    gradual_epochs: int = 1
    batch_size: int = 128
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    distill: float = 0.7
    calibration: int = 512
    quantize: Quantization = "int8"
    io: Io = "float"
    eval_samples: int = 500
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InputError: a value outside its range or choices.
        """
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise _not_one_of(name, getattr(self, name), choices)
        _within("prune", self.prune, 0, 1, "0 quantizes only; 0.5 removes half")
        _within("distill", self.distill, 0, 1.000001, "0 trains on labels alone")
        for name in ("min_width", "round_to", "batch_size", "calibration", "threads"):
            _within(name, getattr(self, name), 1, float("inf"), "a whole number")
        for name in ("epochs", "gradual_epochs", "eval_samples", "seed", "learning_rate", "weight_decay"):
            _within(name, getattr(self, name), 0, float("inf"), "not negative")


def recipe(**settings: Any) -> Recipe:
    """A recipe from settings by name.

    Raises:
        InputError: a name that is no setting (the nearest one is named), or a bad value.
    """
    known = [field.name for field in dataclasses.fields(Recipe)]
    for name in settings:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Settings are {', '.join(known)}."
            raise InputError(f"There is no setting '{name}'.", way_out=hint)
    return Recipe(**settings)


def as_mapping(settings: Recipe) -> Mapping[str, Any]:
    """All settings by name, in their order."""
    return dataclasses.asdict(settings)


def _within(name: str, value: float, low: float, high: float, meaning: str) -> None:
    if not low <= value < high:
        top = "" if high == float("inf") else f" and below {high:g}"
        raise InputError(
            f"--{name.replace('_', '-')} is {value:g}.",
            f"Expected at least {low:g}{top} ({meaning}).",
        )


def _not_one_of(name: str, value: str, choices: tuple[str, ...]) -> InputError:
    near = difflib.get_close_matches(str(value), choices, 1)
    return InputError(
        f"--{name.replace('_', '-')} is '{value}'.",
        f"Expected one of {', '.join(choices)}.",
        f"Did you mean '{near[0]}'?" if near else "",
    )
