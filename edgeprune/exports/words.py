"""What doc comments and READMEs say about a model's inputs and outputs, in harmless words."""

from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.literals import comment
from edgeprune.exports.plan import ModelPlan, OutputPlan

_EMBED = "A speech bundle built with --embed-frontend takes raw PCM instead."


def described_input(one: InputPlan) -> str:
    """One sentence: what to hand over for an input."""
    steps = [type(step).__name__ for step in one.steps]
    if one.raw is RawType.TEXT:
        what = "one text"
    elif one.length is None:
        what = f"{one.raw.value}, any number of samples: padded or cut to fit"
    else:
        shape = " x ".join(map(str, one.shape or ())) or "1"
        what = f"{one.length} {one.raw.value} of the shape {shape}"
    done = f"; done here: {', '.join(steps)}" if steps else ""
    quantized = ", quantize" if one.quantized and steps else "; done here: quantize" if one.quantized else ""
    return f"{one.name}: {what}{done}{quantized}."


def left_to_caller(one: InputPlan, name: str = "") -> str:
    """What the caller still has to do, empty where that is nothing; `name` in place of the variable's."""
    if not one.left:
        return ""
    audio = _EMBED if {"log_mel", "mfcc"} & set(one.left) else ""
    steps = comment(", ".join(one.left))
    name = name or one.name
    return f"NOT done here: {name} is taken after the preprocessing step(s) {steps}. {audio}".strip()


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
    lines = [*map(described_input, plan.inputs), *map(left_to_caller, plan.inputs)]
    return [line for line in (*lines, *map(described_output, plan.outputs)) if line]
