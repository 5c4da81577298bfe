"""The run ledger: a SQLite file that knows every input of every run and what became of it.

`work` holds one row for each thing ever computed, under a key that hashes what went in: text, prompt,
schema, model, settings. Runs refer to work by its key, so that what is known is never computed again.
A result and its state are one row, written in one transaction; whatever a kill interrupts is `waiting`.

The view `account` is for people with a SQL prompt: one row for each input and step of each run.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.errors import StoreError
from toolkit.runs.account import Counts, Entry, Outcome, Row, RunRow, RunState, State, Unit

__all__ = ["Ledger"]

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS inputs (id TEXT PRIMARY KEY, payload TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS work (
    key TEXT PRIMARY KEY, step TEXT NOT NULL, state TEXT NOT NULL, result TEXT, reason TEXT,
    attempts INTEGER NOT NULL, seconds REAL NOT NULL, session INTEGER NOT NULL, run INTEGER NOT NULL,
    finished TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS work_waiting ON work(state) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, plan_id TEXT NOT NULL, plan TEXT NOT NULL,
    state TEXT NOT NULL, started TEXT NOT NULL, ended TEXT, process INTEGER NOT NULL, counts TEXT
);
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, started TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS entries (
    run INTEGER NOT NULL, unit TEXT NOT NULL, n INTEGER NOT NULL, input TEXT NOT NULL,
    PRIMARY KEY (run, unit, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    run INTEGER NOT NULL, step TEXT NOT NULL, n INTEGER NOT NULL, id TEXT NOT NULL, key TEXT,
    state TEXT, reason TEXT, PRIMARY KEY (run, step, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    hash TEXT NOT NULL, recipe TEXT NOT NULL, n INTEGER NOT NULL, input TEXT NOT NULL,
    PRIMARY KEY (hash, recipe, n)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS paces (
    step TEXT PRIMARY KEY, items INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE VIEW IF NOT EXISTS account AS
    SELECT i.run, i.step, i.n, i.id, coalesce(i.state, w.state, 'waiting') AS state,
           coalesce(i.reason, w.reason) AS reason, coalesce(w.attempts, 0) AS attempts,
           coalesce(w.seconds, 0) AS seconds, w.run AS computed_by, w.result
    FROM items i LEFT JOIN work w ON w.key = i.key;
"""


