"""Batches with a real model: kills, the rerun, and what a run costs besides the model."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from toolkit.bench.check import Check
from toolkit.engine import Engine
from toolkit.errors import InputError, ToolkitError
from toolkit.prompts import prompts_folder
from toolkit.records import Message, Request
from toolkit.runs import Item, Outcome, Plan, Tools, Unit, Worker, run
from toolkit.tables import read_jsonl, write_rows

__all__ = ["real_kills", "real_throughput"]


def real_kills(folder: Path, *, model: str, kills: int) -> list[Check]:
    """Kill runs of the sample plan with a real model, and take the time of a rerun."""
    plan = _sample_plan(folder / "calm", model)
    began = time.monotonic()
    _command(plan)
    first = time.monotonic() - began
    wanted = _lines_of(plan)
    began = time.monotonic()
    _command(plan)
    share = (time.monotonic() - began) / first
    chance, killed, rounds, same = random.Random(2), 0, 0, True
    while killed < kills:
        rounds += 1
        other = _sample_plan(folder / f"killed{rounds}", model)
        while killed < kills and not _command(other, after=chance.uniform(0.1, 0.6) * first):
            killed += 1
        _command(other)
        same &= _lines_of(other) == wanted
    return [
        Check(
            f"{killed} kills with {model}",
            f"outputs {'the same' if same else 'DIFFER'} (seconds aside)",
            "the same",
            same,
        ),
        Check(f"rerun with {model}", f"{share:.1%} of the first run's {first:.0f} s", "2%", share <= 0.02),
    ]


class _Loaded(Tools):
    """Steps that ask a loaded engine about each clause; closing leaves the engine open."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        super().__init__(plan)
        self._loaded = engine

    def engine(self, model: str | None) -> Engine:
        """Give the engine."""
        return self._loaded

    def worker(self, name: str) -> Worker:
        """Ask about each clause."""
        return _Asking(self)


class _Asking:
    unit: Unit = "clause"
    fingerprint = "asking"

    def __init__(self, tools: _Loaded) -> None:
        self._tools = tools

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        keys: list[str] = []

        def requests() -> Iterator[Request]:
            for item in items:
                keys.append(item.key)
                yield _question(item.payload["text"])

        for index, reply in self._tools.engine(None).generate_as_completed(requests()):
            said = str(reply) if isinstance(reply, Exception) else reply.text
            yield Outcome(keys[index], "done", {"labels": [len(said) % 15], "scores": {}})


def _question(text: str) -> Request:
    return Request(messages=(Message(role="user", content=f"{text}\n用一句话概括。"),), max_tokens=24)


def real_throughput(folder: Path, *, model: str, clauses: int) -> Check:
    """Compare the replies of a run with the engine's own batch on the same prompts."""
    from toolkit.engine import load_engine

    lines = [row["text"] for _, row in read_jsonl(_examples() / "clauses.jsonl")]
    texts = [f"{n}：{lines[n % len(lines)]}" for n in range(clauses)]
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(({"id": str(n), "text": text} for n, text in enumerate(texts)), folder / "clauses.jsonl")
    plan = Plan.model_validate(
        {
            "store": str(folder / "store"),
            "inputs": {"clauses": str(folder / "clauses.jsonl")},
            "steps": {"classify": {}},
            "outputs": [{"path": str(folder / "out.csv")}],
        }
    )
    engine = load_engine(model)
    engine.generate([_question("一")])
    # Processor seconds: what else runs on the machine does not change them, and a batch whose slots
    # stand empty takes more steps and so more of them.
    began = time.process_time()
    engine.generate([_question(text) for text in texts])
    bare = time.process_time() - began
    began = time.process_time()
    run(plan, tools=lambda made: _Loaded(made, engine))
    whole = time.process_time() - began
    engine.close()
    share = bare / whole
    return Check(
        f"{clauses} clauses, a reply each, {model}",
        f"{share:.0%} of the engine's own rate ({bare:.0f} and {whole:.0f} processor seconds)",
        "85%",
        share >= 0.85,
    )


def _examples() -> Path:
    folder = prompts_folder().parent / "examples"
    if not folder.is_dir():
        raise InputError("the sample policies are not here", hint="run this in a checkout of the project")
    return folder


def _sample_plan(folder: Path, model: str) -> Path:
    folder.mkdir(parents=True)
    examples = _examples()
    (folder / "plan.yaml").write_text(
        f"store: store\nmodel: {model}\n"
        f"inputs: {{files: {examples / 'policies'}, questions: {examples / 'questions.jsonl'}}}\n"
        "steps: {ingest: , extract: , ask: }\n"
        "outputs: [{path: out.jsonl, step: extract}, {path: answers.jsonl, step: ask}]\n",
        encoding="utf-8",
    )
    return folder / "plan.yaml"


def _command(plan: Path, *, after: float | None = None) -> bool:
    child = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "run", str(plan), "-q"], stdout=subprocess.DEVNULL
    )
    try:
        if child.wait(timeout=after) != 0:
            raise ToolkitError(f"zhengce run {plan} ended with status {child.returncode}")
        return True
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False


def _lines_of(plan: Path) -> list[dict[str, Any]]:
    rows = [row for name in ("out.jsonl", "answers.jsonl") for _, row in read_jsonl(plan.parent / name)]
    return [{name: said for name, said in row.items() if name != "seconds"} for row in rows]
