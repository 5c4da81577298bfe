"""`zhengce extract`: every support of a policy as a checked record."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import click

from toolkit.cli.steps import shown_steps

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--clauses", type=_PATH, help='Clauses as lines of {"id", "text"}; - is standard input.')
@click.option(
    "--store", "store_path", type=_PATH, help="Take the clauses of this store; keep the supports in it."
)
@click.option("--where", help="SQL over a store's facts: \"region = '杭州市' and cap >= 1000000\".")
@click.option(
    "--out", type=_PATH, default=Path("-"), help="Supports: .jsonl .csv .xlsx .parquet .html; - is jsonl."
)
@click.option("--model", help="The model that settles what the rules leave open (name, path or URL).")
@click.option("--no-model", is_flag=True, help="Rules alone: no model is loaded.")
@click.option("--json", "as_json", is_flag=True, help="Print the tally as JSON.")
def command(
    paths: tuple[Path, ...],
    clauses: Path | None,
    store_path: Path | None,
    where: str | None,
    out: Path,
    model: str | None,
    no_model: bool,
    as_json: bool,
) -> int:
    """Extract the supports of policies in PATHS, of --clauses, or of a store.

    Every figure is read by code from the words that it is quoted with. The model is loaded only where the
    rules leave a figure's role open, and the output says where it was asked. Exit status 3 where something
    could not be done; it is named and the rest is done.
    """
    from toolkit.engine import load_engine
    from toolkit.errors import InputError
    from toolkit.extraction.corpus import extract_corpus
    from toolkit.store import Store, default_store_path

    if model and no_model:
        raise InputError("--model and --no-model contradict each other", hint="give one of them")
    if not (paths or clauses or store_path or where):
        raise InputError(
            "there is nothing to extract from", hint="name PATH…, --clauses FILE, or --store DIR"
        )
    from_store = store_path is not None or where is not None
    store = Store.open(store_path or default_store_path()) if from_store else None
    engine = None if no_model else cache(lambda: load_engine(model))
    with shown_steps() as progress:
        tally = extract_corpus(
            paths, clauses=clauses, store=store, where=where, out=out, engine=engine, progress=progress
        )
    for failure in tally.failures:
        click.echo(f"zhengce: {failure.input}: {failure.reason}", err=True)
    said = (
        f"{tally.clauses} clauses: {tally.done} with {tally.supports} supports, {tally.empty} without, "
        f"{tally.failed} failed ({tally.method})"
    )
    click.echo(tally.model_dump_json(indent=1) if as_json else said, err=str(out) == "-")
    return 3 if tally.failures else 0
