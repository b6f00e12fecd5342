"""Turns a model whose layers are made of layers into a plain functional model that computes the same.

record at 2 samples, record at 3 → make the calls again on inputs of open size → compare with the original

A layer that cannot be opened stays closed, with the reason; the rest is opened all the same. The original is
not changed, and the plain model has weights of its own.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from edgeprune.keras_bridge import nodes
from edgeprune.keras_bridge.inference import unchanged_by
from edgeprune.keras_bridge.inside.composites import all_layers, holds_opened, is_opened
from edgeprune.keras_bridge.inside.keras2_model import Keras2PlainModel
from edgeprune.keras_bridge.inside.keras2_recording import Keras2Recorder
from edgeprune.keras_bridge.inside.model_inputs import InputForm, input_forms
from edgeprune.keras_bridge.inside.plain_layers import is_merged, is_quantized
from edgeprune.keras_bridge.inside.plain_model import PlainModel
from edgeprune.keras_bridge.inside.recorded_calls import CallError, NotOpenedError, Reasons
from edgeprune.keras_bridge.inside.recording import Recorder
from edgeprune.keras_bridge.inside.sizes import SAMPLES
from edgeprune.keras_bridge.inside.tfmot_wrappers import unwrapped, wrapper_kinds
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of
from edgeprune.keras_bridge.nodes import Identity
from edgeprune.keras_bridge.opened import CLOSED, OPENED
from edgeprune.keras_bridge.read import read
from edgeprune.keras_bridge.synthetic_inputs import synthetic_inputs
from edgeprune.keras_types import KerasLayer, KerasModel

LENGTHS = ((64, False), (32, False), (6, False), (4, False), (1024, False), (64, True), (1536, True))
"""Tried for axes of open size; the second recording has twice as much. Sounds need the longest.

With True, sizes that follow from them are looked for, too: what a convolution leaves of a sound's length.
"""
TOLERANCE = 1e-5
HALF_TOLERANCE = 2e-2
QUANTIZED_TOLERANCE = 1e-1
_QUIETLY = ("ReversibleEmbedding", "Sequential")
_CHANGED = "gives other values once it is opened"


def open_model(model: KerasModel) -> KerasModel:
    """The model itself where every layer is read as it is, else a plain functional model.

    Raises:
        InputError: it cannot be opened, and is no functional model itself.
    """
    if hasattr(model, "layers") and (wrappers := wrapper_kinds(model)):
        return _without_wrappers(model, wrappers)
    if not hasattr(model, "layers") or not holds_opened(model):
        return model
    reasons: Reasons = {}
    plain = _opened(model, reasons)
    if plain is None or _same(model, plain):
        return _finished(model, plain, reasons)
    unlike: Reasons = {}
    plain = _opened(model, unlike, by_name=True)
    if plain is not None and _same(model, plain):
        return _finished(model, plain, unlike)
    for kind in dict.fromkeys(type(layer) for layer in _opened_layers(model, reasons)):
        closed = {Identity(one): _CHANGED for one in _opened_layers(model, reasons) if type(one) is kind}
        attempt = {**reasons, **closed}
        plain = _opened(model, attempt)
        if plain is not None and _same(model, plain):
            return _finished(model, plain, attempt)
    return _finished(model, None, reasons)


def _without_wrappers(model: KerasModel, wrappers: Sequence[str]) -> KerasModel:
    plain = unwrapped(model)
    if getattr(model, "loss", None) is not None:
        plain.compile(loss=model.loss)
    kinds = ", ".join(wrappers)
    OPENED[plain] = (f"tfmot's wrappers were taken off ({kinds}); zeros and clusters in the weights stay.",)
    return plain


def _finished(model: KerasModel, plain: KerasModel | None, reasons: Reasons) -> KerasModel:
    """The plain model, compiled with the original's loss, with what is to be said of it."""
    if plain is None:
        CLOSED[model] = reasons.get(Identity(model), _CHANGED)
        for layer, why in reasons.items():
            CLOSED.setdefault(layer.of, why)
        return model
    if getattr(model, "compiled", True) and getattr(model, "loss", None) is not None:
        compiled = getattr(model, "_compile_loss", getattr(model, "compiled_loss", None))
        plain.compile(loss=model.loss, loss_weights=getattr(compiled, "_user_loss_weights", None))
    OPENED[plain] = tuple(_notes(model, reasons))
    return plain


