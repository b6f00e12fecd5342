"""The sections of a recipe. Each stage of a build sees its own and no other."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal, get_args

from edgeprune import quantities
from edgeprune.errors import InputError
from edgeprune.recipe.setting import AT_LEAST_1, FRACTION, NOT_NEGATIVE, Bounds, Checked, setting

Preprocess = Literal[
    "auto", "none", "pixels", "zero-one", "minus-one-one", "imagenet", "caffe", "bgr", "per-image",
    "standardize", "zero-one-centered", "centered", "min-max",
]
Missing = Literal["refuse", "drop", "mean"]
ChannelOrder = Literal["auto", "first", "last"]
Unit = Literal["neurons", "params", "macs"]
Method = Literal["structural", "weight", "hybrid"]
Criterion = Literal[
    "reconstruction", "correlation", "l1", "l2", "taylor", "fpgm", "activation", "apoz", "batch_norm",
    "random",
]
Allocation = Literal["global", "uniform"]
Schedule = Literal["gradual", "one-shot", "iterative"]
RateSchedule = Literal["cosine", "linear", "constant"]
Precision = Literal["float32", "bfloat16", "float16"]
ClassWeights = Literal["none", "balanced"]
Distribution = Literal["none", "mirrored", "multi-worker"]
Preference = Literal["both", "speed", "size"]
Quantization = Literal["int8", "dynamic", "float16", "int16x8", "none"]
TensorKind = Literal["float", "int8"]

_RATIO = Bounds(0, 1, "0 quantizes only; 0.5 removes half")


@dataclasses.dataclass(frozen=True)
class DataSettings(Checked):
    """How the user's samples reach the model."""

    preprocess: Preprocess = setting(
        "auto",
        "How samples were scaled when the model was trained. auto tries the usual ways on labelled samples. "
        f"One of {', '.join(get_args(Preprocess))}.",
    )
    channels: ChannelOrder = setting(
        "auto", "Where the channels of pictures stand in arrays: first, last, or auto (the shape tells)."
    )
    letterbox: int | None = setting(
        None,
        "Keep the aspect ratio of pictures, with bars of this grey value (0 to 255; YOLO: 114, "
        "tf.image.resize_with_pad: 0). Default: pictures are stretched.",
        bounds=Bounds(0, math.nextafter(255, 256), "a grey value, 0 to 255"),
    )
    skip_bad_files: bool = setting(
        False, "Leave out files that cannot be read. They are counted and named."
    )
    label: tuple[str, ...] = setting(
        (), "Column of a table that holds the labels. Repeatable for several outputs or values."
    )
    features: tuple[str, ...] = setting(
        (), "Columns of a table that the model takes, in its order: a,b,c. Repeatable."
    )
    drop: tuple[str, ...] = setting((), "Column of a table to leave out. Repeatable.")
    missing: Missing = setting(
        "refuse", "What to do with empty cells of a table: refuse, drop (leave such rows out) or mean (fill "
        "in the mean of the training rows).",
    )
    steps: int | None = setting(
        None, "Batches to read of a generator or dataset that does not end.", bounds=AT_LEAST_1
    )


@dataclasses.dataclass(frozen=True)
class PruneSettings(Checked):
    """Which neurons go, and how many."""

    ratio: float = setting(
        0.5, "Ratio of the neurons to remove, from 0 to below 1. With 0 the model is only quantized.",
        name="prune", bounds=_RATIO,
    )
    unit: Unit = setting("neurons", "What --prune counts: neurons, params or macs.")
    method: Method = setting(
        "structural", "structural removes neurons, weight sets weights to zero (tfmot), hybrid does both."
    )
    threshold: float | None = setting(
        None,
        "Instead of --prune: remove neurons whose importance is below this multiple of the layer's mean.",
        bounds=Bounds(0, meaning="a multiple of the layer's mean cost"),
    )
    criterion: Criterion = setting(
        "reconstruction", f"How neurons are ranked: {', '.join(get_args(Criterion))}."
    )
    allocation: Allocation = setting(
        "global", "global ranks the neurons of all layers together, uniform takes the same ratio from each."
    )
    protect: tuple[str, ...] = setting((), "Layers that keep all neurons, by name or pattern. Repeatable.")
    ratios: Mapping[str, float] = setting(
        {}, "Ratio to remove from single layers, such as conv*=0.3. Repeatable.",
        bounds=Bounds(0, 1, "the ratio that these layers lose"),
    )
    min_width: int = setting(2, "Neurons that every layer keeps.", bounds=AT_LEAST_1)
    # XNNPACK works on 8 int8 channels at a time (measured: a third less time than unrounded).
    round_to: int = setting(8, "Round the widths of layers to multiples of this.", bounds=AT_LEAST_1)
    max_vocabulary: int | None = setting(
        None,
        "Tokens that a text model keeps at most; the others are read as unknown. Default: those that the "
        "training texts use; 0 keeps all.",
        bounds=NOT_NEGATIVE,
    )
    schedule: Schedule = setting(
        "gradual",
        "When neurons leave: gradual (during training, by tfmot's schedule), one-shot or iterative.",
    )
    rounds: int = setting(3, "Rounds of pruning and training with --schedule iterative.", bounds=AT_LEAST_1)
    calibration: int = setting(
        512, "Training samples for ranking, refitting and quantization.", bounds=AT_LEAST_1
    )


