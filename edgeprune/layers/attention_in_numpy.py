"""Multi-head attention in numpy, up to the output projection: what that projection reads."""

from __future__ import annotations

import dataclasses

import numpy as np

from edgeprune.graph import Arrays, CallView, Masks, Tensor


@dataclasses.dataclass(frozen=True)
class Attention:
    """How a call attends; inputs are given by their place among the call's inputs.

    The query is (N, T, in), value and key are (N, S, in), an explicit mask is (N, T, S) or (N, H, T, S). In a
    causal call a position sees earlier ones only. `stride` counts a projection's weights: kernel and bias.
    """

    query: int
    value: int
    key: int
    explicit: int | None
    causal: bool
    stride: int

    @classmethod
    def of(cls, view: CallView, query: Tensor, value: Tensor, key: Tensor) -> Attention | None:
        """Of sequences with plain attention; None for anything else (images, gates, windows)."""
        odd = ("query_mask", "value_mask", "key_mask")
        if any(isinstance(view.call.kwargs.get(name), Tensor) for name in odd):
            return None
        if view.option("use_gate") or view.option("sliding_window") or len(view.call.inputs[0].shape) != 3:
            return None
        given = view.call.kwargs.get("attention_mask")
        return cls(
            view.place(query), view.place(value), view.place(key),
            view.place(given) if isinstance(given, Tensor) else None,
            bool(view.call.kwargs.get("use_causal_mask")), 2 if view.option("use_bias", True) else 1,
        )


def heads_of(attention: Attention, inputs: Arrays, weights: Arrays, masks: Masks) -> np.ndarray:
    """The heads' results (N, T, H, V); grouped keys and values are repeated for their queries."""
    query, key, value = (
        _projected(inputs[place], weights, number, attention.stride)
        for number, place in enumerate((attention.query, attention.key, attention.value))
    )
    repeats = query.shape[2] // key.shape[2]
    key, value = np.repeat(key, repeats, axis=2), np.repeat(value, repeats, axis=2)
    scores = np.einsum("nthk,nshk->nhts", query, key) / np.sqrt(query.shape[-1])
    allowed = _allowed(attention, scores.shape, inputs, masks)
    scores = np.where(allowed, scores, np.float32(-1e9))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores = scores / scores.sum(axis=-1, keepdims=True)
    return np.asarray(np.einsum("nhts,nshv->nthv", scores, value))


def _projected(x: np.ndarray, weights: Arrays, number: int, stride: int) -> np.ndarray:
    made = np.einsum("nti,ihk->nthk", x, weights[number * stride])
    return np.asarray(made if stride == 1 else made + weights[number * stride + 1])


def _allowed(attention: Attention, shape: tuple[int, ...], inputs: Arrays, masks: Masks) -> np.ndarray:
    """Which position may see which, broadcast to (N, H, T, S)."""
    allowed = np.ones((1, 1, *shape[2:]), bool)
    if attention.causal:
        allowed = allowed & np.tril(np.ones(shape[2:], bool))
    if (query := masks[attention.query]) is not None:
        allowed = allowed & query[:, None, :, None]
    for place in {attention.value, attention.key}:
        if (mask := masks[place]) is not None:
            allowed = allowed & mask[:, None, None, :]
    if attention.explicit is not None:
        given = inputs[attention.explicit].astype(bool)
        allowed = allowed & (given[:, None] if given.ndim == 3 else given)
    return allowed
