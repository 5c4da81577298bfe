"""Fitting the classifier to coded clauses, with cross-validated figures of how good it is.

In: coded clauses and their taxonomy. Out: a `Classifier` and a `TrainingReport`. Every figure comes from
clauses that the scored model had not seen: five folds by the MD5 of the clause.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.calibration import Calibration, fit_calibration
from toolkit.classify.encoder import Encoder, load_encoder
from toolkit.classify.labels import Coded, read_labels
from toolkit.classify.measures import Doubt, Measures, TrainingReport, measure
from toolkit.classify.members import Members, Read, Reader, fit_members, read
from toolkit.classify.model import Classifier, Stage
from toolkit.classify.page import check_page, training_page
from toolkit.classify.review import ReviewCurve
from toolkit.classify.taxonomy import load_taxonomy
from toolkit.embed.states import TokenStates
from toolkit.errors import InputError

__all__ = ["Lesson", "Steps", "fit", "score_on", "second_stage", "train"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Progress = Callable[[int, int, str], None]


def train(
    labels: str | Path,
    *,
    taxonomy: str | Path | None = None,
    out: str | Path,
    report: str | Path | None = None,
    fast: bool = False,
    tune: bool = False,
    progress: Progress | None = None,
) -> TrainingReport:
    """Fit a classifier to a file of coded clauses and write it to `out`, whole or not at all.

    `report` is an .html page of the figures, with the doubtful codings. With `fast` it learns from n-grams
    alone; otherwise also from the embedding model's token states (ModelError where it is not installed).
    With `tune` that model's upper layers are fitted to the codes: slower, and better. What was fitted
    before an interruption is not fitted again. `progress` gets steps done, steps in all and the name of
    the step begun. InputError names the line.
    """
    began = time.perf_counter()
    target = Path(out)
    if target.is_dir():
        raise InputError(f"{target} is a folder", hint="name a file in it, as in classifier.npz")
    if report is not None:
        check_page(report)
    coded = read_labels(labels, load_taxonomy(taxonomy))
    classifier, measures, doubts = fit(coded, **second_stage(fast=fast, tune=tune), progress=progress)
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


class SecondStage(TypedDict):
    """What the second stage reads clauses with, and what it fits beside the attention."""

    reader: Reader | None
    encoder: Encoder | None


def second_stage(*, fast: bool, tune: bool) -> SecondStage:
    """Give `fit` and `run_protocol` what a training with these options needs."""
    if fast and tune:
        raise InputError("--fast learns from n-grams alone and --tune fits a model", hint="give one of them")
    if tune:
        encoder = load_encoder()
        return {"reader": encoder.reader, "encoder": encoder}
    return {"reader": None if fast else TokenStates(), "encoder": None}


def fit(
    coded: Coded,
    *,
    reader: Reader | None = None,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
) -> tuple[Classifier, Measures, tuple[Doubt, ...]]:
    """Fit a classifier to coded clauses and measure it on five folds of them.

    With a `reader` of token states it has the second stage, which the measures are then of; with an
    `encoder`, whose reader that is, its upper layers are fitted.
    """
    steps = Steps(progress, total=len(_folds(coded)) + 3)
    steps.begin("reading the clauses")
    lesson = Lesson.of(coded, reader, encoder)
    margins = _cross_margins(lesson, steps)
    steps.begin("calibrating")
    honest, chosen = _held_out(coded, margins)
    full = _stage(coded, margins, honest, chosen)
    fast = full if reader is None else _stage(coded, margins[:-1], *_held_out(coded, margins[:-1]))
    steps.begin("fitting to all clauses")
    members = lesson.fit(np.arange(len(coded)), progress=steps.within)
    steps.end()
    measures = measure(honest, chosen, coded.truth, coded.taxonomy)
    classifier = Classifier(
        taxonomy=coded.taxonomy,
        members=members,
        fast=fast,
        full=None if reader is None else full,
        reader=reader,
        encoder=None if encoder is None else encoder.about,
        about={"clauses": len(coded), "measures": measures.model_dump(mode="json")},
    )
    return classifier, measures, _doubts(coded, honest, chosen)


@dataclass(frozen=True)
class Lesson:
    """Coded clauses as the members see them, and the taxonomy's own words, each a clause of its code."""

    coded: Coded
    clauses: Read
    known: Read
    known_truth: NDArray[np.int8]
    encoder: Encoder | None = None

    @classmethod
    def of(cls, coded: Coded, reader: Reader | None, encoder: Encoder | None = None) -> Lesson:
        """Read the clauses, and each code's name with its definition, and its examples."""
        texts: list[str] = []
        truth: list[NDArray[np.int8]] = []
        for at, code in enumerate(coded.taxonomy.codes):
            for text in (f"{code.name}。{code.definition}", *code.examples):
                texts.append(text)
                truth.append(np.eye(len(coded.taxonomy.codes), dtype=np.int8)[at])
        return cls(coded, read(coded.texts, reader), read(texts, reader), np.stack(truth), encoder)

    def fit(self, rows: Rows, *, progress: Callable[[int, int], None] | None = None) -> Members:
        """Fit all members to some of the clauses and to the taxonomy's words."""
        truth = np.concatenate([self.coded.truth[rows], self.known_truth]).astype(np.int8)
        clauses = self.clauses.take(rows).plus(self.known)
        return fit_members(clauses, truth, encoder=self.encoder, progress=progress)


def score_on(classifier: Classifier, coded: Coded) -> Measures:
    """Measure a classifier on coded clauses that it was not fitted to."""
    return measure(*classifier.judge(coded.texts), coded.truth, coded.taxonomy)


def _cross_margins(lesson: Lesson, steps: Steps) -> Floats:
    """Give (members, clauses, codes): each fold's margins by models fitted to the other folds."""
    folds = lesson.coded.folds
    margins: Floats | None = None
    for fold in _folds(lesson.coded):
        steps.begin(f"fold {fold + 1}")
        held = np.flatnonzero(folds == fold)
        members = lesson.fit(np.flatnonzero(folds != fold), progress=steps.within)
        found = members.margins(lesson.clauses.take(held))
        if margins is None:
            margins = np.zeros((len(found), *lesson.coded.truth.shape))
        margins[:, held] = found
    assert margins is not None
    return margins


def _stage(coded: Coded, margins: Floats, honest: Floats, chosen: NDArray[np.bool_]) -> Stage:
    return Stage(fit_calibration(margins, coded.truth), ReviewCurve.measure(honest, chosen, coded.truth))


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
        scores[held], chosen[held] = calibration.judge(margins[:, held])
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


class Steps:
    """Counts the steps of a training for whoever watches, and says how far within one a fit is."""

    def __init__(self, progress: Progress | None, *, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = -1
        self._name = ""

    def begin(self, name: str) -> None:
        """Count the step before as done."""
        self._done += 1
        self._name = name
        self._tell(name)

    def within(self, done: int, total: int) -> None:
        """Say how far the step is, in whole tenths."""
        if done * 10 // total > (done - 1) * 10 // total:
            self._tell(f"{self._name}, {done * 10 // total * 10}%")

    def _tell(self, name: str) -> None:
        if self._progress is not None:
            self._progress(self._done, self._total, name)

    def end(self) -> None:
        """Count all steps as done."""
        if self._progress is not None:
            self._progress(self._total, self._total, "done")
