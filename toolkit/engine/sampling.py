"""Choosing the next token from its logits, and its log-probability."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.engine.constraints import Constraint

__all__ = ["Sampler", "log_total"]

Logits = npt.NDArray[np.float32]
_TAIL = 0.02
"""Tokens less likely than this share of the likeliest are not drawn: small models' tails are noise."""


def log_total(logits: Logits) -> float:
    """Give the natural log of the sum of the exponentials: `logits[t] - log_total` is t's log-probability."""
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()))


class Sampler:
    """One request's choice of tokens: greedy at temperature 0, else drawn with its own seed."""

    def __init__(self, temperature: float, seed: int) -> None:
        self._temperature = temperature
        self._random = np.random.default_rng(seed) if temperature > 0 else None

    def pick(self, logits: Logits, constraint: Constraint | None) -> int:
        """Choose a token that the constraint takes, and let it take it."""
        token = self._choose(logits)
        if constraint is None or constraint.accept(token):
            return token
        masked = np.where(constraint.mask(len(logits)), logits, -np.inf).astype(np.float32)
        token = self._choose(masked)
        constraint.accept(token)
        return token

    def _choose(self, logits: Logits) -> int:
        best = int(logits.argmax())
        if self._random is None:
            return best
        floor = logits[best] + self._temperature * np.log(_TAIL)
        candidates = np.flatnonzero(logits >= floor)
        weights = np.exp((logits[candidates].astype(np.float64) - logits[best]) / self._temperature)
        return int(self._random.choice(candidates, p=weights / weights.sum()))
