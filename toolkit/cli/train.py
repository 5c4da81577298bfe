"""`zhengce train`: fit the classifier to a person's own coded clauses."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.steps import shown_steps


@click.command()
@click.argument("labels", type=click.Path(path_type=Path))
@click.option(
    "--taxonomy", type=click.Path(path_type=Path), help="The codes' YAML. Without it: the 15 codes."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("classifier.npz"),
    show_default=True,
    help="The file for `classify --classifier`.",
)
@click.option(
    "--report", type=click.Path(path_type=Path), help="An .html page: figures, pictures, doubtful codings."
)
@click.option("--fast", is_flag=True, help="Learn from n-grams alone; no embedding model is needed.")
@click.option("--tune", is_flag=True, help="Fit the embedding model's upper layers too: slower, and better.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(
    labels: Path, taxonomy: Path | None, out: Path, report: Path | None, fast: bool, tune: bool, as_json: bool
) -> None:
    """Fit the classifier to LABELS, a text file of lines `clause<TAB>6,11`.

    Prints how well clauses held out of the fitting were coded, and which codings deserve a second look.
    For 1,500 clauses on two cores this takes minutes, with --fast one, with --tune half an hour; interrupted,
    --tune goes on after the last finished fit.
    """
    from toolkit.classify import train
    from toolkit.classify.tables import training_text

    with shown_steps() as progress:
        trained = train(
            labels, taxonomy=taxonomy, out=out, report=report, fast=fast, tune=tune, progress=progress
        )
    if as_json:
        click.echo(trained.model_dump_json(indent=1))
        return
    click.echo(training_text(trained))
    click.echo(f"classifier: {out}" + (f"\nreport: {report}" if report else ""))
