"""Every setting that decides the result of a build, in one typed schema.

The command line's options, the keys of a recipe file and the keywords of `edgeprune.build` are these
fields. Light on purpose: a recipe is checked before anything heavy is imported.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from edgeprune.errors import InputError

Task = Literal["vision", "speech", "text", "tabular"]
Unit = Literal["neurons", "params", "macs"]
Method = Literal["structural", "weight", "hybrid"]
Criterion = Literal[
    "reconstruction", "correlation", "l1", "l2", "taylor", "fpgm", "activation", "apoz", "batch_norm",
    "random",
]
Allocation = Literal["global", "uniform"]
Schedule = Literal["gradual", "one-shot", "iterative"]
Rate = Literal["cosine", "linear", "constant"]
Precision = Literal["float32", "bfloat16", "float16"]
ClassWeights = Literal["none", "balanced"]
Distribution = Literal["none", "mirrored", "multi-worker"]
Quantization = Literal["int8", "dynamic", "float16", "int16x8", "none"]
Io = Literal["float", "int8"]
_CHOICES: dict[str, tuple[str, ...]] = {
    "task": get_args(Task), "unit": get_args(Unit), "method": get_args(Method),
    "criterion": get_args(Criterion), "allocation": get_args(Allocation), "schedule": get_args(Schedule),
    "rate_schedule": get_args(Rate), "precision": get_args(Precision),
    "class_weights": get_args(ClassWeights), "distribute": get_args(Distribution),
    "quantize": get_args(Quantization), "io": get_args(Io),
}
_AT_LEAST_1 = ("min_width", "round_to", "batch_size", "calibration", "threads", "rounds")
_NOT_NEGATIVE = (
    "epochs", "gradual_epochs", "early_stopping", "clusters", "eval_samples", "seed",
    "weight_decay", "l1", "l2", "max_quantization_drop", "folds",
)
BUDGET = ("max_latency", "max_memory", "max_size", "max_macs")
"""Settings that limit what the model may cost, in place of a share."""


def _setting(default: Any, meaning: str) -> Any:
    """A field with the sentence that `--help` and a written recipe show."""
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=dict, metadata={"help": meaning})
    return dataclasses.field(default=default, metadata={"help": meaning})


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Settings of a build; each field's ``metadata["help"]`` says what it means."""

    task: Task = _setting("vision", "vision, speech, text or tabular: which zoo model, how data is read.")
    prune: float = _setting(0.5, "Share to remove, 0 to below 1; 0 quantizes only.")
    max_drop: float | None = _setting(
        None, "Instead of --prune: the largest share that loses at most so many points on validation data."
    )
    max_latency: str | None = _setting(
        None, "Instead of --prune: the widths that keep most in so much time on --device, as 5ms."
    )
    max_memory: str | None = _setting(None, "The same for the peak memory of the process, as 64MB.")
    max_size: str | None = _setting(None, "The same for model.tflite, as 200kB.")
    max_macs: str | float | None = _setting(None, "The same for multiply-accumulates of an inference, as 5M.")
    device: str | None = _setting(
        None,
        "Where budgets are measured: local, ssh://[user@]host[:port], adb://[serial]. With --max-drop: "
        "the fastest model there that keeps the accuracy.",
    )
    unit: Unit = _setting("neurons", "What the share is of: neurons, params or macs.")
    method: Method = _setting(
        "structural", "structural removes neurons, weight zeroes weights (tfmot magnitude), hybrid does both."
    )
    threshold: float | None = _setting(
        None, "Instead of --prune: neurons go that cost less than so many times their layer's mean."
    )
    criterion: Criterion = _setting("reconstruction", f"What goes first: {', '.join(get_args(Criterion))}.")
    allocation: Allocation = _setting("global", "global or uniform: how layers share it.")
    protect: tuple[str, ...] = _setting((), "Name pattern of layers that keep all neurons; repeatable.")
    ratios: Mapping[str, float] = _setting({}, "PATTERN=SHARE that exactly these layers lose; repeatable.")
    min_width: int = _setting(2, "Neurons every layer keeps.")
    # XNNPACK works on 8 int8 channels at a time (measured: a third less time than unrounded).
    round_to: int = _setting(8, "Widths become multiples of this.")
    schedule: Schedule = _setting(
        "gradual",
        "gradual (neurons fade while training goes on, by tfmot's schedule), one-shot or iterative.",
    )
    rounds: int = _setting(3, "Of pruning and training, in the iterative schedule.")
    gradual_epochs: int = _setting(1, "Epochs while neurons leave, in the gradual schedule.")
    epochs: int = _setting(2, "Epochs of fine-tuning after neurons left.")
    batch_size: int = _setting(128, "Samples per training step.")
    learning_rate: float | None = _setting(
        None, "Peak of fine-tuning; by default one that suits the number of steps, 2e-3 at most."
    )
    rate_schedule: Rate = _setting("cosine", "How the learning rate falls: cosine, linear or constant.")
    weight_decay: float = _setting(1e-4, "Of AdamW, on kernels.")
    l1: float = _setting(0.0, "L1 penalty on kernels while fine-tuning.")
    l2: float = _setting(0.0, "L2 penalty on kernels while fine-tuning.")
    distill: float = _setting(0.7, "Share of the original's right answers in the targets; 0: labels alone.")
    early_stopping: int = _setting(0, "Epochs without a better validation score before it ends; 0: never.")
    freeze: tuple[str, ...] = _setting((), "Name pattern of layers that are not trained; repeatable.")
    precision: Precision = _setting("float32", "Of training: float32, or mixed with bfloat16 or float16.")
    class_weights: ClassWeights = _setting("none", "balanced makes rare classes count as much as common.")
    folds: int = _setting(0, "Cross-validation: so many held-out parts show how the recipe does; 0: off.")
    distribute: Distribution = _setting("none", "mirrored or multi-worker (TF_CONFIG): tf.distribute.")
    calibration: int = _setting(512, "Samples that drive reconstruction and quantization.")
    quantize: Quantization = _setting("int8", "int8, dynamic, float16, int16x8 or none.")
    qat: bool = _setting(False, "Train with simulated int8 (tfmot) before quantizing.")
    clusters: int = _setting(0, "Weight sharing: distinct values per kernel (tfmot clustering); 0: off.")
    max_quantization_drop: float = _setting(
        0.5, "Points that quantization may lose; more, and it recovers by itself."
    )
    allow_flex: bool = _setting(False, "Let TensorFlow operators into the .tflite.")
    embed_frontend: bool = _setting(False, "Audio features inside the .tflite: it takes 16-bit PCM.")
    io: Io = _setting("float", "float or int8: deployed inputs and outputs.")
    eval_samples: int = _setting(500, "Test samples in the bundle, at most.")
    threads: int = _setting(1, "Of the runtime when measuring.")
    seed: int = _setting(0, "Of everything random.")

    def __post_init__(self) -> None:
        """Refuses what cannot be meant.

        Raises:
            InputError: a value outside its range or choices.
        """
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise _not_one_of(name, getattr(self, name), choices)
        for field in dataclasses.fields(self):
            _check_kind(field.name, getattr(self, field.name), field.type)
        _within("prune", self.prune, 0, 1, "0 quantizes only; 0.5 removes half")
        _within("distill", self.distill, 0, math.nextafter(1, 2), "0 trains on labels alone")
        for name in _AT_LEAST_1:
            _within(name, getattr(self, name), 1, math.inf, "a whole number")
        for name in _NOT_NEGATIVE:
            _within(name, getattr(self, name), 0, math.inf, "not negative")
        for pattern, share in self.ratios.items():
            _within(f"ratios {pattern}", share, 0, 1, "the share these layers lose")
        if self.learning_rate is not None:
            _within("learning_rate", self.learning_rate, 0, math.inf, "not negative")
        if self.max_drop is not None:
            _within("max_drop", self.max_drop, 0, 100, "points of the task's metric")
        if self.threshold is not None:
            _within("threshold", self.threshold, 0, math.inf, "a multiple of the layer's mean cost")
        self._check_combinations()
        self._check_budget()

    @property
    def limited(self) -> bool:
        """Whether widths are found by a budget or on a device rather than by a share."""
        return self.device is not None or any(getattr(self, name) is not None for name in BUDGET)

    def limits(self) -> dict[str, float]:
        """What the budget allows: ``latency_ms``, ``memory_bytes``, ``size_bytes`` and ``macs`` that are set.

        Raises:
            InputError: a value without its unit, or that allows nothing.
        """
        from edgeprune import quantities

        rules = (
            ("latency_ms", "max_latency", quantities.parse_duration),
            ("memory_bytes", "max_memory", quantities.parse_size),
            ("size_bytes", "max_size", quantities.parse_size),
            ("macs", "max_macs", quantities.parse_count),
        )
        return {
            field: parse(getattr(self, name), f"--{name.replace('_', '-')}")
            for field, name, parse in rules if getattr(self, name) is not None
        }

    def _check_budget(self) -> None:
        if not self.limited:
            return
        if not self.limits() and self.max_drop is None:
            raise InputError(
                f"--device {self.device} without a budget.",
                "A build measures on a device what --max-latency, --max-memory or --max-drop asks for.",
                "Add one, or measure the finished bundle: edgeprune bench BUNDLE --device …",
            )
        for name, (allowed, why) in _WITH_A_BUDGET.items():
            if getattr(self, name) not in allowed:
                found = f"--{name} {getattr(self, name)} with a budget."
                raise InputError(found, why, f"Leave --{name} or the budget out.")

    def _check_combinations(self) -> None:
        if self.qat and self.quantize != "int8":
            raise InputError(
                f"--qat with --quantize {self.quantize}.",
                "Quantization-aware training is for int8.",
                "Leave one of them out.",
            )
        if self.folds == 1:
            raise InputError("--folds is 1.", "At least 2 parts, or 0 for none.")
        if self.max_drop is not None and (self.schedule == "iterative" or self.method == "weight"):
            raise InputError(
                f"--max-drop with --schedule {self.schedule} and --method {self.method}.",
                "The search removes neurons, at once for each trial.",
                "Leave --schedule and --method out.",
            )
        if self.threshold is not None and (
            self.max_drop is not None or self.schedule == "iterative" or self.method == "weight"
        ):
            raise InputError(
                "--threshold with --max-drop, --schedule iterative or --method weight.",
                "It says by itself how many neurons go, all at once.",
                "Leave one of them out.",
            )


