"""`facts.sqlite`: the store's truth, and its rows as records.

A document is `ready` once its vectors are in Chroma too; one that a crash left otherwise counts as
absent and is cleared by the next writer. `generation` rises with every change of the ready documents.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from toolkit.records import Clause, Document, Labelling, Support

__all__ = [
    "bump_generation",
    "clause_of",
    "connect",
    "document_of",
    "generation",
    "insert_clauses",
    "insert_document",
    "insert_labels",
    "insert_supports",
]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, source TEXT NOT NULL, "offset" INTEGER NOT NULL,
    issuers TEXT NOT NULL, doc_number TEXT, region TEXT, region_path TEXT NOT NULL,
    issued TEXT, effective TEXT, effective_text TEXT, expires TEXT, status TEXT, text TEXT NOT NULL,
    recipe TEXT NOT NULL, ready INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS clauses (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    n INTEGER NOT NULL, heading TEXT NOT NULL, heading_path TEXT NOT NULL, kind TEXT NOT NULL,
    text TEXT NOT NULL, "start" INTEGER NOT NULL, "end" INTEGER NOT NULL,
    heading_tokens TEXT NOT NULL, body_tokens TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS clauses_of_document ON clauses(document_id, n);
CREATE TABLE IF NOT EXISTS supports (
    id INTEGER PRIMARY KEY, clause_id TEXT NOT NULL REFERENCES clauses(id) ON DELETE CASCADE,
    n INTEGER NOT NULL, measure TEXT NOT NULL, support_type TEXT NOT NULL, beneficiary TEXT,
    conditions TEXT NOT NULL, per TEXT, bindingness TEXT NOT NULL, record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS supports_of_clause ON supports(clause_id, n);
CREATE TABLE IF NOT EXISTS figures (
    support_id INTEGER NOT NULL REFERENCES supports(id) ON DELETE CASCADE,
    role TEXT NOT NULL, value REAL NOT NULL, quote TEXT NOT NULL, base TEXT
);
CREATE INDEX IF NOT EXISTS figures_of_support ON figures(support_id);
CREATE TABLE IF NOT EXISTS extracted (
    clause_id TEXT PRIMARY KEY REFERENCES clauses(id) ON DELETE CASCADE, supports INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS labels (
    clause_id TEXT NOT NULL REFERENCES clauses(id) ON DELETE CASCADE,
    code INTEGER NOT NULL, score REAL, chosen INTEGER NOT NULL, stage TEXT NOT NULL,
    PRIMARY KEY (clause_id, code)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL,
    recipe TEXT NOT NULL, failures TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file_documents (
    path TEXT NOT NULL REFERENCES files(path) ON DELETE CASCADE, document_id TEXT NOT NULL,
    PRIMARY KEY (path, document_id)
);
CREATE INDEX IF NOT EXISTS files_of_document ON file_documents(document_id);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the database, with its tables; rows are `sqlite3.Row`, usable from any thread."""
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.executescript(_SCHEMA)
    return connection


def generation(connection: sqlite3.Connection) -> int:
    """Give the number that rises with every change of the ready documents."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
    return int(row[0]) if row else 0


def bump_generation(connection: sqlite3.Connection) -> None:
    """Raise it by one."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (generation(connection) + 1,))


def insert_document(connection: sqlite3.Connection, document: Document, *, recipe: str) -> None:
    """Insert a document, not yet ready."""
    connection.execute(
        "INSERT INTO documents VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
        (
            document.id,
            document.title,
            document.source,
            document.offset,
            json.dumps(document.issuers, ensure_ascii=False),
            document.doc_number,
            document.region,
            json.dumps(document.region_path, ensure_ascii=False),
            _iso(document.issued),
            _iso(document.effective),
            document.effective_text,
            _iso(document.expires),
            document.status,
            document.text,
            recipe,
        ),
    )


def insert_clauses(
    connection: sqlite3.Connection, clauses: Sequence[Clause], tokens: Sequence[tuple[list[str], list[str]]]
) -> None:
    """Insert a document's clauses in their order with the tokens of their heading and body."""
    connection.executemany(
        "INSERT INTO clauses VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        (
            (
                clause.id,
                clause.document_id,
                n,
                clause.heading,
                json.dumps(clause.heading_path, ensure_ascii=False),
                clause.kind,
                clause.text,
                clause.start,
                clause.end,
                " ".join(heading),
                " ".join(body),
            )
            for n, (clause, (heading, body)) in enumerate(zip(clauses, tokens, strict=True))
        ),
    )


def insert_supports(connection: sqlite3.Connection, clause_id: str, supports: Sequence[Support]) -> None:
    """Replace a clause's supports; none at all is recorded as well."""
    connection.execute("DELETE FROM supports WHERE clause_id = ?", (clause_id,))
    connection.execute("INSERT OR REPLACE INTO extracted VALUES (?,?)", (clause_id, len(supports)))
    for n, support in enumerate(supports):
        row = connection.execute(
            "INSERT INTO supports (clause_id, n, measure, support_type, beneficiary, conditions, per, "
            "bindingness, record) VALUES (?,?,?,?,?,?,?,?,?)",
            (
                clause_id,
                n,
                support.measure.quote,
                support.support_type,
                support.beneficiary.quote if support.beneficiary else None,
                json.dumps([c.quote for c in support.conditions], ensure_ascii=False),
                support.per,
                support.bindingness,
                support.model_dump_json(),
            ),
        )
        connection.executemany(
            "INSERT INTO figures VALUES (?,?,?,?,?)",
            ((row.lastrowid, *figure) for figure in _figures(support)),
        )


def _figures(support: Support) -> Iterator[tuple[str, float, str, str | None]]:
    for role, figures in (("amount", support.amounts), ("cap", support.caps)):
        for figure in figures:
            yield role, float(figure.value), figure.quote, None
    for rate in support.rates:
        yield "rate", float(rate.value), rate.quote, rate.base


def insert_labels(connection: sqlite3.Connection, labellings: Iterable[Labelling]) -> None:
    """Replace the labels of the clauses that the labellings' ids name."""
    for labelling in labellings:
        connection.execute("DELETE FROM labels WHERE clause_id = ?", (labelling.id,))
        codes = sorted({*labelling.labels, *map(int, labelling.scores)})
        connection.executemany(
            "INSERT INTO labels VALUES (?,?,?,?,?)",
            (
                (
                    labelling.id,
                    code,
                    labelling.scores.get(str(code)),
                    code in labelling.labels,
                    labelling.stage,
                )
                for code in sorted(codes)
            ),
        )


def document_of(row: sqlite3.Row) -> Document:
    """Give a row of `documents` as the record that it was."""
    return Document(
        id=row["id"],
        title=row["title"],
        source=row["source"],
        offset=row["offset"],
        issuers=tuple(json.loads(row["issuers"])),
        doc_number=row["doc_number"],
        region=row["region"],
        region_path=tuple(json.loads(row["region_path"])),
        issued=_day(row["issued"]),
        effective=_day(row["effective"]),
        effective_text=row["effective_text"],
        expires=_day(row["expires"]),
        status=row["status"],
        text=row["text"],
    )


def clause_of(row: sqlite3.Row) -> Clause:
    """Give a row of `clauses` as the record that it was."""
    return Clause(
        id=row["id"],
        document_id=row["document_id"],
        heading_path=tuple(json.loads(row["heading_path"])),
        kind=row["kind"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
    )


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
