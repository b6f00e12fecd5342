"""What doc comments and READMEs say about a model's inputs and outputs, in harmless words."""

from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.outputs import OutputPlan
from edgeprune.exports.plan import ModelPlan
from edgeprune.exports.steps import Cast, LogMel, Pixels, Resize
from edgeprune.exports.streams import StreamPlan


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


def stream_sentences(stream: StreamPlan) -> list[str]:
    """What a stream takes and gives, a line each."""
    shape = " x ".join(map(str, stream.step.tensor.shape[2:])) or "1"
    values = f"{stream.step.size} {stream.step.raw.value} of the shape {shape}"
    lines = [f"step: {values}, one step of what the preprocessing gives; steps of padding are left out."]
    feeding = stream.feeding
    if feeding is not None:
        window = feeding.window
        done = ", ".join(type(step).__name__ for step in window.steps if not isinstance(step, Cast))
        rate = "".join(f", mono at {step.rate} Hz" for step in window.steps if isinstance(step, LogMel))
        lines.append(
            f"feed: {window.raw.value}{rate}, any number of values a call. A step reads {feeding.size} of "
            f"them, and the next one begins {feeding.hop} later; done here: {done}."
        )
    return [*lines, *map(described_output, stream.outputs)]


def streaming_section(stream: StreamPlan, language: str, code: str) -> str:
    """The README's part about the stream."""
    lines = "\n".join(f"- {line}" for line in stream_sentences(stream))
    return (
        "As the input comes in, `Stream` takes one step of time after the other and keeps the model's states:"
        "\n\n"
        f"```{language}\n{code}\n```\n\n{lines}\n- reset: begins anew, as if there had been no step.\n\n"
    )
