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

from toolkit.classify.descent import BATCH, Adam, batches, pad

__all__ = [
    "Attention",
    "Found",
    "Noise",
    "Recipe",
    "States",
    "fit_attention",
    "gradients",
    "moments",
    "start",
]

Floats32 = NDArray[np.float32]
States = Sequence[NDArray[np.floating[Any]]]

_SHARP = np.float32(4.0)  # the softmax's inverse temperature
_SPREAD = 0.25  # standard deviation that the states are brought to


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
    mean, scale = moments(states)
    known = [(one.astype(np.float32) - mean) * scale for one in states]
    parameters = start(truth, known[0].shape[1], rng)
    steps = recipe.epochs * -(-len(known) // BATCH)
    adam = Adam(parameters, dict.fromkeys(parameters, recipe.rate), steps=steps, decay=recipe.decay)
    lengths = np.array([len(one) for one in known])
    for _ in range(recipe.epochs):
        for rows in batches(lengths, rng):
            tokens, mask = pad([known[row] for row in rows])
            noise = Noise.draw(mask, parameters["weights"].shape, recipe, rng)
            found = gradients(parameters, tokens, truth[rows].astype(np.float32), noise, total=len(rows))
            adam.step(found.parameters)
    return Attention(mean=mean, scale=scale, **parameters)


def moments(states: States) -> tuple[Floats32, Floats32]:
    """Give `Attention.mean` and `Attention.scale` of clauses' states."""
    every = np.concatenate([one[::4] for one in states]).astype(np.float32)
    return every.mean(axis=0), np.asarray(_SPREAD / (every.std(axis=0) + 1e-6), dtype=np.float32)


def start(truth: NDArray[np.int8], width: int, rng: np.random.Generator) -> dict[str, Floats32]:
    """Give the parameters that fitting begins with: every code as likely as it is common."""
    codes = truth.shape[1]
    share = np.clip(truth.mean(axis=0), 1e-3, 0.999)
    return {
        "queries": rng.normal(0, 0.05, (codes, width)).astype(np.float32),
        "weights": np.zeros((codes, width), np.float32),
        "plain": np.zeros((codes, width), np.float32),
        "peaks": np.zeros((codes, width), np.float32),
        "offsets": np.log(share / (1 - share)).astype(np.float32),
    }


@dataclass(frozen=True)
class Noise:
    """What is left out of a batch in one step: `kept` (clauses, tokens), and factors of 0 or 1 / share kept
    for what is seen (clauses, codes, width), the mean and the peaks (clauses, width)."""

    kept: NDArray[np.bool_]
    seen: Floats32
    mean: Floats32
    peaks: Floats32

    @classmethod
    def draw(
        cls, mask: NDArray[np.bool_], codes: tuple[int, ...], recipe: Recipe, rng: np.random.Generator
    ) -> Noise:
        """Draw for a batch with these tokens and parameters of this shape (codes, width)."""
        kept = mask & (rng.random(mask.shape) > recipe.drop_tokens)
        kept[:, 0] = True
        hold = np.float32(1 / (1 - recipe.drop))
        factors = [
            (rng.random((len(mask), *shape), dtype=np.float32) > recipe.drop) * hold
            for shape in (codes, codes[1:], codes[1:])
        ]
        return cls(kept, *factors)

    def take(self, rows: slice) -> Noise:
        """Give that of some of the clauses."""
        return Noise(self.kept[rows], self.seen[rows], self.mean[rows], self.peaks[rows])


@dataclass(frozen=True)
class Found:
    """Gradients of the parameters, and of the tokens where asked for."""

    parameters: dict[str, Floats32]
    tokens: Floats32 | None


def gradients(
    parameters: dict[str, Floats32],
    tokens: Floats32,
    truth: Floats32,
    noise: Noise,
    *,
    total: int,
    of_tokens: bool = False,
) -> Found:
    """Differentiate the cross-entropy, a `total`-th of its sum over `tokens` (clauses, tokens, width)."""
    kept = noise.kept
    queries, weights, plain = parameters["queries"], parameters["weights"], parameters["plain"]
    scores = _SHARP * tokens @ queries.T
    scores[~kept] = -1e9
    look = _softmax(scores, axis=1)
    seen = (look.transpose(0, 2, 1) @ tokens) * noise.seen
    share = kept / kept.sum(axis=1, keepdims=True, dtype=np.float32)
    average = (share[:, None, :] @ tokens)[:, 0] * noise.mean
    held = np.where(kept[:, :, None], tokens, np.float32(-1e4))
    places = held.argmax(axis=1)
    highest = np.take_along_axis(held, places[:, None, :], axis=1)[:, 0] * noise.peaks
    logits = (seen * weights).sum(axis=2) + average @ plain.T + highest @ parameters["peaks"].T
    logits += parameters["offsets"]
    error = (1 / (1 + np.exp(-logits)) - truth) / np.float32(total)
    back_seen = error[:, :, None] * weights * noise.seen
    back_look = tokens @ back_seen.transpose(0, 2, 1)
    back_scores = look * (back_look - (look * back_look).sum(axis=1, keepdims=True))
    found = {
        "queries": _SHARP * np.einsum("blc,bld->cd", back_scores, tokens, optimize=True),
        "weights": (error[:, :, None] * seen).sum(axis=0),
        "plain": error.T @ average,
        "peaks": error.T @ highest,
        "offsets": error.sum(axis=0),
    }
    if not of_tokens:
        return Found(found, None)
    back = look @ back_seen
    back += _SHARP * back_scores @ queries
    back += share[:, :, None] * ((error @ plain) * noise.mean)[:, None, :]
    peaks = np.take_along_axis(back, places[:, None, :], axis=1)
    peaks += ((error @ parameters["peaks"]) * noise.peaks)[:, None, :]
    np.put_along_axis(back, places[:, None, :], peaks, axis=1)
    return Found(found, back)


def _softmax(scores: NDArray[np.floating[Any]], *, axis: int) -> Floats32:
    raised = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True), dtype=np.float32)
