"""`--android`: a Kotlin class `Stream` for a bundle with `streaming.tflite`."""

from edgeprune.exports import kotlin_code
from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan
from edgeprune.exports.streams import FeedPlan, StreamPlan
from edgeprune.exports.words import stream_sentences
from edgeprune.types import TensorInfo

_MEMBERS = "    private var pending = {kind}(0)\n    private var at = 0 // where in it the next step begins\n"
_RESET = "        pending = {kind}(0)\n        at = 0\n"
_FEED = """    /** The outputs of every step that is complete by now; what is left waits for the next call. */
    fun feed(samples: {kind}): List<{output}> {{
        pending += samples
        val outputs = ArrayList<{output}>()
        while (at + {size} <= pending.size) {{
            val window = pending.copyOfRange(at, at + {size})
            at += {hop}
            outputs += advance(encodeWindow(window))
        }}
        val done = minOf(at, pending.size)
        pending = pending.copyOfRange(done, pending.size)
        at -= done
        return outputs
    }}

"""


def stream_class(plan: ModelPlan, stream: StreamPlan) -> bytes:
    """`Stream.kt`."""
    same, feeding = stream.same_outputs(plan.outputs), stream.feeding
    output = f"{plan.class_name}.Output" if same else "Output"
    inputs = (stream.step, feeding.window) if feeding else (stream.step,)
    body = kotlin_code.ranked(stream.ranked, f"{plan.class_name}.", "        ")
    own = kotlin_code.output_class(stream.outputs, body)
    own = f"    /** What the model says as of one step. */\n    {own}\n\n"
    return render(
        "android/Stream.kt", package=plan.package, class_name=plan.class_name, output=output,
        doc="\n".join(f" * - {line}" for line in stream_sentences(stream)),
        output_class="" if same else own, values=kotlin_code.TYPES[stream.step.raw],
        members=_fed(_MEMBERS, feeding, output), reset=_fed(_RESET, feeding, output),
        feed=_fed(_FEED, feeding, output), first=str(len(stream.outputs)),
        allocate=kotlin_code.allocated(stream.outputs),
        decoded=", ".join(kotlin_code.decoder(index, one) for index, one in enumerate(stream.outputs)),
        encoders="\n".join(kotlin_code.encoder(one, owner) for owner, one in enumerate(inputs)),
        constants=kotlin_code.constants(inputs), zeros=",\n".join(map(_zeros, stream.states)),
    )


def _fed(text: str, feeding: FeedPlan | None, output: str) -> str:
    if feeding is None:
        return ""
    return text.format(
        kind=kotlin_code.TYPES[feeding.window.raw], size=feeding.size, hop=feeding.hop, output=output
    )


def _zeros(state: TensorInfo) -> str:
    return f"            {kotlin_code.filled(state)}"
