"""Figures in policy language: found whole, with value and place, and with what they are to a support."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from toolkit.figures import find_figures, parse_number, read_roles


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("补助500万元。", ["5000000"]),
        ("补助1.5亿元。", ["150000000"]),
        ("补助3千元。", ["3000"]),
        ("补助五十万元。", ["500000"]),
        ("补助一亿元。", ["100000000"]),
        ("补助二千万元。", ["20000000"]),
        ("补助一百五十万元。", ["1500000"]),
        ("补助１，０００万元。", ["10000000"]),
        ("补助3,000.50元。", ["3000.50"]),
        ("补助5 00万元。", ["5000000"]),
        ("补助10、20、30万元。", ["100000", "200000", "300000"]),
        ("补助50万元至100万元。", ["500000", "1000000"]),
        ("补助50-100万元。", ["500000", "1000000"]),
        ("补助80万元人民币一次性奖励。", ["800000"]),
        ("给予30万至150万不等的补贴。", ["300000", "1500000"]),
        ("按30%补助。", ["0.3"]),
        ("按百分之三十补助。", ["0.3"]),
        ("按三成补助。", ["0.3"]),
        ("按5‰补助。", ["0.005"]),
        ("按千分之五补助。", ["0.005"]),
        ("按三分之一补助。", ["0.333333"]),
        ("按10-20%补助。", ["0.1", "0.2"]),
        ("按1:0.5配套。", ["0.5"]),
        ("按1∶1配套。", ["1"]),
        ("按2个百分点贴息。", ["0.02"]),
    ],
)
def test_values_are_read_as_written(text: str, values: list[str]) -> None:
    found = find_figures(text)
    assert [f.value for f in found] == [Decimal(v) for v in values]
    assert all(text[f.start : f.end] == f.quote for f in found)


@pytest.mark.parametrize(
    "text",
    [
        "补助最高500万",
        "面积1000平方米",
        "2023-2025年",
        "上午9:00-17:30",
        "三元材料与一元化管理",
        "成立三成员小组",
        "数十万元与几百万元",
        "每年评选10家",
        "第三条",
        "",
    ],
)
def test_a_number_without_a_unit_is_no_figure(text: str) -> None:
    assert find_figures(text) == []


def test_two_cells_of_a_table_are_not_one_number() -> None:
    assert [f.value for f in find_figures("市级\t100\t500万元")] == [Decimal(5000000)]


def test_a_list_number_does_not_join_the_sum() -> None:
    assert [f.value for f in find_figures("①5万元；2、50万元")] == [Decimal(50000), Decimal(500000)]


def test_foreign_sums_keep_their_currency() -> None:
    found = find_figures("外资总额200万（含）至500万美元、1000万(含)美元以上的")
    assert [(f.value, f.currency) for f in found] == [
        (Decimal(2_000_000), "USD"),
        (Decimal(5_000_000), "USD"),
        (Decimal(10_000_000), "USD"),
    ]


def test_a_unit_price_has_its_unit() -> None:
    (price,) = find_figures("不超过1.5元/天/平方米")
    assert (price.value, price.unit) == (Decimal("1.5"), "天/平方米")


def test_an_enumeration_is_one_group_and_a_range_is_marked() -> None:
    first, second, low, high = find_figures("给予10万元、20万元；或者5万元至8万元")
    assert first.group == second.group != low.group == high.group
    assert (first.is_range, low.is_range) == (False, True)


@pytest.mark.parametrize("text", ["", "一百", "1.5万", "百", "abc"])
def test_numbers_that_are_none_give_none(text: str) -> None:
    expected = {"一百": Decimal(100), "1.5万": Decimal(15000)}.get(text)
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("对新设机构给予50万元开办补助。", ["amount"]),
        ("对新设机构给予不超过50万元开办补助。", ["cap"]),
        ("对新设机构按装修费用的20%给予补助，最高80万元。", ["rate", "cap"]),
        ("对年产值2亿元以上的工厂，奖励30万元。", ["distractor", "amount"]),
        ("每年安排3000万元专项资金。", ["distractor"]),
        ("研发投入占比不低于5%的工厂，奖励30万元。", ["distractor", "amount"]),
        ("补助比例由30%提高至40%。", ["distractor", "rate"]),
        ("对购置设备的农场，按不超过设备款的12%、最高不超过60万元给予补助。", ["rate", "cap"]),
        ("补助分三年按40%、30%、30%的比例拨付。", ["distractor"] * 3),
        ("所需资金由市级财政承担60%，区级财政承担40%。", ["distractor"] * 2),
        ("政府性基金持股比例不超过25%。", ["distractor"]),
        ("对放贷银行，按贷款本金损失的30%给予补偿。", ["rate"]),
        ("达产后营业收入突破10亿元，税收增长8%。", ["distractor"] * 2),
        ("贷款利率上浮不超过10%。", ["distractor"]),
        ("每新增就业1人补贴2000元，单个农场最高5万元。", ["amount", "cap"]),
        ("给予10万美元奖励。", ["distractor"]),
    ],
)
def test_roles(text: str, roles: list[str]) -> None:
    assert [r.role for r in read_roles(text)] == roles


def test_a_reading_names_its_words_and_how_sure_it_is() -> None:
    (reading,) = read_roles("对新设机构给予最高50万元补助。")
    assert reading.words == "最高"
    assert reading.confidence > 0.9


@pytest.mark.parametrize(
    "text", ["1" * 20000, "一" * 20000, "对企业的" * 5000, "10万元、" * 5000, "(" * 20000]
)
def test_a_very_long_text_is_read_at_once(text: str) -> None:
    assert all(text[f.start : f.end] == f.quote for f in find_figures(text))
    assert len(read_roles(text)) == len(find_figures(text))


def test_gold_figures(shared_data: Path) -> None:
    import json

    right = wrong = missed = 0
    for line in (shared_data / "gold" / "extract.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        wanted = {
            (role, Decimal(str(item["value"])))
            for support in row["supports"]
            for role, key in (("amount", "amounts"), ("cap", "caps"), ("rate", "rates"))
            for item in support[key]
        }
        told = {(r.role, r.expression.value) for r in read_roles(row["text"]) if r.role != "distractor"}
        right, wrong, missed = (
            right + len(wanted & told),
            wrong + len(told - wanted),
            missed + len(wanted - told),
        )
    assert 2 * right / (2 * right + wrong + missed) >= 0.97


@pytest.mark.parametrize(
    "text", ["激励支出占直接费用的比例最高可提高到20%。", "补助比例不超过30%。", "占比由20%提高到30%。"]
)
def test_a_share_is_never_a_sum(text: str) -> None:
    assert not {r.role for r in read_roles(text)} & {"amount", "cap"}