@dataclasses.dataclass(frozen=True)
class BudgetSettings(Checked):
    """What the model may cost or lose; in place of a share."""

    max_drop: float | None = setting(
        None, "Instead of --prune: remove as much as loses at most this many points on validation data.",
        bounds=Bounds(0, 100, "points of the task's metric"),
    )
    max_latency: str | None = setting(
        None, "Instead of --prune: latency limit on --device, for example 5ms."
    )
    max_memory: str | None = setting(None, "Limit for the peak memory of the process, for example 64MB.")
    max_size: str | None = setting(None, "Limit for the size of model.tflite, for example 200kB.")
    max_macs: str | float | None = setting(
        None, "Limit for the multiply-accumulates of one inference, for example 5M."
    )
    device: str | None = setting(
        None,
        "Device on which limits are measured: local, ssh://[user@]host[:port] or adb://[serial]. With "
        "--max-drop: find the fastest model there.",
    )

    @property
    def limited(self) -> bool:
        """Whether widths are found by a budget or on a device rather than by a share."""
        return any(
            value is not None
            for value in (self.device, self.max_latency, self.max_memory, self.max_size, self.max_macs)
        )

    def limits(self) -> dict[str, float]:
        """What the budget allows: ``latency_ms``, ``memory_bytes``, ``size_bytes`` and ``macs`` that are set.

        Raises:
            InputError: a value without its unit, or that allows nothing.
        """
        rules = (
            ("latency_ms", "--max-latency", self.max_latency, quantities.parse_duration),
            ("memory_bytes", "--max-memory", self.max_memory, quantities.parse_size),
            ("size_bytes", "--max-size", self.max_size, quantities.parse_size),
            ("macs", "--max-macs", self.max_macs, quantities.parse_count),
        )
        return {name: parse(value, option) for name, option, value, parse in rules if value is not None}


@dataclasses.dataclass(frozen=True)
class TrainSettings(Checked):
    """How what is left is fine-tuned."""

    gradual_epochs: int = setting(
        1, "Epochs during which neurons leave, with --schedule gradual.", bounds=NOT_NEGATIVE
    )
    epochs: int = setting(2, "Epochs of fine-tuning after the neurons have left.", bounds=NOT_NEGATIVE)
    least_steps: int = setting(
        500, "Least training steps of a recurrent model, unless --epochs is given. 0 sets no minimum.",
        bounds=NOT_NEGATIVE,
    )
    batch_size: int = setting(128, "Samples per training step.", bounds=AT_LEAST_1)
    learning_rate: float | None = setting(
        None, "Highest learning rate of fine-tuning. Default: by the number of steps, at most 0.002.",
        bounds=NOT_NEGATIVE,
    )
    rate_schedule: RateSchedule = setting(
        "cosine", "How the learning rate falls: cosine, linear or constant."
    )
    weight_decay: float = setting(1e-4, "Weight decay of AdamW on kernels.", bounds=NOT_NEGATIVE)
    l1: float = setting(0.0, "L1 penalty on kernels while fine-tuning.", bounds=NOT_NEGATIVE)
    l2: float = setting(0.0, "L2 penalty on kernels while fine-tuning.", bounds=NOT_NEGATIVE)
    distill: float = setting(
        0.7, "Weight of the original's outputs in the targets, from 0 (labels alone) to 1. For classes the "
        "original counts less where it is unsure, and not at all where it is wrong.",
        bounds=dataclasses.replace(FRACTION, meaning="0 trains on labels alone"),
    )
    loss: tuple[str, ...] = setting(
        (), "Loss in place of the compiled one: a name in Keras or package.module:function. OUTPUT=LOSS sets "
        "it for one of several outputs. Repeatable.",
    )
    early_stopping: int = setting(
        0, "Stop after this many epochs without a better validation score. 0 never stops early.",
        bounds=NOT_NEGATIVE,
    )
    freeze: tuple[str, ...] = setting((), "Layers that are not trained, by name or pattern. Repeatable.")
    precision: Precision = setting(
        "float32", "Precision of training: float32, or mixed with bfloat16 or float16."
    )
    class_weights: ClassWeights = setting(
        "none", "none, or balanced: rare classes count as much as common ones."
    )
    folds: int = setting(
        0, "Parts for cross-validation of the recipe. 0 turns it off.", bounds=NOT_NEGATIVE
    )
    distribute: Distribution = setting(
        "none", "Training on several devices: none, mirrored or multi-worker (TF_CONFIG)."
    )


