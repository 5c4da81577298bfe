"""The models that together score a clause: linear ones over n-grams, neural ones over token states.

In: `Read` clauses (their gram counts and, for the second stage, their token states). Out: `Members`, which
give margins (members, clauses, codes). The first stage is the linear members alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.attention import Attention, Recipe, fit_attention
from toolkit.classify.encoder import Encoder, Fits
from toolkit.classify.grams import Counts, Grams, count_grams, fit_grams
from toolkit.classify.linear import Linear, fit_linear, fit_logistic
from toolkit.classify.tuning import Tuned

__all__ = ["LONGEST_GRAM", "Members", "Read", "Reader", "fit_members", "read"]

LONGEST_GRAM = 4
_FEWEST_TEXTS = 2  # a gram of one clause alone tells little, and half of the file is such grams
_SEEDS = (0, 1)  # attention is fitted anew from each, and the margins are averaged

Progress = Callable[[int], None]


class Reader(Protocol):
    """What gives token states: `toolkit.embed.states.TokenStates`, or a test's own."""

    def states(self, texts: Sequence[str], *, progress: Progress | None = None) -> list[NDArray[np.float16]]:
        """Give each text's states, (tokens, width)."""
        ...


@dataclass(frozen=True)
class Read:
    """Clauses as the members see them; `states` is None where only the first stage is wanted."""

    texts: tuple[str, ...]
    counted: tuple[tuple[Counts, Counts], ...]
    states: tuple[NDArray[np.float16], ...] | None = None

    def take(self, rows: NDArray[np.int64]) -> Read:
        """Give some of the clauses."""
        states = None if self.states is None else tuple(self.states[int(row)] for row in rows)
        texts = tuple(self.texts[int(row)] for row in rows)
        return Read(texts, tuple(self.counted[int(row)] for row in rows), states)

    def plus(self, other: Read) -> Read:
        """Put other clauses behind these."""
        texts, counted = self.texts + other.texts, self.counted + other.counted
        if self.states is None or other.states is None:
            return Read(texts, counted)
        return Read(texts, counted, self.states + other.states)


def read(texts: Sequence[str], reader: Reader | None, *, progress: Progress | None = None) -> Read:
    """Count the grams of texts, and have their token states read where there is a reader."""
    counted = tuple(count_grams(text, longest=LONGEST_GRAM) for text in texts)
    states = None if reader is None else tuple(reader.states(texts, progress=progress))
    return Read(tuple(texts), counted, states)


@dataclass(frozen=True)
class Members:
    """Linear members over the same grams, and neural ones, whose margins are averaged to one.

    `neural` is attention over the embedding model's last states, or layers fitted to the codes.
    """

    grams: Grams
    linear: tuple[Linear, ...]
    neural: tuple[Attention | Tuned, ...] = ()

    def margins(self, clauses: Read) -> NDArray[np.float64]:
        """Give (members, clauses, codes); one member more where the clauses have states."""
        matrix = self.grams.matrix(clauses.counted)
        found = [linear.margins(matrix) for linear in self.linear]
        if clauses.states is not None and self.neural:
            found.append(np.mean([one.margins(clauses.states) for one in self.neural], axis=0))
        return np.stack(found)


def fit_members(
    clauses: Read,
    truth: NDArray[np.int8],
    *,
    encoder: Encoder | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Members:
    """Fit all members to clauses and their truth (clauses, codes).

    With an `encoder`, whose lower layers gave the states, its upper layers are fitted, unless that was done
    before; `progress` gets the batches done and how many there will be.
    """
    grams = fit_grams(clauses.counted, longest=LONGEST_GRAM, fewest=_FEWEST_TEXTS)
    matrix = grams.matrix(clauses.counted)
    neural: tuple[Attention | Tuned, ...] = ()
    if clauses.states is not None and encoder is not None:
        neural = (Fits().fit(encoder, clauses.texts, clauses.states, truth, progress=progress),)
    elif clauses.states is not None:
        neural = tuple(fit_attention(clauses.states, truth, Recipe(seed=seed)) for seed in _SEEDS)
    return Members(grams, (fit_linear(matrix, truth), fit_logistic(matrix, truth)), neural)
