"""Dates as Chinese policies write them.

In: text. Out: `datetime.date` values with the place where they stand. `2020年1月2日`, `2020 年 1 月 2 日`,
`2020-01-02`, `2020.1.2`, `2020/1/2` and `二〇二〇年一月二日` are dates; a year with a month alone is a
`DateMention` whose `value` is None.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["DATE", "DateMention", "find_dates", "last_day", "parse_date", "parse_number"]

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "Ｏ": 0, "O": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN = "〇○零一二三四五六七八九十"

# The pattern of a full date, to build larger patterns from; it has no groups.
DATE = (
    r"(?:(?:19|20)\s*\d\s*\d\s*(?:年\s*\d{1,2}\s*月\s*\d{1,2}\s*日"
    r"|[-./／－．]\s*\d{1,2}\s*[-./／－．]\s*\d{1,2}(?!\d))"
    rf"|[{_HAN}OＯ]{{4}}\s*年\s*[{_HAN}]{{1,3}}\s*月\s*[{_HAN}]{{1,3}}\s*日)"
)
_FULL = re.compile(DATE)
_MONTH = re.compile(
    rf"(?:(?:19|20)\d\d|[{_HAN}]{{4}})\s*年\s*(?:\d{{1,2}}|[{_HAN}]{{1,3}})\s*月(?!\s*[\d{_HAN}]+\s*日)"
)
_PARTS = re.compile(rf"[\d{_HAN}OＯ]+")


@dataclass(frozen=True)
class DateMention:
    """A date in a text: `text[start:end]`; `value` is None where no day is given."""

    value: date | None
    start: int
    end: int


def parse_number(text: str) -> int | None:
    """Read a whole number in Arabic or Chinese figures (`12`, `十二`, `二〇二〇`); None where it is none."""
    text = "".join(text.split())
    if text.isdecimal():
        return int(text)
    if not text or any(c not in _DIGITS and c not in _UNITS for c in text):
        return None
    if not any(c in _UNITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total, digit = 0, 0
    for character in text:
        if character in _UNITS:
            total += (digit or 1) * _UNITS[character]
            digit = 0
        else:
            digit = _DIGITS[character]
    return total + digit


def parse_date(text: str) -> date | None:
    """Read a text that is one full date; None where it is not or no such day exists."""
    text = text.strip()
    return _value(text) if _FULL.fullmatch(text) else None


def find_dates(text: str) -> list[DateMention]:
    """Find all dates, in order; a year and month without a day have no value."""
    found = [DateMention(_value(m.group()), m.start(), m.end()) for m in _FULL.finditer(text)]
    found = [mention for mention in found if mention.value is not None]
    found += [DateMention(None, m.start(), m.end()) for m in _MONTH.finditer(text)]
    return sorted(found, key=lambda mention: mention.start)


def last_day(start: date, *, years: int = 0, months: int = 0) -> date:
    """Give the last day of a term: three years from 2020-05-15 end on 2023-05-14."""
    month = start.month - 1 + months
    year, month = start.year + years + month // 12, month % 12 + 1
    if start.day > monthrange(year, month)[1]:
        return date(year, month, monthrange(year, month)[1])
    return date(year, month, start.day) - timedelta(days=1)


def _value(text: str) -> date | None:
    numbers = [parse_number(part) for part in _PARTS.findall("".join(text.split()))]
    if len(numbers) != 3 or None in numbers:
        return None
    year, month, day = (number or 0 for number in numbers)
    try:
        return date(year, month, day)
    except ValueError:
        return None
