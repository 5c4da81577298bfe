"""A question is read for its places, words, years and what it wants to know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.ask import understand
from toolkit.ask.check import figures_outside
from toolkit.ask.parts import parts_of
from toolkit.ask.values import degree, holds, sums_in, tiers_in
from toolkit.ask.windows import split_sentences, windows

REGIONS = (("辽宁省", "大连市"), ("青禾市",), ("青禾市", "白溪区"))


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("大连的渔船改电动能补几成，最多多少钱？", {"rate", "money"}),
        ("申请青禾市的种子基金要什么条件？", {"condition"}),
        ("材料交到哪个部门？", {"who"}),
        ("公示几天？", {"term"}),
        ("要交哪些材料？", {"material"}),
        ("青禾市的养殖奖励什么时候开始申报？", {"date"}),
        ("什么叫深海网箱？", {"definition"}),
        ("职工至少多少人，厂房面积多大？", {"people", "area"}),
    ],
)
def test_what_is_wanted_is_read_off_everyday_words(text: str, wants: set[str]) -> None:
    assert wants <= set(understand(text, regions=REGIONS).wants)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("大连给渔船补多少钱？", "amount"),
        ("大连的渔船办法哪天到期？", "deadline"),
        ("找谁申请？", "procedure"),
        ("什么是深海网箱？", "definition"),
        ("都支持哪些渔船？", "list"),
        ("大连和青禾市的渔船补贴各是多少？", "compare"),
    ],
)
def test_a_question_has_a_kind(text: str, kind: str) -> None:
    assert understand(text, regions=REGIONS).kind == kind


def test_everyday_words_bring_the_policies_own() -> None:
    question = understand("大连国高企租房补多少？", regions=REGIONS)
    said = {term.word: term.says for term in question.terms}
    assert "国家高新技术企业" in said["国高企"]
    assert "租赁补贴" in said["租房"]


@pytest.mark.parametrize(
    ("text", "path", "owns"),
    [
        ("大连补多少？", ("辽宁省", "大连市"), False),
        ("青禾补多少？", ("青禾市",), False),
        ("白溪区对渔船补多少？", ("青禾市", "白溪区"), True),
        ("海淀的公司能拿什么？", ("北京市", "海淀区"), False),
    ],
)
def test_places_are_found_those_of_the_corpus_included(text: str, path: tuple[str, ...], owns: bool) -> None:
    places = understand(text, regions=REGIONS).places
    assert [(p.path, p.owns) for p in places] == [(path, owns)]


def test_a_sum_that_is_given_is_told_from_one_that_is_required() -> None:
    assert understand("渔船改造补多少钱？").asks_a_given_sum
    assert not understand("年营收起码要多少？").asks_a_given_sum


def test_a_comparison_falls_into_its_parts() -> None:
    question = understand("网箱补贴，大连和青禾市最高各是多少？", regions=REGIONS)
    parts = parts_of(question, regions=REGIONS)
    assert [part.name for part in parts] == ["大连", "青禾市最高"] or [
        p.question.places[0].name for p in parts
    ] == [
        "大连",
        "青禾市",
    ]
    assert all("money" in part.question.wants for part in parts)
    assert parts_of(understand("大连的网箱补贴是多少？"), regions=REGIONS) == []


def test_years_of_two_editions_part_a_comparison() -> None:
    parts = parts_of(understand("2019年的办法和2023年的办法里，网箱补贴各是多少？"))
    assert [part.question.years for part in parts] == [(2019,), (2023,)]


@pytest.mark.parametrize(
    ("kind", "text", "there"),
    [
        ("money", "最高80万元", True),
        ("money", "不超过二百万元", True),
        ("money", "面积3万平方米", False),
        ("rate", "按百分之三十给予", True),
        ("rate", "给予1:1配套", True),
        ("rate", "企业成立满一年", False),
        ("term", "公示期为5个工作日", True),
        ("term", "2024年度", False),
        ("date", "每年四月三十日前", True),
        ("people", "职工25人以上", True),
        ("area", "不少于2000平方米", True),
    ],
)
def test_a_kind_of_value_is_seen_or_not(kind: str, text: str, there: bool) -> None:
    assert holds(kind, text) is there


def test_a_text_that_opens_a_list_is_more_of_a_list_than_one_that_names_two_things() -> None:
    assert degree("enumeration", "应当提交下列材料：") > degree("enumeration", "支持渔船、网箱建设。")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("营业收入500万元（含）以下", 0, 5e6),
        ("单价50万元以上不满 200万元的", 5e5, 2e6),
        ("产值在 1亿元以上的", 1e8, float("inf")),
        ("增量100万元(含)至500万元的", 1e6, 5e6),
    ],
)
def test_bounds_of_sums_are_read(text: str, low: float, high: float) -> None:
    assert (low, high) in tiers_in(text)
    assert sums_in("去年卖了400万，买了80万元设备") == (4e6, 8e5)


@given(st.text(alphabet="第一条（一）二、1.2补助万元%；。：\n 对企业", max_size=120))
def test_sentences_cover_the_text_and_keep_their_places(text: str) -> None:
    sentences = split_sentences(text)
    assert all(text[s.start : s.end] == s.text for s in sentences)
    assert "".join("".join(s.text.split()) for s in sentences) == "".join(text.split())
    assert all(text[w.start : w.end] == w.text for w in windows(text, sentences))


def test_a_figure_stands_in_a_source_only_whole() -> None:
    assert figures_outside("最高20万元", ["最高120万元"]) == ["20万"]
    assert figures_outside("2024年5月1日起，补30%", ["2024 年 5 月 1 日起，补 30％"]) == []
