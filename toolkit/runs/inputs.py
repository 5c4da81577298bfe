"""The inputs of a plan, as payloads in the ledger.

In: a plan's files, clause lists, question lists and store. Out: entries of a run, written by a thread
of its own while the first step is already working, and the account of the reading itself (step
`read`): one item a file, and one for every document or line that could not be read.

A clause's payload is `{"id", "text", "heading_path", "kind", "document_id", "policy", "doc_number",
"region", "source"}`, a question's `{"id", "question"}`, a file's `{"id", "path"}`.
"""

from __future__ import annotations

import glob
import hashlib
import json
import threading
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import InputError
from toolkit.records import Failure, content_id
from toolkit.runs.account import Entry, State, Unit
from toolkit.runs.ledger import Ledger
from toolkit.runs.plan import Inputs, Plan
from toolkit.runs.source import code_hash
from toolkit.tables import read_jsonl

if TYPE_CHECKING:
    from toolkit.store import Store

__all__ = ["READ", "Reader", "check_lists", "plan_files"]

READ = "read"
_BATCH = 256
_LINE_FIELDS = ("policy", "heading", "region", "doc_number", "source", "document_id")
Payload = dict[str, Any]
Reading = Payload | str | Failure


def plan_files(inputs: Inputs, *, since: datetime | None = None) -> list[Path]:
    """List the policy files that a plan names (files, folders, globs with `**`), or those changed since."""
    from toolkit.documents import find_files

    named: list[str] = []
    for given in inputs.files:
        if Path(given).exists() or not glob.has_magic(given):
            named.append(given)
            continue
        matches = sorted(glob.glob(given, recursive=True))
        if not matches:
            raise InputError(f"nothing matches {given}")
        named += matches
    found = find_files(named) if named else []
    return [path for path in found if since is None or path.stat().st_mtime >= since.timestamp()]


def check_lists(inputs: Inputs, *, limit: int | None = None) -> None:
    """Refuse clause and question lists that are missing or use an id twice; reads them once.

    Holds eight bytes an id.
    """
    import numpy

    for paths in (inputs.clauses, inputs.questions):
        hashes = array("q", (hash(name) for _, _, name in _ids(paths, limit)))
        ordered = numpy.sort(numpy.frombuffer(hashes, dtype="int64"))
        twice = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
        seen: dict[str, str] = {}
        for path, number, name in _ids(paths, limit) if twice else ():
            where = f"{path} line {number}"
            if hash(name) in twice and seen.setdefault(name, where) != where:
                raise InputError(
                    f"the id {name!r} stands twice: {seen[name]} and {where}", hint="give each its own"
                )


def _ids(paths: tuple[str, ...], limit: int | None) -> Iterator[tuple[str, int, str]]:
    count = 0
    for path in paths:
        for number, row in read_jsonl(path, errors="yield"):
            if limit is not None and count >= limit:
                return
            if not isinstance(row, Failure):
                count += 1
                yield path, number, str(row.get("id", number))


