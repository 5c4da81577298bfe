"""A grammar of policy language with known truth: whatever the words, the right figures on each support.

A form is a template; `{a}` `{b}` `{c}` are sums, `{p}` `{q}` shares, `{s}` `{t}` thresholds, `{who}` and
`{deed}` words. Its truth names each support's figures: `cap a, rate p | amount b` are two supports.
"""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.extraction import extract_rules
from toolkit.figures import find_figures, read_roles

FORMS: dict[str, tuple[str, str]] = {
    "amount": ("对{deed}的{who}，给予{a}一次性奖励。", "amount a"),
    "amount without verb of giving": ("对{deed}的{who}，一次性奖励{a}。", "amount a"),
    "amount each": ("{who}{deed}的，每家补助{a}。", "amount a"),
    "amount of support money": ("对{deed}的{who}给予{a}的资金支持。", "amount a"),
    "cap": ("对{deed}的{who}，给予最高{a}的资金支持。", "cap a"),
    "cap not more than": ("对{deed}的{who}，给予不超过{a}的补助。", "cap a"),
    "cap at most": ("对{deed}的{who}，给予最多不超过{a}奖励。", "cap a"),
    "cap verb first": ("对{deed}的{who}，最高给予{a}奖励。", "cap a"),
    "cap up to": ("{who}{deed}的，可获得最高{a}资助。", "cap a"),
    "cap ceiling word": ("对{deed}的{who}给予补助，补助金额上限为{a}。", "cap a"),
    "cap sealed": ("对{deed}的{who}按实际支出给予补贴，{a}封顶。", "cap a"),
    "cap within": ("对{deed}的{who}，给予{a}以内的奖励。", "cap a"),
    "rate": ("对{deed}的{who}，按实际投入的{p}给予补助。", "rate p"),
    "rate at most": ("对{deed}的{who}，给予不超过设备投资额{p}的补贴。", "rate p"),
    "rate in proportion": ("对{deed}的{who}，按照年度租金{p}的比例予以补贴。", "rate p"),
    "rate and cap": ("对{deed}的{who}，按研发费用的{p}给予资助，最高不超过{a}。", "rate p, cap a"),
    "rate and cap of a unit": (
        "对{deed}的{who}，按合同金额的{p}给予补贴，单个项目最高{a}。",
        "rate p, cap a",
    ),
    "rate, cap by year": (
        "对{deed}的{who}，按贷款利息的{p}给予贴息，每家企业每年不超过{a}。",
        "rate p, cap a",
    ),
    "rate, cap of an item and of a year": (
        "对{deed}的{who}，按场地费用的{p}给予补助，单场活动不超过{a}，全年累计不超过{b}。",
        "rate p, cap a, cap b",
    ),
    "rate and cap in one breath": ("对{deed}的{who}，按检测费用的{p}、最高{a}给予补助。", "rate p, cap a"),
    "rate, cap in the next sentence": (
        "对{deed}的{who}，按培训费用的{p}给予补贴。每家企业每年最高{a}。",
        "rate p, cap a",
    ),
    "cap first, then rate": ("对{deed}的{who}，给予最高{a}、不超过审定投资{p}的补助。", "cap a, rate p"),
    "threshold above": ("对年营业收入{s}以上的{who}，给予{a}奖励。", "amount a"),
    "threshold first exceeded": ("对产值首次突破{s}的{who}，给予最高{a}奖励。", "cap a"),
    "threshold and rate": ("对总投资超过{s}的项目，按设备投资的{p}给予补助，最高{a}。", "rate p, cap a"),
    "threshold between": ("对实缴资本在{s}至{t}之间的{who}，给予{a}开办补助。", "amount a"),
    "share as a condition": ("对研发投入占比不低于{q}的{who}，给予{a}奖励。", "amount a"),
    "growth as a condition": ("对产值同比增长{q}以上的{who}，给予最高{a}奖励。", "cap a"),
    "tiers of rank": (
        "对获评国家级、省级、市级示范的{who}，分别给予{a}、{b}、{c}一次性奖励。",
        "amount a | amount b | amount c",
    ),
    "tiers of rank, caps": ("对新认定的甲类、乙类基地，分别给予最高{a}、{b}的补助。", "cap a | cap b"),
    "tiers of thresholds": (
        "对年销售额首次达到{s}、{t}的{who}，分别给予{a}、{b}奖励。",
        "amount a | amount b",
    ),
    "tiers of rates with a shared cap": (
        "对评为一等、二等的{who}，分别按运营费用的{p}、{q}给予补助，最高不超过{a}。",
        "rate p, cap a | rate q, cap a",
    ),
    "tiers of rates and caps": (
        "对承担国家级、省级任务的{who}，分别按投入的{p}和{q}给予支持，最高{a}、{b}。",
        "rate p, cap a | rate q, cap b",
    ),
    "tiers with names": ("对入站人员发放生活补贴，其中硕士{a}、博士{b}。", "amount a | amount b"),
    "tiers with names and persons": (
        "对新引进的人才发放安家费，学士每人{a}，硕士每人{b}，博士每人{c}。",
        "amount a | amount b | amount c",
    ),
    "tiers told one by one": (
        "对{deed}的{who}给予奖励，其中国家级最高{a}，省级最高{b}。",
        "cap a | cap b",
    ),
    "two supports by semicolon": (
        "对{deed}的{who}，给予{a}奖励；对通过复核的{who}，给予最高{b}奖励。",
        "amount a | cap b",
    ),
    "two supports by full stop": (
        "对{deed}的{who}，按投资额的{p}给予补助。对首次参展的{who}，给予不超过{a}的补贴。",
        "rate p | cap a",
    ),
    "additional": (
        "对{deed}的{who}给予{a}奖励，对其中首次入围的再给予{b}奖励。",
        "amount a | amount b",
    ),
    "per step": ("对{deed}的{who}，营业收入每增加{s}，奖励{a}，单个企业最高{b}。", "amount a, cap b"),
    "per person and month": ("对{deed}的人员，给予每人每月{a}生活补贴。", "amount a"),
    "unit price": ("对{deed}的{who}，按不超过2元/平方米·天的标准给予租金补贴。", "cap 2"),
    "matching": ("对获得上级资助的{who}，按1:0.5给予配套支持，最高{a}。", "rate 0.5, cap a"),
    "voucher": ("{who}{deed}的，每年可申领不超过{a}的创新券。", "cap a"),
    "raised": ("将{who}引才补贴标准由{s}提高至{a}。", "amount a"),
    "budget": ("市财政每年安排{s}专项资金，用于支持{who}发展。", ""),
    "target": ("到2027年，全市数字产业规模突破{s}，年均增长{q}以上。", ""),
    "entry requirement": ("申报单位上年度营业收入不低于{s}，研发投入占比不低于{q}。", ""),
    "share-holding": ("引进的管理团队持股比例不低于{q}，且实缴出资不少于{s}。", ""),
    "loan ceiling": ("单户贷款金额不超过{s}，贷款利率上浮不超过{q}。", ""),
}
WHO = ("企业", "科技型中小企业", "高新技术企业", "文化企业", "社会组织", "医疗机构", "民办学校")
DEEDS = (
    "新落户本市",
    "首次通过评定",
    "开展节能改造",
    "参加境外展会",
    "设立海外仓库",
    "建设冷链设施",
    "获得发明专利",
)
HAN = {5: "五", 10: "十", 20: "二十", 30: "三十", 50: "五十", 80: "八十", 100: "一百", 200: "二百"}
SUMS = (5, 10, 20, 30, 50, 80, 100, 200, 300, 500, 800, 1000, 2000)
SHARES = (1, 2, 5, 8, 10, 15, 20, 25, 30, 40, 50)


