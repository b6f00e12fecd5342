"""`--ios`: a Swift class `Stream`, inside the model's own, for a bundle with `streaming.tflite`."""

import math
import textwrap

from edgeprune.exports import swift_code
from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan
from edgeprune.exports.streams import FeedPlan, StreamPlan
from edgeprune.exports.words import stream_sentences
from edgeprune.types import TensorInfo

_INSIDE = " " * 4
_MEMBERS = """        private var pending: {kind} = []
        private var at = 0  // where in it the next step begins
"""
_RESET = "            pending = []\n            at = 0\n"
_FEED = """\
        /// The outputs of every step that is complete by now; what is left waits for the next call.
        public func feed(_ samples: {kind}) throws -> [Output] {{
            pending += samples
            var outputs: [Output] = []
            while at + {size} <= pending.count {{
                let window = Array(pending[at..<at + {size}])
                at += {hop}
{encode}                outputs.append(try advance())
            }}
            let done = min(at, pending.count)
            pending.removeFirst(done)
            at -= done
            return outputs
        }}

"""


def stream_class(plan: ModelPlan, stream: StreamPlan) -> bytes:
    """`Stream.swift`."""
    feeding = stream.feeding
    inputs = (stream.step, feeding.window) if feeding else (stream.step,)
    ranked = swift_code.ranked(stream.ranked, plan.class_name)
    own = (
        "    /// What the model says as of one step.\n"
        f"    public struct Output {{\n{swift_code.properties(stream.outputs)}{ranked}    }}\n\n"
    )
    return render(
        "ios/Stream.swift", class_name=plan.class_name, module=plan.module,
        doc="\n".join(f"    /// - {line}" for line in stream_sentences(stream)),
        output="" if stream.same_outputs(plan.outputs) else textwrap.indent(own, _INSIDE),
        members=_fed(_MEMBERS, feeding), reset=_fed(_RESET, feeding), feed=_fed(_FEED, feeding),
        values=swift_code.TYPES[stream.step.raw], first=str(len(stream.outputs)),
        encode=textwrap.indent(swift_code.encode(0, stream.step), _INSIDE),
        decode=textwrap.indent(swift_code.decoded(stream.outputs), _INSIDE),
        constants=textwrap.indent(swift_code.constants(inputs), _INSIDE),
        zeros=",\n".join(map(_zeros, stream.states)),
    )


def _fed(text: str, feeding: FeedPlan | None) -> str:
    if feeding is None:
        return ""
    encode = textwrap.indent(swift_code.encode(0, feeding.window), 2 * _INSIDE)
    return text.format(
        kind=swift_code.TYPES[feeding.window.raw], size=feeding.size, hop=feeding.hop, encode=encode
    )


def _zeros(state: TensorInfo) -> str:
    element, count = swift_code.ELEMENTS[state.dtype], math.prod(state.shape)
    return f"                Numbers.data([{element}](repeating: {state.zero_point}, count: {count}))"
