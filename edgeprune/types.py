"""Values that travel between the host, the bundle and the device.

Light on purpose (standard library only, Python 3.9 syntax): the agent takes this module to the device.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, Optional

BUNDLE_FORMAT_VERSION = 1

TargetKind = Literal[
    "classes", "binary", "multi_label", "values", "image", "sequence", "anomaly", "boxes", "keypoints",
    "directions", "embedding", "original", "random"
]
"""What labels of an output are; (N, …, C) is the output's shape:

    classes      class numbers (N, …), -1 where nothing counts, or one-hot (N, …, C)
    binary       0 or 1 for each score (N, …) of an output (N, …, 1)
    multi_label  0 or 1 for each of C classes (N, C)
    values       numbers of the output's shape
    image        the same, with rows and columns of pixels
    sequence     class numbers (N, L) that align with no position of the output (CTC), -1 after the last
    anomaly      1 for an anomaly (N,); the output is a reconstruction of the input
    boxes        (N, M, 5) class, ymin, xmin, ymax, xmax as fractions of the picture, float32; class -1 fills
                 up pictures with fewer boxes. Outputs are raw heads (N, R, C, 4 + classes), which
                 `edgeprune.tasks.detection` decodes, or detections (N, K, 6): class, score and the same four
    keypoints    points of an object in the form of the output: (N, 2 K), (N, K, 2) or heat maps (N, H, W, K);
                 NaN where a point is not labelled. While data is read: (N, K, 2), fractions of the picture
    directions   vectors of the output's shape, whose length does not count
    embedding    class numbers (N,) of samples whose outputs (N, D) are near each other within a class
    original     none, or none that metrics can read: the original model's own outputs stand for them
    random       none: outputs that differ from call to call on the same samples are judged by nothing
"""


@dataclasses.dataclass(frozen=True)
class Part:
    """Columns (of the last axis) of an output that are judged together."""

    columns: tuple[int, ...]
    classes: bool = False  # probabilities that sum to 1


@dataclasses.dataclass(frozen=True)
class OutputTask:
    """What one output of a model means; see `edgeprune.tasks`."""

    kind: TargetKind
    metrics: tuple[str, ...]  # names from `edgeprune.metrics`, the primary one first
    name: str = ""  # of the output; empty for the only one
    classes: tuple[str, ...] = ()  # names by number
    threshold: float = 0.5  # above it a single score is positive; 0 for a logit
    parts: tuple[Part, ...] = ()  # judged by themselves, since their scales or meanings differ
    # The model's input that takes the tokens written so far; see `edgeprune.tasks.greedy`. None: one pass.
    fed_back: Optional[int] = None  # noqa: UP045


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One input or output of a `.tflite` file."""

    name: str  # of the signature, readable
    shape: tuple[int, ...]  # with the batch dimension, which is 1
    dtype: str  # numpy's name, such as int8
    scale: float = 0.0  # quantization step; 0.0 for a tensor that is not quantized
    zero_point: int = 0  # integer that stands for 0.0


@dataclasses.dataclass(frozen=True)
class FileInfo:
    """Size and SHA-256 of one file of a bundle."""

    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class StepInfo:
    """What `streaming.tflite` takes and gives.

        step, states  -->  outputs as of this step, states

    Attributes:
        preprocessing: from raw samples to what the steps are cut out of; where the front end is embedded in
            `model.tflite`, this file still takes its features.
    """

    inputs: tuple[TensorInfo, ...]  # the step, then each state
    outputs: tuple[TensorInfo, ...]  # the model's, then each state for the next call
    preprocessing: tuple[Mapping[str, object], ...] = ()


@dataclasses.dataclass(frozen=True)
class StreamInfo:
    """How a stream of raw samples is cut into model inputs: windows, one every hop."""

    sample_rate_hz: int
    window_samples: int
    hop_samples: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """`manifest.json`: what a bundle is, enough to run, check and rebuild it.

    Attributes:
        stream: how to feed live audio; None for anything else.
        one_step: the file that takes one step of time a call; None where there is none.
        built_from: SHA-256 of each input of the build by its name, as in a build's fingerprint.
        threshold: a score above it is an anomaly, chosen on validation data; None for anything else.
    """

    task: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    preprocessing: tuple[Mapping[str, object], ...]  # steps from raw to float; see `edgeprune.preprocessing`
    metrics: tuple[str, ...]  # names of all figures, the primary one of the first output leading
    files: Mapping[str, FileInfo]  # all but the manifest itself, by name
    seed: int = 0
    recipe: Mapping[str, object] = dataclasses.field(default_factory=dict)
    calibration: Mapping[str, object] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)  # of packages on the host
    commands: Sequence[str] = ()
    stream: Optional[StreamInfo] = None  # noqa: UP045  (evaluated on Python 3.9)
    format_version: int = BUNDLE_FORMAT_VERSION
    built_from: Mapping[str, str] = dataclasses.field(default_factory=dict)
    threshold: Optional[float] = None  # noqa: UP045
    synthetic: bool = False  # whether the evaluation samples were made by a program
    one_step: Optional[StepInfo] = None  # noqa: UP045
    tasks: tuple[OutputTask, ...] = ()  # what each output means; one of `metrics` where there are none
    seal: str = ""  # SHA-256 of the rest, filled in by `write_bundle`; see `edgeprune.bundle.seal`
