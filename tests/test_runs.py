"""Batches with a scripted model: nothing is computed twice, what fails is named, nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.bench.echo import EchoTools, write_plan
from toolkit.bench.runs import bookkeeping, failures, kills
from toolkit.errors import InputError, ModelError, StoreError
from toolkit.runs import Choice, Ledger, Progress, Report, ledger_path, load_plan, run
from toolkit.runs.estimate import check
from toolkit.tables import read_jsonl


def step(report: Report, name: str = "classify"):
    return next(counts for counts in report.counts if counts.step == name)


def calls(log: Path) -> int:
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that holds a line for every call of the model."""
    monkeypatch.setenv("ZHENGCE_BENCH_CALLS", str(tmp_path / "calls.log"))
    return tmp_path / "calls.log"


def test_every_clause_is_in_the_output_in_order_and_a_rerun_computes_nothing(
    tmp_path: Path, log: Path
) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=600))
    first = run(plan, tools=EchoTools)
    rows = [row for _, row in read_jsonl(tmp_path / "p" / "out.jsonl")]
    assert [row["id"] for row in rows] == [f"c{n}" for n in range(1, 601)]
    assert rows[6]["labels"] == [7]
    assert first.written == {str(tmp_path / "p" / name): 600 for name in ("out.jsonl", "out.csv")}
    assert (step(first).done, step(first).reused, calls(log)) == (600, 0, 600)
    before = (tmp_path / "p" / "out.jsonl").read_bytes()
    again = run(plan, tools=EchoTools)
    assert (step(again).done, step(again).reused, calls(log)) == (600, 600, 600)
    assert again.run != first.run
    assert (tmp_path / "p" / "out.jsonl").read_bytes() == before


class Loading(EchoTools):
    """Has no model."""

    def engine(self, model: str | None):
        raise ModelError("the model was loaded")


def test_a_rerun_loads_no_model(tmp_path: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=5))
    run(plan, tools=EchoTools)
    assert step(run(plan, tools=Loading)).reused == 5
    with pytest.raises(ModelError, match="the model was loaded"):
        run(load_plan(write_plan(tmp_path / "q", clauses=5)), tools=Loading)


def test_one_more_clause_costs_one_call_in_another_plan_too(tmp_path: Path, log: Path) -> None:
    run(load_plan(write_plan(tmp_path / "p", clauses=50)), tools=EchoTools)
    other = write_plan(tmp_path / "q", clauses=51)
    report = run(load_plan(other, changes=["store=../p/store"]), tools=EchoTools)
    assert (step(report).reused, calls(log)) == (50, 51)


def test_the_same_text_twice_is_computed_once_and_stands_twice_in_the_output(
    tmp_path: Path, log: Path
) -> None:
    plan = write_plan(tmp_path / "p", clauses=3)
    with open(tmp_path / "p" / "clauses.jsonl", "a", encoding="utf-8") as lines:
        lines.write(json.dumps({"id": "copy", "text": "第9条 甲"}) + "\n")
        lines.write(json.dumps({"id": "copy2", "text": "第9条 甲"}) + "\n")
    report = run(load_plan(plan), tools=EchoTools)
    assert (step(report).done, calls(log)) == (5, 4)
    assert [row["id"] for _, row in read_jsonl(tmp_path / "p" / "out.jsonl")] == [
        "c1",
        "c2",
        "c3",
        "copy",
        "copy2",
    ]


def test_failures_are_named_kept_and_mended(tmp_path: Path) -> None:
    assert failures(tmp_path, clauses=60).met


def test_a_failed_clause_is_in_the_failures_and_the_others_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = write_plan(tmp_path / "p", clauses=30)
    changes = ["outputs=[{path: bad.csv, rows: failures}, {path: out.jsonl}]"]
    monkeypatch.setenv("ZHENGCE_BENCH_FAIL", "10")
    report = run(load_plan(plan, changes=changes), tools=EchoTools)
    assert (step(report).failed, report.failed) == (3, 3)
    assert len(list(read_jsonl(tmp_path / "p" / "out.jsonl"))) == 27
    bad = (tmp_path / "p" / "bad.csv").read_text(encoding="utf-8-sig")
    for words in ("c10", "c20", "c30", "scripted exception", "timed out", "the reply is not JSON"):
        assert words in bad


