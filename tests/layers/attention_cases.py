"""Cases of the layers that attend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.layers.cases import K3, SEQUENCE, dense, model, read

if TYPE_CHECKING:
    from tests.layers.cases import Case


def _two(k: Any, inputs: list[Any], make: Any, **call: Any) -> Any:
    """Attention from one sequence to another."""
    query, value = dense(k, inputs[0]), dense(k, inputs[1], 6)
    made = make(query, value, **call)
    return read(k, made)


def _attend(**options: Any) -> Any:
    def build(k: Any, inputs: list[Any]) -> Any:
        return _two(k, inputs, k.layers.MultiHeadAttention(4, 4, **options))

    return build


def _self_attend(k: Any, inputs: list[Any]) -> Any:
    x = k.layers.Embedding(10, 8, mask_zero=True)(inputs[0])
    y = k.layers.MultiHeadAttention(4, 6, value_dim=4)(x, x, use_causal_mask=True)
    x = k.layers.LayerNormalization()(k.layers.Add()([x, y]))
    return read(k, k.layers.Dense(5)(x))


def _attend_scores(k: Any, inputs: list[Any]) -> Any:
    x = dense(k, inputs[0])
    y, scores = k.layers.MultiHeadAttention(4, 4)(x, x, return_attention_scores=True)
    return [read(k, y), read(k, k.layers.Permute((2, 3, 1))(scores))]


def _attend_along(*axes: int, scores: bool = False) -> Any:
    """In an image; of the scores Keras 3 knows the wrong shape, so nothing can read them."""

    def build(k: Any, inputs: list[Any]) -> Any:
        x = dense(k, dense(k, inputs[0]), 6)
        attention = k.layers.MultiHeadAttention(4, 4, attention_axes=axes)
        y, *more = attention(x, x, return_attention_scores=True) if scores else [attention(x, x)]
        return [read(k, y), *more]

    return build


def _grouped(heads: int, groups: int) -> Any:
    def build(k: Any, inputs: list[Any]) -> Any:
        query, value = dense(k, inputs[0]), dense(k, inputs[1])
        return read(k, k.layers.GroupQueryAttention(6, heads, groups)(query, value))

    return build


def _plain_attention(row: str, width: int = 6, **options: Any) -> Any:
    def build(k: Any, inputs: list[Any]) -> Any:
        query, value, key = dense(k, inputs[0]), dense(k, inputs[1], width), dense(k, inputs[1])
        return read(k, getattr(k.layers, row)(**options)([query, value, key]))

    return build


ATTENTION: list[Case] = [
    model("MultiHeadAttention", _attend(value_dim=6), SEQUENCE, (5, 4)),
    model("MultiHeadAttention", _attend(use_bias=False, output_shape=7), SEQUENCE, (5, 4), note="wide"),
    model("MultiHeadAttention", _attend(use_gate=True), SEQUENCE, (5, 4), note="gate", keras_versions=K3),
    model("MultiHeadAttention", _self_attend, (6,), tokens=True, note="causal, masked"),
    model("MultiHeadAttention", _attend_scores, note="scores"),
    model("MultiHeadAttention", _attend_along(1, 2), (3, 4, 2), note="image"),
    model("MultiHeadAttention", _attend_along(2, scores=True), (3, 4, 2), note="rows of an image"),
    model("MultiHeadAttention", _attend_along(1, 2, 3), (3, 4, 2), note="channels of an image"),
    model("GroupedQueryAttention", _grouped(4, 2), SEQUENCE, (5, 4), keras_versions=K3),
    model("GroupedQueryAttention", _grouped(4, 1), SEQUENCE, (5, 4), note="multi-query", keras_versions=K3),
    model("Attention", _plain_attention("Attention", use_scale=True), SEQUENCE, (5, 4)),
    model("Attention", _plain_attention("Attention", score_mode="concat"), SEQUENCE, (5, 4), note="concat"),
    model("AdditiveAttention", _plain_attention("AdditiveAttention", 8), SEQUENCE, (5, 4)),
    model(
        "AdditiveAttention",
        _plain_attention("AdditiveAttention"),
        SEQUENCE,
        (5, 4),
        note="own width",
        keras_versions=K3,
    ),
    model(
        "AdditiveAttention",
        _plain_attention("AdditiveAttention", use_scale=False),
        SEQUENCE,
        (5, 4),
        note="no scale",
    ),
]
