"""A run: inputs through the steps into the ledger, and outputs out of it.

Each step takes its entries from the ledger a window at a time, claims what nobody has computed yet,
mixes long and short, and hands it to the worker's stream; a thread of its own writes what comes back,
some hundred results or a tenth of a second at a time. Reading, decoding and writing so overlap, and
nothing grows with the number of inputs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from toolkit.errors import InputError
from toolkit.records import content_id
from toolkit.runs.account import Counts, Entry, Item, Outcome, RunState, State
from toolkit.runs.inputs import READ, Reader, check_lists, plan_files
from toolkit.runs.ledger import Ledger
from toolkit.runs.lock import held
from toolkit.runs.outputs import check_outputs, fill_store, write_outputs
from toolkit.runs.plan import UNITS, ExtractStep, Plan
from toolkit.runs.progress import Progress
from toolkit.runs.workers import Tools, Worker

__all__ = ["Batch", "Choice", "Report", "ledger_path", "opened", "run"]

_GROUP, _PAUSE = 256, 0.1
Pending = tuple[int, str, str | None, State | None, str | None]


@dataclass(frozen=True)
class Choice:
    """Which part of a plan to run.

    `limit` keeps to the first clauses and questions, `only` to the steps named, `since` to files that
    changed since; `retry` takes up what failed before.
    """

    limit: int | None = None
    only: tuple[str, ...] = ()
    since: datetime | None = None
    retry: bool = False


@dataclass(frozen=True)
class Report:
    """What a run came to.

    `written` maps each output's path to its rows. `interrupted` says that it was stopped: what is
    still waiting is in the counts, and the same call goes on.
    """

    run: int
    counts: tuple[Counts, ...]
    written: dict[str, int]
    seconds: float
    interrupted: bool = False

    @property
    def failed(self) -> int:
        """How many inputs failed in some step."""
        return sum(counts.failed for counts in self.counts)


def ledger_path(store: str | Path) -> Path:
    """Say where a store's run ledger lies."""
    return Path(store) / "ledger.sqlite"


