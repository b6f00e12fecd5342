"""`--python`: a class `Stream` for a bundle with `streaming.tflite`."""


from edgeprune.exports import python_code
from edgeprune.exports.inputs import RawType
from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan
from edgeprune.exports.streams import FeedPlan, StreamPlan
from edgeprune.exports.words import stream_sentences

_RAW = {
    RawType.PCM: "int16", RawType.BYTES: "uint8", RawType.FLOATS: "float32", RawType.INT32: "int32",
    RawType.INT64: "int64",
}
_FEED = '''    def feed(self, samples: np.ndarray) -> List[Output]:
        """The outputs of every step that is complete by now; what is left waits for the next call.

        Raises:
            ValueError: numbers of another kind than {raw}.
        """
        given = np.asarray(samples).ravel()
        if not np.can_cast(given.dtype, np.{raw}, "same_kind"):
            raise ValueError(f"The samples are {{given.dtype}}; {raw} was expected.")
        self._pending = np.concatenate([self._pending, given.astype(np.{raw})])
        outputs = []
        while self._at + {size} <= len(self._pending):
            window = self._pending[self._at : self._at + {size}].reshape({shape})
            self._at += {hop}
            outputs.append(self.step(preprocessing.apply(_STREAM["preprocessing"], window)))
        done = min(self._at, len(self._pending))
        self._pending, self._at = self._pending[done:], self._at - done
        return outputs

'''
_RESET = """        self._pending = np.zeros(0, np.{raw})
        self._at = 0  # where in it the next step begins
"""
_IMPORT = "from {module}.edgeprune import preprocessing\n"


def stream_module(plan: ModelPlan, stream: StreamPlan) -> bytes:
    """`streaming.py`."""
    same, ranked = stream.same_outputs(plan.outputs), python_code.ranked(stream.ranked)
    output = (
        'class Output(NamedTuple):\n'
        '    """What the model says as of one step; arrays without the batch axis."""\n\n'
        f"{python_code.fields(stream.outputs)}{ranked}\n\n"
    )
    taken = {"_ABOUT", "_DATA", "_dequantize", "_quantize", "_runtime"}
    taken |= {"Output"} if same else {"LABELS", "Prediction"} if ranked else set()
    return render(
        "python/streaming.py", module=plan.module, output="" if same else output,
        typing="" if same else ", NamedTuple", names=", ".join(sorted(taken)),
        doc="\n".join(f"    - {line}" for line in stream_sentences(stream)),
        preprocessing=_IMPORT.format(module=plan.module) if stream.feeding else "",
        feed=_fed(_FEED, stream.feeding), reset=_fed(_RESET, stream.feeding),
    )


def _fed(text: str, feeding: FeedPlan | None) -> str:
    if feeding is None:
        return ""
    shape = (1, *(feeding.window.shape or ()))
    return text.format(raw=_RAW[feeding.window.raw], size=feeding.size, hop=feeding.hop, shape=shape)
