"""Which files were read, in what state, and which documents they brought."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from toolkit.records import Failure

__all__ = ["FileRecord", "ReadFiles"]


@dataclass(frozen=True)
class FileRecord:
    """A file as it was when it was read; `recipe` names the way of reading."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    recipe: str
    document_ids: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


class ReadFiles:
    """The store's tables `files` and `file_documents`; paths are absolute."""

    def __init__(
        self,
        rows: Callable[..., list[sqlite3.Row]],
        connection: sqlite3.Connection,
        changing: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._rows = rows
        self._connection = connection
        self._changing = changing

    def paths(self) -> list[str]:
        """Name all files."""
        return [row["path"] for row in self._rows("SELECT path FROM files ORDER BY path")]

    def get(self, path: str) -> FileRecord | None:
        """Give a file's record."""
        found = self._rows("SELECT * FROM files WHERE path = ?", path)
        if not found:
            return None
        row = found[0]
        ids = self._rows("SELECT document_id FROM file_documents WHERE path = ? ORDER BY rowid", path)
        return FileRecord(
            path=path,
            size=row["size"],
            mtime_ns=row["mtime_ns"],
            sha256=row["sha256"],
            recipe=row["recipe"],
            document_ids=tuple(r["document_id"] for r in ids),
            failures=tuple(Failure.model_validate(f) for f in json.loads(row["failures"])),
        )

    def only_in(self, path: str) -> set[str]:
        """Name the documents that came from this file and from no other."""
        rows = self._rows(
            "SELECT document_id FROM file_documents WHERE path = ? AND document_id NOT IN "
            "(SELECT document_id FROM file_documents WHERE path != ?)",
            path,
            path,
        )
        return {row["document_id"] for row in rows}

    def save(self, record: FileRecord) -> None:
        """Record a file, replacing what was known of it."""
        failures = json.dumps([f.model_dump() for f in record.failures], ensure_ascii=False)
        with self._changing():
            self._connection.execute("DELETE FROM files WHERE path = ?", (record.path,))
            self._connection.execute(
                "INSERT INTO files VALUES (?,?,?,?,?,?)",
                (record.path, record.size, record.mtime_ns, record.sha256, record.recipe, failures),
            )
            self._connection.executemany(
                "INSERT INTO file_documents VALUES (?,?)", ((record.path, i) for i in record.document_ids)
            )

    def touch(self, path: str, *, size: int, mtime_ns: int) -> None:
        """Record that a file was written anew with the same content."""
        with self._changing():
            self._connection.execute(
                "UPDATE files SET size = ?, mtime_ns = ? WHERE path = ?", (size, mtime_ns, path)
            )

    def forget(self, path: str) -> None:
        """Drop a file's record; its documents are the caller's to remove first."""
        with self._changing():
            self._connection.execute("DELETE FROM files WHERE path = ?", (path,))

    def reread(self, document_ids: Sequence[str]) -> None:
        """Let the files of some documents count as changed."""
        with self._changing():
            for document_id in document_ids:
                self._connection.execute(
                    "UPDATE files SET sha256 = '', mtime_ns = 0 WHERE path IN "
                    "(SELECT path FROM file_documents WHERE document_id = ?)",
                    (document_id,),
                )
