"""Deciding what goes into the next batch: replies that go on, prompts that begin, prefixes shared.

Jobs of several callers and threads run side by side. A job whose prompt begins like one that is being
computed waits until it can take that prefix over. Those decoding go first; prompts fill up the batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from toolkit.engine.cells import Cache, Held
from toolkit.engine.runtime import Run, Runtime
from toolkit.engine.work import Work

__all__ = ["Scheduler"]

Job = Work[Any]
_WORTH_WAITING = 12
"""Shared tokens that make it pay to wait for another's prompt."""


class Scheduler:
    """Runs jobs on a runtime, `parallel` at once."""

    def __init__(self, runtime: Runtime, *, parallel: int, chunk: int) -> None:
        self._runtime = runtime
        self._parallel = parallel
        self._chunk = chunk
        self._cache = Cache(runtime, cells=runtime.cells, sequences=runtime.settings.sequences)
        self._waiting: deque[Job] = deque()
        self._active: list[Job] = []

    def submit(self, job: Job) -> None:
        """Queue a job; its `result` is there when it is done."""
        self._waiting.append(job)

    def cancel(self, jobs: Sequence[Job]) -> None:
        """Forget jobs, wherever they are."""
        for job in jobs:
            if job in self._active:
                self._active.remove(job)
                self._leave(job)
            elif job in self._waiting:
                self._waiting.remove(job)

    def step(self) -> None:
        """Compute one batch. Whatever breaks it, the jobs begin anew and the cache is empty."""
        try:
            self._admit()
            self._compute()
            for job in [job for job in self._active if job.result is not None]:
                self._active.remove(job)
                self._leave(job)
        except BaseException:
            self._begin_anew()
            raise

    def _begin_anew(self) -> None:
        unfinished = [job for job in self._active if job.result is None]
        for job in unfinished:
            job.restart()
        self._waiting.extendleft(reversed(unfinished))
        self._active = []
        self._cache.reset()

    # -------------------------------------------------------------- starting
    def _admit(self) -> None:
        deferred: list[Job] = []
        while self._waiting and len(self._active) < self._parallel:
            job = self._waiting.popleft()
            source, shared = self._cache.best_source(job.prompt)
            if source is not None and self._is_coming(source, shared):
                deferred.append(job)
            elif not self._start(job, source, shared):
                self._waiting.appendleft(job)
                break
        self._waiting.extendleft(reversed(deferred))

    @staticmethod
    def _is_coming(source: Held, shared: int) -> bool:
        return source.active and shared - source.computed >= _WORTH_WAITING

    def _start(self, job: Job, source: Held | None, shared: int) -> bool:
        shared = min(shared, source.computed) if source is not None else 0
        cells, sequences = job.length - shared, 1 + job.branches
        if not self._cache.room(cells, sequences=sequences, keep=source):
            if self._active:
                return False
            if source is not None:
                self._cache.shrink(source, shared)
                self._cache.room(cells, sequences=sequences, keep=source)
        job.held = self._cache.start(job.prompt, final=job.length, source=source, shared=shared)
        job.spare = self._cache.lend(job.branches)
        self._active.append(job)
        return True

    def _leave(self, job: Job) -> None:
        self._cache.take_back(job.spare)
        job.spare = ()
        if job.held is not None:
            job.held.tokens = job.known()
            self._cache.finish(job.held, keep_all=job.keep_all)
            job.held = None

    # -------------------------------------------------------------- computing
    def _compute(self) -> None:
        budget, outputs = self._runtime.settings.batch, self._runtime.settings.outputs
        planned: list[tuple[Job, list[Run]]] = []
        going_on = [job for job in self._active if job.decoding]
        beginning = [job for job in self._active if not job.decoding]
        for jobs, limit in ((going_on, budget), (beginning, self._chunk)):
            room = min(limit, budget)
            for job in jobs:
                runs = self._plan(job, room, outputs)
                if not runs:
                    continue
                size = sum(len(run.tokens) for run in runs)
                room, budget = room - size, budget - size
                outputs -= sum(run.wanted for run in runs)
                planned.append((job, runs))
        if not planned:
            return
        rows = self._runtime.decode([run for _, runs in planned for run in runs])
        at = 0
        for job, runs in planned:
            self._book(job, runs)
            job.take(rows[at : at + len(runs)], self._runtime)
            at += len(runs)

    def _plan(self, job: Job, budget: int, outputs: int) -> list[Run]:
        if job.held is not None:
            for branch in job.spare:
                self._runtime.copy(job.held.sequence, branch, job.held.computed)
        return job.plan(budget, outputs)

    def _book(self, job: Job, runs: list[Run]) -> None:
        """Account for the cells of a job's own sequence; those of its branches are freed at once."""
        assert job.held is not None
        sequence = job.held.sequence
        self._cache.grow(job.held, sum(len(run.tokens) for run in runs if sequence in run.sequences))
        for branch in job.spare:
            self._runtime.trim(branch, 0)