def test_broken_lines_fail_by_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "p", clauses=4)
    lines = (tmp_path / "p" / "clauses.jsonl").read_text(encoding="utf-8").splitlines()
    lines[2:2] = ['{"id": "x", "te', '{"id": "y"}']
    (tmp_path / "p" / "clauses.jsonl").write_text("\n".join(lines), encoding="utf-8")
    report = run(load_plan(plan), tools=EchoTools)
    assert (step(report).done, step(report, "read").failed) == (4, 2)
    ledger = Ledger(ledger_path(tmp_path / "p" / "store"))
    told = [(row.id.rsplit("/", 1)[-1], row.reason) for row in ledger.rows(report.run, "read", None)]
    ledger.close()
    assert told[0][0] == "clauses.jsonl:3"
    assert "not JSON" in str(told[0][1])
    assert told[1] == ("clauses.jsonl:4", 'the line lacks the text field "text"')


def test_limit_and_only_keep_to_a_part_and_the_rest_follows(tmp_path: Path, log: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=700))
    part = run(plan, tools=EchoTools, choice=Choice(limit=300))
    assert (step(part).total, calls(log)) == (300, 300)
    whole = run(plan, tools=EchoTools)
    assert (step(whole).total, step(whole).reused, calls(log)) == (700, 300, 700)
    with pytest.raises(InputError, match="no such step; it has classify"):
        run(plan, tools=EchoTools, choice=Choice(only=("extract",)))


def test_a_step_keeps_to_the_labels_of_the_one_it_needs(tmp_path: Path, log: Path) -> None:
    plan = write_plan(tmp_path / "p", clauses=30, outputs=["out.csv"])
    text = plan.read_text(encoding="utf-8").replace(
        "{classify: }", "{extract: {needs: classify, labels: [3, 4]}, classify: }"
    )
    plan.write_text(text, encoding="utf-8")
    report = run(load_plan(plan), tools=EchoTools)
    assert (step(report, "extract").done, step(report, "extract").empty) == (4, 26)
    assert calls(log) == 34


class Stopping(Progress):
    """Wishes to stop after some results."""

    def __init__(self, stop: threading.Event, after: int) -> None:
        self.stop, self.after = stop, after

    def advance(self, step: str, **figures: int) -> None:
        if figures["done"] >= self.after:
            self.stop.set()


def test_a_wish_to_stop_keeps_what_is_done_and_leaves_the_old_output(tmp_path: Path, log: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=400))
    out = tmp_path / "p" / "out.jsonl"
    out.write_text("the last run's\n", encoding="utf-8")
    stop = threading.Event()
    report = run(plan, tools=EchoTools, stop=stop, progress=Stopping(stop, 100))
    assert report.interrupted
    assert report.written == {}
    assert 100 <= step(report).done < 256
    assert step(report).total == step(report).done + step(report).waiting == 400
    assert out.read_text(encoding="utf-8") == "the last run's\n"
    again = run(plan, tools=EchoTools)
    assert again.run == report.run
    assert (step(again).done, calls(log)) == (400, 400)
    assert len(list(read_jsonl(out))) == 400


class Dying(EchoTools):
    """Its model dies after twenty clauses."""

    def engine(self, model: str | None):
        engine = super().engine(model)
        whole = engine.generate_as_completed

        def dying(requests) -> Iterator:
            for index, reply in whole(requests):
                if index == 20:
                    raise ModelError("the model died")
                yield index, reply

        engine.generate_as_completed = dying
        return engine


def test_a_dead_model_ends_the_run_and_what_was_done_stays(tmp_path: Path, log: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=60))
    with pytest.raises(ModelError, match="the model died"):
        run(plan, tools=Dying)
    report = run(plan, tools=EchoTools)
    assert (step(report).done, calls(log)) == (60, 61)


def test_a_second_run_on_the_store_is_told_who_holds_it(tmp_path: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=10))
    told: list[str] = []

    class Second(Progress):
        def begin(self, step: str) -> None:
            with pytest.raises(StoreError) as caught:
                run(plan, tools=EchoTools)
            told.append(str(caught.value))

    run(plan, tools=EchoTools, progress=Second())
    assert f"run of plan, process {os.getpid()} on " in told[0]
    assert "wait for it" in told[0]
    assert run(plan, tools=EchoTools).failed == 0


