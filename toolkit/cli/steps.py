"""Progress of long work on standard error: a bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["shown_steps"]


@contextmanager
def shown_steps() -> Iterator[Callable[[int, int, str], None]]:
    """Give a function that takes steps done, steps in all, and what is being done."""
    said: set[str] = set()
    terminal = sys.stderr.isatty()

    def show(done: int, total: int, what: str) -> None:
        share = done / total if total else 1.0
        if terminal:
            bar = "█" * round(20 * share) + "░" * (20 - round(20 * share))
            click.echo(f"\r{bar} {done}/{total} {what:<30}", err=True, nl=False)
            return
        line = f"{int(share * 10) * 10:3d}% {what}"
        if line not in said:
            said.add(line)
            click.echo(line, err=True)

    yield show
    if terminal:
        click.echo("", err=True)
