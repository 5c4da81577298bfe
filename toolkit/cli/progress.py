"""How a run is shown: bars on a terminal, plain lines in a pipe, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import click

from toolkit.runs import Progress

__all__ = ["shown"]

_LINE_EVERY, _LOG_EVERY = 10.0, 1.0


@contextmanager
def shown(*, json_log: str | None = None, quiet: bool = False) -> Iterator[Progress]:
    """Show a run on standard error, and as JSON lines in a file ("-" is standard error, alone)."""
    from rich.console import Console

    with ExitStack() as stack:
        listeners: list[Progress] = []
        if json_log is not None:
            log = sys.stderr if json_log == "-" else stack.enter_context(_appended(json_log))
            listeners.append(_JsonLines(log))
        if not quiet and json_log != "-":
            console = Console(stderr=True)
            listeners.append(_Bars(console, stack) if console.is_terminal else _Lines())
        yield _All(listeners)


def _appended(path: str) -> IO[str]:
    return open(path, "a", encoding="utf-8")


class _All(Progress):
    """Passes everything to several listeners."""

    def __init__(self, listeners: list[Progress]) -> None:
        self._listeners = listeners

    def begin(self, step: str) -> None:
        for each in self._listeners:
            each.begin(step)

    def advance(self, step: str, **figures: int) -> None:
        for each in self._listeners:
            each.advance(step, **figures)

    def end(self, step: str) -> None:
        for each in self._listeners:
            each.end(step)


class _Bars(Progress):
    """One bar a step, with rate, remaining time and failures."""

    def __init__(self, console: Any, stack: ExitStack) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = stack.enter_context(
            Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                TextColumn("[red]{task.fields[failed]}[/red]"),
                console=console,
            )
        )
        self._tasks: dict[str, Any] = {}
        self._began: dict[str, float] = {}

    def begin(self, step: str) -> None:
        self._tasks[step] = self._bars.add_task(step, total=None, rate="", failed="")
        self._began[step] = time.monotonic()

    def advance(self, step: str, **figures: int) -> None:
        computed = figures["done"] + figures["empty"] + figures["failed"]
        seconds = time.monotonic() - self._began[step]
        self._bars.update(
            self._tasks[step],
            total=figures["total"],
            completed=computed + figures["reused"],
            rate=f"{computed / seconds:,.1f}/s" if seconds > 1 else "",
            failed=f"{figures['failed']} failed" if figures["failed"] else "",
        )

    def end(self, step: str) -> None:
        self._bars.stop_task(self._tasks[step])


class _Lines(Progress):
    """A line every ten seconds and one at the end of each step."""

    def __init__(self) -> None:
        self._last = self._began = time.monotonic()
        self._figures: dict[str, int] = {}

    def begin(self, step: str) -> None:
        self._last = self._began = time.monotonic()
        self._figures = {}

    def advance(self, step: str, **figures: int) -> None:
        self._figures = figures
        if time.monotonic() - self._last >= _LINE_EVERY:
            self._last = time.monotonic()
            self._say(step)

    def end(self, step: str) -> None:
        if self._figures:
            self._say(step)

    def _say(self, step: str) -> None:
        told = self._figures
        computed = told["done"] + told["empty"] + told["failed"]
        rate = computed / max(1e-9, time.monotonic() - self._began)
        left = told["total"] - computed - told["reused"]
        remaining = f", about {left / rate:,.0f} s left" if rate and left > 0 else ""
        click.echo(
            f"{step}: {computed + told['reused']} of {told['total']}, {told['reused']} known before, "
            f"{told['failed']} failed, {rate:,.1f}/s{remaining}",
            err=True,
        )


class _JsonLines(Progress):
    """One JSON object a line: event, step, the time in seconds since 1970, and the figures."""

    def __init__(self, log: IO[str]) -> None:
        self._log = log
        self._last = 0.0
        self._figures: dict[str, int] = {}

    def begin(self, step: str) -> None:
        self._figures = {}
        self._write("begin", step=step)

    def advance(self, step: str, **figures: int) -> None:
        self._figures = figures
        if time.monotonic() - self._last >= _LOG_EVERY:
            self._last = time.monotonic()
            self._write("advance", step=step, **figures)

    def end(self, step: str) -> None:
        self._write("end", step=step, **self._figures)

    def _write(self, event: str, **fields: Any) -> None:
        line = {"event": event, "time": round(time.time(), 3), **fields}
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._log.flush()