def run(
    plan: Plan,
    *,
    choice: Choice | None = None,
    tools: Callable[[Plan], Tools] = Tools,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Run a plan, or go on with it where an earlier run of it stopped.

    Setting `stop` lets what is decoding finish and returns. Mistakes that can be known before the
    work are InputErrors before it.
    """
    with opened(plan, choice=choice, tools=tools, progress=progress, stop=stop) as batch:
        return batch.run()


@contextmanager
def opened(
    plan: Plan,
    *,
    choice: Choice | None = None,
    tools: Callable[[Plan], Tools] = Tools,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Batch]:
    """Check all that can be known before the work, lock the store and open the ledger."""
    choice = choice or Choice()
    for name in choice.only:
        if name not in plan.steps:
            raise InputError(
                f"--only {name}: the plan has no such step", hint=f"it has {', '.join(plan.steps)}"
            )
    check_lists(plan.inputs, limit=choice.limit)
    plan_files(plan.inputs)
    check_outputs(plan)
    with held(Path(plan.store), what=f"run of {plan.name or 'a plan'}"):
        ledger = Ledger(ledger_path(plan.store))
        try:
            yield Batch(plan, choice, ledger, tools(plan), progress or Progress(), stop)
        finally:
            ledger.close()


@dataclass
class _Tally:
    """A step's figures while it works, in this thread's hands alone."""

    total: int = 0
    done: int = 0
    empty: int = 0
    failed: int = 0
    reused: int = 0
    fed: int = 0
    back: int = 0

    def count(self, state: State) -> None:
        if state == "done":
            self.done += 1
        elif state == "empty":
            self.empty += 1
        else:
            self.failed += 1

    def tell(self, progress: Progress, step: str) -> None:
        progress.advance(
            step,
            total=self.total,
            done=self.done,
            empty=self.empty,
            failed=self.failed,
            reused=self.reused,
            decoding=self.fed - self.back,
        )


class Batch:
    """One run in hand."""

    def __init__(
        self,
        plan: Plan,
        choice: Choice,
        ledger: Ledger,
        tools: Tools,
        progress: Progress,
        stop: threading.Event | None,
    ) -> None:
        self.plan, self.choice, self.ledger = plan, choice, ledger
        self.tools, self.progress = tools, progress
        self.stop = stop or threading.Event()
        chosen = content_id(plan.id, str(choice.limit), str(choice.since), *choice.only)
        self.id, self.session = ledger.start(name=plan.name, plan_id=chosen, plan=plan.model_dump_json())
        self.reader = Reader(
            plan,
            ledger,
            self.id,
            limit=choice.limit,
            since=choice.since,
            open_store=lambda: self.tools.store,
            stopped=self.stop,
        )

    def run(self) -> Report:
        """Do the steps, write the outputs, close the account."""
        began = time.monotonic()
        finished = False
        try:
            names = self.names()
            for name in names:
                if not self.stop.is_set():
                    self._step(name, self.tools.worker(name))
            written: dict[str, int] = {}
            if not self.stop.is_set():
                fill_store(self.tools, self.ledger, self.id, steps=names)
                written = write_outputs(self.plan, self.ledger, self.id, steps=names)
                finished = True
        finally:
            counts = self.close("finished" if finished else "interrupted")
        return Report(self.id, counts, written, time.monotonic() - began, interrupted=not finished)

    def close(self, state: RunState) -> tuple[Counts, ...]:
        """End the reading, free the models, close the account and give it."""
        self.reader.close()
        self.tools.close()
        for name in self.names() if state != "finished" else ():
            self.ledger.register_rest(self.id, name, UNITS[self.plan.steps[name].use])
        return self.ledger.finish(self.id, state, order=[READ, *self.plan.order()])

    def names(self) -> list[str]:
        """Name the steps to do, in order."""
        return [name for name in self.plan.order() if not self.choice.only or name in self.choice.only]

    def _step(self, name: str, worker: Worker) -> None:
        self.progress.begin(name)
        tally, writer = _Tally(), _Writer(self.ledger, self.id, self.session)
        began = time.monotonic()
        try:
            feed = self._feed(name, worker, tally, writer)
            first = list(islice(feed, 1))  # where all is known, nothing is loaded
            for outcome in worker.work(chain(first, feed)) if first else ():
                writer.put(outcome)
                tally.back += 1
                tally.count(outcome.state)
                tally.tell(self.progress, name)
        finally:
            writer.close()
            tally.tell(self.progress, name)
            self.progress.end(name)
        if tally.back:
            self.ledger.add_pace(worker.fingerprint, tally.back, time.monotonic() - began)

    def _feed(self, name: str, worker: Worker, tally: _Tally, writer: _Writer) -> Iterator[Item]:
        """Give the items of a step that are still to be computed."""
        for window in self.windows(worker):
            if self.stop.is_set():
                return
            rows, items = self.plan_window(name, worker, window)
            self.ledger.register(self.id, name, rows)
            keys = [row[2] for row in rows if row[2] is not None]
            fresh = self.ledger.claim(self.id, self.session, name, keys, retry=self.choice.retry)
            tally.total += len(rows)
            for row in rows:
                if row[3] is not None:
                    tally.count(row[3])
            tally.reused += len(keys) - len(fresh)
            tally.tell(self.progress, name)
            for item in _mixed([items[key] for key in dict.fromkeys(keys) if key in fresh]):
                if self.stop.is_set() or writer.error is not None:
                    return
                tally.fed += 1
                yield item

    def windows(self, worker: Worker) -> Iterator[list[Entry]]:
        """Give the entries that a worker takes."""
        if worker.unit != "file":
            yield from self.reader.windows(worker.unit)
            return
        paths = plan_files(self.plan.inputs, since=self.choice.since)
        if paths:
            yield [Entry(n, {"id": str(path), "path": str(path)}) for n, path in enumerate(paths)]

    def plan_window(
        self, name: str, worker: Worker, window: Sequence[Entry]
    ) -> tuple[list[Pending], dict[str, Item]]:
        """Key every entry, and settle those that another step's result decides."""
        settled = self._settled(name, window)
        rows: list[Pending] = []
        items: dict[str, Item] = {}
        # A store can change without its files: what was put there is looked at again in every run.
        salt = str(self.id) if worker.unit == "file" else ""
        for entry in window:
            id_ = str(entry.payload["id"])
            if entry.n in settled:
                rows.append((entry.n, id_, None, *settled[entry.n]))
                continue
            key = content_id(worker.fingerprint, salt, worker.content(entry.payload))
            rows.append((entry.n, id_, key, None, None))
            items[key] = Item(key, id_, entry.payload)
        return rows, items

    def _settled(self, name: str, window: Sequence[Entry]) -> dict[int, tuple[State, str]]:
        step = self.plan.steps[name]
        if not isinstance(step, ExtractStep) or not step.labels:
            return {}
        coder = next(need for need in step.needs if self.plan.steps[need].use == "classify")
        found = self.ledger.results(self.id, coder, [entry.n for entry in window])
        settled: dict[int, tuple[State, str]] = {}
        for entry in window:
            state, result = found.get(entry.n, ("waiting", None))
            if state in ("failed", "waiting"):
                settled[entry.n] = ("failed", f"step {coder}, which it needs, has no result for it")
            elif not set(result["labels"]) & set(step.labels):
                codes = ", ".join(str(code) for code in result["labels"]) or "none"
                settled[entry.n] = ("empty", f"not chosen: its codes are {codes}")
        return settled


def _mixed(items: Sequence[Item]) -> Iterator[Item]:
    """Alternate long and short, so that a batch never holds the long ones alone."""
    ordered = sorted(items, key=lambda item: len(str(item.payload.get("text", ""))))
    while ordered:
        yield ordered.pop()
        if ordered:
            yield ordered.pop(0)


@dataclass
class _Writer:
    """Writes outcomes in a thread of its own."""

    ledger: Ledger
    run: int
    session: int
    error: BaseException | None = None
    _queue: Queue[Outcome | None] = field(default_factory=lambda: Queue(maxsize=4 * _GROUP))
    _thread: threading.Thread | None = None

    def put(self, outcome: Outcome) -> None:
        """Hand over an outcome; raises what the writing raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="zhengce-writer", daemon=True)
            self._thread.start()
        if self.error is not None:
            raise self.error
        self._queue.put(outcome)

    def close(self) -> None:
        """Write the rest; raises what the writing raised."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        last = False
        while not last:
            group, last = self._gather()
            if self.error is not None:
                continue
            try:
                if group:
                    self.ledger.save(self.run, self.session, group)
            except BaseException as error:
                self.error = error

    def _gather(self) -> tuple[list[Outcome], bool]:
        group: list[Outcome] = []
        until = time.monotonic() + _PAUSE
        while len(group) < _GROUP:
            try:
                found: Any = self._queue.get(timeout=max(0.0, until - time.monotonic()) if group else None)
            except Empty:
                break
            if found is None:
                return group, True
            if not group:
                until = time.monotonic() + _PAUSE
            group.append(found)
        return group, False