def _notes(model: KerasModel, reasons: Reasons) -> Iterator[str]:
    opened = [one for one in _opened_layers(model, reasons) if type(one).__name__ not in _QUIETLY]
    kinds = collections.Counter(type(one).__name__ for one in opened)
    if kinds:
        listed = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in kinds.items())
        yield f"Pruned inside of {listed}: the new model holds the Keras layers and operations in there."
    layers = list(all_layers(model))
    for test, said in ((is_merged, "LoRA was merged into the kernels of"), (is_quantized, "De-quantized")):
        names = [one.name for one in layers if test(one)]
        if names:
            yield f"{said} {', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}."


def _opened_layers(model: KerasModel, reasons: Reasons) -> list[KerasLayer]:
    return [one for one in all_layers(model) if is_opened(one) and Identity(one) not in reasons]


def _opened(model: KerasModel, reasons: Reasons, *, by_name: bool = False) -> KerasModel | None:
    """The plain model; reasons are added for layers that stay closed.

    `by_name`: inputs whose names begin with other words ("encoder", "decoder") have other lengths.
    """
    forms = input_forms(model)
    if not is_keras3(model):
        return _plain_keras2(model, forms, reasons)
    found: list[InputForm] = []
    nodes.map_values(forms, found.append)
    if not any(None in form.shape[1:] for form in found):
        return _plain(model, forms, reasons)
    attempts = []
    for length, derives in LENGTHS:
        mine = dict(reasons)
        lengths = {
            form.name: length + length // 2 * number * by_name
            for number, group in enumerate(_groups(form.name for form in found)) for form in found
            if form.name in group
        }
        attempts.append((_plain(model, forms, mine, lengths, derives=derives), mine))
        if attempts[-1][0] is not None and len(mine) == len(reasons):
            break
    plain, mine = min(attempts, key=lambda one: (one[0] is None, len(one[1])))
    reasons.update(mine)
    return plain


def _plain(
    model: KerasModel, forms: object, reasons: Reasons, lengths: Mapping[str, int] | None = None, *,
    derives: bool = False,
) -> KerasModel | None:
    def record() -> PlainModel:
        recordings = []
        for samples, times in zip(SAMPLES, (1, 2), strict=True):
            sizes = {name: times * length for name, length in (lengths or {}).items()}
            recorder = Recorder(model, reasons, lengths=frozenset(sizes.values()), derives=derives)
            recordings.append(recorder.record(_symbols(model, forms, samples, sizes)))
        return PlainModel(model, recordings[0], recordings[1], reasons)

    return _built(model, forms, reasons, record)


def _plain_keras2(model: KerasModel, forms: object, reasons: Reasons) -> KerasModel | None:
    def record() -> Keras2PlainModel:
        recording = Keras2Recorder(model, reasons).record(_symbols(model, forms, None, {}))
        return Keras2PlainModel(model, recording, reasons)

    return _built(model, forms, reasons, record)


def _built(
    model: KerasModel, forms: object, reasons: Reasons, record: Callable[[], PlainModel | Keras2PlainModel]
) -> KerasModel | None:
    """The plain model, once no other layer is found that has to stay closed; None where the model has to."""
    while True:
        count = len(reasons)
        try:
            plain = record()
            if len(reasons) == count:
                return plain.build(_symbols(model, forms, None, {}))
        except NotOpenedError:
            return None
        except CallError as error:
            if not _is_new(error, reasons):
                reasons.setdefault(Identity(model), str(error))
                return None


