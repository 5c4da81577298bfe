"""What files hold, one row a document: the content of `zhengce documents`.

In: paths. Out: `Overview` rows in file order, a `Failure` for each file that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from toolkit.clauses import split_clauses
from toolkit.documents.reading import find_files, read_documents
from toolkit.records import Document, Failure, Record

__all__ = ["Overview", "survey"]


class Overview(Record):
    """One document of a file; `clauses` is how many it has, `source` the path as it was given."""

    source: str
    title: str
    doc_number: str | None
    issuers: tuple[str, ...]
    region: str | None
    issued: date | None
    effective: date | None
    effective_text: str | None
    expires: date | None
    status: Literal["repealed"] | None
    clauses: int


def survey(paths: Sequence[str | Path]) -> Iterator[Overview | Failure]:
    """List the documents of all files that the paths name; raise InputError as `find_files` does."""
    for path in find_files(paths):
        for found in read_documents(path):
            yield found if isinstance(found, Failure) else _row(found)


def _row(document: Document) -> Overview:
    said = {name: getattr(document, name) for name in Overview.model_fields if name != "clauses"}
    return Overview(**said, clauses=len(split_clauses(document)))