def recipe(**settings: Any) -> Recipe:
    """A recipe from settings by name; dashes may stand for underscores.

    Raises:
        InputError: a name that is no setting (the nearest one is named), or a bad value.
    """
    known = [field.name for field in dataclasses.fields(Recipe)]
    given = {name.replace("-", "_"): value for name, value in settings.items()}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean '{near[0]}'?" if near else f"Settings are {', '.join(known)}."
            raise InputError(f"There is no setting '{name}'.", way_out=hint)
    for name in ("protect", "freeze"):
        if isinstance(given.get(name), list):
            given[name] = tuple(given[name])
    return Recipe(**given)


def as_mapping(settings: Recipe) -> Mapping[str, Any]:
    """All settings by name, in their order."""
    return dataclasses.asdict(settings)


_WITH_A_BUDGET: dict[str, tuple[tuple[Any, ...], str]] = {
    "schedule": (("gradual", "one-shot"), "A budget finds all widths at once."),
    "method": (("structural",), "A budget removes neurons: zeroed weights cost as much as others."),
    "allocation": (("global",), "The budget decides how wide each layer is."),
    "folds": ((0,), "Every part would be fitted to the device anew."),
    "distribute": (("none", "mirrored"), "One process measures."),
}
_KINDS: dict[str, tuple[type, ...]] = {
    "str | None": (str, type(None)), "str | float | None": (str, int, float, type(None)),
    "int": (int,), "float": (int, float), "float | None": (int, float, type(None)), "str": (str,),
    "bool": (bool,), "tuple[str, ...]": (tuple,), "Mapping[str, float]": (Mapping,),
}