class Reader:
    """Writes a run's inputs into the ledger and says how far it is.

    `stopped` ends it early; `limit` bounds clauses and questions, each.
    """

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        run: int,
        *,
        limit: int | None = None,
        since: datetime | None = None,
        open_store: Callable[[], Store],
        stopped: threading.Event,
    ) -> None:
        self._plan, self._ledger, self._run = plan, ledger, run
        self._limit, self._since, self._stopped = limit, since, stopped
        self._open_store = open_store
        self._changed = threading.Condition()
        self._counts: dict[Unit, int] = {"clause": 0, "question": 0}
        self._read_items = 0
        self._finished = self._closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="zhengce-reader", daemon=True)

    def start(self) -> None:
        """Begin to read, once."""
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """End the reading; what was not read is read by the next run."""
        self._closed = True
        if self._thread.ident is not None:
            self._thread.join()

    def windows(self, unit: Unit) -> Iterator[list[Entry]]:
        """Give the entries in order, some hundred at a time, as they come in."""
        self.start()
        after = -1
        while True:
            with self._changed:
                while not (self._finished or self._counts[unit] > after + 1):
                    self._changed.wait()
                finished = self._finished
            if self._error is not None:
                raise self._error
            window = self._ledger.window(self._run, unit, after, _BATCH)
            if window:
                after = window[-1].n
                yield window
            elif finished:
                return

    # -------------------------------------------------------------- the thread
    def _work(self) -> None:
        try:
            uses = {step.use for step in self._plan.steps.values()}
            if uses & {"classify", "extract"}:
                self._take("clause", self._clauses())
            if "ask" in uses:
                self._take("question", self._lines(self._plan.inputs.questions, ("question",)))
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify_all()

    def _take(self, unit: Unit, found: Iterator[tuple[str, str | None]]) -> None:
        batch: list[tuple[str, str | None]] = []
        for pair in found:
            if self._stopped.is_set() or self._closed:
                break
            batch.append(pair)
            full = self._limit is not None and self._counts[unit] + len(batch) >= self._limit
            if len(batch) >= _BATCH or full:
                self._add(unit, batch)
                batch = []
            if full:
                return
        self._add(unit, batch)

    def _add(self, unit: Unit, batch: list[tuple[str, str | None]]) -> None:
        if batch:
            self._ledger.add(self._run, unit, self._counts[unit], batch)
            with self._changed:
                self._counts[unit] += len(batch)
                self._changed.notify_all()

    def _note(self, name: str, state: State, reason: str | None = None) -> None:
        self._ledger.register(self._run, READ, [(self._read_items, name, None, state, reason)])
        self._read_items += 1

    def _clauses(self) -> Iterator[tuple[str, str | None]]:
        inputs = self._plan.inputs
        seen: dict[str, str] = {}
        recipe = code_hash("text", "dates", "places", "documents", "clauses")
        for path in () if inputs.store else plan_files(inputs, since=self._since):
            yield from self._file(path, recipe, seen)
        yield from self._lines(inputs.clauses, ("text",))
        if inputs.store:
            yield from self._stored()

    def _file(self, path: Path, recipe: str, seen: dict[str, str]) -> Iterator[tuple[str, str | None]]:
        """Give a file's clauses, from the ledger where the same file was read before."""
        try:
            with open(path, "rb") as file:
                digest = content_id(str(path), hashlib.file_digest(file, "sha256").hexdigest())
            known = self._ledger.known_file(digest, recipe)
            found = iter(known) if known else self._read_file(path, digest, recipe)
            same: set[str] = set()
            count = 0
            for key, document, *payload in found:
                if seen.setdefault(document, str(path)) != str(path):
                    same.add(seen[document])
                    continue
                count += 1
                yield key, payload[0] if payload else None
            reason = f"the same document as in {', '.join(sorted(same))}" if same else None
            self._note(str(path), "done" if count else "empty", reason)
        except (InputError, OSError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise
            self._note(str(path), "failed", str(error))

    def _read_file(self, path: Path, digest: str, recipe: str) -> Iterator[tuple[str, str, str]]:
        from toolkit.clauses import split_clauses
        from toolkit.documents import read_documents

        keys: list[str] = []
        whole = True
        for document in read_documents(path):
            if isinstance(document, Failure):
                self._note(document.input, "failed", document.reason)
                whole = False
                continue
            about = {
                "document_id": document.id,
                "policy": document.title,
                "doc_number": document.doc_number,
                "region": document.region,
                "source": str(path),
            }
            for clause in split_clauses(document):
                key, payload = _packed({**clause.model_dump(mode="json"), **about})
                keys.append(key)
                yield key, document.id, payload
        if whole:
            self._ledger.remember_file(digest, recipe, keys)

    def _lines(self, paths: tuple[str, ...], needs: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
        for path in paths:
            count = 0
            if self._since and path != "-" and Path(path).stat().st_mtime < self._since.timestamp():
                continue
            for number, row in read_jsonl(path, errors="yield", needs=needs):
                if isinstance(row, Failure):
                    self._note(row.input, "failed", row.reason)
                    continue
                count += 1
                fields = {name: row[name] for name in _LINE_FIELDS if isinstance(row.get(name), str)}
                said = {name: row[name] for name in needs}
                yield _packed({"id": str(row.get("id", number)), **said, "source": path, **fields})
            self._note(path, "done" if count else "empty")

    def _stored(self) -> Iterator[tuple[str, str | None]]:
        store = self._open_store()
        for document in store.documents():
            about = {
                "policy": document.title,
                "doc_number": document.doc_number,
                "region": document.region,
                "source": document.source,
            }
            for clause in store.clauses(document.id):
                yield _packed({**clause.model_dump(mode="json"), **about})


def _packed(payload: Payload) -> tuple[str, str]:
    text = json.dumps(payload, ensure_ascii=False)
    return content_id(text), text