@dataclasses.dataclass(frozen=True)
class QuantizeSettings(Checked):
    """How the float model becomes the file that ships."""

    scheme: Quantization = setting(
        "int8", "Number format of model.tflite: int8, dynamic, float16, int16x8 or none.", name="quantize"
    )
    qat: bool = setting(False, "Train with simulated int8 (tfmot) before quantizing.")
    clusters: int = setting(
        0, "Distinct weights in each kernel (tfmot clustering). 0 turns it off.", bounds=NOT_NEGATIVE
    )
    max_quantization_drop: float = setting(
        0.5, "Points that quantization may lose before edgeprune tries to recover them.", bounds=NOT_NEGATIVE
    )
    allow_flex: bool = setting(
        False, "Allow TensorFlow operators in model.tflite. No LiteRT package runs them."
    )
    embed_frontend: bool = setting(
        False, "Put audio features into model.tflite, which then takes 16-bit PCM."
    )
    io: TensorKind = setting("float", "Type of the inputs and outputs of model.tflite: float or int8.")
    prefer: Preference = setting(
        "both", "What decides between equally accurate files: speed, size or both."
    )
    keep_candidates: bool = setting(
        False, "Keep the runners-up in the output folder, as candidate-N.tflite."
    )
    integer_only: bool = setting(
        False, "Allow no float operator, as Edge TPUs, NPUs and microcontrollers need it."
    )
    streaming: bool = setting(
        False, "Also write streaming.tflite, which takes one step of time a call and hands its state on."
    )

    @property
    def tensors(self) -> TensorKind:
        """Type of the deployed inputs and outputs."""
        return "int8" if self.integer_only else self.io


@dataclasses.dataclass(frozen=True)
class MeasureSettings(Checked):
    """How the result is measured."""

    metric: str | None = setting(
        None, "Your own metric that decides: package.module:function, called as f(y_true, outputs).",
    )
    eval_samples: int = setting(
        500, "Largest number of test samples in the output folder, for measuring on devices.",
        bounds=NOT_NEGATIVE,
    )
    threads: int = setting(1, "Threads of the runtime when measuring.", bounds=AT_LEAST_1)


def check_together(
    prune: PruneSettings, budget: BudgetSettings, train: TrainSettings, quantize: QuantizeSettings
) -> None:
    """Refuses settings that exclude each other.

    Raises:
        InputError: names both.
    """
    if prune.max_vocabulary in (1, 2):
        raise InputError(
            f"--max-vocabulary is {prune.max_vocabulary}.",
            "Padding and the unknown token always stay, and at least one word must be left.",
            "Pass 3 or more, or 0 for all tokens.",
        )
    if quantize.qat and quantize.scheme != "int8":
        raise InputError(
            f"--qat cannot go with --quantize {quantize.scheme}.", "Quantization-aware training is for int8.",
            "Leave one of them out.",
        )
    if quantize.integer_only and quantize.scheme != "int8":
        raise InputError(
            f"--integer-only cannot go with --quantize {quantize.scheme}.", "It needs --quantize int8.",
            "Leave one of them out.",
        )
    if quantize.streaming and quantize.integer_only:
        raise InputError(
            "--streaming cannot go with --integer-only.", "States that are handed on must stay float.",
            "Leave one of them out.",
        )
    if train.folds == 1:
        raise InputError("--folds is 1.", "At least 2 parts are expected, or 0 for none.")
    one_by_one = prune.schedule == "iterative" or prune.method == "weight"
    if budget.max_drop is not None and one_by_one:
        raise InputError(
            f"--max-drop cannot go with --schedule {prune.schedule} and --method {prune.method}.",
            "The search removes whole neurons, all at once in each trial.",
            "Leave --schedule and --method out.",
        )
    if prune.threshold is not None and (budget.max_drop is not None or one_by_one):
        raise InputError(
            "--threshold cannot go with --max-drop, --schedule iterative or --method weight.",
            "The threshold alone decides how many neurons are removed, all at once.",
            "Leave one of them out.",
        )
    if budget.limited:
        _check_budget(prune, budget, train)


def _check_budget(prune: PruneSettings, budget: BudgetSettings, train: TrainSettings) -> None:
    if not budget.limits() and budget.max_drop is None:
        raise InputError(
            f"--device {budget.device} was given without a limit.",
            "A build measures on a device what --max-latency, --max-memory or --max-drop asks for.",
            "Add one, or measure the finished bundle: edgeprune bench BUNDLE --device …",
        )
    for name, value, allowed, why in (
        ("schedule", prune.schedule, ("gradual", "one-shot"), "A budget finds all widths at once."),
        ("method", prune.method, ("structural",),
         "A budget removes neurons: zeroed weights cost as much as others."),
        ("allocation", prune.allocation, ("global",), "The budget decides how wide each layer is."),
        ("folds", train.folds, (0,), "Every part would be fitted to the device anew."),
        ("distribute", train.distribute, ("none", "mirrored"), "One process measures."),
    ):  # fmt: skip
        if value not in allowed:
            raise InputError(
                f"--{name} {value} cannot go with a budget.", why, f"Leave --{name} or the budget out.",
            )