def _check_kind(name: str, value: Any, annotation: Any) -> None:
    kinds = _KINDS.get(str(annotation))
    if kinds is None:
        return
    wrong_bool = isinstance(value, bool) and bool not in kinds
    parts: tuple[Any, ...] = ()
    if isinstance(value, tuple):
        parts = tuple(part for part in value if not isinstance(part, str))
    elif isinstance(value, Mapping):
        parts = tuple(part for part in value.values() if not isinstance(part, (int, float)))
    if wrong_bool or parts or not isinstance(value, kinds):
        raise InputError(
            f"--{name.replace('_', '-')} is {value!r}.", f"Expected {_said(str(annotation))}."
        )


def _said(annotation: str) -> str:
    return {
        "int": "a whole number", "float": "a number", "float | None": "a number", "str": "a name",
        "str | None": "a text such as 5ms or 200kB", "str | float | None": "a number, or a text such as 5M",
        "bool": "true or false", "tuple[str, ...]": "a list of names",
        "Mapping[str, float]": "a table of pattern = share",
    }[annotation]


def _within(name: str, value: float, low: float, high: float, meaning: str) -> None:
    if not low <= value < high:
        top = "" if high == math.inf else f" and {'below 1' if high == 1 else f'at most {high:g}'}"
        raise InputError(
            f"--{name.replace('_', '-')} is {value:g}.",
            f"Expected at least {low:g}{top} ({meaning}).",
        )


def _not_one_of(name: str, value: Any, choices: tuple[str, ...]) -> InputError:
    near = difflib.get_close_matches(str(value), choices, 1)
    return InputError(
        f"--{name.replace('_', '-')} is '{value}'.",
        f"Expected one of {', '.join(choices)}.",
        f"Did you mean '{near[0]}'?" if near else "",
    )
