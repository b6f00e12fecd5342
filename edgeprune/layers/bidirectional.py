"""Bidirectional: two recurrent layers over the same sequence, one from the end; outputs merged.

Their weights stand one after the other, forward first. ``concat`` keeps their channels apart, the
other merges add them element by element and so tie them. Keras 3 computes its output shape as if both
directions were of one size, so there they are tied as well.
"""

import dataclasses
from collections.abc import Callable, Sequence

from edgeprune.graph import CallView, ChannelSpace, Flow, KeepMask, channel_ids
from edgeprune.graph.model_graph import Call, Config, Layer, Tensor
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.nested import inner_layer, shifted, with_config
from edgeprune.layers.recurrent import sequence_and_states
from edgeprune.layers.rule import Rule

SIDES = ("forward", "backward")


class BidirectionalRule(Rule):
    """Asks the wrapped layer's rule twice."""

    def __init__(self, rule_for: Callable[[Layer], Rule]) -> None:
        self._rule_for = rule_for

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        views = self._views(view)
        if any(inner.output[-1] is None for inner in views):
            return barrier_flow(view, space, "runs cells that have no rule")
        rule = self._rule_for(views[0].layer)
        flows = [rule.flow(inner, space) for inner in views]
        count = len(view.layer.weight_shapes) // 2
        if view.layer.module.startswith("keras."):
            for one, other in zip(flows[0].sizes.values(), flows[1].sizes.values(), strict=True):
                if one.shape == other.shape:
                    space.unite(one, other)
        merged = [flow.outputs[0] for flow in flows]
        if view.option("merge_mode") == "concat":
            merged = [channel_ids.concatenate(merged, -1)]
        elif view.option("merge_mode") is not None:
            space.unite(*merged)
            merged = merged[:1]
        states = [ids for flow in flows for ids in flow.outputs[1:]]
        reads = [
            shifted(read, side * count, count, [view.place(tensor) for tensor in inner.call.inputs])
            for side, (inner, flow) in enumerate(zip(views, flows, strict=True))
            for read in flow.reads
        ]
        sizes = {
            f"{side}/{option}": ids
            for side, flow in zip(SIDES, flows, strict=True) for option, ids in flow.sizes.items()
        }
        return Flow((*merged, *states), flows[0].weights + flows[1].weights, tuple(reads), sizes=sizes)

    def _views(self, view: CallView) -> list[CallView]:
        """The two inner calls: the same sequence, half of the initial states each."""
        sequence, initial = sequence_and_states(view)
        count = len(view.layer.weight_shapes) // 2
        states = view.call.outputs[2 if view.option("merge_mode") is None else 1 :]
        views = []
        for side, name in enumerate(SIDES):
            layer = inner_layer(_serialized(view, side), view.layer, name, side * count, count)
            backwards = bool(layer.config.get("go_backwards"))
            if not view.option("backward_layer"):
                backwards ^= bool(side)
            layer = dataclasses.replace(layer, config={**layer.config, "go_backwards": backwards})
            mine = _half(initial, side)
            given = (sequence, *mine)
            output = Tensor(-1, (*view.output[:-1], _width(layer)), sequence.dtype)
            made = (output, *_half(states, side))
            call = Call(layer.path, (sequence,), {"initial_state": mine}, given, made)
            views.append(CallView(layer, call, tuple(view.ids(tensor) for tensor in given)))
        return views

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        """Both directions are written out, since they may differ in size afterwards."""
        changed: dict[str, object] = {}
        for number, (inner, side, entry) in enumerate(
            zip(self._views(view), SIDES, ("layer", "backward_layer"), strict=True)
        ):
            sizes = {
                option.removeprefix(f"{side}/"): ids
                for option, ids in flow.sizes.items() if option.startswith(f"{side}/")
            }
            resized = self._rule_for(inner.layer).resize(inner, Flow((), sizes=sizes), kept)
            own = {"go_backwards": inner.option("go_backwards")}
            if not view.layer.module.startswith("tf_keras"):  # which puts the side before any name itself
                plain_name = str(view.option("layer")["config"]["name"]).removeprefix("forward_")
                own["name"] = f"{side}_{plain_name}"
            changed[entry] = with_config(_serialized(view, number), {**resized, **own})
        return changed


def _half(tensors: Sequence[Tensor], side: int) -> Sequence[Tensor]:
    return tensors[side * len(tensors) // 2 : (side + 1) * len(tensors) // 2]


def _serialized(view: CallView, side: int) -> Config:
    """The configuration of one direction; the backward one is the forward one's by default."""
    layer: Config = view.option("layer")
    return (view.option("backward_layer") or layer) if side else layer


def _width(layer: Layer) -> int | None:
    """Units of the last cell, or filters; None where a cell of the user's own does not say."""
    cell = layer.config.get("cell")
    last = layer.config if cell is None else cell["config"].get("cells", [cell])[-1]["config"]
    width = last.get("units", last.get("filters"))
    return None if width is None else int(width)
