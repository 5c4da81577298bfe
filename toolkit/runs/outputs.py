"""A run's outputs, derived from its ledger.

jsonl lines hold a result whole, with the field names of the single commands. The flat formats and html
are for people: one row a support, Chinese headings. Every file is written whole or not at all.
"""

from __future__ import annotations

import html
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import InputError
from toolkit.runs.account import Row, Unit
from toolkit.runs.ledger import Ledger
from toolkit.runs.plan import ClassifyStep, Output, Plan, StepPlan
from toolkit.tables import replacing, write_rows

__all__ = ["check_outputs", "write_outputs"]

Fields = dict[str, Any]
_UNITS: dict[str, Unit] = {"ingest": "file", "classify": "clause", "extract": "clause", "ask": "question"}
_ABOUT = {"policy": "政策", "doc_number": "文号", "region": "地区", "heading": "条款"}
_HEADINGS: dict[str, dict[str, str]] = {
    "ingest": {
        "id": "文件",
        "outcome": "处理结果",
        "documents": "政策数",
        "clauses": "条款数",
        "reason": "说明",
    },
    "classify": {**_ABOUT, "text": "原文", "labels": "代码", "names": "政策工具", "id": "编号"},
    "extract": {
        **_ABOUT,
        "measure": "支持事项",
        "support_type": "方式",
        "beneficiary": "对象",
        "conditions": "条件",
        "amounts": "金额（元）",
        "caps": "上限（元）",
        "rates": "比例",
        "per": "计算单位",
        "rules": "限制",
        "text": "原文",
        "id": "编号",
    },
    "ask": {
        "id": "编号",
        "question": "问题",
        "answer": "回答",
        "answerable": "有无依据",
        "citations": "依据",
    },
    "failures": {"step": "步骤", "id": "编号", "reason": "原因", "attempts": "次数", "text": "原文"},
}
_TYPES = {
    "reward": "奖励",
    "grant": "补助",
    "interest_subsidy": "贴息",
    "tax": "税收",
    "voucher": "券",
    "equity": "股权投资",
    "risk": "风险补偿",
    "rent": "房租",
    "matching": "配套",
    "other": "其他",
}


def check_outputs(plan: Plan) -> None:
    """Refuse, before any work, an output that cannot be written or a column that it cannot have."""
    for output in plan.outputs:
        path = Path(output.path)
        if path.is_dir():
            raise InputError(f"output {path} is a folder", hint="name a file in it")
        known = _headings(plan, output)
        for column in output.columns:
            if column not in known:
                raise InputError(f"output {path} has no column {column}", hint=f"it has {', '.join(known)}")
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
        path = Path(output.path)
        headings = _headings(plan, output)
        chosen = {name: headings[name] for name in output.columns or headings}
        if path.suffix.lower() == ".jsonl":
            written[output.path] = write_rows(
                _whole(plan, ledger, run, output, step), path, columns=output.columns or None
            )
            continue
        rows = _flat(plan, ledger, run, output, step)
        if path.suffix.lower() == ".html":
            written[output.path] = _write_html(rows, path, chosen, title=plan.name or "结果")
        else:
            written[output.path] = write_rows(rows, path, columns=chosen, sheet=step)
    return written


def _headings(plan: Plan, output: Output) -> dict[str, str]:
    if output.rows == "failures":
        return _HEADINGS["failures"]
    return _HEADINGS[plan.steps[output.step or next(iter(plan.steps))].use]


def _account(plan: Plan, ledger: Ledger, run: int, output: Output, step: str) -> Iterator[tuple[str, Row]]:
    """Give the rows that an output tells of, each with what its step uses."""
    if output.rows == "failures":
        for row in ledger.rows(run, "read", None):
            if row.state == "failed":
                yield "read", row
        for name, made in plan.steps.items():
            for row in ledger.rows(run, name, _UNITS[made.use]):
                if row.state == "failed":
                    yield made.use, row
        return
    use = plan.steps[step].use
    for row in ledger.rows(run, step, _UNITS[use]):
        if row.state in ("done", "empty"):
            yield use, row


