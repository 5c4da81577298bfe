"""`zhengce bench runs`: what a batch costs besides the model, and whether it survives kill -9."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from toolkit.bench.check import Check
from toolkit.bench.echo import CALLS, DELAY, FAIL, EchoTools, write_plan
from toolkit.bench.model_runs import real_kills, real_throughput
from toolkit.runs import Choice, load_plan, run

__all__ = ["bookkeeping", "command", "failures", "kills", "rerun_share"]

_CHILD = (
    "import sys; from toolkit.bench.echo import EchoTools; from toolkit.runs import load_plan, run; "
    "sys.exit(3 if run(load_plan(sys.argv[1]), tools=EchoTools).failed else 0)"
)


def kills(folder: Path, *, kills: int, clauses: int = 200, delay: float = 0.02, seed: int = 1) -> Check:
    """Kill a run at random moments, going on with it each time; compare with an undisturbed one."""
    calm = write_plan(folder / "calm", clauses=clauses)
    run(load_plan(calm), tools=EchoTools)
    wanted = [(calm.parent / name).read_bytes() for name in ("out.jsonl", "out.csv")]
    chance, killed, round_, same, again = random.Random(seed), 0, 0, True, 0.0
    while killed < kills:
        round_ += 1
        plan = write_plan(folder / f"killed{round_}", clauses=clauses)
        calls, before, ended = plan.parent / "calls.log", killed, False
        while not ended:
            at_work = chance.random() < 0.8  # the others hit the start, and the reading
            after = chance.uniform(0.0, 0.6 if at_work else 1.2)
            ended = _ends(plan, calls, delay, after=after if killed < kills else None, at_work=at_work)
            killed += not ended
        same &= [(plan.parent / name).read_bytes() for name in ("out.jsonl", "out.csv")] == wanted
        again = max(again, (len(calls.read_text("utf-8").splitlines()) - clauses) / max(1, killed - before))
    return Check(
        f"{kills} kills of runs of {clauses} clauses",
        f"outputs {'the same bytes' if same else 'DIFFER'}, {again:.1f} computed again a kill",
        "the same bytes, 16 again a kill",
        same and again <= 16,
    )


def _ends(plan: Path, calls: Path, delay: float, *, after: float | None, at_work: bool = False) -> bool:
    """Run a plan in a child and kill it after some seconds; True where it ended by itself.

    With `at_work` the seconds count from the child's first call of the model.
    """
    environment = {**os.environ, DELAY: str(delay), CALLS: str(calls)}
    before = calls.stat().st_size if calls.exists() else 0
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(plan)], env=environment)
    while at_work and after is not None and child.poll() is None:
        if calls.exists() and calls.stat().st_size > before:
            break
        time.sleep(0.01)
    try:
        return child.wait(timeout=after) == 0
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        return False


def bookkeeping(folder: Path, *, clauses: int) -> list[Check]:
    """Run many clauses with an engine that takes no time: rate, memory, and the rerun."""
    plan = load_plan(write_plan(folder, clauses=clauses))
    before = _memory()
    began = time.monotonic()
    report = run(plan, tools=EchoTools)
    rate = clauses / (time.monotonic() - began)
    grown = _memory() - before
    began = time.monotonic()
    again = run(plan, tools=EchoTools)
    rerun = clauses / (time.monotonic() - began)
    whole = report.counts[-1].done == clauses and again.counts[-1].reused == clauses
    return [
        Check(f"{clauses} clauses, scripted", f"{rate:,.0f} clauses/s", "2,000 clauses/s", rate >= 2000),
        Check("memory above the start", f"{grown:.0f} MB", "300 MB", grown <= 300),
        Check("rerun, all known", f"{rerun:,.0f} clauses/s", "all reused", whole),
    ]


def _memory() -> float:
    """Give the most memory that this process has held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def rerun_share(folder: Path, *, clauses: int = 200, delay: float = 0.05) -> Check:
    """Compare a rerun of an unchanged plan, a process of its own, with the first run."""
    plan = write_plan(folder, clauses=clauses)
    calls = plan.parent / "calls.log"
    times = []
    for _ in range(2):
        began = time.monotonic()
        _ends(plan, calls, delay, after=None)
        times.append(time.monotonic() - began)
    share = times[1] / times[0]
    return Check("rerun, nothing changed", f"{share:.1%} of the first run", "start-up alone", share < 0.25)


def failures(folder: Path, *, clauses: int = 200) -> Check:
    """Let every tenth reply fail, then mend the model and take the failed ones up again."""
    plan = load_plan(write_plan(folder, clauses=clauses))
    os.environ[FAIL] = "10"
    try:
        first = run(plan, tools=EchoTools)
    finally:
        del os.environ[FAIL]
    kept = run(plan, tools=EchoTools)
    mended = run(plan, tools=EchoTools, choice=Choice(retry=True))
    met = (first.failed, kept.failed, mended.failed) == (clauses // 10, clauses // 10, 0)
    return Check(
        "one reply in ten fails",
        f"{first.failed} failed, {mended.failed} after --retry failed",
        f"{clauses // 10}, then 0",
        met and mended.counts[-1].done == clauses,
    )


@click.command()
@click.option("--kills", "number", default=50, show_default=True, help="How often to kill.")
@click.option("--clauses", default=20_000, show_default=True, help="Clauses of the bookkeeping run.")
@click.option("--model", help="Also kill runs of the sample plan with this model, and compare the rate.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(number: int, clauses: int, model: str | None, as_json: bool) -> int:
    """Kill, rerun and break batches, with a scripted model and a real one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: list[Callable[[], list[Check]]] = [
            lambda: bookkeeping(folder / "many", clauses=clauses),
            lambda: [rerun_share(folder / "rerun")],
            lambda: [failures(folder / "failures")],
            lambda: [kills(folder / "kills", kills=number)],
        ]
        if model is not None:
            parts.append(lambda: [real_throughput(folder / "rate", model=model, clauses=64)])
            parts.append(lambda: real_kills(folder / "real", model=model, kills=5))
        checks = [found for part in parts for found in part()]
    if as_json:
        click.echo(json.dumps([asdict(found) for found in checks], ensure_ascii=False, indent=1))
    else:
        for found in checks:
            mark = "met" if found.met else "MISSED"
            click.echo(f"{found.what:<40} {found.measured:<55} bar {found.bar:<32} {mark}")
    return 0 if all(found.met for found in checks) else 1
