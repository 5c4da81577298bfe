"""Finding money and shares in a text: value, place, kind, and which of them belong together.

In: a clause. Out: `Expression`s in the order of the text. A number without a unit is no figure: it
becomes one only inside an enumeration or range whose last member has the unit (`10、20、30万元`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from toolkit.figures.numerals import ARABIC, HAN, MAGNITUDE, parse_number
from toolkit.figures.view import View
from toolkit.records import Expression, ExpressionKind

__all__ = ["Placed", "figures_in", "find_figures"]

_CURRENCIES = {
    "元": "CNY",
    "元人民币": "CNY",
    "人民币": "CNY",
    "美元": "USD",
    "美金": "USD",
    "欧元": "EUR",
    "港元": "HKD",
    "港币": "HKD",
    "日元": "JPY",
    "英镑": "GBP",
    "新加坡元": "SGD",
    "澳门元": "MOP",
}
_UNIT_WORDS = (
    r"(?:平方米|平米|m2|立方米|公里|千米|千瓦时|千瓦|兆瓦|kWh|kW|吨标准煤|吨标煤|万吨|吨|标准箱|标箱|"
    r"箱|公顷|亩"
    r"|工作日|季度|课时|学时|小时|人次|月|年|天|日|人|户|家|件|项|台|套|辆|架|次|单|票|间|个|床|张|"
    r"度|瓦|公斤|千克|羽|头|株)"
)
_NUMBER = (
    rf"(?P<number>(?:(?<!\d){ARABIC}(?!\d)|"
    rf"(?<![数几第零〇一二两三四五六七八九十百千壹贰叁肆伍陆柒捌玖拾佰仟]){HAN}))"
)
_INCLUDING = r"(?:\((?:不?含|包?含)\))?"
_MONEY = re.compile(
    rf"(?:(?P<front>人民币|美元|USD|US\$|\$|￥|¥))?{_NUMBER}(?:余|多)?(?P<magnitude>{MAGNITUDE})?(?:余|多)?"
    rf"(?:{_INCLUDING}(?P<currency>{'|'.join(sorted(_CURRENCIES, key=len, reverse=True))}))?"
    rf"(?P<unit>(?:(?:[/·•]|每){_UNIT_WORDS})+)?"
)
_SHARE = re.compile(rf"{_NUMBER}(?P<sign>%|‰|个百分点)")
_SPOKEN = re.compile(rf"(?P<whole>百|千|万|{HAN})分之(?P<number>{ARABIC}|{HAN})")
_TENTHS = re.compile(rf"(?<!第){_NUMBER}成(?![立为功果熟员本长效分就交品人套都绩语年份])")
_RATIO = re.compile(rf"(?<![\d:∶.])({ARABIC})[:∶]({ARABIC})(?![\d:∶])")
_JOIN = r"(?:、|,|和|与|及|或|以及|或者|/)"
_RANGE = r"(?:至|到|-|~|–|-)"
_SIXTH = Decimal("0.000001")


class _Raw(NamedTuple):
    start: int
    end: int
    value: Decimal
    kind: ExpressionKind
    currency: str = "CNY"
    unit: str | None = None


class Placed(NamedTuple):
    """A figure and where it stands in the folded text."""

    start: int
    end: int
    expression: Expression


def find_figures(text: str) -> list[Expression]:
    """Find every money and percentage expression of a text, in order."""
    return [placed.expression for placed in figures_in(View(text))]


def figures_in(view: View) -> list[Placed]:
    """Find the figures of a folded text, each with its place there."""
    found: list[_Raw] = []
    for raw in sorted([*_money(view), *_shares(view.text)], key=lambda r: (r.start, -r.end)):
        if not found or raw.start >= found[-1].end:
            found.append(raw)
    found = _with_shared_units(view.text, found)
    return [
        Placed(raw.start, raw.end, _expression(view, raw, group, is_range))
        for raw, group, is_range in _grouped(view.text, found)
    ]


def _expression(view: View, raw: _Raw, group: int, is_range: bool) -> Expression:
    start, end = view.span(raw.start, raw.end)
    return Expression(
        quote=view.source[start:end],
        start=start,
        end=end,
        value=raw.value,
        kind=raw.kind,
        currency=raw.currency,
        unit=raw.unit,
        group=group,
        is_range=is_range,
    )


def _money(view: View) -> Iterator[_Raw]:
    text = view.text
    for found in _MONEY.finditer(text):
        start = _after_a_break(view, *found.span("number"))
        number = text[start : found.end("number")]
        magnitude, currency, front = (
            found.group("magnitude") or "",
            found.group("currency"),
            found.group("front"),
        )
        value = parse_number(number + magnitude)
        if value is None or not (currency or front or _bare_sum(text, found, magnitude)):
            continue
        if front and not currency and not number[0].isdigit():
            continue  # 人民币一次性
        single = currency == "元" and not magnitude and len(number) == 1 and not number.isdigit()
        if single and not re.match(r"[的奖补资以每,。;、)至/-]|$", text[found.end() :]):
            continue  # 一元化, 三元材料
        code = _CURRENCIES.get(
            currency or "", "USD" if (front or "") in {"美元", "USD", "US$", "$"} else "CNY"
        )
        end = found.end()
        unit = found.group("unit")
        if unit and unit.startswith("每"):  # `100元每年…` belongs to what follows
            end, unit = found.start("unit"), None
        yield _Raw(start, end, value, "money", code, unit.lstrip("/·•") if unit else None)


def _after_a_break(view: View, start: int, end: int) -> int:
    """Cut a number at a tab or line break inside it: those are two cells, not one number."""
    for index in range(end - 1, start, -1):
        gap = view.gap(index)
        if ("\t" in gap or "\n" in gap) and not (view.text[index] in "0.," and view.text[index - 1] != "."):
            return index
    return start


def _bare_sum(text: str, found: re.Match[str], magnitude: str) -> bool:
    """Take `奖励20万` for money: a verb of giving before, and no noun that is counted in 万 behind."""
    if magnitude[-1:] not in {"万", "亿"} or not found.group("number")[0].isdigit():
        return False
    before, after = text[max(0, found.start() - 12) : found.start()], text[found.end() :]
    gives = re.search(r"(给予|予以|奖励|补贴|补助|资助|支持|奖补)[^,。;]{0,6}$|\d万、$", before)
    ends = re.match(r"[,。;、)]|的?(不等)?的?(一次性)?(资金|奖励|补贴|补助|资助|支持|奖补)", after)
    return bool(gives and ends)


def _shares(text: str) -> Iterator[_Raw]:
    for found in _SHARE.finditer(text):
        value = parse_number(found.group("number"))
        if value is not None:
            sign = found.group("sign")
            points = sign == "个百分点"
            yield _Raw(
                found.start(),
                found.end(),
                value / (1000 if sign == "‰" else 100),
                "points" if points else "share",
            )
    for found in _SPOKEN.finditer(text):
        value, whole = parse_number(found.group("number")), found.group("whole")
        parts = {"百": 100, "千": 1000, "万": 10000}.get(whole) or parse_number(whole)
        if value is not None and parts:
            share = (value / Decimal(parts)).quantize(_SIXTH, rounding=ROUND_HALF_EVEN).normalize()
            yield _Raw(found.start(), found.end(), share, "share")
    for found in _TENTHS.finditer(text):
        value = parse_number(found.group("number"))
        if value is not None and 0 < value < 10:
            yield _Raw(found.start(), found.end(), value / 10, "share")
    for found in _RATIO.finditer(text):
        own, given = Decimal(found.group(1).replace(",", "")), Decimal(found.group(2).replace(",", ""))
        clock = len(found.group(2)) == 2 and own < 25
        if own and not clock:
            yield _Raw(found.start(), found.end(), (given / own).quantize(_SIXTH).normalize(), "ratio")


def _with_shared_units(text: str, found: list[_Raw]) -> list[_Raw]:
    """Give the unit of a list's last member to the bare numbers before it."""
    shared: list[_Raw] = []
    for raw in found:
        floor = shared[-1].end if shared else 0
        members: list[_Raw] = []
        at = raw.start
        while before := re.search(
            rf"(?<![\d.第年月至到:])({ARABIC})({MAGNITUDE})?{_INCLUDING}(?:{_JOIN}|{_RANGE})$", text[floor:at]
        ):
            start = floor + before.start(1)
            if _looks_like_a_list_number(text, start, before.group(1), text[at - 1]):
                break
            member = _member(text, raw, start, floor + before.end(2 if before.group(2) else 1), before)
            if member is None:
                break
            members.insert(0, member)
            at = start
        shared += [*members, raw]
    return shared


