"""What fitting by gradient descent shares: Adam, batches of clauses of like length, padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BATCH", "Adam", "batches", "pad"]

Floats32 = NDArray[np.float32]

BATCH = 16
_FIRST, _SECOND = np.float32(0.9), np.float32(0.999)
_TINY = np.float32(1e-8)
_BLOCK = 1 << 15  # numbers moved at once: few enough to stay in a core's cache


class Adam:
    """Adam with decoupled decay, a clipped gradient, and rates that warm up and then fall to 0.

    `rates` maps each parameter's name to its highest rate; the parameters change in place.
    """

    def __init__(
        self,
        parameters: Mapping[str, Floats32],
        rates: Mapping[str, float],
        *,
        steps: int,
        decay: float,
    ) -> None:
        self._parameters = parameters
        self._rates = rates
        self._steps = steps
        self._decay = decay
        self._at = 0
        self._first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, gradients: Mapping[str, Floats32], *, pool: Executor | None = None) -> None:
        """Move the parameters, those of several names at once in a `pool`; the gradients are used up."""
        norm = float(np.sqrt(sum(float(np.vdot(value, value)) for value in gradients.values())))
        clip = np.float32(min(1.0, 1.0 / (norm + 1e-6)))
        done = self._at / self._steps
        self._at += 1
        now = min(self._at / (0.1 * self._steps), max(0.0, (1 - done) / 0.9))

        def move(name: str) -> None:
            self._move(name, gradients[name].reshape(-1), clip, self._rates[name] * now)

        names = sorted(gradients, key=lambda name: -gradients[name].size)
        list(map(move, names) if pool is None else pool.map(move, names))

    def _move(self, name: str, gradient: Floats32, clip: np.float32, rate: float) -> None:
        arrays = (self._first[name], self._second[name], self._parameters[name])
        flat = [array.reshape(-1) for array in arrays]
        for at in range(0, len(gradient), _BLOCK):
            part = slice(at, at + _BLOCK)
            first, second, value = (array[part] for array in flat)
            self._move_part(gradient[part], first, second, value, clip, rate)

    def _move_part(
        self,
        gradient: Floats32,
        first: Floats32,
        second: Floats32,
        value: Floats32,
        clip: np.float32,
        rate: float,
    ) -> None:
        gradient *= clip
        first *= _FIRST
        first += (1 - _FIRST) * gradient
        second *= _SECOND
        gradient *= gradient
        gradient *= 1 - _SECOND
        second += gradient
        np.sqrt(second, out=gradient)
        gradient *= np.float32((1 - float(_SECOND) ** self._at) ** -0.5)
        gradient += _TINY
        np.divide(first, gradient, out=gradient)
        gradient *= np.float32(rate / (1 - float(_FIRST) ** self._at))
        value *= np.float32(1 - rate * self._decay)
        value -= gradient


def batches(
    lengths: NDArray[np.int64], rng: np.random.Generator, *, size: int = BATCH
) -> list[NDArray[np.int64]]:
    """Shuffle the clauses into batches of like length, so that little is padding."""
    order = rng.permutation(len(lengths))
    found = []
    for at in range(0, len(order), size * 12):
        chunk = order[at : at + size * 12]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        found += [chunk[start : start + size] for start in range(0, len(chunk), size)]
    return [found[at] for at in rng.permutation(len(found))]


def pad(known: Sequence[NDArray[np.floating[Any]]]) -> tuple[Floats32, NDArray[np.bool_]]:
    """Give clauses' tokens as one array (clauses, tokens, width), and which of them are there."""
    longest = max(len(one) for one in known)
    tokens = np.zeros((len(known), longest, known[0].shape[1]), np.float32)
    mask = np.zeros((len(known), longest), np.bool_)
    for row, one in enumerate(known):
        tokens[row, : len(one)] = one
        mask[row, : len(one)] = True
    return tokens, mask
