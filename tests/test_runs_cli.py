"""`zhengce run` and `zhengce runs` as a person uses them; extraction by rules, so that no model is needed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from toolkit.bench.echo import write_plan
from toolkit.tables import read_jsonl

POLICY = """{city}促进企业发展办法

第一条　为支持企业发展，制定本办法。
第二条　对新认定的研发中心，给予{sum}万元一次性奖励。
第三条　企业租用厂房的，按租金的20%给予补贴，每年最高30万元。

{city}人民政府
2024年3月1日
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plan over a folder of five policies."""
    (tmp_path / "policies").mkdir()
    for n in range(5):
        write_policy(tmp_path / "policies", n)
    (tmp_path / "plan.yaml").write_text(
        "name: 五市\nstore: store\ninputs: {files: policies}\nsteps: {extract: {rules_only: true}}\n"
        "outputs: [{path: out.jsonl}, {path: out.csv}, {path: bad.jsonl, rows: failures}]\n",
        encoding="utf-8",
    )
    return tmp_path


def write_policy(folder: Path, n: int) -> Path:
    city = f"云{'甲乙丙丁戊己庚辛'[n]}市"
    (folder / f"{n}.txt").write_text(POLICY.format(city=city, sum=10 + n), encoding="utf-8")
    return folder / f"{n}.txt"


def zhengce(*arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit", *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def account(printed: str, step: str) -> list[int]:
    """Give total, done, empty, failed, waiting and reused of the closing table."""
    line = next(line for line in printed.splitlines() if line.split()[0] == step)
    return [int(word) for word in line.split()[1:]]


def test_a_run_ends_with_a_table_that_adds_up_and_a_new_document_costs_itself(folder: Path) -> None:
    ran = zhengce("run", folder / "plan.yaml")
    assert ran.returncode == 0, ran.stderr
    total, done, empty, failed, waiting, reused = account(ran.stdout, "extract")
    assert total == done + empty + failed + waiting
    assert (done, failed, waiting, reused) == (10, 0, 0, 0)
    assert account(ran.stdout, "read")[:2] == [5, 5]
    assert "extract: " in ran.stderr
    rows = [row for _, row in read_jsonl(folder / "out.jsonl")]
    assert len(rows) == total
    sums = [a["value"] for row in rows for s in row["supports"] for a in s["amounts"]]
    assert sums == [100_000, 110_000, 120_000, 130_000, 140_000]
    assert {row["policy"] for row in rows} == {f"云{c}市促进企业发展办法" for c in "甲乙丙丁戊"}
    write_policy(folder / "policies", 5)
    again = account(zhengce("run", folder / "plan.yaml").stdout, "extract")
    assert again[0] == total + total // 5
    assert 1 <= again[0] - again[5] <= total // 5
    assert "支持事项" in (folder / "out.csv").read_text(encoding="utf-8-sig")


def test_runs_lists_and_shows_every_clause(folder: Path) -> None:
    zhengce("run", folder / "plan.yaml", "-q")
    listed = zhengce("runs", "--store", folder / "store")
    assert "finished" in listed.stdout
    assert "五市" in listed.stdout
    told = json.loads(zhengce("runs", "--json", "--store", folder / "store").stdout)
    assert [count["step"] for count in told[0]["counts"]] == ["read", "extract"]
    shown = zhengce("runs", "show", "1", "--store", folder / "store", "--json").stdout.splitlines()
    assert (
        len([line for line in shown if json.loads(line)["step"] == "extract"])
        == told[0]["counts"][1]["total"]
    )
    missing = zhengce("runs", "show", "9", "--store", folder / "store")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "there is no run 9" in missing.stderr
    assert "no run was made on" in zhengce("runs", "--store", folder / "none").stderr


def test_a_file_that_cannot_be_read_is_named_and_the_status_says_so(folder: Path) -> None:
    (folder / "policies" / "x.docx").write_bytes(b"not a docx")
    ran = zhengce("run", folder / "plan.yaml", "-q")
    assert ran.returncode == 3
    assert account(ran.stdout, "read")[3] == 1
    assert account(ran.stdout, "extract")[1] == 10
    assert "1 failed: zhengce runs show 1 names them" in ran.stderr
    assert [Path(row["id"]).name for _, row in read_jsonl(folder / "bad.jsonl")] == ["x.docx"]
    assert "x.docx failed" in zhengce("runs", "show", "1", "--store", folder / "store").stdout


def test_a_copy_of_a_document_is_counted_once_and_said(folder: Path) -> None:
    text = (folder / "policies" / "0.txt").read_text(encoding="utf-8")
    (folder / "policies" / "copy.txt").write_text(text, encoding="utf-8")
    ran = zhengce("run", folder / "plan.yaml", "-q")
    assert account(ran.stdout, "read")[:3] == [6, 5, 1]
    assert account(ran.stdout, "extract")[1] == 10
    shown = zhengce("runs", "show", "1", "--store", folder / "store", "--state", "empty").stdout
    assert "the same document as in" in shown


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "steps.extract.modle=x"], "did you mean 'model'?"),
        (["--only", "classify"], "the plan has no such step"),
        (["--set", "inputs.files=gone"], "gone does not exist"),
        (["--set", "outputs.0.path=/proc/x.csv"], "cannot write the output /proc/x.csv"),
        (["--since", "yesterday"], "--since"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(folder: Path, arguments: list[str], says: str) -> None:
    ran = zhengce("run", folder / "plan.yaml", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1, ran.stderr
    assert says in ran.stderr
    assert not (folder / "out.jsonl").exists()


def test_check_says_what_it_would_cost_and_writes_nothing(folder: Path) -> None:
    ran = zhengce("run", folder / "plan.yaml", "--check")
    assert ran.returncode == 0, ran.stderr
    assert "to compute, about" in ran.stdout
    assert "the plan is valid" in ran.stdout
    assert not (folder / "out.jsonl").exists()
    assert zhengce("run", folder / "plan.yaml", "-q").returncode == 0


def test_since_takes_only_what_changed(folder: Path) -> None:
    old = (datetime.now() - timedelta(days=3)).timestamp()
    for path in (folder / "policies").iterdir():
        os.utime(path, (old, old))
    write_policy(folder / "policies", 6)
    day = (datetime.now() - timedelta(days=1)).strftime("%Y-%m-%d")
    ran = zhengce("run", folder / "plan.yaml", "--since", day, "-q")
    assert account(ran.stdout, "read")[0] == 1
    assert {row["policy"] for _, row in read_jsonl(folder / "out.jsonl")} == {"云庚市促进企业发展办法"}


def test_the_json_log_is_for_machines(folder: Path) -> None:
    ran = zhengce("run", folder / "plan.yaml", "--json-log", "-")
    events = [json.loads(line) for line in ran.stderr.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("begin", "end")
    last = events[-1]
    assert last["total"] == last["done"] + last["empty"] + last["failed"] + last["reused"]


DRIVER = """
import sys
from toolkit.bench.echo import EchoTools
from toolkit.cli.run import stopping
from toolkit.runs import load_plan, run
with stopping() as stop:
    report = run(load_plan(sys.argv[1]), tools=EchoTools, stop=stop)
