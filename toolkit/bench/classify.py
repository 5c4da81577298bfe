"""`zhengce bench classify`: clauses a second, beside a prompt and a generated answer for each clause.

The clauses and the machine are the same in one run: the first stage (n-grams), the full classifier (with
the embedding model), and `llama_cpp.Llama` answering a prompt that lists the codes, one clause after the
other, on the first few clauses (more say nothing new).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

import click

from toolkit.bench import Figure, format_figures
from toolkit.records import Request

__all__ = ["command", "measure", "request_for"]


def measure(
    texts: Sequence[str], *, model: str | None, alone: int, say: Callable[[str], None]
) -> list[Figure]:
    """Measure the stages on all texts and the one-by-one baseline on the first `alone` of them."""
    from toolkit.bench.extract import one_by_one
    from toolkit.classify import Classifier
    from toolkit.models import resolve

    say("first stage ...")
    fast = Classifier.load(fast=True)
    fast.classify(texts[:2])
    first = _rate(lambda: fast.classify(texts), len(texts))
    classifier = Classifier.load()
    say(f"full classifier ({classifier.stage}) ...")
    classifier.classify(texts[:2])
    full = _rate(lambda: classifier.classify(texts), len(texts))
    say(f"Llama one by one, {alone} clauses ...")
    single = one_by_one(resolve(model).path, [request_for(text) for text in texts[:alone]])
    name = f"prompt and generate, one by one ({alone} clauses)"
    return [
        Figure(f"first stage, {len(texts)} clauses", first, "clauses/s", name, single, 5.0),
        Figure(f"full classifier, {len(texts)} clauses", full, "clauses/s", name, single, 5.0),
    ]


def request_for(text: str) -> Request:
    """Ask for a clause's codes as a JSON array of numbers."""
    from toolkit.classify import load_taxonomy
    from toolkit.prompts import load_prompt

    taxonomy = load_taxonomy()
    codes = "\n".join(f"{code.id} {code.name}：{code.definition}" for code in taxonomy.codes)
    return Request(
        messages=load_prompt("classify").messages(codes=codes, text=text),
        json_schema={
            "type": "array",
            "items": {"type": "integer", "enum": list(taxonomy.ids)},
            "minItems": 1,
            "maxItems": 3,
        },
        max_tokens=24,
    )


def _rate(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


@click.command("classify")
@click.option(
    "--clauses", "path", type=click.Path(path_type=Path), required=True, help='Lines of {"id", "text"}.'
)
@click.option("--count", default=1000, show_default=True, help="Clauses to code; a short file is repeated.")
@click.option("--model", default=None, help="Catalogue name or GGUF path of the prompted model.")
@click.option("--alone", default=6, show_default=True, type=click.IntRange(1), help="Clauses prompted.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(path: Path, count: int, model: str | None, alone: int, as_json: bool) -> None:
    """Measure clauses a second against prompting a language model for each clause."""
    from toolkit.tables import read_jsonl

    texts = list(islice(cycle([str(row["text"]) for _, row in read_jsonl(path, needs=("text",))]), count))
    figures = measure(texts, model=model, alone=alone, say=lambda line: click.echo(line, err=True))
    click.echo(format_figures(figures, as_json=as_json))
