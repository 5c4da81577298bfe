"""Rules that change a sum: no double funding, the highest only, yearly and total ceilings, budgets.

In: a folded clause's view. Out: `Rule`s with the words that say so.
"""

from __future__ import annotations

import re

from toolkit.extraction.sentences import Sentence, Span
from toolkit.figures.view import View
from toolkit.records import Rule

__all__ = ["read_rules"]

_KINDS: tuple[tuple[str, str], ...] = (
    (
        "highest_only",
        r"就高不就低|就高原则|从高不重复|从优不重复|择优不重复|从高原则|以最高标准|按最高(?:标准|额|"
        r"档)|取高|就高(?:给予|执行|享受|兑现)|最高一[项档]|补差|差额(?:部分|奖励|补|执行|享受)|"
        r"不重复享受同类.{0,6}就高",
    ),
    (
        "no_stacking",
        r"不重复(?:享受|奖励|补贴|补助|资助|支持|计算|申报)|不得(?:重复|同时)(?:享受|申[报请]|补)|"
        r"不再(?:重复)?(?:享受|奖励|补助|补贴|予以奖补)|不予重复|不可(?:重复|同时|叠加)|不叠加|"
        r"不得叠加|只能(?:享受|申[请报])|只可(?:享受|申)|择一(?:享受|申)|限享受一[次项]|享受一次",
    ),
    (
        "yearly_total",
        r"(?:每年|年度|当年|全年|每年度|当年度)[^,。;]{0,16}?(?:累计|合计|总额|总计|最高|不超过|最多)"
        r"[^,。;]{0,16}?\d[\d.]*[万亿]?元",
    ),
    (
        "shared_cap",
        r"(?:累计|合计|总额|总计|以上各项|上述各项|各项)[^,。;]{0,14}?(?:不超过|最高|不得超过|封顶)"
        r"[^,。;]{0,12}?\d[\d.]*[万亿]?元",
    ),
    (
        "budget",
        r"(?:以[^,。;]{0,14}?预算[^,。;]{0,14}?为限|先到先得|先用先得|额满即止|用完为止|总额控制|"
        r"预算(?:总额)?控制|年度预算安排|同比例(?:核减|下调|压缩|缩减)|资金总量控制)",
    ),
)


def read_rules(view: View, sentences: list[Sentence]) -> tuple[Rule, ...]:
    """Find the rules of a clause, each the comma segment that states it."""
    rules: list[Rule] = []
    for sentence in sentences:
        for span in sentence.segments:
            rule = _rule(view, span)
            if rule is not None:
                rules.append(rule)
    return tuple(rules)


def _rule(view: View, span: Span) -> Rule | None:
    words = view.text[span[0] : span[1]]
    for kind, pattern in _KINDS:
        if re.search(pattern, words):
            start, end = view.span(*span)
            return Rule.model_validate(
                {"kind": kind, "quote": view.source[start:end], "start": start, "end": end}
            )
    return None
