"""What a model's last layer makes of its logits z, and how a change of z changes the outputs' error.

    link      outputs q            error against p        gradient   curvature along a direction s
    softmax   exp z / Σ exp z      Σ p log(p / q)         q - p      Σ q s² - (Σ q s)²
    sigmoid   1 / (1 + exp -z)     Bernoulli divergence   q - p      Σ q (1 - q) s²
    linear    z                    ½ Σ (z - p)² / v       (q - p)/v  Σ s² / v

v is the mean variance of p, so that errors of different outputs compare.
"""

import dataclasses

import numpy as np

TINY = 1e-9


@dataclasses.dataclass(frozen=True)
class OutputLink:
    """One of the three links by its name; the scale is v for "linear", 1 for the others."""

    name: str
    scale: float = 1.0

    def outputs(self, z: np.ndarray) -> np.ndarray:
        """Q (n, O) of logits (n, O)."""
        if self.name == "softmax":
            raised = np.exp(z - z.max(axis=1, keepdims=True))
            return np.asarray(raised / raised.sum(axis=1, keepdims=True))
        if self.name == "sigmoid":
            return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))
        return z

    def errors(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """(n,) of each sample, the error of Q against the original's outputs P, (n, O) each."""
        if self.name == "linear":
            return np.asarray(0.5 * np.sum((q - p) ** 2, axis=1) / self.scale)
        found = p * (np.log(p + TINY) - np.log(q + TINY))
        if self.name == "sigmoid":
            found = found + (1 - p) * (np.log(1 - p + TINY) - np.log(1 - q + TINY))
        return np.asarray(np.sum(found, axis=1))

    def error(self, p: np.ndarray, q: np.ndarray) -> float:
        """Mean over samples."""
        return float(np.mean(self.errors(p, q)))

    def gradient(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Of each sample's error with respect to its logits, (n, O)."""
        return np.asarray((q - p) / self.scale)

    def curvature(self, q: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """(n,) second derivative along one direction (O,) of the logits."""
        if self.name == "softmax":
            return np.asarray(np.maximum(q @ direction**2 - (q @ direction) ** 2, 0))
        if self.name == "sigmoid":
            return np.asarray((q * (1 - q)) @ direction**2)
        return np.full(len(q), float(np.sum(direction**2)) / self.scale)

    def pair(self, q: np.ndarray, one: int, other: int) -> np.ndarray | None:
        """(n,) an entry of the second derivative; None where it is zero for every sample."""
        if one == other:
            return self.curvature(q, np.eye(q.shape[1])[one])
        return -q[:, one] * q[:, other] if self.name == "softmax" else None
