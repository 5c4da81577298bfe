"""Which clauses a person need not look at: a measured precision for each degree of doubt.

In: held-out scores, chosen codes and the truth. Out: `ReviewCurve`, and a split of new clauses into
accepted ones and a list ordered by doubt. A clause is as sure as the least sure of its codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputError
from toolkit.records import Labelling

__all__ = ["ReviewCurve", "Split", "sureness"]

_POINTS = 200


@dataclass(frozen=True)
class Split:
    """Clauses accepted at a measured precision, and those for a person, the most doubtful first.

    `limit` is the sureness from which a clause is accepted; `precision` and `share` are what clauses
    held out of the training had there.
    """

    accepted: tuple[Labelling, ...]
    review: tuple[Labelling, ...]
    limit: float
    precision: float
    share: float


@dataclass(frozen=True)
class ReviewCurve:
    """`points` is (3, n): sureness falling, the precision of the codes from there up, and the share of
    clauses."""

    points: NDArray[np.float64]

    @classmethod
    def measure(
        cls, scores: NDArray[np.float64], chosen: NDArray[np.bool_], truth: NDArray[np.int8]
    ) -> ReviewCurve:
        """Measure on clauses that the classifier was not fitted to."""
        sure = np.where(chosen, scores, np.inf).min(axis=1)
        order = np.argsort(-sure, kind="stable")
        right = (chosen & (truth == 1)).sum(axis=1)[order].cumsum()
        said = chosen.sum(axis=1)[order].cumsum()
        ends = np.flatnonzero(np.append(np.diff(sure[order]) < 0, True))  # ties stand or fall together
        if len(ends) > _POINTS:
            ends = ends[np.unique(np.linspace(0, len(ends) - 1, _POINTS).astype(int))]
        return cls(np.stack([sure[order][ends], right[ends] / said[ends], (ends + 1) / len(order)]))

    def limit(self, precision: float) -> tuple[float, float, float]:
        """Give the lowest sureness whose clauses have this precision, with their precision and share.

        Where no part has it, nothing is accepted: (inf, nan, 0).
        """
        if not 0 < precision <= 1:
            raise InputError(f"a precision of {precision}", hint="give a share above 0 and up to 1, as 0.9")
        good = np.flatnonzero(self.points[1] >= precision)
        if not len(good):
            return float("inf"), float("nan"), 0.0
        at = good[-1]
        limit = floor(self.points[0, at] * 1e4) / 1e4  # scores in labellings have four places
        return limit, float(self.points[1, at]), float(self.points[2, at])

    def split(self, labellings: Sequence[Labelling], precision: float) -> Split:
        """Accept the clauses that are sure enough; the others are ordered by doubt."""
        limit, measured, share = self.limit(precision)
        accepted = tuple(one for one in labellings if sureness(one) >= limit)
        review = sorted((one for one in labellings if sureness(one) < limit), key=sureness)
        return Split(accepted, tuple(review), limit, measured, share)


def sureness(labelling: Labelling) -> float:
    """Give the score of the least sure of a clause's codes; without codes 0."""
    return min((labelling.scores[str(code)] for code in labelling.labels), default=0.0)