def _whole(plan: Plan, ledger: Ledger, run: int, output: Output, step: str) -> Iterator[Fields]:
    for use, row in _account(plan, ledger, run, output, step):
        if output.rows == "failures":
            yield _failure(row)
        elif use == "ask":
            yield {"id": row.id, "question": row.payload["question"], **row.result}
        elif use == "ingest":
            yield {"id": row.id, **row.result, "reason": row.reason}
        else:
            about = {k: v for k, v in _about(row.payload).items() if v}
            result = {"supports": row.result or []} if use == "extract" else row.result
            yield {"id": row.id, "text": row.payload["text"], **result, **about}


def _flat(plan: Plan, ledger: Ledger, run: int, output: Output, step: str) -> Iterator[Fields]:
    names = _code_names(plan.steps[step]) if output.rows == "results" else {}
    for use, row in _account(plan, ledger, run, output, step):
        if output.rows == "failures":
            yield _failure(row)
        elif use == "extract":
            yield from _support_rows(row)
        elif use == "classify":
            labels = row.result["labels"]
            yield {
                **_about(row.payload),
                "id": row.id,
                "text": row.payload["text"],
                "labels": "、".join(str(code) for code in labels),
                "names": "、".join(names.get(code, str(code)) for code in labels),
            }
        elif use == "ask":
            cited = [f"《{c['policy']}》{c['heading']}：{c['quote']}" for c in row.result["citations"]]
            said = {**row.result, "answerable": "有" if row.result["answerable"] else "无"}
            yield {**said, "id": row.id, "question": row.payload["question"], "citations": "\n".join(cited)}
        else:
            yield {"id": row.id, **row.result, "reason": row.reason}


def _failure(row: Row) -> Fields:
    said = row.payload.get("text") or row.payload.get("question") or ""
    return {"step": row.step, "id": row.id, "reason": row.reason, "attempts": row.attempts, "text": said}


def _about(payload: Mapping[str, Any]) -> Fields:
    heading = payload.get("heading") or " › ".join(payload.get("heading_path") or ())
    return {**{name: payload.get(name) for name in ("policy", "doc_number", "region")}, "heading": heading}


def _support_rows(row: Row) -> Iterator[Fields]:
    for support in row.result or ():
        rates = [
            f"{rate['base']}的{rate['quote']}" if rate.get("base") else rate["quote"]
            for rate in support["rates"]
        ]
        yield {
            **_about(row.payload),
            "id": row.id,
            "text": row.payload["text"],
            "measure": support["measure"]["quote"],
            "support_type": _TYPES[support["support_type"]],
            "beneficiary": (support["beneficiary"] or {}).get("quote"),
            "conditions": "；".join(each["quote"] for each in support["conditions"]),
            "amounts": _sums(support["amounts"]),
            "caps": _sums(support["caps"]),
            "rates": "；".join(rates),
            "per": support["per"],
            "rules": "；".join(rule["quote"] for rule in support["rules"]),
        }


def _sums(figures: list[Fields]) -> Any:
    """Give a number that a spreadsheet can add up; text where there are several."""
    values = [figure["value"] for figure in figures]
    return values[0] if len(values) == 1 else "；".join(f"{value:,}" for value in values)


def _code_names(step: StepPlan) -> dict[int, str]:
    from toolkit.classify import Classifier, load_taxonomy

    if not isinstance(step, ClassifyStep):
        return {}
    taxonomy = Classifier.load(step.classifier).taxonomy if step.classifier else load_taxonomy()
    return {code.id: code.name for code in taxonomy.codes}


_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:15px/1.6 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;margin:2em;color:#222}}
table{{border-collapse:collapse;width:100%}}
th,td{{border:1px solid #ccc;padding:.4em .6em;vertical-align:top;text-align:left;white-space:pre-line}}
th{{background:#f2f4f7;position:sticky;top:0}}tr:nth-child(even){{background:#fafafa}}
</style></head><body><h1>{title}</h1><table><thead><tr>{head}</tr></thead><tbody>
"""


def _write_html(rows: Iterable[Fields], out: Path, headings: Mapping[str, str], *, title: str) -> int:
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings.values())
    count = 0
    with replacing(out) as partial, open(partial, "w", encoding="utf-8", errors="replace") as page:
        page.write(_PAGE.format(title=html.escape(title), head=head))
        for row in rows:
            count += 1
            cells = "".join(f"<td>{html.escape(_shown(row.get(name)))}</td>" for name in headings)
            page.write(f"<tr>{cells}</tr>\n")
        page.write(f"</tbody></table><p>共 {count} 行</p></body></html>\n")
    return count


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
