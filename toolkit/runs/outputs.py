"""A run's outputs, derived from its ledger.

jsonl lines hold a result whole, with the field names of the single commands. The flat formats and html
are for people: one row a support, Chinese headings. Every file is written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import InputError
from toolkit.records import Clause, Extraction, Labelling, Support
from toolkit.runs.account import Row, Unit
from toolkit.runs.ledger import Ledger
from toolkit.runs.page import write_page
from toolkit.runs.plan import UNITS, ClassifyStep, Output, Plan, StepPlan
from toolkit.runs.workers import Tools
from toolkit.tables import write_rows

__all__ = ["check_outputs", "fill_store", "write_outputs"]

Fields = dict[str, Any]
_ABOUT = {"policy": "政策", "doc_number": "文号", "region": "地区", "heading": "条款"}
_INGEST = {"id": "文件", "outcome": "处理结果", "documents": "政策数", "clauses": "条款数", "reason": "说明"}
_CLASSIFY = {**_ABOUT, "text": "原文", "labels": "代码", "names": "政策工具", "id": "编号"}
_ASK = {"id": "编号", "question": "问题", "answer": "回答", "answerable": "有无依据", "citations": "依据"}
_FAILURES = {"step": "步骤", "id": "编号", "reason": "原因", "attempts": "次数", "text": "原文"}


def check_outputs(plan: Plan) -> None:
    """Refuse, before any work, an output that cannot be written or a column that it cannot have."""
    for output in plan.outputs:
        path = Path(output.path)
        if path.is_dir():
            raise InputError(f"output {path} is a folder", hint="name a file in it")
        if path.suffix.lower() != ".jsonl":
            known = _headings(plan, output)
            for column in output.columns:
                if column not in known:
                    raise InputError(
                        f"output {path} has no column {column}", hint=f"it has {', '.join(known)}"
                    )
        _try(path)


def _try(path: Path) -> None:
    trial = path.with_name(f".{path.name}.{os.getpid()}.trial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise InputError(f"cannot write the output {path}: {error.strerror}") from error


def write_outputs(plan: Plan, ledger: Ledger, run: int, *, steps: list[str]) -> dict[str, int]:
    """Write every output whose step was run; gives each path's number of rows."""
    written: dict[str, int] = {}
    for output in plan.outputs:
        step = output.step or next(iter(plan.steps))
        if output.rows == "results" and step not in steps:
            continue
        path, ending = Path(output.path), Path(output.path).suffix.lower()
        if ending == ".jsonl":
            rows = (
                _failures(plan, ledger, run) if output.rows == "failures" else _whole(plan, ledger, run, step)
            )
            written[output.path] = write_rows(rows, path, columns=output.columns or None)
            continue
        rows = _failures(plan, ledger, run) if output.rows == "failures" else _flat(plan, ledger, run, step)
        headings = _headings(plan, output)
        chosen = {name: headings[name] for name in output.columns or headings}
        if ending == ".html":
            written[output.path] = write_page(rows, path, chosen, title=plan.name or "结果")
        else:
            columns = list(chosen) if ending == ".parquet" else chosen
            written[output.path] = write_rows(rows, path, columns=columns, sheet=step)
    return written


def fill_store(tools: Tools, ledger: Ledger, run: int, *, steps: list[str]) -> None:
    """Put supports and labels into the plan's store, for the clauses that it holds."""
    plan = tools.plan
    uses = {plan.steps[name].use for name in steps}
    if not uses & {"classify", "extract"} or not (plan.inputs.store or "ingest" in uses):
        return
    store = tools.store
    held = {clause.id for clause in store.clauses()}
    with store.writing():
        for name in steps:
            rows = (row for row in _finished(ledger, run, name, "clause") if row.result is not None)
            if plan.steps[name].use == "classify":
                store.save_labels(
                    Labelling(id=row.id, text=row.payload["text"], **row.result)
                    for row in rows
                    if row.id in held
                )
            elif plan.steps[name].use == "extract":
                for row, found in _extractions(rows):
                    if row.id in held and store.supports(row.id) != found.supports:
                        store.save_supports(row.id, found.supports)


def _headings(plan: Plan, output: Output) -> dict[str, str]:
    if output.rows == "failures":
        return _FAILURES
    use = plan.steps[output.step or next(iter(plan.steps))].use
    if use == "extract":
        from toolkit.extraction.rows import HEADINGS

        return HEADINGS
    return {"ingest": _INGEST, "classify": _CLASSIFY, "ask": _ASK}[use]


