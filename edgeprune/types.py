"""Values that travel between the host, the bundle and the device.

Light on purpose (standard library only, Python 3.9 syntax): the agent takes this module to the device.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Optional

BUNDLE_FORMAT_VERSION = 1


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
        built_from: SHA-256 of each input of the build by its name, as in a build's fingerprint.
        threshold: a score above it is an anomaly, chosen on validation data; None for anything else.
    """

    task: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    preprocessing: tuple[Mapping[str, object], ...]  # steps from raw to float; see `edgeprune.preprocessing`
    metrics: tuple[str, ...]  # names from `edgeprune.metrics`, the first one being the task's own
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
    seal: str = ""  # SHA-256 of the rest, filled in by `write_bundle`; see `edgeprune.bundle.seal`
