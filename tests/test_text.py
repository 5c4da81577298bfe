"""Folding and locating: what a quote is allowed to differ in, and what not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text import fold, fold_with_offsets, locate, squeeze

CHINESE = st.text(alphabet="给予奖励，。（）() 元%％\n\u3000", max_size=40)


def test_a_quote_is_found_at_its_exact_place() -> None:
    text = "对新设企业给予10万元奖励，再给予5万元。"
    assert locate(text, "5万元") == (17, 20)


@pytest.mark.parametrize(
    ("text", "quote", "words"),
    [
        ("最高不超过 ５００ 万元。", "最高不超过500万元", "最高不超过 ５００ 万元"),
        ("按实际投入的30％给予补助", "按实际投入的30%", "按实际投入的30％"),
        ("首台（套）装备", "首台(套)", "首台（套）"),
        ("一次性奖\n励", "一次性奖励", "一次性奖\n励"),
    ],
)
def test_width_and_white_space_do_not_matter(text: str, quote: str, words: str) -> None:
    place = locate(text, quote)
    assert place is not None
    assert text[slice(*place)] == words


@pytest.mark.parametrize("quote", ["最高不超过600万元", "", "  ", "给与"])
def test_words_that_do_not_stand_are_not_found(quote: str) -> None:
    assert locate("给予最高不超过500万元的支持", quote) is None


@pytest.mark.parametrize(
    ("text", "quote", "start"),
    [
        ("一档15万元，二档5万元", "5万元", 9),
        ("五十万元以上的，奖十万元", "十万元", 9),
        ("投资2.5亿元，配套5亿元", "5亿元", 10),
        ("１５万元和 ５万元", "5万元", 6),
    ],
)
def test_a_number_is_never_cut(text: str, quote: str, start: int) -> None:
    place = locate(text, quote)
    assert place is not None
    assert place[0] == start


def test_a_quote_that_would_cut_every_number_is_not_found() -> None:
    assert locate("最高不超过150万元", "最高不超过15") is None
    assert locate("最高不超过150万元", "50万元") is None


def test_a_later_mention_is_found_from_a_start() -> None:
    text = "奖励10万元；另奖10万元"
    assert locate(text, "10万元", start=5) == (9, 13)


@given(CHINESE, CHINESE, CHINESE)
def test_a_part_of_a_text_is_always_located_as_itself(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    place = locate(text, quote)
    if squeeze(quote):
        assert place is not None
        assert fold(text[slice(*place)]) == fold(quote)
    else:
        assert place is None


@given(CHINESE)
def test_each_folded_character_knows_where_it_came_from(text: str) -> None:
    folded, offsets = fold_with_offsets(text)
    assert len(folded) == len(offsets)
    assert offsets == sorted(offsets)
    assert all(fold(text[at]).find(character) >= 0 for character, at in zip(folded, offsets, strict=True))