@st.composite
def sums(draw: st.DrawFn, choices: tuple[int, ...] = SUMS) -> tuple[str, Decimal]:
    """Draw a sum in 万元, and one of the ways in which it may be written."""
    number = draw(st.sampled_from(choices))
    ways = [
        f"{number}万元",
        f"{number} 万元",
        f"{number}万元".translate(str.maketrans("0123456789", "０１２３４５６７８９")),
    ]
    ways += [f"{number}万元人民币"] if number > 50 else []
    ways += [f"{HAN[number]}万元"] if number in HAN else []
    ways += [f"{number * 10000:,}元", f"{number * 10000}元"]
    return draw(st.sampled_from(ways)), Decimal(number * 10000)


@st.composite
def shares(draw: st.DrawFn) -> tuple[str, Decimal]:
    """Draw a percentage and a way in which it may be written."""
    number = draw(st.sampled_from(SHARES))
    ways = [f"{number}%", f"{number}％", f"{number} %"]
    ways += [f"百分之{HAN[number]}"] if number in HAN else []
    return draw(st.sampled_from(ways)), Decimal(number) / 100


@st.composite
def clauses(draw: st.DrawFn, form: str) -> tuple[str, list[set[tuple[str, Decimal]]]]:
    """Write a clause of a form, and what it grants."""
    template, truth = FORMS[form]
    words, values = {}, {}
    for name in sorted(set(re.findall(r"\{(\w)\}", template))):
        words[name], values[name] = draw(shares() if name in "pq" else sums())
    text = template.format(who=draw(st.sampled_from(WHO)), deed=draw(st.sampled_from(DEEDS)), **words)
    granted = [
        {
            (role, values[name] if name in values else Decimal(name))
            for role, name in re.findall(r"(\w+) ([\w.]+)", one)
        }
        for one in truth.split("|")
        if one.strip()
    ]
    return text, granted


