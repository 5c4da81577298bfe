"""A store: policies and clauses with their vectors, words and facts, in one folder.

`facts.sqlite` is the truth; `chroma/` and `keywords/` are made from it and the embedder and brought
back in line with it by the next writer after a crash. One process writes at a time; any number read.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import StoreError
from toolkit.keywords import KeywordIndex, tokenize
from toolkit.records import Clause, Document, Labelling, Support, content_id
from toolkit.store import facts
from toolkit.store.files import FileRecord, ReadFiles
from toolkit.store.folder import facts_error, make_folder
from toolkit.store.lock import WriteLock
from toolkit.store.manifest import Counts, EmbedderMark, Manifest, read_manifest, write_manifest
from toolkit.store.vectors import VectorIndex
from toolkit.store.words import StoredKeywords

__all__ = ["FileRecord", "Manifest", "Store", "default_store_path"]

Vectors = NDArray[np.float32]


class Marked(Protocol):
    """What a store must know of an embedder."""

    name: str
    fingerprint: str
    dimension: int


def default_store_path() -> Path:
    """The store that commands use when none is named: $ZHENGCE_STORE, or `stores/default` here."""
    return Path(os.environ.get("ZHENGCE_STORE") or Path("stores") / "default")


class Store:
    """An open store; `facts` is its SQLite connection and may be queried freely, `files` what was read."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = WriteLock(path)
        self._reading = threading.Lock()
        try:
            self.facts = facts.connect(path / "facts.sqlite")
        except sqlite3.Error as error:
            raise facts_error(path, error) from error
        self.files = ReadFiles(self._rows, self.facts, self._changing)
        self._vectors = self._vector_index()
        self._keywords = StoredKeywords(path / "keywords", self._rows, self._lock)

    @classmethod
    def open(
        cls, path: str | Path | None = None, *, create: bool = False, chroma_url: str | None = None
    ) -> Store:
        """Open a store, or make one where `create` says so.

        None means `default_store_path()`. `chroma_url` is a server's (`http://host:port`) that holds
        the vectors instead of the folder; the store remembers it.
        """
        folder = Path(path) if path is not None else default_store_path()
        if not (folder / "manifest.json").is_file():
            if not create:
                raise StoreError(
                    f"there is no store at {folder}", hint=f"run: zhengce ingest PATH --store {folder}"
                )
            make_folder(folder, chroma_url)
        manifest = read_manifest(folder)
        moved = chroma_url is not None and chroma_url != manifest.chroma_url
        if moved and not create:
            where = manifest.chroma_url or "its own folder"
            raise StoreError(
                f"the store {folder} has its vectors in {where}",
                hint=f"move them with: zhengce ingest PATH --store {folder} --chroma-url {chroma_url}",
            )
        store = cls(folder, manifest)
        if moved:
            store._move_vectors(chroma_url)
        return store

    def _vector_index(self) -> VectorIndex:
        return self.collection("clauses")

    def collection(self, name: str) -> VectorIndex:
        """Open a collection of the store's Chroma by its own name; `clauses` is kept by the store."""
        full = f"zhengce-{self.manifest.id}-{name}"
        return VectorIndex(self.path / "chroma", name=full, url=self.manifest.chroma_url)

    def _move_vectors(self, url: str | None) -> None:
        with self._lock.held():
            with self._changing():
                self._note_dirty()
            self._save_manifest(chroma_url=url)
            self._vectors = self._vector_index()

    # -------------------------------------------------------------- reading
    def documents(self) -> list[Document]:
        """Give all documents in the order in which they came."""
        rows = self._rows("SELECT * FROM documents WHERE ready ORDER BY rowid")
        return [facts.document_of(row) for row in rows]

    def document(self, document_id: str) -> Document | None:
        """Give one document."""
        rows = self._rows("SELECT * FROM documents WHERE ready AND id = ?", document_id)
        return facts.document_of(rows[0]) if rows else None

    def clauses(self, document_id: str | None = None) -> list[Clause]:
        """Give a document's clauses, or all, in the order of the text."""
        query = "SELECT c.* FROM clauses c JOIN documents d ON d.id = c.document_id WHERE d.ready"
        if document_id is None:
            rows = self._rows(f"{query} ORDER BY d.rowid, c.n")
        else:
            rows = self._rows(f"{query} AND d.id = ? ORDER BY c.n", document_id)
        return [facts.clause_of(row) for row in rows]

    def clause(self, clause_id: str) -> Clause | None:
        """Give one clause."""
        rows = self._rows(
            "SELECT c.* FROM clauses c JOIN documents d ON d.id = c.document_id WHERE d.ready AND c.id = ?",
            clause_id,
        )
        return facts.clause_of(rows[0]) if rows else None

    def recipe(self, document_id: str) -> str | None:
        """Say how a document was read; None where it is not here."""
        rows = self._rows("SELECT recipe FROM documents WHERE ready AND id = ?", document_id)
        return rows[0]["recipe"] if rows else None

    def count(self, document_ids: Iterable[str]) -> tuple[int, int]:
        """Count the documents here among those named, and their clauses."""
        query = (
            "SELECT count(DISTINCT d.id), count(c.id) FROM documents d "
            "LEFT JOIN clauses c ON c.document_id = d.id WHERE d.ready AND d.id = ?"
        )
        counts = [self._rows(query, document_id)[0] for document_id in document_ids]
        return sum(row[0] for row in counts), sum(row[1] for row in counts)

    @property
    def fingerprint(self) -> str:
        """Identify what documents it holds and how they were read."""
        rows = self._rows("SELECT id, recipe FROM documents WHERE ready ORDER BY id")
        return content_id(*(f"{row['id']} {row['recipe']}" for row in rows))

    def supports(self, clause_id: str) -> tuple[Support, ...] | None:
        """Give a clause's extracted supports; None where it was never extracted from."""
        if not self._rows("SELECT 1 FROM extracted WHERE clause_id = ?", clause_id):
            return None
        rows = self._rows("SELECT record FROM supports WHERE clause_id = ? ORDER BY n", clause_id)
        return tuple(Support.model_validate_json(row["record"]) for row in rows)

    def vector_search(
        self, vector: Vectors, k: int = 10, where: dict[str, Any] | None = None
    ) -> list[tuple[str, float]]:
        """Give the k clauses nearest to a vector as (clause id, cosine similarity), best first.

        `where` is Chroma's filter over `document_id` and `region`.
        """
        flat = np.asarray(vector, dtype=np.float32).reshape(-1)
        mark = self.manifest.embedder
        if mark is not None and len(flat) != mark.dimension:
            raise StoreError(
                f"the vector has {len(flat)} numbers and those of {self.path} have {mark.dimension}"
            )
        return self._vectors.search(flat, k, where)

    def keyword_scores(self, query: str | Sequence[str]) -> tuple[tuple[str, ...], Vectors]:
        """Give all clause ids and their BM25 scores for a query, or for its tokens."""
        index = self._keyword_index()
        return index.ids, index.scores(tokenize(query) if isinstance(query, str) else query)

    def keyword_search(self, query: str, k: int = 10) -> list[tuple[str, float]]:
        """Give the k clauses with the best BM25 score as (clause id, score), best first."""
        ids, scores = self.keyword_scores(query)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(ids[i], float(scores[i])) for i in best if scores[i] > 0]

    def word_weight(self, word: str) -> float:
        """Give a word's inverse document frequency over the clauses; 0 where it stands in none."""
        return self._keyword_index().weight(word)

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        try:
            with self._reading:
                return self.facts.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise facts_error(self.path, error) from error

    @property
    def generation(self) -> int:
        """A number that rises with every change of the documents."""
        return facts.generation(self.facts)

    def _keyword_index(self) -> KeywordIndex:
        return self._keywords.index(self.generation)

    # -------------------------------------------------------------- writing
    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for writing; what an earlier crash left half-done is put right first.

        StoreError names the process that holds it otherwise. May be nested.
        """
        with self._lock.held() as outermost:
            if not outermost:
                yield
                return
            dirty = self._rows("SELECT 1 FROM meta WHERE key = 'dirty'")
            lost = self.manifest.chroma_url is None and not (self.path / "chroma").is_dir()
            if dirty or (lost and self._rows("SELECT 1 FROM documents LIMIT 1")):
                self._reconcile()
            before = self.facts.total_changes
            yield
            if self.facts.total_changes != before:
                self._settle()

    def _settle(self) -> None:
        self._keyword_index()
        with self._changing():
            self.facts.execute("DELETE FROM meta WHERE key = 'dirty'")
        self._save_manifest()

    def expect_embedder(self, embedder: Marked) -> None:
        """Refuse an embedder other than the one that made this store's vectors."""
        mark = self.manifest.embedder
        if mark is not None and mark.fingerprint != embedder.fingerprint:
            raise StoreError(
                f"the store {self.path} was made by the embedder {mark.name} ({mark.fingerprint}) "
                f"and this one is {embedder.name} ({embedder.fingerprint})",
                hint="ingest again into another folder with --store, or delete this one",
            )

    def use_embedder(self, embedder: Marked) -> None:
        """Remember the embedder that makes this store's vectors; another one is refused."""
        self.expect_embedder(embedder)
        if self.manifest.embedder is None:
            mark = EmbedderMark(
                name=embedder.name, fingerprint=embedder.fingerprint, dimension=embedder.dimension
            )
            with self.writing():
                self._save_manifest(embedder=mark)

    def add(
        self, document: Document, clauses: Sequence[Clause], vectors: Vectors, *, recipe: str = ""
    ) -> None:
        """Add a document or replace the one of its id; `vectors` is (clauses, dimension).

        `recipe` names how it was read, so that a later version knows what to read again.
        """
        self.add_many([(document, clauses)], vectors, recipe=recipe)

    def add_many(
        self, items: Sequence[tuple[Document, Sequence[Clause]]], vectors: Vectors, *, recipe: str = ""
    ) -> None:
        """Add documents together, which costs less than one by one; `vectors` are all their clauses'."""
        every = [clause for _, clauses in items for clause in clauses]
        if len(every) != len(vectors):
            raise ValueError(f"{len(every)} clauses and {len(vectors)} vectors")
        with self.writing():
            for document, _ in items:
                self._drop(document.id)
            with self._changing():
                self._note_dirty()
                for document, clauses in items:
                    facts.insert_document(self.facts, document, recipe=recipe)
                    facts.insert_clauses(self.facts, clauses, _fields(document, clauses))
            if every:
                self._vectors.add(
                    [clause.id for clause in every],
                    vectors,
                    texts=[clause.text for clause in every],
                    metadatas=[_metadata(document, c) for document, clauses in items for c in clauses],
                )
            with self._changing():
                ready = ((document.id,) for document, _ in items)
                self.facts.executemany("UPDATE documents SET ready = 1 WHERE id = ?", ready)
                facts.bump_generation(self.facts)

    def remove(self, document_id: str) -> None:
        """Drop a document with all that hangs on it; an unknown one is no error."""
        with self.writing():
            self._drop(document_id)

    def _drop(self, document_id: str) -> None:
        if not self._rows("SELECT 1 FROM documents WHERE id = ?", document_id):
            return
        with self._changing():
            self._note_dirty()
            self.facts.execute("UPDATE documents SET ready = 0 WHERE id = ?", (document_id,))
            facts.bump_generation(self.facts)
        self._vectors.remove(document_id)
        with self._changing():
            self.facts.execute("DELETE FROM documents WHERE id = ?", (document_id,))

    def save_supports(self, clause_id: str, supports: Sequence[Support]) -> None:
        """Replace a clause's supports."""
        with self._lock.held(), self._changing():
            facts.insert_supports(self.facts, clause_id, supports)

    def save_labels(self, labellings: Iterable[Labelling]) -> None:
        """Replace the labels of the clauses that the labellings' ids name."""
        with self._lock.held(), self._changing():
            facts.insert_labels(self.facts, labellings)

    def _reconcile(self) -> None:
        """Bring vectors and facts in line: half-written documents and stray vectors go.

        The files of a document that goes count as changed, so that ingest reads them again.
        """
        kept: set[str] = {row["id"] for row in self._rows("SELECT id FROM clauses")}
        held = self._vectors.ids()
        self._vectors.delete(sorted(held - kept))
        lost = {row["id"] for row in self._rows("SELECT id FROM documents WHERE NOT ready")}
        for clause in self._rows("SELECT id, document_id FROM clauses"):
            if clause["id"] not in held:
                lost.add(clause["document_id"])
        for document_id in sorted(lost):
            self._drop(document_id)
        self.files.reread(sorted(lost))
        self._settle()

    def _note_dirty(self) -> None:
        self.facts.execute("INSERT OR REPLACE INTO meta VALUES ('dirty', '1')")

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """One transaction: all of it or nothing."""
        try:
            with self._reading:
                self.facts.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self.facts.execute("COMMIT")
                except BaseException:
                    if self.facts.in_transaction:
                        self.facts.execute("ROLLBACK")
                    raise
        except sqlite3.DatabaseError as error:
            raise facts_error(self.path, error) from error

    def _save_manifest(self, **changes: Any) -> None:
        counts = Counts(
            files=self._count("SELECT count(*) FROM files"),
            documents=self._count("SELECT count(*) FROM documents WHERE ready"),
            clauses=self._count(
                "SELECT count(*) FROM clauses c JOIN documents d ON d.id = c.document_id WHERE d.ready"
            ),
        )
        self.manifest = self.manifest.model_copy(update={"counts": counts, **changes})
        write_manifest(self.path, self.manifest)

    def _count(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def close(self) -> None:
        """Close the database and the vectors; a second call does nothing."""
        self._vectors.close()
        self.facts.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _fields(document: Document, clauses: Sequence[Clause]) -> list[tuple[list[str], list[str]]]:
    """Give the tokens of each clause's heading and body."""
    known: dict[str, list[str]] = {}

    def tokens(part: str) -> list[str]:
        if part not in known:
            known[part] = tokenize(part)
        return known[part]

    heads = [(document.title, document.region or "", *clause.heading_path) for clause in clauses]
    headings = [[token for part in head for token in tokens(part)] for head in heads]
    return [(heading, tokenize(clause.text)) for heading, clause in zip(headings, clauses, strict=True)]


def _metadata(document: Document, clause: Clause) -> dict[str, str]:
    return {
        "document_id": document.id,
        "policy": document.title,
        "region": document.region or "",
        "heading": clause.heading,
    }
