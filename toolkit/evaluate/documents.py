"""How well documents and their facts are read: predicted rows against gold rows.

In: gold rows and predicted rows (mappings with `source`, `title` and the facts). Out: `DocumentScores`.
A document is found where a predicted title of the same file is the gold title, or one of the two holds
the other and they differ by fewer than 12 characters; white space and 书名号 do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import click

from toolkit.records import Failure, Record

__all__ = ["FACTS", "DocumentScores", "command", "score_documents"]

FACTS = ("doc_number", "issued", "effective", "expires", "region")
_SLACK = 12  # characters by which a found title may be longer or shorter
Row = Mapping[str, Any]


class DocumentScores(Record):
    """Precision, recall and F1 of the titles; for each fact the share that is right among the found ones."""

    documents: int
    precision: float
    recall: float
    f1: float
    accuracy: dict[str, float | None]
    missed: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def score_documents(gold: Sequence[Row], predicted: Sequence[Row]) -> DocumentScores:
    """Match predicted to gold documents, each once, and count the right facts; an absent fact is a value."""
    left = list(predicted)
    right = dict.fromkeys(FACTS, 0)
    missed: list[str] = []
    for row in gold:
        near = [other for other in left if _file(other) == _file(row) and _same(other["title"], row["title"])]
        if not near:
            missed.append(str(row["title"]))
            continue
        wanted = len(_bare(row["title"]))
        match = min(near, key=lambda other: abs(len(_bare(other["title"])) - wanted))
        left.remove(match)
        for fact in FACTS:
            right[fact] += _said(match.get(fact)) == _said(row.get(fact))
    found = len(gold) - len(missed)
    return DocumentScores(
        documents=len(gold),
        precision=_share(found, found + len(left)),
        recall=_share(found, len(gold)),
        f1=_share(2 * found, 2 * found + len(left) + len(missed)),
        accuracy={fact: round(n / found, 4) if found else None for fact, n in right.items()},
        missed=tuple(missed),
        extra=tuple(str(row["title"]) for row in left),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _file(row: Row) -> str:
    return PurePath(str(row.get("source", ""))).name


def _bare(title: Any) -> str:
    return re.sub(r"[《》\s]", "", str(title or ""))


def _said(value: Any) -> str:
    return "".join(str(value).split()) if value is not None else ""


def _same(one: Any, other: Any) -> bool:
    a, b = _bare(one), _bare(other)
    if a == b:
        return True
    return bool(a and b) and (a in b or b in a) and abs(len(a) - len(b)) < _SLACK


def evaluate(gold: Path, files: Sequence[str], predictions: Path | None = None) -> DocumentScores:
    """Score predictions, or what the toolkit reads in the files, against a gold file."""
    from toolkit.documents.overview import survey
    from toolkit.tables import read_jsonl

    wanted = [row for _, row in read_jsonl(gold)]
    if predictions is not None:
        said = [row for _, row in read_jsonl(predictions)]
    else:
        said = [row.model_dump(mode="json") for row in survey(files) if not isinstance(row, Failure)]
    return score_documents(wanted, said)


@click.command("documents")
@click.option("--gold", type=click.Path(path_type=Path), required=True, help="Gold rows, a .jsonl file.")
@click.option("--files", multiple=True, help="A file or folder to read; may be given several times.")
@click.option("--predictions", type=click.Path(path_type=Path), help="Score these rows; no file is read.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("more", nargs=-1)
def command(
    gold: Path, files: tuple[str, ...], predictions: Path | None, as_json: bool, more: tuple[str, ...]
) -> None:
    """Score which documents are found and whether number, dates and region are right."""
    if not (files or more or predictions):
        raise click.UsageError("name the files to read with --files, or rows to score with --predictions")
    scores = evaluate(gold, [*files, *more], predictions)
    if as_json:
        click.echo(scores.model_dump_json(indent=1))
        return
    click.echo(f"documents  {scores.documents}")
    click.echo(f"titles     precision {scores.precision:.4f}  recall {scores.recall:.4f}  F1 {scores.f1:.4f}")
    for fact, share in scores.accuracy.items():
        click.echo(f"{fact:<10} {'-' if share is None else format(share, '.4f')}")
    for title in scores.missed:
        click.echo(f"missed     {title}")
    for title in scores.extra:
        click.echo(f"extra      {title}")
