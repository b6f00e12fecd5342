"""Operators of a `.tflite` file by the layers that they came from, which their tensors are named after.

TensorFlow's converter calls a tensor ``sequential/conv2d/Relu;sequential/conv2d/Conv2D``, `edgeprune build`
calls it ``conv2d``; both belong to the layer ``conv2d``. ``StatefulPartitionedCall:0`` is an output.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from edgeprune.run_parts import OperatorTime

_NO_NAME = re.compile(r"(Stateful)?PartitionedCall(_\d+)?|Identity(_\d+)?|")


@dataclasses.dataclass(frozen=True)
class LayerTime:
    """One layer's operators, each kind once, and their time together."""

    layer: str
    operators: str
    ns: int


def layer_times(profile: Sequence[OperatorTime]) -> list[LayerTime]:
    """The layers in the order in which they run first."""
    paths = [_path(one.tensor) for one in profile]
    tops = {path[0] for path in paths if len(path) > 1}
    model = tops.pop() if len(tops) == 1 else None
    kinds: dict[str, dict[str, None]] = {}
    times: dict[str, int] = {}
    for path, one in zip(paths, profile, strict=True):
        inner = path[1:] if len(path) > 1 and path[0] == model else path
        layer = "/".join(inner[:-1] if len(inner) > 1 else inner) or "(output)"
        kinds.setdefault(layer, {})[one.operator] = None
        times[layer] = times.get(layer, 0) + one.ns
    return [LayerTime(layer, ", ".join(kinds[layer]), ns) for layer, ns in times.items()]


def _path(tensor: str) -> list[str]:
    """The parts of a name; of several names that were made one, the first."""
    name = re.sub(r":\d+$", "", tensor.partition(";")[0])
    return [] if _NO_NAME.fullmatch(name) else name.split("/")
