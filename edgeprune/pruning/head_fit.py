"""Fits a model's last layer, and the hidden layer before it, to the original's outputs themselves.

    z = f(H + X·A)·S + c      X (n, F): what all hidden units of the original would give, as far as the
                              pruned network can tell, and a constant 1; H (n, k): the kept ones

Least squares layer by layer gives A = 0 and S, c. Here both meet what the outputs lose, in closed
steps of Gauss and Newton: S and c together (the error is convex in them), then the column of A of
one hidden unit after the other, so that kept channels take over what removed ones did *through* the
activation. A penalty pulls A towards 0. How strong it is and whether A is worth it, held-out samples decide,
for each model anew; and they have a veto where they are worse off by more than a standard error.
No labels: the target is what the original says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from edgeprune.pruning.output_link import OutputLink

LAST_RIDGE = 1e-3
PENALTIES = (0.1, 1.0, 10.0)
"""Of A, in units of the features' mean square, to choose from."""
ROUNDS = 3
STEPS = (1.0, 0.5, 0.25, 0.1, 0.03)
MOST_UNKNOWNS = 2500
"""Of the last layer: solving takes their cube."""
MOST_FEATURES = 256
MOST_WORK = 1e11
"""Multiply-accumulates of one sweep over the hidden units."""
HELD_OUT = 4
"""One sample in this many is held out."""
LEAST_SAMPLES = 64
EXACT = 1e-8
"""An error that rounding alone makes."""
NEAR = 1e-4
"""How far apart an activation is looked at to find its slope."""


@dataclasses.dataclass(frozen=True)
class HeadSamples:
    """The end of a pruned network on some samples, and the original's outputs p (n, O) that it is to give.

    That is H (n, k), before the activation, or the last layer's inputs themselves, and the features X (n, F),
    None where only the last layer is fitted.
    """

    p: np.ndarray
    hidden: np.ndarray
    features: np.ndarray | None
    activation: Callable[[np.ndarray], np.ndarray]
    link: OutputLink

    def some(self, rows: np.ndarray) -> HeadSamples:
        """On some of the samples."""
        features = None if self.features is None else self.features[rows]
        return dataclasses.replace(self, p=self.p[rows], hidden=self.hidden[rows], features=features)


@dataclasses.dataclass(frozen=True)
class HeadFit:
    """A fit: A (F, k), S (k, O) and c (O,)."""

    correction: np.ndarray
    matrix: np.ndarray
    constant: np.ndarray

    def inputs(self, end: HeadSamples) -> np.ndarray:
        """(n, k) what the last layer reads."""
        moved = end.hidden if end.features is None else end.hidden + end.features @ self.correction
        return end.activation(moved)

    def errors(self, end: HeadSamples) -> np.ndarray:
        """Of the outputs, sample by sample, see `OutputLink.errors`."""
        return end.link.errors(end.p, end.link.outputs(self.inputs(end) @ self.matrix + self.constant))


