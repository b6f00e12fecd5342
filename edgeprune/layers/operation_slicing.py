"""Indexing: ``x[:, ::2]``, ``x[..., :32]``, ``x[:, 0]``, ``x[:, None]``.

Keras 3 keeps Python slices; Keras 2 keeps dictionaries of start, stop and step. A contiguous slice
along the axis of the channels moves to where its first channel is afterwards.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from edgeprune.graph import Argument, CallView, ChannelSpace, Flow, KeepMask, channel_ids
from edgeprune.layers.barrier import barrier_flow
from edgeprune.layers.operation import Changes, OperationRule, Parameter

KEY = Parameter(("key", "slice_spec"), 1)


@dataclasses.dataclass(frozen=True)
class Item:
    """One part of an index: its place in the index as written, its axis of the input, an integer or a slice.

    Axis and value are None for a new axis.
    """

    place: int
    axis: int | None
    value: Argument


class GetItemRule(OperationRule):
    """Indexing with integers, slices, ellipsis and new axes; anything else is a barrier."""

    channelwise = True

    def flow(self, view: CallView, space: ChannelSpace) -> Flow:
        ids = view.inputs[0]
        items = self._items(view)
        if items is None or len(view.inputs) > 1:
            return barrier_flow(view, space, "is indexed by data")
        varying = channel_ids.varying_axes(ids)
        index: list[slice | int | None] = []
        for item in items:
            if item.axis is None:
                index.append(None)
            elif item.axis in varying:
                if not isinstance(item.value, slice) or item.value.step not in (None, 1):
                    return barrier_flow(view, space, "picks single neurons")
                index.append(item.value)
            else:
                index.append(slice(0, 1) if isinstance(item.value, slice) else 0)
        made = channel_ids.fit(ids[tuple(index)], view.output)
        if made is None:
            return barrier_flow(view, space, "is indexed in a way that cannot be followed")
        if any(item.axis in varying and item.value != slice(None) for item in items):
            space.fix(made.ravel()[:1], view.layer.path, "keeps one neuron of what it picks")
        return Flow((made,))

    def changes(self, view: CallView, flow: Flow, kept: KeepMask) -> Changes:
        """The slice along the axis of the channels, counted in what is left."""
        ids = view.inputs[0]
        items = self._items(view)
        for item in items or ():
            if item.axis not in channel_ids.varying_axes(ids) or not isinstance(item.value, slice):
                continue
            line = channel_ids.vector(ids, item.axis)
            if line is None or (item.value.start is None and item.value.stop is None):
                continue
            start, stop, _ = item.value.indices(len(line))
            first = kept.count(line[:start])
            return {KEY: _replaced(KEY.of(view), item.place, first, first + kept.count(line[start:stop]))}
        return {}

    @staticmethod
    def _items(view: CallView) -> list[Item] | None:
        written = _parts(KEY.of(view))
        rank = view.inputs[0].ndim
        used = sum(1 for value in written if value is not None and value is not Ellipsis)
        items: list[Item] = []
        axis = 0
        for place, value in enumerate([*written, *([] if Ellipsis in written else [Ellipsis])]):
            if value is None:
                items.append(Item(place, None, None))
            elif value is Ellipsis:
                for _ in range(rank - used):
                    items.append(Item(place, axis, slice(None)))
                    axis += 1
            elif isinstance(value, (int, np.integer, slice)):
                items.append(Item(place, axis, value))
                axis += 1
            else:
                return None
        return items


def _parts(key: Argument) -> Sequence[Argument]:
    """The parts of an index, with Python's slices for Keras 2's dictionaries."""
    return [
        slice(one.get("start"), one.get("stop"), one.get("step")) if isinstance(one, dict) else one
        for one in (key if isinstance(key, (list, tuple)) else (key,))
    ]


def _replaced(key: Argument, place: int, start: int, stop: int) -> Argument:
    """The index with another slice at one place, in the notation it came in."""
    several = list(key) if isinstance(key, (list, tuple)) else [key]
    if isinstance(several[place], dict):
        several[place] = {**several[place], "start": start, "stop": stop}
    else:
        several[place] = slice(start, stop)
    return tuple(several)
