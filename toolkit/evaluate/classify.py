"""How well clauses are coded: the five-fold protocol over coded clauses, or one classifier on others.

In: a file of coded clauses. Out: micro and macro F1, calibration error, precision of the accepted part,
and how far near-duplicates agree in their codes, which bounds what any classifier can reach.
"""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.steps import shown_steps

__all__ = ["command"]

_PATH = click.Path(path_type=Path)


@click.command("classify")
@click.argument("labels", type=_PATH)
@click.option("--taxonomy", type=_PATH, help="The codes' YAML. Without it: the 15 codes that ship.")
@click.option(
    "--classifier", type=_PATH, help="Score this file on LABELS, which it must not have seen; no folds."
)
@click.option("--fast", is_flag=True, help="The first stage alone, n-grams; no model is loaded.")
@click.option("--tune", is_flag=True, help="With the embedding model's upper layers fitted to the codes.")
@click.option("--review", type=float, default=0.9, show_default=True, help="Precision asked of the accepted.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    labels: Path,
    taxonomy: Path | None,
    classifier: Path | None,
    fast: bool,
    tune: bool,
    review: float,
    as_json: bool,
) -> None:
    """Fit, tune and calibrate on four folds of LABELS and score the fifth, five times.

    A clause's fold is the MD5 of its text modulo 5. For 1,500 clauses on two cores this takes minutes, with
    --tune about an hour; fits that an interrupted --tune finished are not made again.
    """
    from toolkit.classify import Classifier, load_taxonomy, read_labels, run_protocol, score_on
    from toolkit.classify.tables import measures_text, protocol_text
    from toolkit.classify.training import second_stage

    if classifier is not None:
        loaded = Classifier.load(classifier, fast=fast)
        measured = score_on(loaded, read_labels(labels, loaded.taxonomy))
        click.echo(measured.model_dump_json(indent=1) if as_json else measures_text(measured))
        return
    coded = read_labels(labels, load_taxonomy(taxonomy))
    with shown_steps() as progress:
        protocol = run_protocol(coded, **second_stage(fast=fast, tune=tune), review=review, progress=progress)
    click.echo(protocol.model_dump_json(indent=1) if as_json else protocol_text(protocol))
