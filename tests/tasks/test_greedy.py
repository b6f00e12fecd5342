"""Greedy decoding against a plain loop over samples, with a causal network of NumPy's."""

import numpy as np
import pytest

from edgeprune.metrics import evaluate
from edgeprune.tasks.greedy import outputs_of, sure_of_one_pass, written_input
from edgeprune.types import OutputTask

LENGTH, TOKENS, START = 7, 9, 2
TASKS = (OutputTask("classes", ("exact_match", "accuracy"), fed_back=1),)


def network(inputs):
    """Scores of the next token from the source and all tokens before: no position sees a later one."""
    source, written = (np.asarray(one, float) for one in inputs)
    seen = np.cumsum(written * np.arange(1, LENGTH + 1) ** 2, axis=1) + source.sum(axis=1, keepdims=True) * 3
    return [np.cos(seen[..., None] * (1 + np.arange(TOKENS)) * 0.37)]


@pytest.fixture
def inputs():
    rng = np.random.default_rng(3)
    written = rng.integers(0, TOKENS, (6, LENGTH))
    written[:, 0] = START
    return [rng.integers(0, TOKENS, (6, 4)), written]


def one_by_one(source):
    """The tokens that follow a sample's source, each chosen when those before it are there."""
    tokens = [START]
    for _ in range(LENGTH):
        padded = np.array([(*tokens, *[0] * LENGTH)[:LENGTH]])
        (scores,) = network([source[None], padded])
        tokens.append(int(scores[0, len(tokens) - 1].argmax()))
    return tokens[1:]


def test_tokens_are_those_of_a_plain_loop(inputs):
    (outputs,) = outputs_of(TASKS, network, inputs)
    assert outputs.argmax(-1).tolist() == [one_by_one(source) for source in inputs[0]]
    assert len({tuple(row) for row in outputs.argmax(-1)}) > 1
    (right,) = network(inputs)
    assert (right.argmax(-1) != outputs.argmax(-1)).any(), "the tokens given decide nothing"


def test_what_is_right_as_a_whole_is_the_same_in_one_pass(inputs):
    """Half of the samples are what the network writes, the others go wrong somewhere."""
    y = outputs_of(TASKS, network, inputs)[0].argmax(-1)
    y[::2, 4] = (y[::2, 4] + 1) % TOKENS
    given = np.concatenate([inputs[1][:, :1], y[:, :-1]], axis=1)
    (taught,), (decoded,) = network([inputs[0], given]), outputs_of(TASKS, network, [inputs[0], given])
    found = [evaluate(["exact_match"], y, one)["exact_match"] for one in (taught, decoded)]
    assert found == [0.5, 0.5]
    assert [task.metrics for task in sure_of_one_pass(TASKS)] == [("exact_match",)]


def test_any_other_model_runs_once_and_its_inputs_stay(inputs):
    kept = [one.copy() for one in inputs]
    plain = (OutputTask("classes", ("accuracy",)),)
    assert written_input(plain) is None
    np.testing.assert_array_equal(outputs_of(plain, network, inputs)[0], network(inputs)[0])
    outputs_of(TASKS, network, inputs)
    for one, before in zip(inputs, kept, strict=True):
        np.testing.assert_array_equal(one, before)
    assert sure_of_one_pass(plain) == plain