def told(text: str) -> list[set[tuple[str, Decimal]]]:
    """Say what the toolkit reads, in the same shape."""
    return [
        {("amount", f.value) for f in s.amounts}
        | {("cap", f.value) for f in s.caps}
        | {("rate", f.value) for f in s.rates}
        for s in extract_rules(text)
    ]


def test_there_are_forms_enough() -> None:
    assert len(FORMS) >= 40


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_each_support_has_its_own_figures(form: str, data: st.DataObject) -> None:
    text, granted = data.draw(clauses(form))
    assert told(text) == granted, text


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(data=st.data())
def test_all_words_stand_in_the_clause(form: str, data: st.DataObject) -> None:
    text, _ = data.draw(clauses(form))
    for support in extract_rules(text):
        quotes = [
            support.measure,
            *support.conditions,
            *support.amounts,
            *support.caps,
            *support.rates,
            *support.rules,
        ]
        quotes += [support.beneficiary] if support.beneficiary else []
        for quote in quotes:
            assert quote.quote
            assert text[quote.start : quote.end] == quote.quote


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(FORMS)), min_size=2, max_size=3), st.data())
def test_forms_in_a_row_keep_apart(names: list[str], data: st.DataObject) -> None:
    drawn = [data.draw(clauses(name)) for name in names]
    text = "".join(text for text, _ in drawn)
    wanted = {figure for _, granted in drawn for support in granted for figure in support}
    assert {figure for support in told(text) for figure in support} == wanted, text


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.text(
        alphabet="对给予企业最高不超过的按%万元0123456789一十百、，。；（）:/-第每 \n\t①人民币美成",
        max_size=80,
    )
)
def test_any_text_gives_only_located_figures(text: str) -> None:
    for figure in find_figures(text):
        assert text[figure.start : figure.end] == figure.quote
    assert len(read_roles(text)) == len(find_figures(text))
    for reading in read_roles(text):
        sums = {"amount", "cap", "distractor"}
        assert reading.role in (sums if reading.expression.kind == "money" else {"rate", "distractor"})
    for support in extract_rules(text):
        assert text[support.measure.start : support.measure.end] == support.measure.quote != ""
