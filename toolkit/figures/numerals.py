"""Numbers as policies write them: `1,000`, `2.5`, `五十`, `二千`, `1.5亿`; a string to a Decimal."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["ARABIC", "HAN", "MAGNITUDE", "parse_number"]

ARABIC = r"(?:\d{1,3}(?:,\d{3}){1,4}(?!\d)(?:\.\d{1,8})?|\d{1,15}(?:\.\d{1,8})?)"
_FIRST = "零〇一二两三四五六七八九十壹贰叁肆伍陆柒捌玖拾"
HAN = rf"[{_FIRST}][{_FIRST}百千佰仟点]{{0,16}}"
MAGNITUDE = r"(?:[十百千]?万亿|[十百千]?亿|[十百千]?万|百|千)"

_DIGITS = {
    c: n
    for n, chars in enumerate(
        ("零〇", "一壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    )
    for c in chars
}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MAGNITUDES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}


def parse_number(text: str) -> Decimal | None:
    """Read an Arabic or Chinese number with its magnitude; None where it is no number."""
    found = re.fullmatch(rf"({ARABIC}|{HAN})?({MAGNITUDE})?", text)
    if not found or not found.group(1):
        return None
    digits = found.group(1)
    number = Decimal(digits.replace(",", "")) if digits[0].isdigit() else _han(digits)
    if number is None:
        return None
    for character in found.group(2) or "":
        number *= _MAGNITUDES[character]
    return number


def _han(text: str) -> Decimal | None:
    whole, _, fraction = text.partition("点")
    if fraction:
        if not all(c in _DIGITS for c in fraction):
            return None
        head = _han(whole)
        return None if head is None else head + Decimal("0." + "".join(str(_DIGITS[c]) for c in fraction))
    if len(whole) > 1 and all(c in _DIGITS for c in whole):
        return Decimal("".join(str(_DIGITS[c]) for c in whole))
    total, digit = 0, 0
    for character in whole:
        if character in _UNITS:
            total += (digit or 1) * _UNITS[character]
            digit = 0
        elif character in _DIGITS:
            digit = _DIGITS[character]
        else:
            return None
    return Decimal(total + digit)
