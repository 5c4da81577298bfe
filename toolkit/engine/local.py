"""The engine in this process: llama.cpp, many requests in one batch."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from toolkit.engine.constraints import Constraints
from toolkit.engine.generation import Generation
from toolkit.engine.order import in_order
from toolkit.engine.runtime import Runtime, Settings
from toolkit.engine.scheduler import Scheduler
from toolkit.engine.scoring import Scoring
from toolkit.engine.template import ChatTemplate
from toolkit.engine.work import Work
from toolkit.errors import ContextOverflow, ModelError, ToolkitError
from toolkit.records import Reply, Request, ScoreRequest, Scores

__all__ = ["PARALLEL", "LocalEngine", "file_hash"]

PARALLEL = 32
"""Replies written at once by default."""
_CHUNK = 256
_CONTEXT = 16384
Asked = TypeVar("Asked")
Found = TypeVar("Found")


class LocalEngine:
    """Runs a GGUF model; callers in several threads share its batches.

    `context` is in tokens for all requests at once, and one request may fill it. `parallel` is how
    many replies are written at the same time.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        context: int | None = None,
        parallel: int = PARALLEL,
        settings: Settings | None = None,
    ) -> None:
        self._path = Path(path)
        self._name = name or self._path.stem
        _require_working_build(self._path)
        chosen = settings or Settings(context=context or _CONTEXT)
        self._lock = threading.Lock()
        self._runtime: Runtime | None = Runtime(self._path, chosen)
        self._template = ChatTemplate(self._runtime)
        self._constraints = Constraints(self._runtime)
        self._scheduler = Scheduler(self._runtime, parallel=parallel, chunk=_CHUNK)
        self._left: deque[Work[Any]] = deque()
        """Jobs whose callers went away. The next step drops them: a forgotten generator may end in the
        garbage collector, inside a step, where the lock cannot be taken."""
        self._window = 2 * parallel
        self._fingerprint: str | None = None

    @property
    def name(self) -> str:
        """The model's name for people."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """The hash of the model's file."""
        if self._fingerprint is None:
            self._fingerprint = f"gguf:{file_hash(self._path)}"
        return self._fingerprint

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its reply may fill."""
        runtime = self._open()
        return min(runtime.cells, runtime.trained_context)

    @property
    def runtime(self) -> Runtime:
        """The runtime under the engine, for measuring; no other thread may use the engine meanwhile."""
        return self._open()

    def prompt_tokens(self, request: Request | ScoreRequest) -> list[int]:
        """Give the tokens of a request's prompt, as the model's template writes it."""
        self._open()
        return self._template.tokens(request.messages, request.prefill)

    def count_tokens(self, text: str) -> int:
        """Count the model's tokens in a text; control tokens count as plain characters."""
        return len(self._open().tokenize(text))

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer all requests, in their order.

        Raises the first request's error that comes up: ContextOverflow, InputError for a grammar
        that cannot be compiled, ModelError where llama.cpp fails.
        """
        running = self._run(requests, self._generation, keep_all=len(requests) == 1)
        return in_order(running, len(requests))

    def generate_as_completed(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply | Exception]]:
        """Answer a lazily read stream, each (index, reply) as it finishes."""
        yield from self._run(requests, self._generation)

    def score(self, requests: Sequence[ScoreRequest]) -> list[Scores]:
        """Give each label's log-probability after its prompt; nothing is generated."""
        running = self._run(requests, self._scoring)
        return in_order(running, len(requests))

    def stream(self, request: Request) -> Iterator[str]:
        """Give the pieces of one reply as they are decoded; whole characters only."""
        job = self._generation(request)
        self._submit(job, keep_all=True)
        sent = 0
        try:
            while job.result is None:
                self._step_unless_done([job])
                piece = job.text_from(sent)
                if piece:
                    sent += len(piece)
                    yield piece
        finally:
            self._left.append(job)

    def close(self) -> None:
        """Free the model's memory; a second call does nothing."""
        with self._lock:
            if self._runtime is not None:
                self._runtime.close()
                self._runtime = None

    # -------------------------------------------------------------- running
    def _run(
        self, requests: Iterable[Asked], make: Callable[[Asked], Work[Found]], *, keep_all: bool = False
    ) -> Generator[tuple[int, Found | Exception], None, None]:
        source = enumerate(requests)
        mine: dict[int, Work[Found]] = {}
        try:
            while True:
                while len(mine) < self._window and (item := next(source, None)) is not None:
                    index, request = item
                    try:
                        mine[index] = self._submit(make(request), keep_all=keep_all)
                    except ToolkitError as error:
                        yield index, error
                if not mine:
                    return
                self._step_unless_done(list(mine.values()))
                for index in [i for i, job in mine.items() if job.result is not None]:
                    yield index, mine.pop(index).require_result()
        finally:
            self._left.extend(mine.values())

    def _submit(self, job: Work[Found], *, keep_all: bool) -> Work[Found]:
        job.keep_all = keep_all
        with self._lock:
            self._open()
            self._scheduler.submit(job)
        return job

    def _step_unless_done(self, jobs: Sequence[Work[Any]]) -> None:
        with self._lock:
            self._open()
            self._scheduler.cancel([self._left.popleft() for _ in range(len(self._left))])
            if all(job.result is None for job in jobs):
                self._scheduler.step()

    def _generation(self, request: Request) -> Generation:
        self._open()
        prompt = self._template.tokens(request.messages, request.prefill)
        job = Generation(request, prompt, self._constraints.compile(request))
        self._check_fits(job)
        return job

    def _scoring(self, request: ScoreRequest) -> Scoring:
        runtime = self._open()
        prompt = self._template.tokens(request.messages, request.prefill)
        job = Scoring(prompt, [runtime.tokenize(label) for label in request.labels])
        self._check_fits(job)
        return job

    def _check_fits(self, job: Work[Any]) -> None:
        if job.length > self.context_length:
            raise ContextOverflow(needed=job.length, available=self.context_length)

    def _open(self) -> Runtime:
        if self._runtime is None:
            raise ModelError(f"the engine of {self._name} is closed")
        return self._runtime


def _require_working_build(path: Path) -> None:
    """Let a child process try this build of llama.cpp once: a crash there is an error here."""
    from toolkit.models import require_working_build

    require_working_build(path)


def file_hash(path: Path) -> str:
    """Give a file's SHA-256, remembered beside it for its size and time of change."""
    state = path.stat()
    key = [state.st_size, state.st_mtime_ns]
    memo = path.with_name(path.name + ".sha256.json")
    try:
        known = json.loads(memo.read_text())
        if known["key"] == key:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        scratch = memo.with_name(f"{memo.name}.{os.getpid()}")
        scratch.write_text(json.dumps({"key": key, "sha256": digest}))
        scratch.replace(memo)
    except OSError:
        pass
    return digest
