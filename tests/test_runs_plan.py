"""A plan that is wrong is refused before any work, by the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.bench.echo import EchoTools
from toolkit.errors import InputError
from toolkit.runs import Ledger, Plan, ledger_path, load_plan, run

GOOD = """\
store: store
inputs:
  clauses: clauses.jsonl
steps:
  classify:
  extract:
    needs: classify
    labels: [13]
outputs:
  - path: out.xlsx
    step: extract
"""


@pytest.fixture
def write(tmp_path: Path):
    (tmp_path / "clauses.jsonl").write_text('{"id": "a", "text": "第1条 甲"}\n', encoding="utf-8")

    def written(text: str) -> Path:
        (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
        return tmp_path / "plan.yaml"

    return written


def test_paths_are_relative_to_the_plan_and_a_step_is_what_it_is_named(write, tmp_path: Path) -> None:
    plan = load_plan(write(GOOD))
    assert plan.inputs.clauses == (str(tmp_path / "clauses.jsonl"),)
    assert plan.outputs[0].path == str(tmp_path / "out.xlsx")
    assert plan.store == str(tmp_path / "store")
    assert plan.name == "plan"
    assert plan.order() == ["classify", "extract"]
    assert plan.steps["extract"].use == "extract"


def test_set_changes_a_value_and_refuses_a_wrong_one(write) -> None:
    path = write(GOOD)
    changed = load_plan(path, changes=["steps.extract.model=small", "outputs.0.path=b.csv", "name=新"])
    assert (changed.model_of("extract"), Path(changed.outputs[0].path).name) == ("small", "b.csv")
    assert changed.name == "新"
    for change, says in [
        ("steps.extract.modle=x", "unknown key 'modle'; did you mean 'model'"),
        ("model", "is not key=value"),
        ("outputs.7.path=x", "there is no 7"),
        ("store.x=1", "holds no keys"),
    ]:
        with pytest.raises(InputError, match=says):
            load_plan(path, changes=[change])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    needs: classify", "    need: classify", "line 7: unknown key 'need'; did you mean 'needs'"),
        ("  clauses:", "  clause:", "line 3: unknown key 'clause'; did you mean 'clauses'"),
        ("    step: extract", "    stp: extract", "line 11: unknown key 'stp'; did you mean 'step'"),
        ("inputs:", "input:", "unknown key 'input'; did you mean 'inputs'|inputs is missing"),
        ("  classify:", "  clasify:", "line 5: unknown step 'clasify'; did you mean 'classify'"),
        ("needs: classify", "needs: read", "step extract needs read, which is not among the steps"),
        ("  classify:\n", "  classify: {needs: extract}\n", "in a circle"),
        ("labels: [13]", "labels: x", "line 8: .*valid integer"),
        ("clauses: clauses.jsonl", "questions: q.jsonl", r"classify \(classify\) has no clauses"),
        ("  extract:\n    needs: classify\n    labels: [13]\n", "", "is of step extract, which is not"),
        ("needs: classify", "needs: []", "must name one classify step"),
        ("out.xlsx", "out.doc", "must end in .jsonl, .csv"),
        ("out.xlsx", "clauses.jsonl", "would overwrite an input"),
        ("    step: extract", "    rows: results", "must say of which step: classify, extract"),
        ("    step: extract", "    step: extract\n  - {path: ./out.xlsx, step: classify}", "to one path"),
        ("store: store", "store: a\nstore: b", "line 2: 'store' stands twice"),
        ("store: store", "store: &s [x]\nmodel: *s", r"line 2: an alias \(\*s\)"),
        ("store: store", "store: [1", "line 2"),
        ("clauses: clauses.jsonl", "clauses: '-'", "cannot read standard input"),
        ("steps:", "steps:\n  ask:", r"ask \(ask\) has nothing to answer"),
        ("steps:", "steps:\n  ingest:", r"ingest \(ingest\) has nothing to read"),
    ],
)
def test_a_mistake_in_the_plan_is_one_line(write, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError, match=says) as caught:
        load_plan(write(GOOD.replace(old, new, 1)))
    assert "\n" not in str(caught.value)


def test_bombs_and_rubbish_are_refused_at_once(write, tmp_path: Path) -> None:
    pairs = zip("abcdefgh", "bcdefghi", strict=True)
    bomb = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairs)
    for text, says in [
        (bomb, "an alias"),
        ("[" * 20_000, "nested too deep"),
        ("x" * 2_000_000, "larger than 1 MiB"),
        ("- 1\n", "a plan is a mapping"),
        ("", "a plan is a mapping"),
        ("a: !!python/object:os.system x", "line 1"),
    ]:
        with pytest.raises(InputError, match=says):
            load_plan(write(text))
    with pytest.raises(InputError, match="No such file"):
        load_plan(tmp_path / "none.yaml")


def test_missing_inputs_and_unwritable_outputs_stop_before_any_work(write, tmp_path: Path) -> None:
    steps = "steps: {classify: }\n"
    for text, says in [
        ("store: store\ninputs: {files: gone}\n" + steps, "gone does not exist"),
        ("store: store\ninputs: {files: '*.pdf'}\n" + steps, r"nothing matches .*\*.pdf"),
        ("store: store\ninputs: {clauses: gone.jsonl}\n" + steps, "cannot read .*gone.jsonl"),
        (
            "store: store\ninputs: {clauses: clauses.jsonl}\n" + steps + "outputs: [{path: /proc/o.csv}]\n",
            "cannot write the output /proc/o.csv",
        ),
        (
            "store: store\ninputs: {clauses: clauses.jsonl}\n"
            + steps
            + "outputs: [{path: o.csv, columns: [id, nmae]}]\n",
            "has no column nmae; it has",
        ),
    ]:
        with pytest.raises(InputError, match=says):
            run(load_plan(write(text)), tools=EchoTools)
    assert not ledger_path(tmp_path / "store").exists()


def test_an_id_that_stands_twice_names_both_lines(write, tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "text": "第1条 甲"}',
        '{"id": "b", "text": "第2条 乙"}',
        '{"id": "a", "text": "第3条"}',
    ]
    (tmp_path / "twice.jsonl").write_text("\n".join(lines), encoding="utf-8")
    plan = load_plan(write("store: store\ninputs: {clauses: twice.jsonl}\nsteps: {classify: }\n"))
    with pytest.raises(InputError, match=r"'a' stands twice: .*line 1 and .*line 3"):
        run(plan, tools=EchoTools)


def test_a_plan_made_in_python_is_checked_alike(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs nobody"):
        Plan.model_validate({"inputs": {"clauses": "c"}, "steps": {"classify": {"needs": "nobody"}}})
    plan = Plan.model_validate(
        {"inputs": {"clauses": "c"}, "steps": {"two": {"use": "classify"}, "classify": {}}}
    )
    assert {step.use for step in plan.steps.values()} == {"classify"}


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    Ledger(tmp_path / "ledger.sqlite").close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Exception, match="made by a newer version; update"):
        Ledger(tmp_path / "ledger.sqlite")
