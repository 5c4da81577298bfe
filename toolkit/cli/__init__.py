"""The command `zhengce`: each command in a module of its own, imported when it runs.

A command module has a click command named `command`; `COMMANDS` names the module and the one line
that `zhengce --help` shows, so that help imports nothing else.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

import toolkit
from toolkit.errors import ToolkitError

__all__ = ["COMMANDS", "LazyGroup", "main"]

COMMANDS: dict[str, tuple[str, str]] = {
    "setup": ("toolkit.cli.setup", "Get, verify and prepare the models."),
    "doctor": ("toolkit.cli.doctor", "Check the build, the models and the store."),
    "documents": ("toolkit.cli.documents", "List the policies that files hold, with number and dates."),
    "ingest": ("toolkit.cli.ingest", "Read files into a store."),
    "search": ("toolkit.cli.search", "Find passages in a store."),
    "ask": ("toolkit.cli.ask", "Answer a question with citations; without one, chat."),
    "extract": ("toolkit.cli.extract", "Extract supports with checked figures."),
    "classify": ("toolkit.cli.classify", "Code clauses by policy instrument."),
    "train": ("toolkit.cli.train", "Fit the classifier to coded clauses."),
    "run": ("toolkit.cli.run", "Run a batch plan; interrupted, it goes on where it was."),
    "runs": ("toolkit.cli.runs", "List runs and account for every clause."),
    "bench": ("toolkit.cli.bench", "Measure speed against named baselines."),
    "eval": ("toolkit.cli.eval", "Score quality against gold annotations."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which they are used."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = importlib.import_module(self._modules[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._modules.items()])


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(toolkit.__version__, prog_name="zhengce")
def zhengce() -> None:
    """Read, code, extract from and question Chinese policy texts, on this machine."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status: 0, 1 for a failed check, 2 for a mistake of the
    user's, 3 where some items of a batch failed, 130 for Ctrl-C."""
    try:
        status = _invoke(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        return _complain(" ".join(error.format_message().split()))
    except ToolkitError as error:
        return _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        return _complain("interrupted", status=130)
    except BrokenPipeError:
        # The reader has gone (`| head`); what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror}")
    except MemoryError:
        return _complain("not enough memory; use a smaller model, a smaller context or fewer workers")
    return status if isinstance(status, int) else 0


def _invoke(arguments: list[str]) -> object:
    if "_ZHENGCE_COMPLETE" in os.environ:
        return zhengce.main(args=arguments, prog_name="zhengce")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding shows a question mark and ends nothing.
            stream.reconfigure(errors="replace")
    with zhengce.make_context("zhengce", arguments) as context:
        return zhengce.invoke(context)


def _complain(line: str, *, status: int = 2) -> int:
    click.echo(f"zhengce: {line}", err=True)
    return status
