"""Files into a store: read, split, embed, index; what did not change is not touched.

In: paths. Out: an `IngestReport` in which every file is added, replaced, unchanged, empty or failed.
A document is finished before the next is written, so that an ingest that is cut off goes on where it
was; a file counts as read once all its documents are in.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from toolkit.clauses import split_clauses
from toolkit.documents import find_files, read_documents
from toolkit.embed import Embedder
from toolkit.errors import InputError
from toolkit.records import Clause, Document, Failure, FileOutcome, IngestReport
from toolkit.store import FileRecord, Store

__all__ = ["RECIPE", "IngestStep", "indexed_text", "ingest"]

RECIPE = "2"  # raise it when the same file would give other documents, clauses or indexed texts
_GROUP = 128  # clauses that are embedded together, so that all cores have work

Split = tuple[Document, list[Clause]]


@dataclass(frozen=True)
class IngestStep:
    """Where an ingest is: a file begins, clauses of it are embedded, it ends."""

    path: str
    event: Literal["begin", "embedded", "end"]
    files_done: int
    files_total: int
    clauses: int = 0
    outcome: FileOutcome | None = None


def indexed_text(document: Document, clause: Clause) -> str:
    """Give what stands for a clause in the vectors: its policy's region and title, headings, text."""
    region = document.region if document.region and document.region not in document.title else ""
    head = " ".join(part for part in (region, document.title, *clause.heading_path) if part)
    return f"{head}\n{clause.text}"


def ingest(
    paths: Sequence[str | Path],
    store: Store,
    embedder: Embedder,
    *,
    prune: bool = False,
    progress: Callable[[IngestStep], None] | None = None,
) -> IngestReport:
    """Bring the files under the paths into the store.

    `prune` drops what came from files that are no longer under the paths. A file that cannot be read
    is a Failure in the report, and what an earlier version of it brought stays.
    """
    began = time.monotonic()
    files = find_files(paths)
    store.expect_embedder(embedder)
    run = _Ingest(store, embedder, len(files), progress or (lambda step: None))
    with store.writing():
        outcomes = tuple(run.file(path) for path in files)
        pruned = run.prune({_key(path) for path in files}) if prune else ()
    seconds = round(time.monotonic() - began, 3)
    return IngestReport(files=outcomes, pruned=pruned, removed=run.removed, seconds=seconds)


@dataclass
class _Work:
    """What one file brought so far."""

    path: Path
    ids: list[str] = field(default_factory=list)
    clauses: int = 0
    embedded: int = 0
    failures: list[Failure] = field(default_factory=list)

    def fail(self, reason: str) -> None:
        self.failures.append(Failure(stage="read", input=str(self.path), reason=reason))

    def outcome(self, kind: Literal["added", "replaced", "empty", "failed"]) -> FileOutcome:
        return FileOutcome(
            path=str(self.path),
            outcome=kind,
            documents=len(self.ids),
            clauses=self.clauses,
            embedded=self.embedded,
            failures=tuple(self.failures),
        )


class _Ingest:
    """One run: files in turn, and what had to go."""

    def __init__(
        self, store: Store, embedder: Embedder, total: int, tell: Callable[[IngestStep], None]
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._total = total
        self._tell = tell
        self._done = 0
        self.removed = 0

    def file(self, path: Path) -> FileOutcome:
        """Bring one file in."""
        self._report(path, "begin")
        work = _Work(path)
        try:
            outcome = self._file(work)
        except (InputError, OSError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise
            work.fail(str(error) if isinstance(error, InputError) else error.strerror or str(error))
            outcome = work.outcome("failed")
        self._done += 1
        self._report(path, "end", clauses=outcome.clauses, outcome=outcome)
        return outcome

    def _file(self, work: _Work) -> FileOutcome:
        known = self._store.files.get(_key(work.path))
        stat = work.path.stat()
        now = FileRecord(_key(work.path), stat.st_size, stat.st_mtime_ns, "", RECIPE)
        if known is not None and known.recipe == RECIPE:
            same = (known.size, known.mtime_ns) == (now.size, now.mtime_ns)
            if not same and known.sha256 == _sha256(work.path):
                self._store.files.touch(known.path, size=now.size, mtime_ns=now.mtime_ns)
                same = True
            if same:
                documents, clauses = self._store.count(known.document_ids)
                return FileOutcome(
                    path=str(work.path),
                    outcome="unchanged",
                    documents=documents,
                    clauses=clauses,
                    failures=known.failures,
                )
        return self._read(work, known, now)

    def _read(self, work: _Work, known: FileRecord | None, now: FileRecord) -> FileOutcome:
        digest = _sha256(work.path)
        waiting: list[Split] = []
        for item in read_documents(work.path):
            if isinstance(item, Failure):
                work.failures.append(item)
                continue
            waiting.append((item, split_clauses(item)))
            if sum(len(clauses) for _, clauses in waiting) >= _GROUP:
                self._index(work, waiting)
                waiting = []
        self._index(work, waiting)
        if work.failures and not work.ids:
            return work.outcome("failed")
        self._remove(self._store.files.only_in(now.path) - set(work.ids))
        self._store.files.save(
            FileRecord(
                now.path, now.size, now.mtime_ns, digest, RECIPE, tuple(work.ids), tuple(work.failures)
            )
        )
        return work.outcome("empty" if not work.ids else "added" if known is None else "replaced")

    def _index(self, work: _Work, waiting: list[Split]) -> None:
        fresh: list[Split] = []
        for document, clauses in waiting:
            if document.id in work.ids:
                continue
            work.ids.append(document.id)
            work.clauses += len(clauses)
            if self._store.recipe(document.id) != RECIPE:
                fresh.append((document, clauses))
        if not fresh:
            return
        self._store.use_embedder(self._embedder)
        texts = [indexed_text(document, clause) for document, clauses in fresh for clause in clauses]
        before = work.embedded
        vectors = self._embedder.embed(
            texts,
            kind="passage",
            progress=lambda done: self._report(work.path, "embedded", clauses=before + done),
        )
        self._store.add_many(fresh, vectors, recipe=RECIPE)
        work.embedded += len(texts)

    def prune(self, present: set[str]) -> tuple[str, ...]:
        """Drop what came from files other than those present; gives their paths."""
        gone = tuple(path for path in self._store.files.paths() if path not in present)
        for path in gone:
            self._remove(self._store.files.only_in(path))
            self._store.files.forget(path)
        return gone

    def _remove(self, document_ids: set[str]) -> None:
        for document_id in sorted(document_ids):
            self._store.remove(document_id)
            self.removed += 1

    def _report(
        self,
        path: Path,
        event: Literal["begin", "embedded", "end"],
        *,
        clauses: int = 0,
        outcome: FileOutcome | None = None,
    ) -> None:
        self._tell(IngestStep(str(path), event, self._done, self._total, clauses, outcome))


def _key(path: Path) -> str:
    return str(path.resolve())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
