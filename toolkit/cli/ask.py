"""`zhengce ask`: a question, a file of questions, or a chat."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.errors import InputError

if TYPE_CHECKING:
    from toolkit.ask import Assistant
    from toolkit.records import Answer

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("question", required=False)
@click.option("--questions", type=_PATH, help="A jsonl of {id, question}; - is standard input. Needs --out.")
@click.option("--out", type=_PATH, help="Where the answers go: .jsonl, .csv, .xlsx or .parquet.")
@click.option("--store", type=_PATH, help="The store's folder [$ZHENGCE_STORE].")
@click.option("--model", help="A catalogue name, a GGUF path, a Hub repository or a server's URL.")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day for which validity is told [today].")
@click.option("--explain", is_flag=True, help="Show how the question was read, the scope and the rankings.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole answer as JSON.")
def command(
    question: str | None,
    questions: Path | None,
    out: Path | None,
    store: Path | None,
    model: str | None,
    on: datetime | None,
    explain: bool,
    as_json: bool,
) -> int:
    """Answer QUESTION from the store's policies, with citations; - reads it from standard input.

    Without a question: a chat, which ends with an empty line.
    """
    from toolkit.ask import open_assistant

    if questions is not None and out is None:
        raise InputError("--questions needs --out", hint="name a file such as --out answers.jsonl")
    if question is not None and questions is not None:
        raise InputError("give a question or --questions, not both")
    if question == "-":
        question = sys.stdin.read()
    day = on.date() if on is not None else None
    with open_assistant(store=store, model=model, on=day, explain=explain) as assistant:
        if questions is not None and out is not None:
            return _batch(assistant, questions, out)
        if question is None:
            return _chat(assistant, explain=explain, as_json=as_json)
        _answer(assistant.stream(question), explain=explain, as_json=as_json)
    return 0


def _batch(assistant: Assistant, questions: Path, out: Path) -> int:
    from toolkit.ask import answer_rows, read_questions
    from toolkit.tables import write_rows

    asked = read_questions(questions)
    answers = assistant.ask_many([row.question for row in asked])
    write_rows(answer_rows(asked, answers), out)
    given = sum(answer.answerable for answer in answers)
    click.echo(f"{len(answers)} questions, {given} answered, {len(answers) - given} refused: {out}", err=True)
    return 0


def _chat(assistant: Assistant, *, explain: bool, as_json: bool) -> int:
    chat = assistant.chat()
    while True:
        click.echo("? ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line.strip():
            return 0
        _answer(chat.stream(line), explain=explain, as_json=as_json)


def _answer(pieces: object, *, explain: bool, as_json: bool) -> None:
    from toolkit.records import Answer

    for piece in pieces:  # type: ignore[attr-defined]
        if isinstance(piece, Answer):
            _finish(piece, explain=explain, as_json=as_json)
        elif not as_json:
            click.echo(piece, nl=False)


def _finish(answer: Answer, *, explain: bool, as_json: bool) -> None:
    from toolkit.ask import explanation

    if as_json:
        click.echo(answer.model_dump_json())
        return
    click.echo()
    for number, citation in enumerate(answer.citations, start=1):
        heading = f" {citation.heading}" if citation.heading else ""
        click.echo(f"[{number}]《{citation.policy}》{heading}：{citation.quote}")
    if not answer.answerable and answer.passages:
        click.echo("相近的条文：")
        for passage in answer.passages[:3]:
            text = " ".join(passage.text.split())
            click.echo(f"  《{passage.policy}》{text[:80]}{'…' if len(text) > 80 else ''}")
    if explain:
        for line in explanation(answer):
            click.echo(line)
