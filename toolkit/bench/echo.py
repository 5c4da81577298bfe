"""A scripted model for benches and tests of batches: it echoes, after a delay, what it was given.

Settings come from the environment, so that a child process has them; every request is noted in a file,
so that work done twice shows.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from toolkit.engine import ScriptedEngine
from toolkit.errors import ModelError
from toolkit.records import Message, Request
from toolkit.runs import Item, Outcome, Tools, Unit, Worker

__all__ = ["CALLS", "DELAY", "FAIL", "EchoTools", "write_plan"]

DELAY, CALLS, FAIL = "ZHENGCE_BENCH_DELAY", "ZHENGCE_BENCH_CALLS", "ZHENGCE_BENCH_FAIL"


class EchoTools(Tools):
    """Steps whose engine echoes; settings come from the environment, so that a child process has them.

    With `ZHENGCE_BENCH_FAIL=10` every tenth clause fails: by turns an exception, a timeout, nonsense.
    """

    def engine(self, model: str | None) -> ScriptedEngine:
        """Make the scripted engine."""
        return ScriptedEngine(_echo)

    def model_fingerprint(self, model: str | None) -> str:
        """Name the script; nothing is loaded."""
        return "echo"

    def worker(self, name: str) -> Worker:
        """Echo, whatever the step."""
        return _Echo(self, name)


class _Echo:
    unit: Unit = "clause"

    def __init__(self, tools: EchoTools, name: str) -> None:
        self._tools = tools
        self.fingerprint = f"echo {name}"

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        keys: dict[int, str] = {}

        def requests() -> Iterator[Request]:
            for index, item in enumerate(items):
                keys[index] = item.key
                yield Request(messages=(Message(role="user", content=item.payload["text"]),))

        for index, reply in self._tools.engine(None).generate_as_completed(requests()):
            key = keys.pop(index)
            if isinstance(reply, Exception):
                yield Outcome(key, "failed", reason=str(reply))
                continue
            try:
                yield Outcome(key, "done", json.loads(reply.text))
            except ValueError:
                yield Outcome(key, "failed", reason="the reply is not JSON")


def _echo(request: Request) -> str | Exception:
    text = request.messages[0].content
    calls = os.environ.get(CALLS)
    if calls:
        with open(calls, "a", encoding="utf-8") as log:
            log.write(f"{os.getpid()} {text[:12]}\n")
    delay = os.environ.get(DELAY)
    if delay:
        time.sleep(float(delay))
    every = int(os.environ.get(FAIL, "0"))
    number = int(text[1 : text.index("条")])
    if every and number % every == 0:
        kinds: tuple[str | Exception, ...] = (
            ModelError("scripted exception"),
            TimeoutError("timed out"),
            "补助{",
        )
        return kinds[number // every % 3]
    return json.dumps({"labels": [number % 15], "scores": {"0": 0.5}, "stage": text[:20]}, ensure_ascii=False)


def write_plan(folder: Path, *, clauses: int, outputs: Iterable[str] = ("out.jsonl", "out.csv")) -> Path:
    """Write a plan over so many invented clauses, with its clause list; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "clauses.jsonl", "w", encoding="utf-8") as lines:
        for n in range(1, clauses + 1):
            text = f"第{n}条 对新设的企业给予补助{n}万元。" + "并提供场地。" * (n % 40)
            lines.write(json.dumps({"id": f"c{n}", "text": text}, ensure_ascii=False) + "\n")
    plan = folder / "plan.yaml"
    wanted = ", ".join(f"{{path: {name}, step: classify}}" for name in outputs)
    plan.write_text(
        f"store: store\ninputs: {{clauses: clauses.jsonl}}\nsteps: {{classify: }}\noutputs: [{wanted}]\n",
        encoding="utf-8",
    )
    return plan
