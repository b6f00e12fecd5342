"""Greedy decoding of a translation, outside of the network.

    source (N, S), written (N, T)  --network-->  scores (N, T, V) of the token that follows each one written

A causal decoder reads what it has written so far. Training and every decision give it the right tokens; here
it gets its own: position t + 1 of the input is the most certain token of position t. Both ways agree on which
samples are right from the first token to the last, since a prefix that is right is the same prefix. All else,
such as BLEU, needs the tokens that the model really writes. NumPy and Python 3.9: it travels to devices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from edgeprune.types import OutputTask

Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
"""The network: inputs (N, …) -> outputs (N, …)."""


def written_input(tasks: Sequence[OutputTask]) -> int | None:
    """The input that takes the tokens written so far; None for a model that needs one pass."""
    return next((task.fed_back for task in tasks if task.fed_back is not None), None)


def outputs_of(tasks: Sequence[OutputTask], run: Run, inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    """Outputs of one pass, or those behind the tokens that the model wrote itself."""
    place = written_input(tasks)
    if place is None:
        return run(inputs)
    output = next(number for number, task in enumerate(tasks) if task.fed_back is not None)
    given = list(inputs)
    written = np.zeros_like(given[place])
    written[:, 0] = given[place][:, 0]  # the token that every translation starts with
    given[place] = written
    for position in range(1, written.shape[1]):
        written[:, position] = np.argmax(run(given)[output][:, position - 1], axis=-1)
    return run(given)


def sure_of_one_pass(tasks: Sequence[OutputTask]) -> tuple[OutputTask, ...]:
    """The tasks with what outputs of one pass can tell: of a translation whether it is right as a whole."""
    return tuple(
        task if task.fed_back is None else dataclasses.replace(task, metrics=task.metrics[:1])
        for task in tasks
    )