def test_the_check_counts_measures_and_loses_nothing(tmp_path: Path, log: Path) -> None:
    plan = load_plan(write_plan(tmp_path / "p", clauses=40))
    found = check(plan, tools=EchoTools)
    (only,) = found.steps
    assert (only.total, only.todo, only.basis) == (40, 32, "a sample")
    assert found.size > 40 * 60
    report = run(plan, tools=EchoTools)
    assert (step(report).done, calls(log)) == (40, 40)
    assert abs(found.size / (tmp_path / "p" / "out.jsonl").stat().st_size - 1) < 0.5
    again = check(plan, tools=EchoTools)
    assert (again.steps[0].todo, again.steps[0].basis) == (0, "earlier runs")


def test_ten_kills_lose_nothing_and_repeat_little(tmp_path: Path) -> None:
    found = kills(tmp_path, kills=10)
    assert found.met, found.measured


def test_bookkeeping_is_fast_and_flat(tmp_path: Path) -> None:
    rate, memory, rerun = bookkeeping(tmp_path, clauses=4000)
    assert float(rate.measured.split()[0].replace(",", "")) > 500  # the bar, 2,000, is for a quiet machine
    assert memory.met, memory.measured
    assert rerun.met


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet", "html"])
def test_outputs_in_every_format_are_for_their_readers(tmp_path: Path, ending: str) -> None:
    plan = write_plan(tmp_path / "p", clauses=5, outputs=[f"out.{ending}"])
    run(load_plan(plan), tools=EchoTools)
    out = tmp_path / "p" / f"out.{ending}"
    if ending == "xlsx":
        from openpyxl import load_workbook

        page = load_workbook(out).active
        cells = [[cell.value for cell in row] for row in page.iter_rows()]
        assert page.title == "classify"
        assert cells[0][-3:] == ["代码", "政策工具", "编号"]
        assert cells[4][-3:] == ["4", "成果转化", "c4"]
    elif ending == "parquet":
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(out).to_pydict()["names"][3] == "成果转化"
    else:
        text = out.read_text(encoding="utf-8-sig")
        assert "第4条" in text
        assert ("成果转化" in text) == (ending != "jsonl")
    if ending == "html":
        assert "共 5 行" in text


def test_html_escapes_what_the_policies_say(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "p", clauses=1, outputs=["out.html"])
    with open(tmp_path / "p" / "clauses.jsonl", "a", encoding="utf-8") as lines:
        lines.write(json.dumps({"id": "<b>", "text": "第2条 <script>alert(1)</script>"}) + "\n")
    run(load_plan(plan), tools=EchoTools)
    assert "<script>" not in (tmp_path / "p" / "out.html").read_text(encoding="utf-8")


def test_a_full_disk_is_one_line_and_after_the_mend_the_run_goes_on(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "p", clauses=300)
    code = (
        "import resource, signal, sys; from toolkit.bench.echo import EchoTools;"
        "from toolkit.errors import ToolkitError; from toolkit.runs import load_plan, run;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));\n"
        "try: run(load_plan(sys.argv[1]), tools=EchoTools)\n"
        "except (ToolkitError, OSError) as error: sys.exit(str(error))"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(plan)], capture_output=True, text=True)
    assert ran.returncode == 1
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert "ledger" in ran.stderr or "out." in ran.stderr
    assert not (tmp_path / "p" / "out.jsonl").exists()
    assert step(run(load_plan(plan), tools=EchoTools)).done == 300


def test_a_large_list_is_streamed(tmp_path: Path) -> None:
    plan = write_plan(tmp_path / "p", clauses=1)
    filler = "并提供场地。" * 1000
    with open(tmp_path / "p" / "clauses.jsonl", "a", encoding="utf-8") as lines:
        for n in range(2, 4000):
            lines.write(json.dumps({"id": f"c{n}", "text": f"第{n}条 {filler}"}, ensure_ascii=False) + "\n")
    assert (tmp_path / "p" / "clauses.jsonl").stat().st_size > 60e6
    code = (
        "import resource, sys; from toolkit.bench.echo import EchoTools; from toolkit.runs import *;"
        "plan = load_plan(sys.argv[1]); start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "report = run(plan, tools=EchoTools, choice=Choice(limit=1500));"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) // 1024)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(plan)], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 100, "megabytes above the start"