def _is_new(error: CallError, reasons: Reasons) -> bool:
    """Whether a call tells of a layer that has to stay closed, which it then does."""
    if error.owner is None or Identity(error.owner) in reasons:
        return False
    reasons[Identity(error.owner)] = str(error)
    return True


def _groups(names: Iterable[str]) -> list[list[str]]:
    """Names by their first words."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition("_")[0], []).append(name)
    return list(found.values())


def _symbols(model: KerasModel, forms: object, samples: int | None, lengths: Mapping[str, int]) -> object:
    return nodes.map_values(
        forms, lambda form: form.symbol(keras_of(model), samples, lengths.get(form.name))
    )


def _same(model: KerasModel, plain: KerasModel) -> bool:
    """Whether both give the same numbers on made-up samples; outputs that differ from call to call aside.

    Also where inputs are of other lengths than each other, if the original takes that.
    """
    arrays = synthetic_inputs(read(plain), 4, seed=0)
    return _same_on(model, plain, arrays) and all(
        _same_on(model, plain, unlike) for unlike in _unlike(plain, arrays) if _takes(model, plain, unlike)
    )


def _same_on(model: KerasModel, plain: KerasModel, arrays: Sequence[np.ndarray]) -> bool:
    try:
        one, again, other = (_flat(_run(which, plain, arrays)) for which in (model, model, plain))
    except Exception:  # noqa: BLE001 - the plain model's own
        return False
    if len(one) != len(other):
        return False
    relative = _tolerance(model)
    triples = zip(one, again, other, strict=True)
    return all(_close(a, c, relative) for a, b, c in triples if np.array_equal(a, b, equal_nan=True))


def _takes(model: KerasModel, plain: KerasModel, arrays: Sequence[np.ndarray]) -> bool:
    try:
        _run(model, plain, arrays)
    except Exception:  # noqa: BLE001 - whatever the layers raise
        return False
    return True


def _unlike(plain: KerasModel, arrays: Sequence[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """The same with one group of inputs shortened along the axes that are open."""
    symbols = nodes.functional_part(plain).inputs
    groups = _groups(symbol.name for symbol in symbols if None in symbol.shape[1:])
    for group in groups if len(groups) > 1 else []:
        yield [
            array[tuple(
                slice(0, -(-2 * size // 3) if axis and open_size is None else size)
                for axis, (size, open_size) in enumerate(zip(array.shape, symbol.shape, strict=True))
            )] if symbol.name in group else array
            for symbol, array in zip(symbols, arrays, strict=True)
        ]


def _tolerance(model: KerasModel) -> float:
    """What rounding may change: in float32, in half precision, of inputs to 8 bits."""
    layers = list(all_layers(model))
    if any(map(is_quantized, layers)):
        return QUANTIZED_TOLERANCE
    is_half = any(str(getattr(one, "compute_dtype", "")).endswith("float16") for one in layers)
    return HALF_TOLERANCE if is_half else TOLERANCE


def _close(one: np.ndarray, other: np.ndarray, relative: float) -> bool:
    if one.shape != other.shape:
        return False
    if not one.size or one.dtype.kind not in "fV":
        return bool(np.array_equal(one, other))
    one, other = one.astype(np.float64), other.astype(np.float64)
    tolerance = relative * max(1.0, float(np.nanmax(np.abs(one))))
    return bool(np.nanmax(np.abs(one - other)) <= tolerance)


def _run(model: KerasModel, plain: KerasModel, arrays: Sequence[np.ndarray]) -> object:
    waiting = iter(arrays)
    given = nodes.map_tensors(nodes.structure_of(plain, "inputs"), lambda _: next(waiting))
    return unchanged_by(model, lambda: model(given))


def _flat(value: object) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    nodes.map_values(value, lambda one: found.append(np.asarray(one)))
    return found