def _finished(ledger: Ledger, run: int, step: str, unit: Unit) -> Iterator[Row]:
    return (row for row in ledger.rows(run, step, unit) if row.state in ("done", "empty"))


def _failures(plan: Plan, ledger: Ledger, run: int) -> Iterator[Fields]:
    units: dict[str, Unit | None] = {"read": None, **{n: UNITS[s.use] for n, s in plan.steps.items()}}
    for step, unit in units.items():
        for row in ledger.rows(run, step, unit):
            if row.state == "failed":
                said = row.payload.get("text") or row.payload.get("question") or ""
                told = {"step": row.step, "id": row.id, "reason": row.reason, "attempts": row.attempts}
                yield {**told, "text": said}


def _whole(plan: Plan, ledger: Ledger, run: int, step: str) -> Iterator[Fields]:
    use = plan.steps[step].use
    rows = _finished(ledger, run, step, UNITS[use])
    if use == "extract":
        for row, found in _extractions(rows):
            told = found.model_dump(mode="json")
            yield {
                "id": row.id,
                "text": row.payload["text"],
                "supports": told["supports"],
                **_about(row.payload),
            }
        return
    for row in rows:
        if use == "ask":
            yield {"id": row.id, "question": row.payload["question"], **row.result}
        elif use == "ingest":
            yield {"id": row.id, **row.result, "reason": row.reason}
        else:
            yield {"id": row.id, "text": row.payload["text"], **row.result, **_about(row.payload)}


def _flat(plan: Plan, ledger: Ledger, run: int, step: str) -> Iterator[Fields]:
    use = plan.steps[step].use
    rows = _finished(ledger, run, step, UNITS[use])
    if use == "extract":
        from toolkit.extraction import flat_rows

        for row, found in _extractions(rows):
            yield from flat_rows([found], about={row.id: _about(row.payload)})
    elif use == "classify":
        names = _code_names(plan.steps[step])
        for row in rows:
            labels = row.result["labels"]
            yield {
                **_about(row.payload),
                "id": row.id,
                "text": row.payload["text"],
                "labels": "、".join(str(code) for code in labels),
                "names": "、".join(names.get(code, str(code)) for code in labels),
            }
    elif use == "ask":
        for row in rows:
            cited = [f"《{c['policy']}》{c['heading']}：{c['quote']}" for c in row.result["citations"]]
            said = {"answer": row.result["answer"], "answerable": "有" if row.result["answerable"] else "无"}
            yield {**said, "id": row.id, "question": row.payload["question"], "citations": "\n".join(cited)}
    else:
        for row in rows:
            yield {"id": row.id, **row.result, "reason": row.reason}


def _about(payload: Mapping[str, Any]) -> Fields:
    heading = payload.get("heading") or " › ".join(payload.get("heading_path") or ())
    told = {**{name: payload.get(name) for name in ("policy", "doc_number", "region")}, "heading": heading}
    return {name: said for name, said in told.items() if said}


def _extractions(rows: Iterable[Row]) -> Iterator[tuple[Row, Extraction[Support]]]:
    """Give what was read from each clause, with the conditions that it inherits from its siblings."""
    from toolkit.extraction.inherit import Inheritance

    inheritance = Inheritance()
    for row in rows:
        told = row.result or {}
        supports = [Support.model_validate(support) for support in told.get("supports", ())]
        found = {**told, "id": row.id, "text": row.payload["text"]}
        found["supports"] = tuple(inheritance.read(_clause(row), supports))
        yield row, Extraction[Support].model_validate(found)


def _clause(row: Row) -> Clause:
    told, text = row.payload, str(row.payload["text"])
    return Clause(
        id=row.id,
        document_id=told.get("document_id") or told.get("policy") or row.id,
        heading_path=tuple(told.get("heading_path") or ()),
        text=text,
        start=told.get("start", 0),
        end=told.get("end", len(text)),
    )


def _code_names(step: StepPlan) -> dict[int, str]:
    from toolkit.classify import Classifier, load_taxonomy

    own = isinstance(step, ClassifyStep) and step.classifier
    taxonomy = Classifier.load(own).taxonomy if own else load_taxonomy()
    return {code.id: code.name for code in taxonomy.codes}
