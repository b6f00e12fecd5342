"""Keywords of the public functions: one that does not exist is answered with the one that was meant.

@checked()                  the function itself is called
@checked(amount="ratio")    an earlier name is still understood
@declares(work)             the function is signature and help; `work` gets what the caller passed and
no defaults, so that a default is told from the same value given
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar

from edgeprune.errors import KeywordError

P = ParamSpec("P")
T = TypeVar("T")

OTHER_WORDS: Mapping[str, str] = {
    "amount": "prune ratio", "bits": "quantize", "checkpoint": "model", "dataset": "data",
    "devices": "device", "dtype": "quantize", "lr": "learning_rate", "max_flops": "max_macs",
    "num_threads": "threads", "output": "out", "output_dir": "out", "prune_ratio": "prune ratio",
    "quantization": "quantize", "random_state": "seed", "ratio": "prune", "sparsity": "prune ratio",
    "target_sparsity": "prune ratio", "teacher": "distill", "wd": "weight_decay",
}  # fmt: skip
"""What other tools call it, where no name here is spelled alike; two words where functions differ."""


def meant(name: str, names: Collection[str]) -> str:
    """The name that somebody meant; empty where none is near."""
    name = name.replace("-", "_")
    for other in OTHER_WORDS.get(name, "").split():
        if other in names:
            return other
    return next(iter(difflib.get_close_matches(name, names, 1)), "")


def checked(**former: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a public function: its call is checked before anything else; `former` are earlier names.

    Raises:
        KeywordError: by the function, for a keyword that it does not have, or arguments that do not fit.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*given: P.args, **keywords: P.kwargs) -> T:
            bound = _bound(function.__name__, signature, given, keywords, former)
            return function(*bound.args, **bound.kwargs)

        return call

    return decorate


def declares(work: Callable[..., T], **former: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a public function without a body: `work` is called with what was passed, by keyword.

    Raises:
        KeywordError: see `checked`.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*given: P.args, **keywords: P.kwargs) -> T:
            return work(**_bound(function.__name__, signature, given, keywords, former).arguments)

        return call

    return decorate


def _bound(
    function: str, signature: inspect.Signature, given: tuple[Any, ...], keywords: Mapping[str, Any],
    former: Mapping[str, str],
) -> inspect.BoundArguments:
    now = {former.get(name, name): value for name, value in keywords.items()}
    names = signature.parameters
    if unknown := [name for name in now if name not in names]:
        near = meant(unknown[0], names)
        raise KeywordError(
            f"edgeprune.{function}() has no argument '{unknown[0]}'.",
            way_out=f"Did you mean '{near}'?" if near else f"Its arguments are {', '.join(names)}.",
        )
    try:
        return signature.bind(*given, **now)
    except TypeError as error:
        raise KeywordError(
            f"edgeprune.{function}() cannot be called like this: {error}.",
            f"Its arguments are {', '.join(names)}.",
        ) from error
