"""A plan on a local Ray cluster of two workers, one of which is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from toolkit.bench.echo import EchoTools, write_plan
from toolkit.runs import Ledger, ledger_path, load_plan, run
from toolkit.tables import read_jsonl

pytest.importorskip("ray")

DRIVER = """
import json, sys
from toolkit.bench.echo import EchoTools
from toolkit.runs import load_plan
from toolkit.runs.cluster import run_on_ray
report = run_on_ray(load_plan(sys.argv[1]), "local", workers=2, tools=EchoTools)
print(json.dumps([[c.step, c.total, c.done, c.failed, c.waiting] for c in report.counts]))
"""


@pytest.mark.slow
def test_a_killed_worker_costs_its_batch_and_nothing_is_lost(tmp_path: Path) -> None:
    calm = write_plan(tmp_path / "calm", clauses=240)
    run(load_plan(calm), tools=EchoTools)
    plan, calls = write_plan(tmp_path / "ray", clauses=240), tmp_path / "calls.log"
    settings = {"ZHENGCE_BENCH_DELAY": "0.05", "ZHENGCE_BENCH_CALLS": str(calls)}
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(plan)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 120
    while time.monotonic() < until and driver.poll() is None and len(_lines(calls)) < 40:
        time.sleep(0.2)
    workers = {int(line.split()[0]) for line in _lines(calls)}
    assert len(workers) == 2, driver.communicate()[1] if driver.poll() is not None else "no two workers"
    os.kill(min(workers), signal.SIGKILL)
    said, complained = driver.communicate(timeout=240)
    assert driver.returncode == 0, complained
    assert json.loads(said.splitlines()[-1]) == [["read", 1, 1, 0, 0], ["classify", 240, 240, 0, 0]]
    assert {int(line.split()[0]) for line in _lines(calls)} - workers, "a new worker took over"
    for name in ("out.jsonl", "out.csv"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes()
    assert len(list(read_jsonl(tmp_path / "ray" / "out.jsonl"))) == 240
    ledger = Ledger(ledger_path(tmp_path / "ray" / "store"))
    assert {row.state for row in ledger.rows(1, "classify", "clause")} == {"done"}
    ledger.close()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
