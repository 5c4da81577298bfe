"""Codes read off a language model's token states: for each code, where in the clause to look.

In: the embedding model's last hidden states of each clause, (tokens, width). Out: `Attention`, margins for
new clauses. Each code has a query that weighs the tokens (softmax), and three directions: for the weighed
state, for the plain mean, and for each feature's highest value. The language model itself stays as it is,
so fitting takes seconds; a mean over all tokens alone loses what a long clause says in passing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Attention", "States", "fit_attention"]

Floats32 = NDArray[np.float32]
States = Sequence[NDArray[np.float16]]

_SHARP = np.float32(4.0)  # the softmax's inverse temperature
_SPREAD = 0.25  # standard deviation that the states are brought to
_BATCH = 16


@dataclass(frozen=True)
class Attention:
    """`mean`, `scale` (width) bring states to one size; the others but the offsets are (codes, width)."""

    mean: Floats32
    scale: Floats32
    queries: Floats32
    weights: Floats32
    plain: Floats32
    peaks: Floats32
    offsets: Floats32

    def margins(self, states: States) -> NDArray[np.float64]:
        """Give (clauses, codes) of log-odds."""
        found = np.empty((len(states), len(self.offsets)))
        for row, one in enumerate(states):
            tokens = (one.astype(np.float32) - self.mean) * self.scale
            look = _softmax(_SHARP * tokens @ self.queries.T, axis=0)
            seen = look.T @ tokens
            found[row] = (seen * self.weights).sum(axis=1) + self.offsets
            found[row] += self.plain @ tokens.mean(axis=0) + self.peaks @ tokens.max(axis=0)
        return found


@dataclass(frozen=True)
class Recipe:
    """How an `Attention` is fitted; dropouts are shares."""

    epochs: int = 8
    rate: float = 2e-3
    decay: float = 0.01
    drop: float = 0.3
    drop_tokens: float = 0.2
    seed: int = 0


def fit_attention(states: States, truth: NDArray[np.int8], recipe: Recipe | None = None) -> Attention:
    """Fit to clauses' states and the truth (clauses, codes): cross-entropy, Adam, batches of like length."""
    recipe = recipe or Recipe()
    rng = np.random.default_rng(recipe.seed)
    every = np.concatenate([one[::4] for one in states]).astype(np.float32)
    mean, scale = every.mean(axis=0), _SPREAD / (every.std(axis=0) + 1e-6)
    known = [(one.astype(np.float32) - mean) * scale for one in states]
    codes, width = truth.shape[1], known[0].shape[1]
    share = np.clip(truth.mean(axis=0), 1e-3, 0.999)
    parameters = {
        "queries": rng.normal(0, 0.05, (codes, width)).astype(np.float32),
        "weights": np.zeros((codes, width), np.float32),
        "plain": np.zeros((codes, width), np.float32),
        "peaks": np.zeros((codes, width), np.float32),
        "offsets": np.log(share / (1 - share)).astype(np.float32),
    }
    adam = _Adam(parameters, recipe, steps=recipe.epochs * -(-len(known) // _BATCH))
    lengths = np.array([len(one) for one in known])
    for _ in range(recipe.epochs):
        for rows in _batches(lengths, rng):
            batch, mask = _pad([known[row] for row in rows])
            adam.step(_gradients(parameters, batch, mask, truth[rows].astype(np.float32), recipe, rng))
    return Attention(mean=mean, scale=scale, **parameters)


def _gradients(
    parameters: dict[str, Floats32],
    tokens: Floats32,
    mask: NDArray[np.bool_],
    truth: Floats32,
    recipe: Recipe,
    rng: np.random.Generator,
) -> dict[str, Floats32]:
    """Differentiate the cross-entropy of a batch: `tokens` (clauses, tokens, width), `mask` what is there."""
    kept = mask & (rng.random(mask.shape) > recipe.drop_tokens)
    kept[:, 0] = True
    clauses, _, width = tokens.shape
    queries, weights, plain = parameters["queries"], parameters["weights"], parameters["plain"]
    scores = _SHARP * tokens @ queries.T
    scores[~kept] = -1e9
    look = _softmax(scores, axis=1)
    hold = np.float32(1 / (1 - recipe.drop))
    drop_seen = (rng.random((clauses, len(queries), width), dtype=np.float32) > recipe.drop) * hold
    drop_mean = (rng.random((clauses, width), dtype=np.float32) > recipe.drop) * hold
    drop_peak = (rng.random((clauses, width), dtype=np.float32) > recipe.drop) * hold
    seen = (look.transpose(0, 2, 1) @ tokens) * drop_seen
    average = np.einsum("bl,bld->bd", kept.astype(np.float32), tokens) / kept.sum(axis=1)[:, None] * drop_mean
    highest = np.where(kept[:, :, None], tokens, np.float32(-1e4)).max(axis=1) * drop_peak
    logits = (seen * weights).sum(axis=2) + average @ plain.T + highest @ parameters["peaks"].T
    logits += parameters["offsets"]
    error = (1 / (1 + np.exp(-logits)) - truth) / np.float32(clauses)
    back_seen = error[:, :, None] * weights * drop_seen
    back_look = tokens @ back_seen.transpose(0, 2, 1)
    back_scores = look * (back_look - (look * back_look).sum(axis=1, keepdims=True))
    return {
        "queries": _SHARP * np.einsum("blc,bld->cd", back_scores, tokens, optimize=True),
        "weights": (error[:, :, None] * seen).sum(axis=0),
        "plain": error.T @ average,
        "peaks": error.T @ highest,
        "offsets": error.sum(axis=0),
    }


class _Adam:
    """Adam with decoupled decay, a clipped gradient, and a rate that warms up and then falls to 0."""

    def __init__(self, parameters: dict[str, Floats32], recipe: Recipe, *, steps: int) -> None:
        self._parameters = parameters
        self._recipe = recipe
        self._steps = steps
        self._at = 0
        self._first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, gradients: dict[str, Floats32]) -> None:
        norm = float(np.sqrt(sum(float((value * value).sum()) for value in gradients.values())))
        clip = np.float32(min(1.0, 1.0 / (norm + 1e-6)))
        done = self._at / self._steps
        self._at += 1
        rate = self._recipe.rate * min(self._at / (0.1 * self._steps), max(0.0, (1 - done) / 0.9))
        for name, gradient in gradients.items():
            first, second = self._first[name], self._second[name]
            first += np.float32(0.1) * (gradient * clip - first)
            second += np.float32(0.001) * ((gradient * clip) ** 2 - second)
            move = (first / (1 - 0.9**self._at)) / (np.sqrt(second / (1 - 0.999**self._at)) + 1e-8)
            value = self._parameters[name]
            value -= (rate * (move + self._recipe.decay * value)).astype(np.float32)


def _batches(lengths: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Shuffle the clauses into batches of like length, so that little is padding."""
    order = rng.permutation(len(lengths))
    batches = []
    for at in range(0, len(order), _BATCH * 12):
        chunk = order[at : at + _BATCH * 12]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        batches += [chunk[start : start + _BATCH] for start in range(0, len(chunk), _BATCH)]
    return [batches[at] for at in rng.permutation(len(batches))]


def _pad(known: Sequence[Floats32]) -> tuple[Floats32, NDArray[np.bool_]]:
    longest = max(len(one) for one in known)
    tokens = np.zeros((len(known), longest, known[0].shape[1]), np.float32)
    mask = np.zeros((len(known), longest), np.bool_)
    for row, one in enumerate(known):
        tokens[row, : len(one)] = one
        mask[row, : len(one)] = True
    return tokens, mask


def _softmax(scores: NDArray[np.floating[Any]], *, axis: int) -> Floats32:
    raised = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True), dtype=np.float32)
