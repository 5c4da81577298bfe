"""Where the clauses to code come from: policy files, or a file of clauses.

In: paths, or lines of `{"id", "text"}` (with `region` and `issued` or `year` where known). Out: `Found`
clauses with the place and year that the report counts by, and a `Failure` for what cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from toolkit.records import Clause, Document, Failure, Record
from toolkit.tables import read_jsonl

__all__ = ["Found", "clauses_of_files", "clauses_of_lines"]

_YEAR = re.compile(r"(?:19|20)\d\d")


class Found(Record):
    """A clause to code; `region` and `year` are None where its document does not say."""

    id: str
    text: str
    region: str | None = None
    year: int | None = None


def clauses_of_files(paths: Sequence[str | Path]) -> Iterator[Found | Failure]:
    """Split every policy in the files into clauses, in document order."""
    from toolkit.clauses import split_clauses
    from toolkit.documents import find_files, read_documents

    for path in find_files(paths):
        for document in read_documents(path):
            if isinstance(document, Failure):
                yield document
            else:
                yield from (_of(document, clause) for clause in split_clauses(document))


def clauses_of_lines(path: str | Path) -> Iterator[Found | Failure]:
    """Read clauses from a file of one JSON object a line; "-" is standard input."""
    for _, row in read_jsonl(path, errors="yield", needs=("id", "text")):
        if isinstance(row, Failure):
            yield row
        else:
            region = row.get("region")
            yield Found(
                id=row["id"],
                text=row["text"],
                region=region if isinstance(region, str) else None,
                year=_year(row.get("year") or row.get("issued")),
            )


def _of(document: Document, clause: Clause) -> Found:
    when = document.issued or document.effective
    return Found(
        id=clause.id,
        text=clause.text,
        region=document.region,
        year=when.year if when else _year(document.doc_number),
    )


def _year(value: Any) -> int | None:
    found = _YEAR.search(str(value)) if value is not None else None
    return int(found.group()) if found else None