def _looks_like_a_list_number(text: str, start: int, number: str, join: str) -> bool:
    opens = start == 0 or text[start - 1] in "。;:)"
    return opens and join in "、" and len(number) <= 2


def _member(text: str, raw: _Raw, start: int, end: int, before: re.Match[str]) -> _Raw | None:
    number, magnitude = before.group(1), before.group(2) or ""
    if raw.kind == "money":
        own = re.match(rf"{ARABIC}({MAGNITUDE})?", text[raw.start : raw.end])
        value = parse_number(number + (magnitude or (own.group(1) or "" if own else "")))
        return None if value is None else _Raw(start, end, value, "money", raw.currency, raw.unit)
    if raw.kind == "share" and not magnitude and text[raw.end - 1] in "%‰":
        return _Raw(
            start,
            end,
            Decimal(number.replace(",", "")) / (1000 if text[raw.end - 1] == "‰" else 100),
            "share",
        )
    return None


def _grouped(text: str, found: list[_Raw]) -> Iterator[tuple[_Raw, int, bool]]:
    group = -1
    ranges: set[int] = set()
    groups: list[int] = []
    for index, raw in enumerate(found):
        between = text[found[index - 1].end : raw.start] if index else "。"
        same = index > 0 and found[index - 1].kind == raw.kind
        side = r"(?:\((?:不?含|包?含)\))?(?:以上|以下|以内)?"
        ranged = same and re.fullmatch(rf"{side}{_RANGE}", between)
        joined = same and re.fullmatch(rf"{side}(?:的)?(?:部分)?{_JOIN}", between)
        if not (ranged or joined):
            group += 1
        elif ranged:
            ranges.add(group)
        groups.append(group)
    for raw, number in zip(found, groups, strict=True):
        yield raw, number, number in ranges
