"""`zhengce run`: a batch plan, from where it stands to its end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType

import click

from toolkit.cli.progress import shown
from toolkit.runs import Choice, Counts, Plan, Report, load_plan, run

__all__ = ["command", "stopping"]

INTERRUPTED, SOME_FAILED = 130, 3


@click.command()
@click.argument("plan_file", metavar="PLAN.yaml", type=click.Path())
@click.option("--check", is_flag=True, help="Validate the plan and estimate time and size; run nothing.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change the plan: steps.extract.model=small."
)
@click.option("--retry", type=click.Choice(["failed"]), help="Take up again what failed before.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N clauses and questions.")
@click.option("--only", multiple=True, metavar="STEP", help="Only this step; may be given several times.")
@click.option("--since", type=click.DateTime(), help="Only files changed since then (local time).")
@click.option("--model", help="The model of all steps that name none: small, a .gguf file, a server's URL.")
@click.option("--chroma-url", help="A Chroma server, http://host:port, instead of the embedded one.")
@click.option("--ray", metavar="ADDRESS", help="Run on a Ray cluster: its address, auto, or local.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Workers on the cluster; one a machine by default."
)
@click.option("--json-log", metavar="FILE", help="Log progress as JSON lines; - is standard error.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    plan_file: str,
    check: bool,
    changes: tuple[str, ...],
    retry: str | None,
    limit: int | None,
    only: tuple[str, ...],
    since: datetime | None,
    model: str | None,
    chroma_url: str | None,
    ray: str | None,
    workers: int | None,
    json_log: str | None,
    quiet: bool,
) -> int:
    """Run a batch plan; interrupted, the same command goes on where it was.

    The first Ctrl-C finishes what is being decoded, the second stops at once. Exit status: 0, 3 where
    some inputs failed, 130 where it was interrupted.
    """
    named = [("model", model), ("chroma_url", chroma_url)]
    plan = load_plan(plan_file, changes=[*changes, *(f"{key}={said}" for key, said in named if said)])
    choice = Choice(limit=limit, only=only, since=since, retry=retry is not None)
    if check:
        _show_estimate(plan, choice)
        return 0
    with shown(json_log=json_log, quiet=quiet) as progress, stopping() as stop:
        if ray is not None:
            from toolkit.runs.cluster import run_on_ray

            report = run_on_ray(plan, ray, workers=workers, choice=choice, progress=progress, stop=stop)
        else:
            report = run(plan, choice=choice, progress=progress, stop=stop)
    _show(report)
    if report.interrupted:
        return INTERRUPTED
    return SOME_FAILED if report.failed else 0


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a wish to stop; the second Ctrl-C interrupts."""
    stop = threading.Event()

    def wish(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        click.echo("finishing what is being decoded; once more stops at once", err=True)

    before = [(number, signal.signal(number, wish)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _show(report: Report) -> None:
    click.echo(_table(report.counts))
    for path, rows in report.written.items():
        click.echo(f"wrote {path}: {rows} rows")
    if report.interrupted:
        left = sum(counts.waiting for counts in report.counts)
        click.echo(f"run {report.run} stopped, {left} left; the same command goes on", err=True)
    elif report.failed:
        click.echo(
            f"{report.failed} failed: zhengce runs show {report.run} names them, --retry failed tries again",
            err=True,
        )


def _table(counts: tuple[Counts, ...]) -> str:
    names = ("total", "done", "empty", "failed", "waiting", "reused")
    width = max([len(each.step) for each in counts] + [4])
    lines = [" ".join([f"{'step':<{width}}", *(f"{name:>8}" for name in names)])]
    lines += [
        " ".join([f"{each.step:<{width}}", *(f"{getattr(each, name):>8}" for name in names)])
        for each in counts
    ]
    return "\n".join(lines)


def _show_estimate(plan: Plan, choice: Choice) -> None:
    from toolkit.runs.estimate import check

    found = check(plan, choice=choice)
    for step in found.steps:
        took = f"about {_spoken(step.seconds)} (pace of {step.basis})"
        if step.basis == "unknown" and step.todo:
            took = "no measurement yet"
        click.echo(f"{step.step}: {step.total} inputs, {step.todo} to compute, {took}")
    if found.unreadable:
        click.echo(f"{found.unreadable} inputs cannot be read; zhengce runs show names them")
    click.echo(f"the results take about {found.size / 1e6:,.1f} MB; the plan is valid")
    sys.stdout.flush()


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
