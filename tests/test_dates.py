"""Dates as policies write them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.dates import find_dates, last_day, parse_date, parse_number

DAYS = st.dates(min_value=date(1949, 10, 1), max_value=date(2099, 12, 31))
HAN = "〇一二三四五六七八九"


def in_han(day: date) -> str:
    def small(n: int) -> str:
        tens, ones = divmod(n, 10)
        return ("" if tens == 0 else "十" if tens == 1 else HAN[tens] + "十") + (HAN[ones] if ones else "")

    return "".join(HAN[int(c)] for c in str(day.year)) + f"年{small(day.month)}月{small(day.day)}日"


@given(DAYS)
def test_every_day_is_read_in_every_way_of_writing(day: date) -> None:
    for text in (
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year} 年 {day.month} 月 {day.day} 日",
        f"{day:%Y-%m-%d}",
        f"{day:%Y/%m/%d}",
        f"{day:%Y.%m.%d}",
        f"{day.year}.{day.month}.{day.day}",
        in_han(day),
    ):
        assert parse_date(text) == day, text
        assert parse_date(f" {text}\n") == day


@pytest.mark.parametrize(
    "text", ["", "2023年", "2023年5月", "2023年13月1日", "2023-02-30", "5月1日", "自2023年5月1日"]
)
def test_what_is_no_full_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_dates_are_found_with_their_places() -> None:
    text = "自2023年5月1日起施行，二〇二四年三月前完成，至2025年底，截止2026-01-31。"
    found = find_dates(text)
    assert [(m.value, text[m.start : m.end]) for m in found] == [
        (date(2023, 5, 1), "2023年5月1日"),
        (None, "二〇二四年三月"),
        (date(2026, 1, 31), "2026-01-31"),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3", 3),
        ("三", 3),
        ("两", 2),
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("三十五", 35),
        ("一百零八", 108),
        ("二〇二三", 2023),
        ("abc", None),
        ("", None),
    ],
)
def test_numbers(text: str, number: int | None) -> None:
    assert parse_number(text) == number


@given(DAYS, st.integers(1, 20))
def test_a_term_of_years_ends_on_the_day_before_its_anniversary(day: date, years: int) -> None:
    end = last_day(day, years=years)
    if (day.month, day.day) != (2, 29):
        assert end + timedelta(days=1) == day.replace(year=day.year + years)
    assert last_day(day, months=12 * years) == end


def test_a_term_from_the_29th_of_february_ends_in_february() -> None:
    assert last_day(date(2024, 2, 29), years=1) == date(2025, 2, 28)
    assert last_day(date(2023, 8, 31), months=6) == date(2024, 2, 29)