print(report.counts[-1].done, report.counts[-1].waiting)
sys.exit(130 if report.interrupted else 0)
"""


def interrupted(plan: Path, *, delay: float, times: int) -> tuple[int, str, float]:
    """Run a plan, press Ctrl-C once work has begun, and give status, words and seconds from there."""
    calls = plan.parent / "calls.log"
    settings = {"ZHENGCE_BENCH_DELAY": str(delay), "ZHENGCE_BENCH_CALLS": str(calls)}
    child = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(plan)],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while time.monotonic() < until and not calls.exists():
        time.sleep(0.05)
    began = time.monotonic()
    for _ in range(times):
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
    printed, said = child.communicate(timeout=60)
    return child.returncode, printed + said, time.monotonic() - began


def test_ctrl_c_finishes_what_is_decoding_and_the_same_command_goes_on(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, clauses=60)
    status, said, _ = interrupted(plan, delay=0.1, times=1)
    assert status == 130
    assert "finishing what is being decoded" in said
    assert not (tmp_path / "out.jsonl").exists()
    done = len((tmp_path / "calls.log").read_text(encoding="utf-8").splitlines())
    assert 1 <= done < 60
    settings = {"ZHENGCE_BENCH_CALLS": str(tmp_path / "calls.log")}
    again = subprocess.run(
        [sys.executable, "-c", DRIVER, str(plan)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
    )
    assert (again.returncode, again.stdout) == (0, "60 0\n"), again.stderr
    assert len((tmp_path / "calls.log").read_text(encoding="utf-8").splitlines()) == 60


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, clauses=20)
    status, said, seconds = interrupted(plan, delay=20, times=2)
    assert seconds < 10, said
    assert status != 0
    assert "KeyboardInterrupt" in said


def test_the_example_plans_are_valid(root: Path) -> None:
    from toolkit.runs import load_plan

    plans = sorted((root / "examples" / "plans").glob("*.yaml"))
    assert len(plans) >= 5
    for path in plans:
        plan = load_plan(path)
        assert plan.outputs
        for source in (*plan.inputs.files, *plan.inputs.clauses, *plan.inputs.questions):
            assert Path(source).exists(), f"{path}: {source}"


def test_the_example_of_clauses_runs(root: Path, tmp_path: Path) -> None:
    changes = [f"store={tmp_path / 's'}", f"outputs.0.path={tmp_path / 'c.jsonl'}"]
    changes.append(f"outputs.1.path={tmp_path / 'c.parquet'}")
    ran = zhengce(
        "run", root / "examples" / "plans" / "clauses.yaml", *(x for c in changes for x in ("--set", c))
    )
    assert ran.returncode == 0, ran.stderr
    assert len(list(read_jsonl(tmp_path / "c.jsonl"))) == account(ran.stdout, "extract")[0] == 31