class Ledger:
    """One ledger file, usable from several threads; one process writes at a time (see `lock`)."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        with self._clear():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(self.path)
            found = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            if found > _VERSION:
                raise StoreError(
                    f"the ledger {path} was made by a newer version", hint="update policy-toolkit"
                )
            self._connection.executescript(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # -------------------------------------------------------------- runs
    def start(self, *, name: str, plan_id: str, plan: str) -> tuple[int, int]:
        """Begin a run, or go on with the plan's unfinished one: (run, session).

        What an earlier process left waiting is free again.
        """
        with self._transaction() as sql:
            sql.execute("DELETE FROM work WHERE state = 'waiting'")
            sql.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'")
            row = sql.execute(
                "SELECT id FROM runs WHERE plan_id = ? AND state <> 'finished' "
                "AND id = (SELECT max(id) FROM runs WHERE plan_id = ?)",
                (plan_id, plan_id),
            ).fetchone()
            if row is None:
                cursor = sql.execute(
                    "INSERT INTO runs (name, plan_id, plan, state, started, process) VALUES (?,?,?,?,?,?)",
                    (name, plan_id, plan, "running", _now(), os.getpid()),
                )
                run = int(cursor.lastrowid or 0)
            else:
                run = int(row[0])
                sql.execute("UPDATE runs SET state='running', process=? WHERE id=?", (os.getpid(), run))
                sql.execute("DELETE FROM entries WHERE run = ?", (run,))
                sql.execute("DELETE FROM items WHERE run = ?", (run,))
            cursor = sql.execute("INSERT INTO sessions (run, started) VALUES (?, ?)", (run, _now()))
            return run, int(cursor.lastrowid or 0)

    def finish(self, run: int, state: RunState, *, order: Sequence[str]) -> tuple[Counts, ...]:
        """Close a run's account and give it, the steps in this order."""
        places = {step: place for place, step in enumerate(order)}
        counts = tuple(sorted(self.counts(run), key=lambda each: places.get(each.step, len(places))))
        with self._transaction() as sql:
            sql.execute(
                "UPDATE runs SET state = ?, ended = ?, counts = ? WHERE id = ?",
                (state, _now(), json.dumps([asdict(c) for c in counts]), run),
            )
        return counts

    def runs(self) -> list[RunRow]:
        """List the runs, the latest first."""
        with self._clear(), self._lock:
            rows = self._connection.execute(
                "SELECT id, name, state, started, ended, counts FROM runs ORDER BY id DESC"
            ).fetchall()
        return [RunRow(*(*row[:5], _counted(row[5]))) for row in rows]

    def counts(self, run: int) -> tuple[Counts, ...]:
        """Count a run's items by step and state."""
        with self._clear(), self._lock:
            rows = self._connection.execute(
                "SELECT i.step, count(*), sum(s='done'), sum(s='empty'), sum(s='failed'), sum(s='waiting'), "
                "sum(r), sum(t) FROM (SELECT i.step, coalesce(i.state, w.state, 'waiting') AS s, "
                "coalesce(w.run <> i.run AND w.state <> 'waiting', 0) AS r, "
                "CASE WHEN w.run = i.run THEN w.seconds ELSE 0 END AS t "
                "FROM items i LEFT JOIN work w ON w.key = i.key WHERE i.run = ?) i GROUP BY i.step",
                (run,),
            ).fetchall()
        return tuple(Counts(*row) for row in rows)

    # -------------------------------------------------------------- inputs
    def known_file(self, digest: str, recipe: str) -> list[tuple[str, str]]:
        """Give the inputs, each with its document, that a file of this content was found to hold."""
        with self._clear(), self._lock:
            found = self._connection.execute(
                "SELECT f.input, json_extract(i.payload, '$.document_id') FROM files f "
                "JOIN inputs i ON i.id = f.input WHERE f.hash = ? AND f.recipe = ? ORDER BY f.n",
                (digest, recipe),
            )
            return [(row[0], row[1]) for row in found]

    def remember_file(self, digest: str, recipe: str, inputs: Sequence[str]) -> None:
        """Note the inputs that a file holds."""
        with self._transaction() as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO files VALUES (?,?,?,?)",
                [(digest, recipe, n, found) for n, found in enumerate(inputs)],
            )

    def add(self, run: int, unit: Unit, first: int, rows: Sequence[tuple[str, str | None]]) -> None:
        """Add entries from number `first` on: (input id, payload as JSON, None where it is known)."""
        with self._transaction() as sql:
            sql.executemany(
                "INSERT OR IGNORE INTO inputs VALUES (?,?)", [row for row in rows if row[1] is not None]
            )
            sql.executemany(
                "INSERT INTO entries VALUES (?,?,?,?)",
                [(run, unit, first + index, row[0]) for index, row in enumerate(rows)],
            )

    def window(self, run: int, unit: Unit, after: int, size: int) -> list[Entry]:
        """Give up to `size` entries numbered above `after`."""
        with self._clear(), self._lock:
            rows = self._connection.execute(
                "SELECT e.n, i.payload FROM entries e JOIN inputs i ON i.id = e.input "
                "WHERE e.run = ? AND e.unit = ? AND e.n > ? ORDER BY e.n LIMIT ?",
                (run, unit, after, size),
            ).fetchall()
        return [Entry(n, json.loads(payload)) for n, payload in rows]

    # -------------------------------------------------------------- work
    def register(
        self,
        run: int,
        step: str,
        rows: Sequence[tuple[int, str, str | None, State | None, str | None]],
    ) -> None:
        """Put items into a run's account: (n, id, key, state, reason); without a key the state is final."""
        with self._transaction() as sql:
            sql.executemany(
                "INSERT OR REPLACE INTO items VALUES (?,?,?,?,?,?,?)", [(run, step, *row) for row in rows]
            )

    def register_rest(self, run: int, step: str, unit: Unit) -> None:
        """Put into the account, as waiting, the entries that a step has not come to."""
        with self._transaction() as sql:
            sql.execute(
                "INSERT OR IGNORE INTO items SELECT e.run, ?, e.n, json_extract(i.payload, '$.id'), "
                "NULL, NULL, NULL FROM entries e JOIN inputs i ON i.id = e.input "
                "WHERE e.run = ? AND e.unit = ?",
                (step, run, unit),
            )

    def claim(self, run: int, session: int, step: str, keys: Sequence[str], *, retry: bool) -> set[str]:
        """Mark as waiting, and name, those keys that are still to be computed and not in hand.

        With `retry`, work that failed in an earlier session counts as still to be computed.
        """
        unique = list(dict.fromkeys(keys))
        with self._transaction() as sql:
            known: dict[str, tuple[str, int, int]] = {}
            for part in (unique[at : at + 500] for at in range(0, len(unique), 500)):
                marks = ",".join("?" * len(part))
                found = sql.execute(
                    f"SELECT key, state, session, attempts FROM work WHERE key IN ({marks})", part
                )
                known |= {row[0]: row[1:] for row in found}
            claimed = [
                key
                for key in unique
                if key not in known or (retry and known[key][0] == "failed" and known[key][1] != session)
            ]
            sql.executemany(
                "INSERT OR REPLACE INTO work VALUES (?,?,'waiting',NULL,NULL,?,0,?,?,?)",
                [(k, step, known[k][2] if k in known else 0, session, run, _now()) for k in claimed],
            )
        return set(claimed)

    def known(self, keys: Sequence[str]) -> dict[str, tuple[State, int]]:
        """Give the state and the result's length in bytes of what was computed before."""
        found: dict[str, tuple[State, int]] = {}
        with self._clear(), self._lock:
            for at in range(0, len(keys), 500):
                part = keys[at : at + 500]
                rows = self._connection.execute(
                    "SELECT key, state, coalesce(length(CAST(result AS BLOB)), 0) FROM work "
                    f"WHERE state <> 'waiting' AND key IN ({','.join('?' * len(part))})",
                    part,
                )
                found |= {row[0]: (row[1], row[2]) for row in rows}
        return found

    def save(self, run: int, session: int, outcomes: Sequence[Outcome]) -> None:
        """Write results and states, all or none."""
        now = _now()
        with self._transaction() as sql:
            sql.executemany(
                "UPDATE work SET state=?, result=?, reason=?, attempts=attempts+1, seconds=?, session=?, "
                "run=?, finished=? WHERE key=?",
                [
                    (
                        o.state,
                        None if o.result is None else json.dumps(o.result, ensure_ascii=False),
                        o.reason,
                        o.seconds,
                        session,
                        run,
                        now,
                        o.key,
                    )
                    for o in outcomes
                ],
            )

    def results(self, run: int, step: str, numbers: Sequence[int]) -> dict[int, tuple[State, Any]]:
        """Give the state and result that a step has for these entries (consecutive numbers)."""
        with self._clear(), self._lock:
            rows = self._connection.execute(
                "SELECT n, state, result FROM account WHERE run = ? AND step = ? AND n BETWEEN ? AND ?",
                (run, step, min(numbers), max(numbers)),
            ).fetchall()
        return {n: (state, json.loads(result) if result else None) for n, state, result in rows}

    def rows(self, run: int, step: str, unit: Unit | None) -> Iterator[Row]:
        """Give a step's account in order, streamed; without a unit the payloads are empty."""
        with self._clear():
            reader = _connect(self.path)
            try:
                found = reader.execute(
                    "SELECT a.step, a.n, a.id, a.state, a.reason, a.attempts, a.seconds, i.payload, a.result "
                    "FROM account a LEFT JOIN entries e ON e.run = a.run AND e.unit = ? AND e.n = a.n "
                    "LEFT JOIN inputs i ON i.id = e.input WHERE a.run = ? AND a.step = ? ORDER BY a.n",
                    (unit or "", run, step),
                )
                for row in found:
                    yield Row(*(*row[:7], _loaded(row[7]) or {}, _loaded(row[8])))
            finally:
                reader.close()

    # -------------------------------------------------------------- pace
    def pace(self, fingerprint: str) -> float | None:
        """Give the seconds that an item of a step took in the past, in full batches; None if unknown."""
        with self._clear(), self._lock:
            row = self._connection.execute(
                "SELECT seconds / items FROM paces WHERE step = ? AND items > 0", (fingerprint,)
            ).fetchone()
        return float(row[0]) if row else None

    def add_pace(self, fingerprint: str, items: int, seconds: float) -> None:
        """Add a measurement."""
        with self._transaction() as sql:
            sql.execute(
                "INSERT INTO paces VALUES (?,?,?) ON CONFLICT (step) DO UPDATE SET "
                "items = items + excluded.items, seconds = seconds + excluded.seconds",
                (fingerprint, items, seconds),
            )

    # -------------------------------------------------------------- inside
    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._clear(), self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    @contextmanager
    def _clear(self) -> Iterator[None]:
        """Say in one line what SQLite cannot do."""
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise
            said, hint = str(error), "what is finished is safe; mend that and run the same command again"
            if isinstance(error, OSError):
                said = error.strerror or said
            raise StoreError(f"cannot use the ledger {self.path}: {said}", hint=hint) from error


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _loaded(text: str | None) -> Any:
    return json.loads(text) if text else None


def _counted(text: str | None) -> tuple[Counts, ...]:
    return tuple(Counts(**counts) for counts in _loaded(text) or [])
