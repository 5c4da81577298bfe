"""`zhengce documents`: which policies files hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.records import Failure

if TYPE_CHECKING:
    from toolkit.documents.overview import Overview


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write here: .jsonl, .csv, .xlsx or .parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines instead of a table.")
def command(paths: tuple[str, ...], out: Path | None, as_json: bool) -> int:
    """List the policies that PATHS hold: title, number, issuer, region, dates, number of clauses.

    PATHS are files or folders (txt md html pdf docx csv tsv xlsx); - is standard input. A file that cannot
    be read is named on standard error and the others are still read (exit status 3; 2 where none can be).
    """
    from toolkit.documents.overview import survey
    from toolkit.tables import check_out, write_rows

    if out is not None:
        check_out(out)
    found = list(survey(paths))
    rows = [row for row in found if not isinstance(row, Failure)]
    failures = [row for row in found if isinstance(row, Failure)]
    for failure in failures:
        click.echo(f"zhengce: {failure.reason}", err=True)
    if out is not None and rows:
        write_rows(rows, out)
    elif as_json:
        for row in rows:
            click.echo(json.dumps(row.model_dump(mode="json"), ensure_ascii=False))
    elif rows:
        _show(rows)
    if failures:
        return 3 if rows else 2
    return 0


def _show(rows: Sequence[Overview]) -> None:
    """Print the table; a pipe gets it at its full width."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("title", "number", "region", "issued", "effective", "expires"):
        table.add_column(name, overflow="fold")
    table.add_column("clauses", justify="right")
    for row in rows:
        term = row.effective or row.effective_text
        cells = (row.title, row.doc_number, row.region, row.issued, term, row.expires, row.clauses)
        table.add_row(*("" if cell is None else str(cell) for cell in cells))
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    console.print(table)