def fit_head(
    end: HeadSamples, unseen: HeadSamples, matrix: np.ndarray, constant: np.ndarray, *, seed: int
) -> HeadFit | None:
    """The fit, unless held-out samples speak against it; then None.

    The samples are `unseen` where the layers before count as not fitted to them.
    """
    if len(end.p) < LEAST_SAMPLES:
        return None
    features = 0 if end.features is None else end.features.shape[1]
    start = HeadFit(np.zeros((features, end.hidden.shape[1])), matrix, constant)
    if start.errors(unseen).mean() < EXACT:
        return None
    order = np.random.default_rng(seed).permutation(len(end.p))
    held, rest = unseen.some(order[: len(order) // HELD_OUT]), end.some(order[len(order) // HELD_OUT :])
    last = _last_layer(rest, start, start)
    tried = {np.inf: last.errors(held)}
    for penalty in PENALTIES if _affordable(end) else ():
        tried[penalty] = _hidden_layer(rest, last, penalty).errors(held)
    best = min(tried, key=lambda penalty: float(tried[penalty].mean()))
    worse = tried[best] - start.errors(held)
    # Left-out samples judge harshly, as do fits to three quarters of the samples.
    clear = float(worse.std() / np.sqrt(len(worse)))
    return None if worse.mean() > clear else _fit(end, start, best)


def _affordable(end: HeadSamples) -> bool:
    if end.features is None:
        return False
    rows, features = end.features.shape
    return int(end.hidden.shape[1] * rows * features**2) <= MOST_WORK


def _fit(end: HeadSamples, start: HeadFit, penalty: float) -> HeadFit:
    """The last layer; unless A is penalised without end the hidden units one by one, and it again."""
    fit = _last_layer(end, start, start)
    return fit if np.isinf(penalty) else _last_layer(end, _hidden_layer(end, fit, penalty), start)


def _last_layer(end: HeadSamples, fit: HeadFit, start: HeadFit) -> HeadFit:
    """Newton's steps for S and c, each pulled towards the start in units of its input's variance."""
    y = np.concatenate([fit.inputs(end), np.ones((len(end.p), 1))], axis=1)
    size, outputs = y.shape[1], fit.matrix.shape[1]
    if size * outputs > MOST_UNKNOWNS:
        return fit
    pull = LAST_RIDGE * np.tile(np.append(y[:, :-1].var(axis=0), 0.0), outputs)
    first = np.concatenate([start.matrix, start.constant[None]])
    s = np.concatenate([fit.matrix, fit.constant[None]])
    for _ in range(ROUNDS):
        q = end.link.outputs(y @ s)
        gradient = (y.T @ end.link.gradient(end.p, q) / len(y)).T.ravel() + pull * (s - first).T.ravel()
        second = np.zeros((outputs, size, outputs, size))
        for one in range(outputs):
            for other in range(one, outputs):
                weight = end.link.pair(q, one, other)
                if weight is not None:
                    second[one, :, other] = second[other, :, one] = (y * weight[:, None]).T @ y / len(y)
        square = second.reshape(len(pull), -1)
        # Softmax does not change when all logits move alike, so the matrix is singular without this.
        square[np.diag_indices(len(pull))] += pull + 1e-9 * max(float(np.trace(square)) / len(pull), 1e-12)
        whole = np.linalg.solve(square, gradient).reshape(outputs, size).T
        before = end.link.error(end.p, q)
        # A full step goes too far where the start is bad.
        moved = (s - step * whole for step in STEPS)
        s = next((one for one in moved if end.link.error(end.p, end.link.outputs(y @ one)) < before), s)
    return HeadFit(fit.correction, s[:-1], s[-1])


def _hidden_layer(end: HeadSamples, fit: HeadFit, penalty: float) -> HeadFit:
    """One Gauss-Newton step for every hidden unit, each on what the ones before it have left."""
    x = np.zeros((len(end.p), 0)) if end.features is None else end.features
    scale = np.sqrt((x**2).mean(axis=0)) + 1e-12
    x = (x / scale).astype(np.float32)
    correction = np.zeros((x.shape[1], end.hidden.shape[1]))
    logits = end.activation(end.hidden) @ fit.matrix + fit.constant
    error = end.link.error(end.p, end.link.outputs(logits))
    for channel, direction in enumerate(fit.matrix):
        h = end.hidden[:, channel]
        active = (end.activation(h + NEAR) - end.activation(h - NEAR)) / (2 * NEAR)
        q = end.link.outputs(logits)
        weight = end.link.curvature(q, direction) * active**2
        if weight.sum() <= 0:
            continue
        square = ((x * weight[:, None].astype(np.float32)).T @ x).astype(np.float64)
        square[np.diag_indices(len(square))] += penalty * weight.sum()
        wanted = -x.T @ (end.link.gradient(end.p, q) @ direction * active)
        step = np.linalg.solve(square, wanted)
        change = end.activation(h + x @ step) - end.activation(h)
        moved = logits + change[:, None] * direction
        found = end.link.error(end.p, end.link.outputs(moved))
        if found < error:
            correction[:, channel], logits, error = step, moved, found
    correction /= scale[:, None]
    return HeadFit(correction, fit.matrix, fit.constant)


