"""`zhengce search`: passages of a store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from toolkit.records import Passage

_MARKS = {"expired": "（已过有效期）", "repealed": "（已废止）", "pending": "（尚未施行）"}


@click.command()
@click.argument("query")
@click.option("--store", type=click.Path(path_type=Path), help="The store's folder [$ZHENGCE_STORE].")
@click.option("-k", type=click.IntRange(1, 10), default=5, show_default=True, help="How many passages.")
@click.option("--region", help="Only policies of this place and those above it, e.g. 杭州市.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@click.option("--explain", is_flag=True, help="Show how the question was read, and each ranking's score.")
def command(query: str, store: Path | None, k: int, region: str | None, as_json: bool, explain: bool) -> int:
    """Find the passages that bear on QUERY, best first; policies no longer in force are marked."""
    from toolkit.embed import load_embedder
    from toolkit.retrieve import Retriever
    from toolkit.store import Store

    with Store.open(store) as opened, load_embedder() as embedder:
        found = Retriever(opened, embedder).search(query, k=k, region=region)
    if as_json:
        for passage in found.passages:
            click.echo(json.dumps(passage.model_dump(mode="json"), ensure_ascii=False))
        return 0
    if explain:
        for line in found.explain():
            click.echo(line)
        click.echo()
    if not found.passages:
        click.echo("nothing in the store bears on this", err=True)
    _show(found.passages, explain=explain)
    return 0


def _show(passages: Sequence[Passage], *, explain: bool) -> None:
    for rank, passage in enumerate(passages, start=1):
        place = f"【{passage.region}】" if passage.region else ""
        mark = _MARKS.get(passage.validity, "")
        click.echo(f"{rank}. {place}{passage.policy}{mark}")
        if passage.heading:
            click.echo(f"   {passage.heading}")
        for line in passage.text.splitlines():
            click.echo(f"   {line.strip()}")
        if explain:
            scores = "  ".join(f"{name} {value:.3f}" for name, value in passage.scores.items())
            click.echo(f"   [{scores}]")
        click.echo()
