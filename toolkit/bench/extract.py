"""`zhengce bench extract`: clauses a second, beside one `llama_cpp.Llama` call after the other.

The same model file, clauses, prompt and JSON schema in one run: the rules with the model for what they
leave open (what `zhengce extract` does); the engine asking the model about every clause, in batches;
and llama-cpp-python's own class, one clause after the other, on the first few (more say nothing new).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click
from pydantic import BaseModel, ConfigDict, Field

from toolkit.bench import Figure, format_figures
from toolkit.records import Clause, Quote, Rate
from toolkit.records import Figure as Sum

__all__ = ["ModelSupport", "command", "measure", "one_by_one"]


class ModelSupport(BaseModel):
    """条款给予的每一项资金支持；分档的，每一档是一项"""

    model_config = ConfigDict(frozen=True)
    measure: Quote = Field(description="支持什么，短语")
    support_type: Literal[
        "reward", "grant", "interest_subsidy", "tax", "voucher", "equity", "risk", "rent", "matching", "other"
    ] = Field(description="支持方式")
    beneficiary: Quote | None = Field(description="谁得到")
    conditions: tuple[Quote, ...] = Field(description="要满足的条件")
    amounts: tuple[Sum, ...] = Field(description="直接给予的固定金额，如10万元")
    caps: tuple[Sum, ...] = Field(description="最高或不超过的金额，如最高不超过500万元")
    rates: tuple[Rate, ...] = Field(description="按某项金额补助的百分比，如投资额的30%")


def measure(
    clauses: Sequence[Clause],
    *,
    model: str | None,
    alone: int,
    asked: int,
    say: Callable[[str], None],
    out: Path | None = None,
) -> list[Figure]:
    """Measure the three ways; `alone` clauses one by one, `asked` by the model in batches."""
    from toolkit.engine import load_engine
    from toolkit.extraction import extract
    from toolkit.extraction.own import request_for
    from toolkit.models import resolve
    from toolkit.tables import write_rows

    engine = load_engine(model)
    extract(clauses[:2], engine=engine)
    say("rules and model ...")
    ours = _rate(lambda: extract(clauses, engine=engine), len(clauses))
    say(f"model alone, {asked} clauses in batches ...")
    told: list[Any] = []
    batched = _rate(lambda: told.extend(extract(clauses[:asked], engine=engine, schema=ModelSupport)), asked)
    say(f"rules and model {ours:.2f}, model alone {batched:.4f} clauses/s")
    if out is not None:
        write_rows(told, out)
    requests = [request_for(c.text, schema=ModelSupport) for c in clauses[:alone]]
    engine.close()
    say(f"Llama one by one, {alone} clauses ...")
    single = one_by_one(resolve(model).path, requests)
    name = f"Llama one by one ({alone} clauses)"
    return [
        Figure(f"extract, {len(clauses)} clauses, rules and model", ours, "clauses/s", name, single, 4.0),
        Figure(f"model on every clause, {asked} clauses", batched, "clauses/s", name, single),
    ]


def _rate(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def one_by_one(path: Path, requests: Sequence[Any]) -> float:
    """Answer requests with `llama_cpp.Llama`, one after the other, and give clauses a second."""
    from llama_cpp import Llama, LlamaGrammar

    from toolkit.engine.runtime import physical_cores

    threads = physical_cores()
    llama = Llama(str(path), n_ctx=4096, n_threads=threads, n_threads_batch=threads, verbose=False)
    grammar = LlamaGrammar.from_json_schema(json.dumps(requests[0].json_schema), verbose=False)
    start = time.perf_counter()
    for request in requests:
        turns: Any = [{"role": m.role, "content": m.content} for m in request.messages]
        llama.create_chat_completion(turns, max_tokens=request.max_tokens, temperature=0.0, grammar=grammar)
    seconds = time.perf_counter() - start
    llama.close()
    return len(requests) / seconds


@click.command("extract")
@click.option(
    "--clauses", "path", type=click.Path(path_type=Path), required=True, help='Lines of {"id", "text"}.'
)
@click.option("--model", default=None, help="Catalogue name or GGUF path.")
@click.option(
    "--alone", default=6, show_default=True, type=click.IntRange(1), help="Clauses taken one by one."
)
@click.option(
    "--asked", default=24, show_default=True, type=click.IntRange(1), help="Clauses for the model alone."
)
@click.option("--out", type=click.Path(path_type=Path), help="Keep what the model alone said (.jsonl).")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(path: Path, model: str | None, alone: int, asked: int, out: Path | None, as_json: bool) -> None:
    """Measure clauses a second against llama-cpp-python's own class, same prompt and schema."""
    from toolkit.tables import read_jsonl

    clauses = [
        Clause(id=str(row["id"]), document_id=str(row["id"]), text=row["text"], start=0, end=len(row["text"]))
        for _, row in read_jsonl(path)
    ]
    figures = measure(
        clauses,
        model=model,
        alone=min(alone, len(clauses)),
        asked=min(asked, len(clauses)),
        say=lambda line: click.echo(line, err=True),
        out=out,
    )
    click.echo(format_figures(figures, as_json=as_json))
