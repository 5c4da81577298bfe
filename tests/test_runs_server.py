"""A batch whose model is a server: what the server refuses fails alone, and is taken up again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.records import Message, Request
from toolkit.runs import Choice, Item, Outcome, Plan, Tools, Unit, run
from toolkit.tables import read_jsonl

SERVER = Path(__file__).with_name("model_server.py")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An OpenAI-compatible server that echoes."""
    process = subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    process.kill()
    process.wait()
    process.stdout.close()


class Asking:
    """Asks the plan's model about each clause."""

    unit: Unit = "clause"

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.fingerprint = tools.model_fingerprint(tools.plan.model)

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        keys: list[str] = []

        def requests() -> Iterator[Request]:
            for item in items:
                keys.append(item.key)
                yield Request(messages=(Message(role="user", content=item.payload["text"]),), max_tokens=32)

        for index, reply in self.tools.engine(self.tools.plan.model).generate_as_completed(requests()):
            if isinstance(reply, Exception):
                yield Outcome(keys[index], "failed", reason=str(reply))
            else:
                yield Outcome(keys[index], "done", {"labels": [], "scores": {}, "stage": reply.text})


class AskingTools(Tools):
    def worker(self, name: str) -> Asking:
        return Asking(self)


def test_a_batch_over_a_server_names_what_the_server_refused(tmp_path: Path, url: str) -> None:
    texts = [f"第{n}条 给予补助{n}万元" for n in range(12)]
    texts[5] += " [500]"
    lines = [json.dumps({"id": str(n), "text": text}) for n, text in enumerate(texts)]
    (tmp_path / "c.jsonl").write_text("\n".join(lines), encoding="utf-8")
    plan = Plan.model_validate(
        {
            "store": str(tmp_path / "store"),
            "model": url,
            "inputs": {"clauses": str(tmp_path / "c.jsonl")},
            "steps": {"classify": {}},
            "outputs": [
                {"path": str(tmp_path / "o.jsonl")},
                {"path": str(tmp_path / "bad.jsonl"), "rows": "failures"},
            ],
        }
    )
    report = run(plan, tools=AskingTools)
    assert report.failed == 1
    said = {row["id"]: row["stage"] for _, row in read_jsonl(tmp_path / "o.jsonl")}
    assert said == {str(n): f"回声：{text}" for n, text in enumerate(texts) if n != 5}
    assert [row["id"] for _, row in read_jsonl(tmp_path / "bad.jsonl")] == ["5"]
    again = run(plan, tools=AskingTools, choice=Choice(retry=True))
    assert (again.failed, again.counts[-1].reused) == (1, 11)
