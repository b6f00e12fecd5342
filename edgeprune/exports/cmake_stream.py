"""`--cmake`: a C++ class `Stream` for a bundle with `streaming.tflite`."""

import math
import textwrap

import numpy as np

from edgeprune.exports import cmake_parts, cpp_code
from edgeprune.exports.literals import render
from edgeprune.exports.plan import CodePart, ModelPlan
from edgeprune.exports.streams import FeedPlan, StreamPlan
from edgeprune.exports.words import stream_sentences
from edgeprune.types import TensorInfo

_DECLARED = """  // The outputs of every step that is complete by now; what is left waits for the next call.
  std::vector<Output> feed(const std::vector<{kind}>& samples);

"""
_DEFINED = """std::vector<Stream::Output> Stream::feed(const std::vector<{kind}>& samples) {{
  State& state = *state_;
  auto& runtime_ = state.runtime;
  auto& pending = state.pending;
  pending.insert(pending.end(), samples.begin(), samples.end());
  std::vector<Output> outputs;
  while (state.at + {size} <= pending.size()) {{
    const auto begin = pending.begin() + static_cast<std::ptrdiff_t>(state.at);
    const std::vector<{kind}> window(begin, begin + {size});
    state.at += {hop};
{encode}    outputs.push_back(state.advance());
  }}
  const std::size_t done = std::min(state.at, pending.size());
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(done));
  state.at -= done;
  return outputs;
}}

"""
_MEMBERS = "  std::vector<{kind}> pending;\n  std::size_t at = 0;  // where in it the next step begins\n"
_RESET = "    pending.clear();\n    at = 0;\n"


def stream_files(plan: ModelPlan, stream: StreamPlan, symbol: str) -> dict[str, bytes]:
    """The class's files by path."""
    return {
        f"include/edgeprune/{plan.module}_stream.hpp": _header(plan, stream),
        "src/stream.cpp": _source(plan, stream, symbol),
    }


def _header(plan: ModelPlan, stream: StreamPlan) -> bytes:
    same = stream.same_outputs(plan.outputs)
    own = (
        "  // What the model says as of one step.\n"
        + textwrap.indent(cmake_parts.output_struct(stream.outputs), "  ")
    )
    alias = f"  using Output = ::edgeprune::{plan.module}::Output;\n"
    ranked = not same and stream.ranked is not None
    return render(
        "cmake/stream.hpp", module=plan.module, step=cpp_code.container(stream.step),
        doc="\n".join(f"// - {line}" for line in stream_sentences(stream)), output=alias if same else own,
        feed=_fed(_DECLARED, stream.feeding),
        ranked=cmake_parts.RANKED.format("Stream::Output") if ranked else "",
    )


def _source(plan: ModelPlan, stream: StreamPlan, symbol: str) -> bytes:
    feeding, tensors = stream.feeding, (*(one.tensor for one in stream.outputs), *stream.states)
    inputs = (stream.step, feeding.window) if feeding else (stream.step,)
    ranked = "" if stream.same_outputs(plan.outputs) else cmake_parts.ranked(stream.ranked, "Stream::Output")
    decoded = "".join(cpp_code.decode(index, one) for index, one in enumerate(stream.outputs))
    return render(
        "cmake/stream.cpp", module=plan.module, symbol=symbol,
        includes='#include "spectrum.hpp"\n' if CodePart.SPECTRUM in plan.parts else "",
        constants=cpp_code.constants(inputs), first=str(len(stream.outputs)),
        input_bytes=", ".join(map(_bytes, (stream.step.tensor, *stream.states))),
        output_bytes=", ".join(map(_bytes, tensors)), zeros=", ".join(map(_zeros, stream.states)),
        decode=textwrap.indent(decoded, "  "), encode=cpp_code.encode(0, stream.step),
        members=_fed(_MEMBERS, feeding), reset=_fed(_RESET, feeding), feed=_fed(_DEFINED, feeding),
        functions=ranked,
    )


def _fed(text: str, feeding: FeedPlan | None) -> str:
    if feeding is None:
        return ""
    encode = textwrap.indent(cpp_code.encode(0, feeding.window), "  ")
    return text.format(
        kind=cpp_code.TYPES[feeding.window.raw], size=feeding.size, hop=feeding.hop, encode=encode
    )


def _bytes(tensor: TensorInfo) -> str:
    return str(math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize)


def _zeros(state: TensorInfo) -> str:
    return f"filled<{cpp_code.ELEMENTS[state.dtype]}>({math.prod(state.shape)}, {state.zero_point})"
