"""Supports as flat rows for tables: one row a support, with Chinese headings.

In: extractions with what is known of their clauses. Out: mappings for `toolkit.tables.write_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from toolkit.records import Extraction, Failure, Figure, Rate, Support

__all__ = ["FAILURE_HEADINGS", "HEADINGS", "TYPE_NAMES", "flat_rows", "money_text", "share_text"]

HEADINGS: dict[str, str] = {
    "policy": "政策",
    "region": "地区",
    "heading": "条款",
    "measure": "支持事项",
    "support_type": "支持方式",
    "beneficiary": "支持对象",
    "conditions": "条件",
    "amount": "金额（元）",
    "cap": "上限（元）",
    "rate": "比例",
    "base": "比例基数",
    "per": "计量单位",
    "bindingness": "力度",
    "rules": "限制",
    "notes": "说明",
    "text": "原文",
    "id": "编号",
}
FAILURE_HEADINGS = {"id": "编号", "reason": "原因", "text": "原文"}
TYPE_NAMES = {
    "reward": "奖励",
    "grant": "补助",
    "interest_subsidy": "贴息",
    "tax": "税收",
    "voucher": "券",
    "equity": "股权投资",
    "risk": "风险补偿或担保",
    "rent": "房租",
    "matching": "配套",
    "other": "其他",
}
BINDING_NAMES = {"shall": "应给予", "may": "可给予", "encourage": "鼓励"}
_RULE_NAMES = {
    "no_stacking": "不重复享受",
    "highest_only": "就高不就低",
    "yearly_total": "年度上限",
    "shared_cap": "合计上限",
    "budget": "预算控制",
    "other": "其他",
}


def flat_rows(
    extractions: Iterable[Extraction[Support] | Failure],
    *,
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[dict[str, Any]]:
    """Give one row a support, failures left out; `about` holds what is known of a clause by its id.

    Several figures of one role are all there: the first as a number, the others in the notes.
    """
    for found in extractions:
        if isinstance(found, Failure):
            continue
        known = dict((about or {}).get(found.id, {}))
        for support in found.supports:
            yield {**known, **_row(support), "text": found.text, "id": found.id}


def _row(support: Support) -> dict[str, Any]:
    more = [
        *(f"另有金额{f.quote}" for f in support.amounts[1:]),
        *(f"另有上限{f.quote}" for f in support.caps[1:]),
        *(f"另有比例{f.quote}" for f in support.rates[1:]),
        *support.notes,
    ]
    return {
        "measure": support.measure.quote,
        "support_type": TYPE_NAMES[support.support_type],
        "beneficiary": support.beneficiary.quote if support.beneficiary else None,
        "conditions": "\n".join(_condition(c.quote, c.clause_id) for c in support.conditions) or None,
        "amount": _first(support.amounts),
        "cap": _first(support.caps),
        "rate": _first(support.rates),
        "base": support.rates[0].base if support.rates else None,
        "per": support.per,
        "bindingness": BINDING_NAMES[support.bindingness],
        "rules": "\n".join(f"{_RULE_NAMES[r.kind]}：{r.quote}" for r in support.rules) or None,
        "notes": "；".join(more) or None,
    }


def _condition(quote: str, clause_id: str | None) -> str:
    return f"{quote}（见{clause_id}）" if clause_id else quote


def _first(figures: tuple[Figure, ...] | tuple[Rate, ...]) -> Decimal | None:
    return figures[0].value if figures else None


def money_text(value: Decimal) -> str:
    """Write a sum as a person reads it: `500万元`, `1.5亿元`, `7,000元`."""
    for size, name in ((Decimal(10**8), "亿元"), (Decimal(10**4), "万元")):
        if value >= size and value % (size / 100) == 0:
            return f"{(value / size).normalize():,f}{name}"
    return f"{value.normalize():,f}元"


def share_text(value: Decimal) -> str:
    """Write a fraction as a percentage: `30%`, `0.5%`."""
    return f"{(value * 100).normalize():f}%"
