"""What is generated for a bundle, the same for every language.

    manifest.inputs[i] + its preprocessing  -->  InputPlan: what a caller hands over, generated steps
    manifest.outputs[i]                     -->  OutputPlan: float values, or whole numbers

A manifest's values are checked
here, once: nothing behind this module meets an unknown dtype, a shape without elements or a wild scale.
"""

import dataclasses
import enum
from collections.abc import Sequence

import numpy as np

from edgeprune.bundle import Bundle
from edgeprune.bundle.read import EVAL
from edgeprune.errors import InputError
from edgeprune.exports import literals, names, steps
from edgeprune.exports.inputs import REBUILD, InputPlan, RawType, input_plan
from edgeprune.exports.outputs import OutputPlan, check_tensor, output_plan
from edgeprune.exports.streams import StreamPlan, stream_plan
from edgeprune.tasks import detection
from edgeprune.types import TensorInfo

LABELS = "labels.txt"
_MAX_TENSORS = 16


class CodePart(str, enum.Enum):
    """A file of code that only some models need."""

    PICTURES = "pictures"
    LETTERBOX = "letterbox"
    AUDIO = "audio"
    SPECTRUM = "spectrum"
    TOKENIZER = "tokenizer"
    BOXES = "boxes"


@dataclasses.dataclass(frozen=True)
class ModelPlan:
    """A bundle as generated code sees it; `files` are others of the bundle, such as a vocabulary."""

    bundle: Bundle
    module: str
    package: str
    inputs: tuple[InputPlan, ...]
    outputs: tuple[OutputPlan, ...]
    labels: tuple[str, ...]
    files: tuple[str, ...]
    stream: StreamPlan | None = None
    install_from: str | None = None  # of edgeprune itself, in CI

    @property
    def class_name(self) -> str:
        """``VisionModel``."""
        return names.class_name(self.module)

    @property
    def task(self) -> str:
        """The bundle's, as it may stand in a comment."""
        return literals.comment(self.bundle.manifest.task)

    @property
    def arguments(self) -> str:
        """Names of the inputs, as a call lists them."""
        return ", ".join(one.name for one in self.inputs)

    @property
    def heads(self) -> OutputPlan | None:
        """The output of raw heads that `edgeprune.tasks.detection` makes boxes of, or None."""
        pairs = zip(self.bundle.manifest.tasks, self.outputs, strict=False)
        boxes = [one for task, one in pairs if task.kind == "boxes"]
        return next((one for one in boxes if len(one.tensor.shape) == 4 and one.floats), None)

    @property
    def bars(self) -> steps.Letterbox | None:
        """How pictures keep their aspect ratio; None where none do."""
        return None if self._barred is None else self._barred[1]

    @property
    def picture(self) -> str:
        """The name of the input whose pictures have `bars`."""
        return "" if self._barred is None else self._barred[0].name

    @property
    def _barred(self) -> tuple[InputPlan, steps.Letterbox] | None:
        pairs = ((one, step) for one in self.inputs for step in one.steps)
        return next(((one, step) for one, step in pairs if isinstance(step, steps.Letterbox)), None)

    @property
    def parts(self) -> frozenset[CodePart]:
        """Code that the inputs and outputs need."""
        feeding = self.stream.feeding if self.stream else None
        given = (*self.inputs, feeding.window) if feeding else self.inputs
        made = {type(step) for one in given for step in one.steps}
        raw = {one.raw for one in given}
        needed = {
            CodePart.PICTURES: RawType.PICTURE in raw,
            CodePart.LETTERBOX: self.bars is not None,
            CodePart.AUDIO: RawType.PCM in raw or steps.Resample in made,
            CodePart.SPECTRUM: bool(made & {steps.LogMel, steps.Mfcc}),
            CodePart.TOKENIZER: steps.Tokenize in made,
            CodePart.BOXES: self.heads is not None,
        }
        return frozenset(part for part, wanted in needed.items() if wanted)

    @property
    def predicts(self) -> bool:
        """Whether any output, of the whole model or of a step, ranks the labels."""
        return self.ranked is not None or (self.stream is not None and self.stream.ranked is not None)

    @property
    def ranked(self) -> OutputPlan | None:
        """The first output whose values are scores of labels; None where there is none."""
        return next((one for one in self.outputs if one.labelled or one.binary), None)


def detection_limits() -> dict[str, float]:
    """What generated decoding compares with, by the names of the templates."""
    return {
        "least_score": detection.LEAST_SCORE, "overlap": detection.OVERLAP, "most": detection.MOST_DETECTIONS
    }


def plan(
    bundle: Bundle, module: str, package: str, naming: names.Naming = names.snake, *, generated: bool = True
) -> ModelPlan:
    """Plan the code for a bundle; its steps are `generated`, or run by `edgeprune.preprocessing` itself."""
    manifest = bundle.manifest
    for tensor in (*manifest.inputs, *manifest.outputs):
        check_tensor(tensor)
    if not 0 < len(manifest.inputs) <= _MAX_TENSORS or not 0 < len(manifest.outputs) <= _MAX_TENSORS:
        raise InputError(
            f"The bundle has {len(manifest.inputs)} inputs and {len(manifest.outputs)} outputs.",
            f"1 to {_MAX_TENSORS} of each can be exported.", REBUILD,
        )
    labels = _labels(bundle)
    samples = raw_samples(bundle)
    inputs = tuple(
        input_plan(bundle, index, name, samples[index] if samples else None) if generated
        else InputPlan(manifest.inputs[index], name, RawType.FLOATS, None, None, (), floats=True)
        for index, name in enumerate(_named(manifest.inputs, "input", naming))
    )
    outputs = tuple(
        output_plan(tensor, name, len(labels))
        for tensor, name in zip(manifest.outputs, _named(manifest.outputs, "output", naming), strict=True)
    )
    files = {step.vocabulary for one in inputs for step in one.steps if isinstance(step, steps.Tokenize)}
    stream = stream_plan(bundle, outputs, len(labels), samples[0] if samples else None)
    return ModelPlan(bundle, module, package, inputs, outputs, labels, tuple(sorted(files)), stream)


def _named(tensors: Sequence[TensorInfo], fallback: str, naming: names.Naming) -> list[str]:
    return names.distinct([naming(tensor.name, fallback) for tensor in tensors])


def _labels(bundle: Bundle) -> tuple[str, ...]:
    if LABELS not in bundle.manifest.files:
        return ()
    try:
        # As the metrics read it: `splitlines` also ends a line at marks such as U+2028.
        return tuple(bundle.file(LABELS).read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise InputError(f"{bundle.file(LABELS)} is not UTF-8 ({error}).", "", REBUILD) from error


def raw_samples(bundle: Bundle) -> tuple[np.ndarray, ...] | None:
    """Raw samples, for their types and shapes; None where the bundle has none for every input."""
    if EVAL not in bundle.manifest.files:
        return None
    arrays = bundle.samples().inputs
    return arrays if len(arrays) == len(bundle.manifest.inputs) else None
