"""What the quantization stage is asked for and what it hands back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from edgeprune.conversion.layer_error import LayerError
from edgeprune.conversion.parity import Parity, Score
from edgeprune.conversion.values import Converted, Io, Mode, Route, Samples
from edgeprune.keras_types import KerasModel

TrainInPlace: TypeAlias = Callable[[KerasModel], None]
"""Trains the given model for a few epochs, with the task's loss and training data."""


@dataclasses.dataclass(frozen=True)
class QuantizeOptions:
    """The recipe of the stage; the fields are the command line's options.

    Attributes:
        quantize: kind of quantization.
        qat: train with simulated int8 before converting.
        io: type of the quantized model's inputs and outputs.
        clusters: distinct values a kernel may have; 0 for as many as it has.
        max_quantization_drop: in points; more lost on validation data starts the recovery.
        allow_flex: let TensorFlow kernels stand in for operators LiteRT does not have.
    """

    quantize: Mode = "int8"
    qat: bool = False
    io: Io = "float"
    clusters: int = 0
    max_quantization_drop: float = 0.5
    allow_flex: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Validation:
    """Samples that every decision is taken on; never the test split.

    Attributes:
        x: model inputs, one array each.
        y: class numbers, or None.
        score: the task's metric; accuracy if None and there are class numbers.
        classes: whether the first output holds classes; see `edgeprune.conversion.parity`.
    """

    x: Samples
    y: np.ndarray | None = None
    score: Score | None = None
    classes: bool = True


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One way of quantizing that was tried, and what it cost.

    Attributes:
        name: such as ``"int8"``, ``"least-squares ranges"`` or ``"2 layers in float"``.
        route: what made the file; None where the attempt was refused.
        runnable_bytes: size of the file.
        latency_us: of one call on this machine, one thread.
        drop_points: lost against the float model on validation data.
        likely_points: without labels, what counts against the limit: predictions that change in the long
            run, and two standard errors.
        agreement_fraction: with the float model on validation data.
        mean_abs_difference: of the outputs.
        detail: the layers concerned, or why the attempt was refused.
        chosen: whether this is the file that is shipped.
    """

    name: str
    route: Route | None = None
    runnable_bytes: int | None = None
    latency_us: float | None = None
    drop_points: float | None = None
    likely_points: float | None = None
    agreement_fraction: float | None = None
    mean_abs_difference: float | None = None
    detail: str = ""
    chosen: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Quantized:
    """The stage's result.

    Attributes:
        result: the file to ship.
        baseline: the same model as float32, before clustering and QAT.
        model: the float Keras model that matches the file: clustered, if that was asked for.
        attempts: all that was tried, in order; one is `chosen`.
        layer_errors: worst first; empty for a float file.
        validation: how the file compares with the float model on validation data.
        runnable_bytes: what the device needs.
        zip_bytes: what a download needs; the same file in a zip.
        notes: what the user has to know, in words.
    """

    result: Converted
    baseline: Converted
    model: KerasModel
    attempts: tuple[Attempt, ...]
    layer_errors: tuple[LayerError, ...]
    validation: Parity
    runnable_bytes: int
    zip_bytes: int
    notes: tuple[str, ...] = ()
