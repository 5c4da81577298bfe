"""`keywords/<generation>/`: the BM25 index of a store as it is, made from its facts where it is not there."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from toolkit.errors import StoreError
from toolkit.keywords import FIELDS, KeywordIndex
from toolkit.store.lock import WriteLock

__all__ = ["StoredKeywords"]


class StoredKeywords:
    """Holds the index of the newest generation asked for."""

    def __init__(self, folder: Path, rows: Callable[..., list[sqlite3.Row]], lock: WriteLock) -> None:
        self._folder = folder
        self._rows = rows
        self._lock = lock
        self._held: tuple[int, KeywordIndex] | None = None

    def index(self, generation: int) -> KeywordIndex:
        """Give the index of a generation of the store."""
        if self._held is None or self._held[0] != generation:
            self._held = (generation, self._load(generation))
        return self._held[1]

    def _load(self, generation: int) -> KeywordIndex:
        folder = self._folder / str(generation)
        with contextlib.suppress(OSError, ValueError, KeyError):
            return KeywordIndex.load(folder)
        rows = self._rows(
            "SELECT c.id, c.heading_tokens, c.body_tokens FROM clauses c JOIN documents d "
            "ON d.id = c.document_id WHERE d.ready ORDER BY d.rowid, c.n"
        )
        tokens = {name: [row[f"{name}_tokens"].split() for row in rows] for name in FIELDS}
        index = KeywordIndex.build([row["id"] for row in rows], tokens)
        # A reader may not write while another process does; the next writer keeps the index.
        with contextlib.suppress(OSError, StoreError), self._lock.held(wait=0):
            index.save(folder)
            for old in self._folder.iterdir():
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
        return index
