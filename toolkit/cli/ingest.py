"""`zhengce ingest`: files into a store."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.records import FileOutcome, IngestReport

if TYPE_CHECKING:
    from toolkit.ingestion import IngestStep


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--store", type=click.Path(path_type=Path), help="The store's folder [$ZHENGCE_STORE].")
@click.option("--prune", is_flag=True, help="Drop what came from files that are no longer under PATHS.")
@click.option("--chroma-url", metavar="URL", help="Keep the vectors on a Chroma server: http://host:port.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    paths: tuple[str, ...], store: Path | None, prune: bool, chroma_url: str | None, as_json: bool
) -> int:
    """Read the policies that PATHS hold into a store; unchanged files cost nothing.

    PATHS are files or folders (txt md html pdf docx csv tsv xlsx). A changed file replaces what its
    earlier version brought. A file that cannot be read is named and the others are still read (exit
    status 3; 2 where none can be).
    """
    from toolkit.documents import find_files
    from toolkit.embed import load_embedder
    from toolkit.ingestion import ingest
    from toolkit.store import Store

    find_files(paths)  # a mistake in the paths makes no store
    with (
        load_embedder() as embedder,
        Store.open(store, create=True, chroma_url=chroma_url) as opened,
        _shown() as progress,
    ):
        report = ingest(paths, opened, embedder, prune=prune, progress=progress)
        held = opened.manifest.counts
        where = opened.path
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json"), ensure_ascii=False))
    else:
        click.echo(summary(report))
        click.echo(f"{where} holds {held.documents} documents in {held.clauses} clauses")
    if report.count("failed"):
        return 3 if report.count("failed") < len(report.files) else 2
    return 0


def summary(report: IngestReport) -> str:
    """Say in a line what became of the files; the numbers add up to the files found."""
    kinds = ("added", "replaced", "unchanged", "empty", "failed")
    parts = [f"{report.count(kind)} {kind}" for kind in kinds if report.count(kind)]
    gone = f"; {report.removed} documents removed" if report.removed else ""
    clauses = sum(file.embedded for file in report.files)
    files = f"{len(report.files)} file{'s' if len(report.files) != 1 else ''}"
    return f"{files}: {', '.join(parts)}{gone}; {clauses} clauses indexed in {report.seconds:.1f} s"


@contextlib.contextmanager
def _shown() -> Iterator[Callable[[IngestStep], None]]:
    """Show progress on standard error: a bar on a terminal, a line a file in a pipe."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def show(step: IngestStep) -> None:
            name = Path(step.path).name
            bar.update(task, total=step.files_total, completed=step.files_done)
            if step.event == "embedded":
                bar.update(task, description=f"{name}: {step.clauses} clauses")
            elif step.event == "begin":
                bar.update(task, description=f"{name}: reading")
            elif step.outcome is not None:
                for line in _problems(step.outcome):
                    bar.console.print(line, markup=False, highlight=False)

        yield show


def _line(step: IngestStep) -> None:
    if step.outcome is None:
        return
    held = step.outcome
    if held.outcome != "failed":
        counted = f"{held.documents} documents, {held.clauses} clauses"
        click.echo(f"{step.files_done}/{step.files_total} {held.path}: {held.outcome}, {counted}", err=True)
    for line in _problems(held):
        click.echo(line, err=True)


def _problems(outcome: FileOutcome) -> list[str]:
    return [f"zhengce: {failure.reason}" for failure in outcome.failures]
