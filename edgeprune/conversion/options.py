"""What the quantization stage is asked for and what it hands back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from edgeprune.conversion.layer_error import LayerError
from edgeprune.conversion.parity import Parity
from edgeprune.conversion.scores import OutputKind, Scores
from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples
from edgeprune.keras_types import KerasModel

Preference: TypeAlias = Literal["both", "speed", "size"]
TrainInPlace: TypeAlias = Callable[[KerasModel], None]
"""Trains the given model for a few epochs, with the task's loss and training data."""


@dataclasses.dataclass(frozen=True)
class QuantizeOptions:
    """The recipe of the stage; the fields are the command line's options."""

    quantize: Mode = "int8"
    qat: bool = False  # train with simulated int8 before converting
    io: Io = "float"  # type of the quantized model's inputs and outputs
    clusters: int = 0  # distinct values a kernel may have; 0 for as many as it has
    max_quantization_drop: float = 0.5  # in points; more lost on validation data starts the recovery
    integer_only: bool = False  # no float operator at all; `io` is "int8" then
    prefer: Preference = "both"  # what decides between files that are as accurate
    allow_flex: bool = False  # let TensorFlow kernels stand in for operators LiteRT does not have


@dataclasses.dataclass(frozen=True, eq=False)
class Validation:
    """Samples that every decision is taken on; never the test split."""

    x: Samples
    y: np.ndarray | None = None  # class numbers
    scores: Scores | None = None  # the task's; accuracy if None and there are class numbers
    kinds: tuple[OutputKind, ...] | None = None  # of the outputs; None: classes, then values
    labelled: tuple[bool, ...] | None = None  # which outputs `scores` judge; None: the first
    label_variances: tuple[np.ndarray | None, ...] = ()  # (C,) of each output's labels of values


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One way of quantizing that was tried, and what it cost against the float model on validation data.

    `likely_points` are what counts against the limit where that is not what was counted: without labels,
    predictions that change in the long run, and two standard errors; with labels, what is lost for sure.
    """

    name: str  # such as "int8", "least-squares ranges" or "2 layers in float"
    route: Route | None = None  # what made the file; None where the attempt was refused
    runnable_bytes: int | None = None
    latency_us: float | None = None  # of one call on this machine, one thread
    drop_points: float | None = None  # of the part that lost most
    worst_part: str = ""  # its name
    likely_points: float | None = None
    agreement_fraction: float | None = None
    mean_abs_difference: float | None = None  # of the outputs
    detail: str = ""  # the layers concerned, or why the attempt was refused
    verdict: str = ""  # in a word or two, why it is shipped or not
    chosen: bool = False  # whether this is the file that is shipped
    runner_up: int = 0  # its place in `Quantized.runners_up`, from 1; 0 for none of them


@dataclasses.dataclass(frozen=True, eq=False)
class Quantized:
    """The stage's result."""

    result: Converted  # the file to ship
    baseline: Converted  # the same model as float32, before clustering and QAT
    model: KerasModel  # the float one that matches the file: clustered, if that was asked for
    attempts: tuple[Attempt, ...]  # all that was tried, in order; one is `chosen`
    layer_errors: tuple[LayerError, ...]  # worst first; empty for a float file
    validation: Parity  # how the file compares with the float model on validation data
    runnable_bytes: int  # what the device needs
    zip_bytes: int  # what a download needs; the same file in a zip
    runners_up: tuple[Converted, ...] = ()  # files as accurate that were not shipped, best first
    notes: tuple[str, ...] = ()  # what is good to know, in words
    warnings: tuple[str, ...] = ()  # what was asked for and is not done
