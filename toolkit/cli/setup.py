"""`zhengce setup`: get, verify and prepare the models; compile llama.cpp."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from toolkit.models import Progress, set_up
from toolkit.models.prepare import When


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    help="A model to get besides the embedding model: small, default, owner/name of a Hub repository. "
    "May be given several times. Without it: default.",
)
@click.option(
    "--prepare",
    "prepare_when",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Measure other quantizations on this machine and keep the fastest: auto does so where the "
    "processor has AMX.",
)
@click.option(
    "--build",
    is_flag=False,
    flag_value="cached",
    type=click.Choice(["cached", "fresh"]),
    help="Compile and install llama.cpp for this machine, and nothing else; "
    "`fresh` does so even where an earlier build is at hand.",
)
def command(models: tuple[str, ...], prepare_when: When, build: str | None) -> None:
    """Get, verify and prepare the models; what is here already is left alone."""
    if build:
        from toolkit.models.build import install_build

        with shown_progress() as progress:
            wheel = install_build(fresh=build == "fresh", progress=progress)
        click.echo(f"installed {wheel.name}, compiled for this machine")
        return
    with shown_progress() as progress:
        ready = set_up(models, prepare_when=prepare_when, progress=progress)
    for model in ready:
        click.echo(f"{model.name}: {'installed' if model.fetched else 'already here'}, {model.path}")
        for form, speed in model.prepared.speeds.items():
            used = ", used" if form == model.prepared.choice else ""
            click.echo(f"  {form}: {speed.prompt:.0f} prompt tokens/s, {speed.generated:.0f} generated{used}")


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show progress on standard error: a bar on a terminal, plain lines elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        said: dict[str, int] = {}

        def line(what: str, done: int, total: int) -> None:
            tenth = done * 10 // total if total else 0
            if said.get(what) != tenth:
                said[what] = tenth
                sizes = f": {done / 1e6:,.0f} of {total / 1e6:,.0f} MB" if total else ""
                click.echo(f"{what}{sizes}", err=True)

        yield line
        return

    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console) as bar:
        tasks: dict[str, object] = {}

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done)  # type: ignore[arg-type]

        yield advance
