"""The models that together score a clause: linear ones over n-grams, attention over token states.

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
from toolkit.classify.grams import Counts, Grams, count_grams, fit_grams
from toolkit.classify.linear import Linear, fit_linear, fit_logistic

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

    counted: tuple[tuple[Counts, Counts], ...]
    states: tuple[NDArray[np.float16], ...] | None = None

    def take(self, rows: NDArray[np.int64]) -> Read:
        """Give some of the clauses."""
        states = None if self.states is None else tuple(self.states[int(row)] for row in rows)
        return Read(tuple(self.counted[int(row)] for row in rows), states)

    def plus(self, other: Read) -> Read:
        """Put other clauses behind these."""
        if self.states is None or other.states is None:
            return Read(self.counted + other.counted)
        return Read(self.counted + other.counted, self.states + other.states)


def read(texts: Sequence[str], reader: Reader | None, *, progress: Progress | None = None) -> Read:
    """Count the grams of texts, and have their token states read where there is a reader."""
    counted = tuple(count_grams(text, longest=LONGEST_GRAM) for text in texts)
    return Read(counted, None if reader is None else tuple(reader.states(texts, progress=progress)))


@dataclass(frozen=True)
class Members:
    """Linear members over the same grams, and attention members, whose margins are averaged to one."""

    grams: Grams
    linear: tuple[Linear, ...]
    attention: tuple[Attention, ...] = ()

    def margins(self, clauses: Read) -> NDArray[np.float64]:
        """Give (members, clauses, codes); one member more where the clauses have states."""
        matrix = self.grams.matrix(clauses.counted)
        found = [linear.margins(matrix) for linear in self.linear]
        if clauses.states is not None and self.attention:
            found.append(np.mean([one.margins(clauses.states) for one in self.attention], axis=0))
        return np.stack(found)


def fit_members(clauses: Read, truth: NDArray[np.int8]) -> Members:
    """Fit all members to clauses and their truth (clauses, codes)."""
    grams = fit_grams(clauses.counted, longest=LONGEST_GRAM, fewest=_FEWEST_TEXTS)
    matrix = grams.matrix(clauses.counted)
    attention: tuple[Attention, ...] = ()
    if clauses.states is not None:
        attention = tuple(fit_attention(clauses.states, truth, Recipe(seed=seed)) for seed in _SEEDS)
    return Members(grams, (fit_linear(matrix, truth), fit_logistic(matrix, truth)), attention)
