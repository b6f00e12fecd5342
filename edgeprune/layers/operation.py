"""Operations used as layers: ``x + y``, ``keras.ops`` in Keras 3, ``tf`` calls in Keras 2.

Keras 3 keeps an operation's options in its configuration and its tensors in the call; Keras 2 keeps
everything in the call. A `Parameter` finds one in either, and changes it where it was found.
"""

import dataclasses
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from edgeprune.graph import Argument, Arguments, CallView, Config, Flow, KeepMask
from edgeprune.layers.rule import Rule


@dataclasses.dataclass(frozen=True)
class Parameter:
    """An option of an operation: what the Keras versions call it, and its place among a call's arguments."""

    names: tuple[str, ...]
    position: int | None = None

    def of(self, view: CallView, default: Argument = None) -> Argument:
        for name in self.names:
            for home in (view.layer.config, view.call.kwargs):
                if name in home:
                    return home[name]
        if self.position is not None and self.position < len(view.call.args):
            return view.call.args[self.position]
        return default

    def in_config(self, view: CallView) -> str | None:
        """Its name in the configuration, where it is there."""
        return next((name for name in self.names if name in view.layer.config), None)


Changes: TypeAlias = Mapping[Parameter, Argument]
"""New values of an operation's options."""

AXIS = Parameter(("axis", "axes", "dim"), 1)


class OperationRule(Rule):
    """Base: an operation whose options, in its configuration or its call, may change with the channels."""

    may_fix_batch = True

    def changes(self, view: CallView, flow: Flow, kept: KeepMask) -> Changes:
        return {}

    def resize(self, view: CallView, flow: Flow, kept: KeepMask) -> Config:
        changes = self.changes(view, flow, kept)
        named = {parameter.in_config(view): value for parameter, value in changes.items()}
        return {name: value for name, value in named.items() if name is not None}

    def resize_arguments(self, view: CallView, flow: Flow, kept: KeepMask) -> Arguments:
        args, kwargs = list(view.call.args), dict(view.call.kwargs)
        for parameter, value in self.changes(view, flow, kept).items():
            if parameter.in_config(view) is not None:
                continue
            name = next((name for name in parameter.names if name in kwargs), None)
            if name is not None:
                kwargs[name] = value
            elif parameter.position is not None and parameter.position < len(args):
                args[parameter.position] = value
        return tuple(args), kwargs


def axes_of(value: Argument, rank: int) -> tuple[int, ...]:
    """Axes as non-negative numbers; all of them for None."""
    if value is None:
        return tuple(range(rank))
    several = value if isinstance(value, (list, tuple)) else np.ravel(value).tolist()
    return tuple(int(one) % rank for one in several)
