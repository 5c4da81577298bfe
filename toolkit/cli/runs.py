"""`zhengce runs`: what was run on a store, and what became of every input."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from toolkit.errors import InputError
from toolkit.runs import Ledger, RunRow, ledger_path
from toolkit.runs.plan import default_store
from toolkit.tables import write_rows

__all__ = ["command"]

_store = click.option("--store", help="The store's folder; $ZHENGCE_STORE or stores/default.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@_store
@_json
@click.pass_context
def command(context: click.Context, store: str | None, as_json: bool) -> None:
    """List the runs on a store."""
    context.obj = store
    if context.invoked_subcommand is not None:
        return
    rows = _ledger(store).runs()
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
        return
    if not rows:
        click.echo("no runs yet")
    for row in rows:
        click.echo(f"{row.id:>4}  {row.started}  {row.state:<11}  {row.name}  {_summary(row)}")


@command.command()
@click.argument("run", type=int)
@_store
@_json
@click.option("--state", type=click.Choice(["waiting", "done", "empty", "failed"]), help="Only these.")
@click.option("--out", help="Write the account to a file: .jsonl, .csv, .xlsx or .parquet.")
@click.pass_context
def show(
    context: click.Context, run: int, store: str | None, as_json: bool, state: str | None, out: str | None
) -> None:
    """Account for every input of a run."""
    ledger = _ledger(store or context.obj)
    known = {row.id: row for row in ledger.runs()}
    if run not in known:
        raise InputError(f"there is no run {run}", hint="zhengce runs lists them")
    rows = (
        {
            "step": row.step,
            "id": row.id,
            "state": row.state,
            "reason": row.reason,
            "attempts": row.attempts,
            "seconds": round(row.seconds, 4),
        }
        for counts in ledger.counts(run)
        for row in ledger.rows(run, counts.step, None)
        if state is None or row.state == state
    )
    if out or as_json:
        write_rows(rows, out or "-", columns=["step", "id", "state", "reason", "attempts", "seconds"])
        return
    click.echo(f"run {run}, {known[run].state}, {known[run].name}")
    for counts in ledger.counts(run):
        click.echo(
            f"{counts.step}: {counts.total} = {counts.done} done + {counts.empty} empty + "
            f"{counts.failed} failed + {counts.waiting} waiting; {counts.reused} known before"
        )
    for row in rows:
        reason = f": {row['reason']}" if row["reason"] else ""
        if state is not None or row["state"] in ("failed", "waiting"):
            click.echo(f"  {row['step']} {row['id']} {row['state']}{reason}")


def _summary(row: RunRow) -> str:
    told = [f"{each.step} {each.done + each.empty}/{each.total}" for each in row.counts]
    failed = sum(each.failed for each in row.counts)
    return ", ".join(told) + (f", {failed} failed" if failed else "")


def _ledger(store: str | None) -> Ledger:
    path = ledger_path(Path(store or default_store()))
    if not path.exists():
        raise InputError(f"no run was made on {path.parent}", hint="name the store with --store")
    return Ledger(path)
