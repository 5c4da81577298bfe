"""Batches with the real small model and embedder, and a real Chroma server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from toolkit.runs import Report, load_plan, run
from toolkit.tables import read_jsonl

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `chroma run` on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("chroma")
    command = [
        str(Path(sys.executable).with_name("chroma")),
        "run",
        "--path",
        str(folder),
        "--port",
        str(port),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def write_plan(folder: Path, root: Path, *, more: str = "") -> Path:
    """Write a plan that indexes two sample policies, extracts from the store, and asks three questions."""
    folder.mkdir()
    examples = root / "examples"
    wanted = ("q01", "q04", "q17")
    lines = [row for _, row in read_jsonl(examples / "questions.jsonl") if row["id"] in wanted]
    (folder / "q.jsonl").write_text("\n".join(json.dumps(row) for row in lines), encoding="utf-8")
    names = ("云岭市集成电路若干措施.txt", "云岭市科技创新专项资金管理办法（2024年修订）.txt")
    files = ", ".join(str(examples / "policies" / name) for name in names)
    (folder / "plan.yaml").write_text(
        f"store: store\nmodel: small\n{more}\n"
        f"inputs: {{files: [{files}], store: true, questions: q.jsonl}}\n"
        "steps: {ask: , extract: , ingest: }\n"
        "outputs: [{path: out.jsonl, step: extract}, {path: answers.jsonl, step: ask}]\n",
        encoding="utf-8",
    )
    return folder / "plan.yaml"


def results(plan: Path) -> list[dict[str, Any]]:
    rows = [row for name in ("out.jsonl", "answers.jsonl") for _, row in read_jsonl(plan.parent / name)]
    return [{name: said for name, said in row.items() if name != "seconds"} for row in rows]


def counts(report: Report, step: str) -> tuple[int, int, int]:
    found = next(each for each in report.counts if each.step == step)
    return found.done + found.empty, found.failed, found.reused


def test_a_plan_indexes_extracts_and_answers_over_a_chroma_server(
    tmp_path: Path, root: Path, chroma: str
) -> None:
    from toolkit.store import Store

    plan = write_plan(tmp_path / "p", root, more=f"chroma_url: {chroma}")
    report = run(load_plan(plan))
    assert counts(report, "ingest")[:2] == (2, 0)
    assert counts(report, "ask") == (3, 0, 0)
    answers = {row["id"]: row for _, row in read_jsonl(tmp_path / "p" / "answers.jsonl")}
    assert "800万元" in answers["q01"]["answer"]
    with Store.open(tmp_path / "p" / "store", chroma_url=chroma) as store:
        clauses = store.clauses()
        assert counts(report, "extract")[0] == len(clauses)
        kept = [store.supports(clause.id) for clause in clauses]
    written = [row["supports"] for row in results(plan) if "supports" in row]
    assert [len(supports or ()) for supports in kept] == [len(supports) for supports in written]
    again = run(load_plan(plan))
    assert counts(again, "ask") == (3, 0, 3)
    assert counts(again, "extract")[2] == len(clauses)


def test_a_killed_run_goes_on_to_the_same_results(tmp_path: Path, root: Path) -> None:
    calm, killed = write_plan(tmp_path / "calm", root), write_plan(tmp_path / "killed", root)
    began = time.monotonic()
    run(load_plan(calm))
    took = time.monotonic() - began
    command = [sys.executable, "-m", "toolkit", "run", str(killed), "-q"]
    for share in (0.5,):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            child.wait(timeout=share * took)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    assert results(killed) == results(calm)
