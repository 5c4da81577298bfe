"""How good codes and scores are: F1, calibration error, reliability, confusion.

In: scores (clauses, codes), the chosen codes and the truth. Out: `Measures`, all shares between 0 and 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.taxonomy import Taxonomy
from toolkit.records import Record

__all__ = ["Bin", "CodeMeasures", "Doubt", "Measures", "TrainingReport", "calibration_error", "measure"]

BINS = 10
COMMON = 10  # codes with fewer clauses are told apart from the macro average

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Truth = NDArray[np.int8]


class CodeMeasures(Record):
    """One code: how many clauses have it, precision, recall and F1."""

    id: int
    name: str
    clauses: int
    precision: float
    recall: float
    f1: float


class Bin(Record):
    """Scores of a tenth of the scale: how many, their mean, and the share that was right."""

    count: int
    score: float
    right: float


class Measures(Record):
    """`macro_f1` is over codes with 10 clauses or more; `exact` the share of clauses with all codes right.

    `ece` is the expected calibration error of a clause's first code, `ece_chosen` of every chosen code,
    `ece_pairs` of all (clause, code) pairs, in ten bins of equal width. `confusion[i][j]`: clauses of
    code i whose first code was said to be j.
    """

    clauses: int
    micro_precision: float
    micro_recall: float
    micro_f1: float
    macro_f1: float
    exact: float
    ece: float
    ece_chosen: float
    ece_pairs: float
    codes: tuple[CodeMeasures, ...]
    reliability: tuple[Bin, ...]
    confusion: tuple[tuple[int, ...], ...]


class Doubt(Record):
    """A coding worth a second look: what stands in the file, what held-out scoring says, how strongly."""

    line: int
    text: str
    given: tuple[int, ...]
    suggested: tuple[int, ...]
    doubt: float


class TrainingReport(Record):
    """What training measured: figures on held-out folds, doubtful codings, oddities of the file."""

    clauses: int
    measures: Measures
    doubts: tuple[Doubt, ...]
    warnings: tuple[str, ...]
    seconds: float


def measure(scores: Floats, chosen: Bools, truth: Truth, taxonomy: Taxonomy) -> Measures:
    """Compare held-out scores and codes with the truth."""
    true = truth == 1
    both, said, given = (chosen & true).sum(axis=0), chosen.sum(axis=0), true.sum(axis=0)
    codes = tuple(
        CodeMeasures(
            id=code.id,
            name=code.name,
            clauses=int(given[at]),
            precision=_share(both[at], said[at]),
            recall=_share(both[at], given[at]),
            f1=_share(2 * both[at], said[at] + given[at]),
        )
        for at, code in enumerate(taxonomy.codes)
    )
    common = [code.f1 for code in codes if code.clauses >= COMMON] or [code.f1 for code in codes]
    rows, first = np.arange(len(scores)), scores.argmax(axis=1)
    return Measures(
        clauses=len(truth),
        micro_precision=_share(both.sum(), said.sum()),
        micro_recall=_share(both.sum(), given.sum()),
        micro_f1=_share(2 * both.sum(), said.sum() + given.sum()),
        macro_f1=round(float(np.mean(common)), 4),
        exact=_share((chosen == true).all(axis=1).sum(), len(truth)),
        ece=calibration_error(scores[rows, first], true[rows, first]),
        ece_chosen=calibration_error(scores[chosen], true[chosen]),
        ece_pairs=calibration_error(scores.ravel(), true.ravel()),
        codes=codes,
        reliability=_bins(scores[rows, first], true[rows, first]),
        confusion=_confusion(first, true),
    )


def calibration_error(scores: Floats, right: Bools) -> float:
    """Give the mean distance of score and share right over ten bins, each counted by its size."""
    if not len(scores):
        return 0.0
    total = sum(one.count * abs(one.score - one.right) for one in _bins(scores, right))
    return round(total / len(scores), 4)


def _bins(scores: Floats, right: Bools) -> tuple[Bin, ...]:
    at = np.minimum((scores * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            count=int(inside.sum()),
            score=round(float(scores[inside].mean()), 4) if inside.any() else 0.0,
            right=round(float(right[inside].mean()), 4) if inside.any() else 0.0,
        )
        for inside in (at == index for index in range(BINS))
    )


def _confusion(first: NDArray[np.int64], true: Bools) -> tuple[tuple[int, ...], ...]:
    """Count each clause under each of its codes: right where the first code is one of them."""
    size = true.shape[1]
    table = np.zeros((size, size), dtype=int)
    for row, said in enumerate(first):
        if true[row, said]:
            table[said, said] += 1
        else:
            table[np.flatnonzero(true[row]), said] += 1
    return tuple(tuple(int(count) for count in line) for line in table)


def _share(part: int, whole: int) -> float:
    return round(float(part) / float(whole), 4) if whole else 0.0
