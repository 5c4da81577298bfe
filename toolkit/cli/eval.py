"""`zhengce eval`: score quality against gold annotations, a command for each task."""

from __future__ import annotations

import click

from toolkit.cli import LazyGroup

__all__ = ["SUBCOMMANDS", "command"]

SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "documents": ("toolkit.evaluate.documents", "Titles, numbers, dates and regions of a file's documents."),
    "extract": ("toolkit.evaluate.extract", "Figures, conditions and types of extracted supports."),
    "classify": ("toolkit.evaluate.classify", "Codes of clauses: micro and macro F1."),
    "ask": ("toolkit.evaluate.ask", "Recall of retrieval, answers, refusals, faithful numbers."),
}


@click.group(
    "eval",
    cls=LazyGroup,
    commands_by_name=SUBCOMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def command() -> None:
    """Score quality against gold annotations."""
