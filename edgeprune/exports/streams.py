"""What is generated for a bundle's `streaming.tflite`: a class that takes one step and keeps the states.

    feed:  raw values as they come in, any number --window, every `hop`--> preprocessing of one step  --> step
    step:  one step of what the preprocessing gives, states --> outputs as of this step, states

Preprocessing goes step by step where each step depends on a window of raw samples alone: a frame of log-mel
or MFCC features, or values by themselves. Padding is left out, since a stream has no end. Where a step of the
preprocessing needs the whole sample, such as a tokenizer, there is no `feed`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.bundle import Bundle
from edgeprune.bundle.read import STREAMING
from edgeprune.errors import InputError
from edgeprune.exports.inputs import REBUILD, InputPlan, planned
from edgeprune.exports.outputs import OutputPlan, check_tensor, output_plan
from edgeprune.types import StepInfo, TensorInfo

_PADS = "pad_or_crop"
_BY_STEP = frozenset({"pcm_to_float", "rescale", "standardize", "reshape", "log_mel", "mfcc"})
Preprocessing = Sequence[Mapping[str, object]]


@dataclasses.dataclass(frozen=True)
class FeedPlan:
    """Raw values that a step is made of, by `preprocessing`; those of the next begin `hop` values later."""

    window: InputPlan
    hop: int
    preprocessing: tuple[Mapping[str, object], ...]

    @property
    def size(self) -> int:
        """Raw values of one step."""
        return math.prod(self.window.shape or ())


@dataclasses.dataclass(frozen=True)
class StreamPlan:
    """The file takes `step`, then `states`; it gives `outputs`, then the states for the next call.

    Steps are lines of `vocabulary`, where the model reads text.
    """

    step: InputPlan
    feeding: FeedPlan | None
    outputs: tuple[OutputPlan, ...]
    states: tuple[TensorInfo, ...]
    vocabulary: str | None = None

    @property
    def ranked(self) -> OutputPlan | None:
        """The first output whose values are scores of labels; None where there is none."""
        return next((one for one in self.outputs if one.labelled or one.binary), None)

    def same_outputs(self, others: Sequence[OutputPlan]) -> bool:
        """Whether a step's outputs have the form of the whole model's."""
        return [_form(one) for one in self.outputs] == [_form(one) for one in others]


def stream_plan(
    bundle: Bundle, outputs: Sequence[OutputPlan], labels: int, sample: np.ndarray | None
) -> StreamPlan | None:
    """Plan the streaming file of a bundle; None where it has none.

    Args:
        outputs: of the whole model, for their names.
        sample: raw samples (N, …).

    Raises:
        InputError: the manifest does not tell what the file takes, or what it tells cannot be.
    """
    if STREAMING not in bundle.manifest.files:
        return None
    info = bundle.manifest.one_step
    if info is None:
        found = f"The bundle's manifest does not tell what {STREAMING} takes and gives."
        raise InputError(found, "Bundles that this edgeprune builds do.", REBUILD)
    _check(info, len(outputs))
    step, *states = info.inputs
    made = tuple(
        output_plan(tensor, one.name, labels) for tensor, one in zip(info.outputs, outputs, strict=False)
    )
    feeding = _feed_plan(bundle, info.preprocessing, step, sample)
    texts = (one for one in info.preprocessing if one.get("op") == "tokenize")
    vocabulary = next((str(one.get("vocabulary", "vocab.txt")) for one in texts), None)
    return StreamPlan(planned(bundle, (), step, "step", None), feeding, made, tuple(states), vocabulary)


def _check(info: StepInfo, outputs: int) -> None:
    """Every state has to come out as it goes in, behind the model's own outputs."""
    for tensor in (*info.inputs, *info.outputs):
        check_tensor(tensor)
    given, kept = info.inputs[1:], info.outputs[outputs:]
    if not given or [_kind(one) for one in given] != [_kind(one) for one in kept]:
        raise InputError(
            f"{STREAMING} takes {len(given)} states and gives {len(kept)} behind {outputs} outputs.",
            "It has to give at least one state, each of the shape and type in which it takes it.", REBUILD,
        )


def _kind(one: TensorInfo) -> tuple[object, ...]:
    return one.shape, one.dtype, one.scale, one.zero_point


def _form(one: OutputPlan) -> tuple[object, ...]:
    kind = "float32" if one.floats else one.tensor.dtype
    return one.size, kind, one.labelled, one.binary


def _feed_plan(
    bundle: Bundle, steps: Preprocessing, tensor: TensorInfo, sample: np.ndarray | None
) -> FeedPlan | None:
    """None where the preprocessing does nothing, or needs more than a window of raw values."""
    mine = [step for step in steps if step.get("input", 0) == 0 and step.get("op") != _PADS]
    if not mine or any(step.get("op") not in _BY_STEP for step in mine) or sample is None:
        return None
    frames = next((step for step in mine if step.get("op") == "log_mel"), None)
    length, hop = (1, 1) if frames is None else (frames.get("frame_length"), frames.get("frame_step"))
    if type(length) is not int or type(hop) is not int or min(length, hop) < 1:
        return None
    one_step = [_of_one_step(step) for step in mine]
    some = np.zeros((1, length, *sample.shape[2:]), sample.dtype)
    try:
        window = planned(bundle, one_step, tensor, "window", some)
    except InputError:  # a mean for each step, for example: no window of it is like another
        return None
    return FeedPlan(window, hop * math.prod(sample.shape[2:]), tuple(one_step))


def _of_one_step(step: Mapping[str, object]) -> Mapping[str, object]:
    """A shape's first axis is time."""
    shape = step.get("shape")
    return {**step, "shape": [1, *shape[1:]]} if isinstance(shape, list | tuple) else step
