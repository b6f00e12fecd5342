"""What doc comments and READMEs say about a model's inputs and outputs, in harmless words."""

from __future__ import annotations

from collections.abc import Sequence

from edgeprune.exports.inputs import InputPlan, Raw
from edgeprune.exports.literals import comment
from edgeprune.exports.plan import ModelPlan, OutputPlan

_EMBED = "A speech bundle built with --embed-frontend takes raw PCM instead."


def described_input(name: str, one: InputPlan) -> str:
    """One sentence: what to hand over for an input."""
    steps = [type(step).__name__ for step in one.steps]
    if one.raw is Raw.TEXT:
        what = "one text"
    elif one.length is None:
        what = f"{one.raw.value}, any number of samples: padded or cut to fit"
    else:
        shape = " x ".join(map(str, one.shape or ())) or "1"
        what = f"{one.length} {one.raw.value} of the shape {shape}"
    done = f"; done here: {', '.join(steps)}" if steps else ""
    quantized = ", quantize" if one.quantized and steps else "; done here: quantize" if one.quantized else ""
    return f"{name}: {what}{done}{quantized}."


def left_to_caller(name: str, one: InputPlan) -> str:
    """What the caller still has to do; empty where that is nothing."""
    if not one.left:
        return ""
    audio = _EMBED if {"log_mel", "mfcc"} & set(one.left) else ""
    steps = comment(", ".join(one.left))
    return f"NOT done here: {name} is taken after the preprocessing step(s) {steps}. {audio}".strip()


def described_output(name: str, one: OutputPlan) -> str:
    """One sentence: what comes out."""
    shape = " x ".join(map(str, one.tensor.shape[1:])) or "1"
    kind = "floats" if one.floats else f"{one.tensor.dtype} numbers"
    dequantized = f", dequantized from {one.tensor.dtype}" if one.floats and one.tensor.scale else ""
    labelled = ", one for each label" if one.labelled else ""
    binary = ", the second label's probability" if one.binary else ""
    return f"{name}: {one.size} {kind} of the shape {shape}{dequantized}{labelled}{binary}."


def sentences(plan: ModelPlan, inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """All of the above, a line each."""
    lines = [described_input(name, one) for name, one in zip(inputs, plan.inputs, strict=True)]
    lines += [left_to_caller(name, one) for name, one in zip(inputs, plan.inputs, strict=True)]
    lines += [described_output(name, one) for name, one in zip(outputs, plan.outputs, strict=True)]
    return [line for line in lines if line]
