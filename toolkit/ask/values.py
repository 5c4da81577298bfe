"""Which kinds of values a piece of policy text holds: sums, shares, dates, terms, bodies, lists.

In: text. Out: whether, and where, it holds what a question wants. Nothing is converted here: an
answer shows the text's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from toolkit.ask.folding import folded
from toolkit.figures import read_roles

__all__ = ["CHECKED", "answers", "degree", "given_figures", "holds", "spans", "sums_in", "tiers_in"]

_D = r"\d+(?:[.,]\d+)*"
_C = r"[一二三四五六七八九十百千两零〇壹贰叁]+"
_N = rf"(?:{_D}|{_C})"

_PATTERNS: dict[str, str] = {
    "money": rf"{_D}\s*(?:[百千]?[万亿]|[百千])?(?:美|欧|日|港)?元"
    rf"|{_D}\s*[百千]?[万亿](?![平人亩家个件项吨千株只头辆户台套册次])"
    rf"|{_C}[万亿千百](?:美|欧|港)?元|{_C}[千百]?万(?![平人亩家个件])|全额(?:补|支持|资助|返)|免(?:费|收|缴|租)",
    "rate": rf"{_D}\s*[%％‰﹪]|百分之{_C}|千分之{_C}|[二三四五六七八九十]分之{_C}"
    r"|(?<![\d/])[1-9]\s*/\s*[2-9](?![\d/])"
    rf"|{_D}\s*[:：∶]\s*{_D}|{_C}成(?![立为果员功长效交])|{_D}\s*倍|LPR|全额",
    "people": rf"{_N}\s*(?:\(含\)|（含）)?\s*(?:余|多)?\s*(?:人|名|位)(?![民次大体均])",
    "area": rf"{_N}\s*万?\s*(?:平方米|平米|㎡|亩|公顷|平方公里)",
    "term": rf"{_N}\s*(?:\(含\)|（含）)?\s*(?:个)?\s*"
    r"(?:年|个月|月内|日|天|工作日|小时|周年|学期)(?!度|级|月)",
    "date": r"\d{4}\s*[年.\-/]\s*\d{1,2}\s*[月.\-/]\s*\d{1,2}\s*日?"
    r"|\d{4}\s*年(?:\s*\d{1,2}\s*月)?(?:底|末|初)?"
    r"|\d{1,2}\s*月\s*(?:\d{1,2}\s*日|底|末|初|上旬|中旬|下旬)|年底前|[〇零一二三四五六七八九]{4}年"
    r"|[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}日",
    "times": rf"{_N}\s*(?:次|回|批)|每年|每季度|每半年|常年|定期|逐年",
    "count": rf"{_N}\s*(?:\(含\)|（含）)?\s*(?:余|多)?\s*(?:个|家|项|件|所|种|类|台|套|篇|只|户)",
    "who": r"(?:委|局|厅|办|处|部|中心|平台|窗口|机构|银行"
    r"|单位|系统|网站|部门|政府|一网通办|官网|协会|大厅)",
    "material": r"申请表|申报书|申请书|报告|合同|凭证|凭据|证明"
    r"|复印件|营业执照|材料|清单|承诺书|发票|协议|证书|报表",
    "manner": r"书面|网上|在线|线上|邮寄|现场"
    r"|登录|通过|提交|提出|申报|申请|递交|报送|填写|受理|审核|评审|公示",
    "definition": r"是指|系指|所称|指的是|[，：)）]指|主要涵盖|是以|是一种|[（(][^（）()]{6,40}[）)]",
    "enumeration": r"、|[：:]\s*$|（[一二三四五六七八九十]+）|[（(]?\d[）).、]",
    "condition": r"条件|应当|应具备|应为|须|具有|具备|符合|以上|以下|不低于|不少于|不超过|达到|未|不得|满",
    "yes_no": r"",
}
_COMPILED = {kind: re.compile(pattern) for kind, pattern in _PATTERNS.items() if pattern}

CHECKED = frozenset({"money", "rate", "people", "area", "term", "date", "times", "count"})
"""The kinds of which a passage without a value cannot be the answer."""

_INSTEAD = {"money": ("rate",), "rate": ("money",), "count": ("people",), "people": ("count",)}


def answers(kinds: Sequence[str], text: str) -> bool:
    """Say whether the text holds any of the kinds of figures asked for, or one that stands in for it.

    True where no figure is asked for.
    """
    figures = [kind for kind in kinds if kind in CHECKED]
    return not figures or any(holds(kind, text, strictly=False) for kind in figures)


@lru_cache(maxsize=20_000)
def given_figures(text: str) -> tuple[tuple[int, int], ...]:
    """Where a clause names sums and shares that it gives: amounts, caps and rates, no thresholds."""
    return tuple(
        (reading.expression.start, reading.expression.end)
        for reading in read_roles(text)
        if reading.role != "distractor"
    )


_NUMBER = r"\d[\d.,]*"
_UNIT = r"[百千]?[万亿]"
_CONTAINED = r"(?:\([不包]?含\))?"
_BOUND = re.compile(
    rf"(?P<low>{_NUMBER})(?P<lowunit>{_UNIT})?元?{_CONTAINED}(?:以上)?(?:至|到|-|~|不满|且不满)"
    rf"(?P<high>{_NUMBER})(?P<highunit>{_UNIT})元?"
    rf"|(?P<value>{_NUMBER})(?P<unit>{_UNIT})?元{_CONTAINED}(?P<side>及?(?:以下|以内|以上))"
)
_MAGNITUDE = {"": 1, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8}


@lru_cache(maxsize=20_000)
def tiers_in(text: str) -> tuple[tuple[float, float], ...]:
    """The ranges of sums in yuan that a text sets bounds with: 50万元以上不满200万元, 500万元（含）以下."""
    found = []
    for match in _BOUND.finditer(folded(text)):
        part = match.groupdict()
        if part["low"]:
            unit = part["lowunit"] or part["highunit"]
            found.append((_sum(part["low"], unit), _sum(part["high"], part["highunit"])))
        elif part["side"].endswith("以上"):
            found.append((_sum(part["value"], part["unit"]), float("inf")))
        else:
            found.append((0.0, _sum(part["value"], part["unit"])))
    return tuple(found)


def sums_in(text: str) -> tuple[float, ...]:
    """The sums in yuan that a question names: 400万, 80万元."""
    return tuple(
        _sum(number, unit) for number, unit in re.findall(r"(\d[\d.,]*)\s*([百千]?[万亿])(?!平|人|亩)", text)
    )


def _sum(number: str, unit: str | None) -> float:
    return float(number.replace(",", "").rstrip(".") or 0) * _MAGNITUDE.get(unit or "", 1)


_STRONG = {
    "who": re.compile(
        r"[一-龥]{2,}(?:局|委|厅|办公室|管委会|委员会|中心|平台|系统|窗口|官网|大厅)|[省市区县]级?主管部门|一网通办"
    ),
    "definition": re.compile(r"是指|系指|所称|指的是|[，：]指|主要涵盖"),
    "condition": re.compile(
        r"(?:下列|以下|如下)[^，。；]{0,8}(?:条件|要求|标准)|条件之一|(?:应|须)当?(?:至少|同时)?(?:符合|具备|满足)"
    ),
}


def degree(kind: str, text: str) -> float:
    """Say how far a text holds what a question of the kind wants: 0 not, 1 fully.

    Figures are there or not; of words and lists there is more and less.
    """
    if not holds(kind, text):
        return 0.0
    strong = _STRONG.get(kind)
    if strong is not None:
        return 1.0 if strong.search(text) else 0.4
    if kind == "enumeration":
        return _listing(text)
    if kind == "material":
        return min(1.0, 0.5 * len(set(_COMPILED[kind].findall(text))))
    return 1.0


def holds(kind: str, text: str, *, strictly: bool = True) -> bool:
    """Say whether the text holds a value of the kind; not strictly, one that often stands in for it."""
    pattern = _COMPILED.get(kind)
    if pattern is None or pattern.search(text):
        return True
    return not strictly and any(_COMPILED[other].search(text) for other in _INSTEAD.get(kind, ()))


def _listing(text: str) -> float:
    """How far a text is or opens a list: named things side by side, items, many parts."""
    if text.rstrip().endswith(("：", ":")):
        return 1.0  # it opens a list
    named = len(re.findall(r"”(?:、|和|及|以及)?“", text))
    items = len(re.findall(r"[（(][一二三四五六七八九十]{1,2}[）)]|[①-⑳]", text))
    return min(0.85, 0.25 + 0.15 * text.count("、") + 0.25 * named + 0.2 * items)


def spans(kind: str, text: str) -> list[tuple[int, int]]:
    """Find the values of a kind in the text."""
    pattern = _COMPILED.get(kind)
    return [match.span() for match in pattern.finditer(text)] if pattern else []
