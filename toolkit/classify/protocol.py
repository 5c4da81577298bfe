"""Five folds, strictly: what a classifier fitted, tuned and calibrated on four folds does on the fifth.

In: coded clauses. Out: `Protocol`. The calibration and the review limit for a fold are fitted to margins
of models that saw neither that fold nor the clause, so a model is fitted for every pair of folds too.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.calibration import fit_calibration
from toolkit.classify.encoder import Encoder
from toolkit.classify.labels import Coded
from toolkit.classify.measures import Measures, measure
from toolkit.classify.members import Reader
from toolkit.classify.review import ReviewCurve
from toolkit.classify.training import Lesson, Steps
from toolkit.errors import InputError
from toolkit.records import Record
from toolkit.text import squeeze

__all__ = ["Agreement", "Protocol", "near_duplicates", "run_protocol"]

Progress = Callable[[int, int, str], None]
Floats = NDArray[np.float64]


class Agreement(Record):
    """How far clauses that are nearly the same have the same codes: F1 of one's codes against the
    other's, over the pairs whose character 2- and 3-grams have a TF-IDF cosine from `least` up."""

    least: float
    pairs: int
    f1: float
    exact: float


class Protocol(Record):
    """Figures over all folds. `accepted` is the share of clauses that the review asked for at
    `asked` accepts, `precision` that of their codes."""

    measures: Measures
    asked: float
    accepted: float
    precision: float
    agreement: tuple[Agreement, ...]


def run_protocol(
    coded: Coded,
    *,
    reader: Reader | None = None,
    encoder: Encoder | None = None,
    review: float = 0.9,
    progress: Progress | None = None,
) -> Protocol:
    """Run the five folds, with a `reader` of token states those of the second stage.

    With an `encoder`, whose reader that is, its upper layers are fitted.
    """
    folds = coded.folds
    names = sorted({int(fold) for fold in folds})
    if len(names) < 3:
        raise InputError(f"the clauses fall into {len(names)} folds", hint="code more clauses")
    held = _margins_without(Lesson.of(coded, reader, encoder), names, progress)
    scores = np.zeros(coded.truth.shape)
    chosen = np.zeros(coded.truth.shape, dtype=np.bool_)
    accepted = np.zeros(len(coded), dtype=np.bool_)
    for fold in names:
        inner, outer = folds != fold, folds == fold
        margins = held[fold]
        calibration = fit_calibration(margins[:, inner], coded.truth[inner])
        scores[outer], chosen[outer] = calibration.judge(margins[:, outer])
        curve = _inner_curve(margins, coded, fold, names)
        sure = np.where(chosen[outer], scores[outer], np.inf).min(axis=1)
        accepted[outer] = sure >= curve.limit(review)[0]
    said = chosen & accepted[:, None]
    return Protocol(
        measures=measure(scores, chosen, coded.truth, coded.taxonomy),
        asked=review,
        accepted=round(float(accepted.mean()), 4),
        precision=round(float((said & (coded.truth == 1)).sum() / max(1, said.sum())), 4),
        agreement=near_duplicates(coded),
    )


def _margins_without(lesson: Lesson, names: list[int], progress: Progress | None) -> dict[int, Floats]:
    """Give, for each fold, margins of all clauses by models that saw neither the fold nor the clause."""
    folds = lesson.coded.folds
    left_out = [(name,) for name in names] + list(combinations(names, 2))
    held: dict[int, Floats] = {}
    steps = Steps(progress, total=len(left_out))
    for without in left_out:
        steps.begin("fitting without folds " + ", ".join(str(at + 1) for at in without))
        members = lesson.fit(np.flatnonzero(~np.isin(folds, without)), progress=steps.within)
        for fold in without:
            rows = np.flatnonzero(folds == (fold if len(without) == 1 else sum(without) - fold))
            found = members.margins(lesson.clauses.take(rows))
            held.setdefault(fold, np.zeros((len(found), *lesson.coded.truth.shape)))[:, rows] = found
    steps.end()
    return held


def _inner_curve(margins: Floats, coded: Coded, fold: int, names: list[int]) -> ReviewCurve:
    """Measure the review limit on the other folds, each calibrated on the rest of them."""
    folds = coded.folds
    scores = np.zeros(coded.truth.shape)
    chosen = np.zeros(coded.truth.shape, dtype=np.bool_)
    for other in names:
        if other != fold:
            rows, rest = folds == other, (folds != other) & (folds != fold)
            calibration = fit_calibration(margins[:, rest], coded.truth[rest])
            scores[rows], chosen[rows] = calibration.judge(margins[:, rows])
    inner = folds != fold
    return ReviewCurve.measure(scores[inner], chosen[inner], coded.truth[inner])


def near_duplicates(coded: Coded) -> tuple[Agreement, ...]:
    """Measure how far the coders agree with themselves: near-duplicate clauses and their codes."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    plain = [squeeze(text) for text in coded.texts]
    matrix = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True).fit_transform(plain)
    near = (matrix @ matrix.T).tocoo()
    found = []
    for least in (0.9, 0.7, 0.5):
        kept = (near.data >= least) & (near.row < near.col)
        one, other = coded.truth[near.row[kept]], coded.truth[near.col[kept]]
        both, said = int((one & other).sum()), int(one.sum() + other.sum())
        found.append(
            Agreement(
                least=least,
                pairs=int(kept.sum()),
                f1=round(2 * both / said, 4) if said else 0.0,
                exact=round(float((one == other).all(axis=1).mean()), 4) if kept.any() else 0.0,
            )
        )
    return tuple(found)
