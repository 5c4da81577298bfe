"""Fitting the classifier to coded clauses, with cross-validated figures of how good it is.

In: coded clauses and their taxonomy. Out: a `Classifier` and a `TrainingReport`. Every figure comes from
clauses that the scored model had not seen: five folds by the MD5 of the clause.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.calibration import Calibration, choose, fit_calibration
from toolkit.classify.grams import Counts, Grams, count_grams, fit_grams
from toolkit.classify.labels import Coded, read_labels
from toolkit.classify.linear import Linear, fit_linear, fit_logistic
from toolkit.classify.measures import Doubt, Measures, TrainingReport, measure
from toolkit.classify.model import Classifier
from toolkit.classify.page import check_page, training_page
from toolkit.classify.review import ReviewCurve
from toolkit.classify.taxonomy import Taxonomy, load_taxonomy
from toolkit.errors import InputError

__all__ = ["cross_margins", "fit", "fit_members", "score_on", "train"]

LONGEST_GRAM = 4
FEWEST_TEXTS = 2  # a gram of one clause alone tells little, and half of the file is such grams

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[int, int, str], None]


def train(
    labels: str | Path,
    *,
    taxonomy: str | Path | None = None,
    out: str | Path,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> TrainingReport:
    """Fit a classifier to a file of coded clauses and write it to `out`, whole or not at all.

    `report` is an .html page of the figures, with the doubtful codings.

    `progress` gets steps done, steps in all and the name of the step begun. InputError names the line.
    """
    began = time.perf_counter()
    target = Path(out)
    if target.is_dir():
        raise InputError(f"{target} is a folder", hint="name a file in it, as in classifier.npz")
    if report is not None:
        check_page(report)
    coded = read_labels(labels, load_taxonomy(taxonomy))
    classifier, measures, doubts = fit(coded, progress=progress)
    classifier.save(target)
    trained = TrainingReport(
        clauses=len(coded),
        measures=measures,
        doubts=doubts,
        warnings=coded.warnings,
        seconds=round(time.perf_counter() - began, 1),
    )
    if report is not None:
        training_page(trained, coded.taxonomy, report)
    return trained


def fit(coded: Coded, *, progress: Progress | None = None) -> tuple[Classifier, Measures, tuple[Doubt, ...]]:
    """Fit a classifier to coded clauses and measure it on five folds of them."""
    steps = _Steps(progress, total=len(_folds(coded)) + 3)
    steps.begin("counting")
    counted = [count_grams(text, longest=LONGEST_GRAM) for text in coded.texts]
    margins = cross_margins(coded, counted, steps.begin)
    steps.begin("calibrating")
    honest, chosen = _held_out(coded, margins)
    calibration = fit_calibration(margins, coded.truth)
    steps.begin("fitting to all clauses")
    grams, members = fit_members(coded, counted, np.arange(len(coded)))
    steps.end()
    measures = measure(honest, chosen, coded.truth, coded.taxonomy)
    classifier = Classifier(
        taxonomy=coded.taxonomy,
        grams=grams,
        members=members,
        calibration=calibration,
        review=ReviewCurve.measure(honest, chosen, coded.truth),
        about={"clauses": len(coded), "measures": measures.model_dump(mode="json")},
    )
    return classifier, measures, _doubts(coded, honest, chosen)


def fit_members(
    coded: Coded, counted: Sequence[tuple[Counts, Counts]], rows: Rows
) -> tuple[Grams, tuple[Linear, ...]]:
    """Fit the linear members to some of the clauses and to the taxonomy's own words."""
    known, truth = _definitions(coded.taxonomy)
    texts = [counted[int(row)] for row in rows] + known
    grams = fit_grams(texts, longest=LONGEST_GRAM, fewest=FEWEST_TEXTS)
    matrix = grams.matrix(texts)
    target = np.concatenate([coded.truth[rows], truth]).astype(np.int8)
    return grams, (fit_linear(matrix, target), fit_logistic(matrix, target))


def score_on(classifier: Classifier, coded: Coded) -> Measures:
    """Measure a classifier on coded clauses that it was not fitted to."""
    scores = classifier.scores(coded.texts)
    return measure(scores, choose(scores, classifier.calibration.threshold), coded.truth, coded.taxonomy)


def _definitions(taxonomy: Taxonomy) -> tuple[list[tuple[Counts, Counts]], NDArray[np.int8]]:
    """Take each code's name with its definition, and each of its examples, for a clause of that code."""
    counted: list[tuple[Counts, Counts]] = []
    truth: list[NDArray[np.int8]] = []
    for at, code in enumerate(taxonomy.codes):
        for text in (f"{code.name}。{code.definition}", *code.examples):
            counted.append(count_grams(text, longest=LONGEST_GRAM))
            truth.append(np.eye(len(taxonomy.codes), dtype=np.int8)[at])
    return counted, np.stack(truth)


def cross_margins(
    coded: Coded, counted: Sequence[tuple[Counts, Counts]], begin: Callable[[str], None]
) -> Floats:
    """Give (members, clauses, codes): each fold's margins by models fitted to the other folds."""
    folds = coded.folds
    margins: Floats | None = None
    for fold in _folds(coded):
        begin(f"fold {fold + 1}")
        grams, members = fit_members(coded, counted, np.flatnonzero(folds != fold))
        held = np.flatnonzero(folds == fold)
        matrix = grams.matrix([counted[int(row)] for row in held])
        if margins is None:
            margins = np.zeros((len(members), *coded.truth.shape))
        for member, linear in enumerate(members):
            margins[member, held] = linear.margins(matrix)
    assert margins is not None
    return margins


def _folds(coded: Coded) -> list[int]:
    return sorted({int(fold) for fold in coded.folds})


def _held_out(coded: Coded, margins: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Calibrate each fold on the others' margins: scores and codes that saw nothing of it."""
    folds = coded.folds
    scores = np.zeros(coded.truth.shape)
    chosen = np.zeros(coded.truth.shape, dtype=np.bool_)
    for fold in _folds(coded):
        held = folds == fold
        calibration: Calibration = fit_calibration(margins[:, ~held], coded.truth[~held])
        scores[held] = calibration.probabilities(margins[:, held])
        chosen[held] = choose(scores[held], calibration.threshold)
    return scores, chosen


def _doubts(coded: Coded, scores: Floats, chosen: NDArray[np.bool_], *, most: int = 50) -> tuple[Doubt, ...]:
    """List the codings that held-out scoring contradicts the most, the strongest first."""
    given = coded.truth == 1
    against = np.where(given, 1 - scores, scores)
    wrong = np.where(given != chosen, against, 0.0).max(axis=1)
    ids = np.array(coded.taxonomy.ids)
    return tuple(
        Doubt(
            line=coded.lines[row],
            text=coded.texts[row],
            given=tuple(int(code) for code in ids[given[row]]),
            suggested=tuple(int(code) for code in ids[chosen[row]]),
            doubt=round(float(wrong[row]), 4),
        )
        for row in np.argsort(-wrong, kind="stable")[:most]
        if wrong[row] > 0
    )


class _Steps:
    """Counts the steps of a training for whoever watches."""

    def __init__(self, progress: Progress | None, *, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = -1

    def begin(self, name: str) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total, name)

    def end(self) -> None:
        if self._progress is not None:
            self._progress(self._total, self._total, "done")
