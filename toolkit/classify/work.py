"""Coding a whole corpus: files or clauses in, output files out.

In: paths of policies or a file of clauses. Out: `.jsonl` (or `.csv`, `.xlsx`, `.parquet`) lines of
`{"id", "text", "labels", "scores"}`, where wanted the clauses for a person in a file beside it, and a page
of counts. What cannot be read is a `Failure` in the tally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.classify.corpus import Found, clauses_of_files, clauses_of_lines
from toolkit.classify.model import Classifier
from toolkit.classify.page import check_page, corpus_page
from toolkit.classify.review import sureness
from toolkit.errors import InputError
from toolkit.records import Failure, Labelling, Record
from toolkit.tables import check_out, write_rows

__all__ = ["Tally", "classify_corpus", "review_path"]

_HEADINGS = {"id": "编号", "text": "条款", "labels": "类别", "scores": "分数", "stage": "阶段"}
_REVIEW_HEADINGS = {"id": "编号", "doubt": "疑度", "text": "条款", "labels": "类别", "scores": "分数"}

Progress = Callable[[int, int, str], None]


class Tally(Record):
    """What became of every clause: done with codes, empty, or failed.

    With a review `accepted` + `review` = `done` + `empty`; `precision` and `share` are what clauses held
    out of the training had at the same limit, None where no review was asked for or none reach it.
    """

    done: int
    empty: int
    failures: tuple[Failure, ...]
    accepted: int | None = None
    review: int | None = None
    precision: float | None = None
    share: float | None = None


def classify_corpus(
    paths: Sequence[str | Path] = (),
    *,
    clauses: str | Path | None = None,
    out: str | Path,
    classifier: Classifier,
    review: float | None = None,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Code all clauses and write them; with `review` only what reaches that measured precision.

    The others go to `review_path(out)`, the most doubtful first.
    """
    if (clauses is None) == (not paths):
        raise InputError(
            "give either files or --clauses", hint="as in: zhengce classify policies/ --out codes.jsonl"
        )
    _check_outputs(out, review=review, report=report, classifier=classifier)
    source = clauses_of_files(paths) if clauses is None else clauses_of_lines(clauses)
    found, failures = _read(source)
    if progress is not None:
        progress(0, len(found), "coding")
    labellings = classifier.classify(
        [one.text for one in found],
        ids=[one.id for one in found],
        progress=None if progress is None else lambda done: progress(done, len(found), "coding"),
    )
    empty = sum(labelling.stage == "empty" for labelling in labellings)
    tally = Tally(done=len(labellings) - empty, empty=empty, failures=tuple(failures))
    tally = tally.model_copy(update=_write(labellings, out, review=review, classifier=classifier))
    if report is not None:
        corpus_page(labellings, found, classifier.taxonomy, report)
    return tally


def review_path(out: str | Path) -> Path:
    """Name the file for a person: `codes.jsonl` gives `codes.review.jsonl`."""
    path = Path(out)
    return path.with_name(f"{path.stem}.review{path.suffix}")


def _check_outputs(
    out: str | Path, *, review: float | None, report: str | Path | None, classifier: Classifier
) -> None:
    """Refuse what could not be written or asked for before the work is done."""
    if review is not None:
        classifier.review.limit(review)
    if str(out) == "-":
        if review is not None:
            raise InputError("--review writes two files", hint="name one with --out")
    else:
        check_out(out)
    if report is not None:
        check_page(report)


def _read(source: Iterable[Found | Failure]) -> tuple[list[Found], list[Failure]]:
    found: list[Found] = []
    failures: list[Failure] = []
    for one in source:
        (failures if isinstance(one, Failure) else found).append(one)  # type: ignore[arg-type]
    return found, failures


def _write(
    labellings: Sequence[Labelling], out: str | Path, *, review: float | None, classifier: Classifier
) -> dict[str, Any]:
    """Write the codes, in two files where a review is asked for, and give the tally's fields of it."""
    if review is None:
        _write_codes(labellings, out)
        return {}
    split = classifier.review.split(labellings, review)
    _write_codes(split.accepted, out)
    _write_review(split.review, out)
    return {
        "accepted": len(split.accepted),
        "review": len(split.review),
        "precision": round(split.precision, 4) if split.share else None,
        "share": round(split.share, 4) if split.share else None,
    }


def _write_codes(labellings: Sequence[Labelling], out: str | Path) -> None:
    write_rows(labellings, out, columns=_columns(_HEADINGS, out))


def _write_review(labellings: Sequence[Labelling], out: str | Path) -> None:
    rows = [{**one.model_dump(mode="json"), "doubt": round(1 - sureness(one), 4)} for one in labellings]
    write_rows(rows, review_path(out), columns=_columns(_REVIEW_HEADINGS, out))


def _columns(headings: Mapping[str, str], out: str | Path) -> Mapping[str, str] | list[str]:
    """Give Chinese headings where a person reads the file, field names where a program does."""
    return headings if Path(out).suffix.lower() == ".xlsx" else list(headings)
