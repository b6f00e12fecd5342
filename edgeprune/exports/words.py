"""What doc comments and READMEs say about a model's inputs and outputs, in harmless words."""

from collections.abc import Mapping

from edgeprune.exports import literals
from edgeprune.exports.inputs import InputPlan, RawType
from edgeprune.exports.outputs import OutputPlan
from edgeprune.exports.plan import CodePart, ModelPlan
from edgeprune.exports.steps import Cast, LogMel, Pixels, Resize
from edgeprune.exports.streams import StreamPlan


def described_input(one: InputPlan, rate_hz: int | None = None) -> str:
    """One sentence: what to hand over for an input; `rate_hz` is that of the audio that the model takes."""
    done = [type(step).__name__ for step in one.steps if not isinstance(step, Pixels | Cast)]
    done += ["quantize"] if one.quantized else []
    if one.raw is RawType.TEXT:
        what = "one text"
    elif one.raw is RawType.PICTURE:
        what = "one picture, of any size" if _resized(one) else "one picture"
    elif one.length is None:
        what = f"{one.raw.value}, any number of samples: padded or cut to fit"
    else:
        kind = f"samples of {one.raw.value}" if one.raw is RawType.PCM else one.raw.value
        what = f"{one.length} {kind}{shaped(one.shape)}"
    rate_hz = next((step.rate for step in one.steps if isinstance(step, LogMel)), rate_hz)
    if one.raw is RawType.PCM and rate_hz:
        what += f", mono at {rate_hz} Hz"
    return f"{one.name}: {what}{'; done here: ' if done else ''}{', '.join(done)}."


def shaped(shape: tuple[int, ...] | None) -> str:
    """Nothing for values that stand in a row."""
    return f" of the shape {' x '.join(map(str, shape))}" if shape and len(shape) > 1 else ""


def _resized(one: InputPlan) -> bool:
    return any(isinstance(step, Resize) for step in one.steps)


def described_output(one: OutputPlan) -> str:
    """One sentence: what comes out."""
    kind = "float" if one.floats else f"{one.tensor.dtype} number"
    kind += "" if one.size == 1 else "s"
    dequantized = f", dequantized from {one.tensor.dtype}" if one.floats and one.tensor.scale else ""
    labelled = ", one for each label" if one.labelled else ""
    binary = ", the second label's probability" if one.binary else ""
    return f"{one.name}: {one.size} {kind}{shaped(one.tensor.shape[1:])}{dequantized}{labelled}{binary}."


def sentences(plan: ModelPlan) -> list[str]:
    """All of the above, a line each."""
    audio = plan.bundle.manifest.stream
    rate_hz = None if audio is None else audio.sample_rate_hz
    given = [described_input(one, rate_hz) for one in plan.inputs]
    lines = [*given, *map(described_output, plan.outputs)]
    boxes = "detections: boxes, scores and labels made of {}, without boxes that others suppress."
    return lines if plan.heads is None else [*lines, boxes.format(plan.heads.name)]


def stream_sentences(stream: StreamPlan) -> list[str]:
    """What a stream takes and gives, a line each."""
    values = f"{stream.step.size} {stream.step.raw.value}{shaped(stream.step.tensor.shape[2:])}"
    line = f"step: {values}, one step of what the preprocessing gives; steps of padding are left out."
    if stream.vocabulary is not None:
        file = literals.comment(stream.vocabulary)
        line = f"step: one token, the number of its line in {file}, from 0; tokens of padding are left out."
    lines = [line]
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


def helpers(plan: ModelPlan, texts: Mapping[CodePart, str]) -> str:
    """The README's part about what prepares inputs, as far as the model takes such."""
    there = [texts[part] for part in sorted(texts) if part in plan.parts]
    return "".join(f"{text}\n" for text in there) + ("\n" if there else "")
