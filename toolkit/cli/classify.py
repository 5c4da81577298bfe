"""`zhengce classify`: code clauses by policy instrument."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.steps import shown_steps

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--clauses", type=_PATH, help='Clauses as lines of {"id", "text"}; - is standard input.')
@click.option("--out", type=_PATH, required=True, help="Codes: .jsonl, .csv, .xlsx, .parquet; - is jsonl.")
@click.option(
    "--classifier", type=_PATH, help="A file made by `zhengce train`. Without it: the one that ships."
)
@click.option(
    "--review",
    type=float,
    metavar="PRECISION",
    help="Write only clauses coded at this measured precision (0.9); the others go to OUT.review, by doubt.",
)
@click.option("--report", type=_PATH, help="An .html page: counts a code by region and year.")
@click.option("--fast", is_flag=True, help="The first stage alone: n-grams, over 1,000 clauses a second.")
@click.option("--json", "as_json", is_flag=True, help="Print the tally as JSON.")
def command(
    paths: tuple[Path, ...],
    clauses: Path | None,
    out: Path,
    classifier: Path | None,
    review: float | None,
    report: Path | None,
    fast: bool,
    as_json: bool,
) -> int:
    """Code the clauses of policies in PATHS, or of --clauses, by the instruments that they use.

    Exit status 3 where something could not be read; it is named and the rest is done.
    """
    from toolkit.classify import Classifier, classify_corpus

    with shown_steps() as progress:
        tally = classify_corpus(
            paths,
            clauses=clauses,
            out=out,
            classifier=Classifier.load(classifier, fast=fast),
            review=review,
            report=report,
            progress=progress,
        )
    for failure in tally.failures:
        click.echo(f"zhengce: {failure.input}: {failure.reason}", err=True)
    said = f"{tally.done} clauses coded, {tally.empty} empty, {len(tally.failures)} failed"
    if tally.accepted is not None:
        measured = f" (measured precision {tally.precision:.3f})" if tally.precision else ""
        said += f"; {tally.accepted} accepted{measured}, {tally.review} to review"
    click.echo(tally.model_dump_json(indent=1) if as_json else said, err=str(out) == "-")
    return 3 if tally.failures else 0
