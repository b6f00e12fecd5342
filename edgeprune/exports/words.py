"""What doc comments and READMEs say about a model's inputs and outputs, in harmless words."""

from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.plan import ModelPlan, OutputPlan
from edgeprune.exports.steps import Cast, LogMel, Pixels, Resize


def described_input(one: InputPlan) -> str:
    """One sentence: what to hand over for an input."""
    done = [type(step).__name__ for step in one.steps if not isinstance(step, Pixels | Cast)]
    done += ["quantize"] if one.quantized else []
    if one.raw is RawType.TEXT:
        what = "one text"
    elif one.raw is RawType.PICTURE:
        what = "one picture, of any size" if _resized(one) else "one picture"
    elif one.length is None:
        what = f"{one.raw.value}, any number of samples: padded or cut to fit"
    else:
        shape = " x ".join(map(str, one.shape or ())) or "1"
        what = f"{one.length} {one.raw.value} of the shape {shape}"
    if one.raw is RawType.PCM:
        what += "".join(f", mono at {step.rate} Hz" for step in one.steps if isinstance(step, LogMel))
    return f"{one.name}: {what}{'; done here: ' if done else ''}{', '.join(done)}."


def _resized(one: InputPlan) -> bool:
    return any(isinstance(step, Resize) for step in one.steps)


def described_output(one: OutputPlan) -> str:
    """One sentence: what comes out."""
    shape = " x ".join(map(str, one.tensor.shape[1:])) or "1"
    kind = "floats" if one.floats else f"{one.tensor.dtype} numbers"
    dequantized = f", dequantized from {one.tensor.dtype}" if one.floats and one.tensor.scale else ""
    labelled = ", one for each label" if one.labelled else ""
    binary = ", the second label's probability" if one.binary else ""
    return f"{one.name}: {one.size} {kind} of the shape {shape}{dequantized}{labelled}{binary}."


def sentences(plan: ModelPlan) -> list[str]:
    """All of the above, a line each."""
    return [*map(described_input, plan.inputs), *map(described_output, plan.outputs)]
