"""What a person gets from a clause: supports with quotes, pairing, rules, and never a made-up figure."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel

from toolkit.engine import Engine, ScriptedEngine
from toolkit.errors import InputError, ModelError
from toolkit.extraction import extract, extract_as_completed, extract_rules, fingerprint, flat_rows
from toolkit.records import Clause, Extraction, Failure, Figure, Quote, Rate, ScoreRequest, Support


def clause(text: str, *, id: str = "c1", path: tuple[str, ...] = ("第五条",)) -> Clause:  # noqa: A002
    return Clause(id=id, document_id="d1", heading_path=path, text=text, start=0, end=len(text))


def one(text: str) -> Support:
    (support,) = extract_rules(text)
    return support


# ------------------------------------------------------------------ one support
def test_a_support_has_all_its_parts() -> None:
    text = "对首次通过评定的民宿企业，按装修费用的20%给予补助，单个企业每年最高不超过30万元。"
    support = one(text)
    assert support.beneficiary
    assert support.beneficiary.quote == "民宿企业"
    assert [c.quote for c in support.conditions] == ["首次通过评定"]
    assert [(r.value, r.base) for r in support.rates] == [(Decimal("0.2"), "装修费用")]
    assert [(c.value, c.quote) for c in support.caps] == [(Decimal(300000), "最高不超过30万元")]
    assert support.support_type == "grant"
    assert support.bindingness == "shall"
    assert support.per == "单个企业每年"
    assert [r.kind for r in support.rules] == ["yearly_total"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("对获奖的农场，给予5万元奖励。", "reward"),
        ("对受灾的农场，给予5万元补助。", "grant"),
        ("对按期还款的农场，按贷款利息的50%给予贴息。", "interest_subsidy"),
        ("对放贷的银行，按本金损失的30%给予风险补偿。", "risk"),
        ("兴办学校的，可按投资额的30%抵免当年应缴教育费附加。", "tax"),
        ("每家农场每年可申领不超过10万元的创新券。", "voucher"),
        ("引导基金参股比例不超过基金规模的30%。", "equity"),
        ("对入驻的农场，按实际租金的50%给予房租补贴。", "rent"),
        ("对获得省级资助的农场，按1:1给予配套资金。", "matching"),
    ],
)
def test_support_types(text: str, kind: str) -> None:
    assert one(text).support_type == kind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("对达标的农场，给予5万元奖励。", "shall"),
        ("对达标的农场，可给予最高5万元奖励。", "may"),
        ("对达标的农场，择优给予5万元奖励。", "may"),
        ("鼓励各镇给予达标农场5万元奖励。", "encourage"),
    ],
)
def test_bindingness(text: str, said: str) -> None:
    assert one(text).bindingness == said


# ------------------------------------------------------------------ pairing
def test_tiers_take_their_own_names() -> None:
    first, second, third = extract_rules(
        "对获评国家级、省级、市级示范社的合作社，分别给予20万元、10万元、5万元奖励。"
    )
    assert [s.conditions[-1].quote for s in (first, second, third)] == ["获评国家级", "省级", "市级"]
    assert [s.amounts[0].value for s in (first, second, third)] == [200000, 100000, 50000]


def test_a_shared_ceiling_is_on_every_tier() -> None:
    supports = extract_rules("对评为一等、二等的合作社，分别按支出的30%、20%给予补助，最高10万元。")
    assert [(s.rates[0].value, s.caps[0].value) for s in supports] == [
        (Decimal("0.3"), 100000),
        (Decimal("0.2"), 100000),
    ]


def test_lists_that_do_not_match_are_not_paired() -> None:
    support = one("对评为一等、二等、三等的合作社，分别按支出的30%、20%给予补助，最高10万元、8万元、5万元。")
    assert "not paired" in support.notes[0]
    assert len(support.rates) == 2
    assert len(support.caps) == 3


def test_a_rate_stated_first_holds_for_the_tiers_below_it() -> None:
    supports = extract_rules(
        "给予入选的项目不超过总投入25%的资助。其中，一般项目，资助最高不超过20万元；重大项目，资助最高不超过90万元。"
    )
    assert [(s.rates[0].value, s.caps[0].value) for s in supports] == [
        (Decimal("0.25"), 200000),
        (Decimal("0.25"), 900000),
    ]


def test_yearly_and_single_ceilings_stay_apart() -> None:
    support = one("对参展的农场，按展位费的50%给予补贴，单次不超过2万元，年度累计不超过6万元。")
    assert [c.value for c in support.caps] == [20000, 60000]
    assert any(r.kind in {"yearly_total", "shared_cap"} for r in support.rules)


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("同一项目不重复享受。", "no_stacking"),
        ("与其他政策按就高不就低原则执行。", "highest_only"),
        ("按从优不重复的原则给予支持。", "highest_only"),
        ("以年度预算安排为限，先到先得。", "budget"),
    ],
)
def test_rules_that_change_the_sum(sentence: str, kind: str) -> None:
    support = one(f"对达标的农场，给予5万元奖励。{sentence}")
    assert kind in [rule.kind for rule in support.rules]


# ------------------------------------------------------------------ conditions
def test_conditions_listed_in_the_clause_are_taken() -> None:
    support = one(
        "（一）申报条件1.在本区登记注册满两年。2.近三年无重大安全事故。（二）支持标准按检测费用的50%给予补助，最高8万元。"
    )
    assert [c.quote for c in support.conditions] == ["在本区登记注册满两年", "近三年无重大安全事故"]


def test_conditions_of_a_sibling_clause_are_inherited_with_their_place() -> None:
    conditions = clause("申报条件：须在本区纳税；无不良信用记录。", id="c1", path=("第六条", "（一）"))
    standard = clause("对购置农机的合作社给予5万元补助。", id="c2", path=("第六条", "（二）"))
    other = clause("对新建大棚的合作社给予3万元补助。", id="c3", path=("第七条", "（一）"))
    found = extract([conditions, standard, other])
    inherited = [
        c for f in found if isinstance(f, Extraction) for s in f.supports for c in s.conditions if c.clause_id
    ]
    assert [(c.clause_id, c.quote) for c in inherited] == [("c1", "须在本区纳税"), ("c1", "无不良信用记录")]
    assert all(conditions.text[c.start : c.end] == c.quote for c in inherited)


def test_a_demand_behind_the_grant_is_a_condition() -> None:
    support = one("对租用厂房的农场，按租金的30%给予补贴。享受补贴的厂房应符合规划，不得转租。")
    assert {"享受补贴的厂房应符合规划", "不得转租"} <= {c.quote for c in support.conditions}


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    "text",
    [
        "支持合作社开展技术培训。",
        "对达标的农场，给予最高500",
        "对达标的农场，给予最高50万",
        "对达标的农场，给予补助500。",
        "",
        "   \n",
        "GDP growth of 8% and revenue above 5 million yuan.",
        "级别 | 数量 | 备注",
        "，，。。；；（（",
    ],
)
def test_no_figure_of_support_gives_an_empty_list(text: str) -> None:
    (found,) = extract([clause(text)])
    assert isinstance(found, Extraction)
    assert found.supports == ()


def test_a_table_row_is_read() -> None:
    supports = extract_rules("国家级示范社 | 一次性奖励 20万元")
    assert [f.value for s in supports for f in s.amounts] == [200000]


def test_a_table_s_header_says_what_its_figures_are() -> None:
    supports = extract_rules(
        "称号 | 一次性奖励 | 贴息上限（每年） | 备注\n"
        "金牌合作社 | 6万元 | 9万元 | 限额\n银牌农场 | 4万元 | —— | 无"
    )
    told = [(s.measure.quote, s.beneficiary and s.beneficiary.quote) for s in supports]
    assert told == [
        ("一次性奖励", "金牌合作社"),
        ("贴息上限（每年）", "金牌合作社"),
        ("一次性奖励", "银牌农场"),
    ]
    assert [f.value for s in supports for f in (*s.amounts, *s.caps)] == [60000, 90000, 40000]
    assert [s.support_type for s in supports] == ["reward", "interest_subsidy", "reward"]
    assert supports[1].caps[0].quote == "9万元"


def test_mixed_english_is_read() -> None:
    support = one("对通过GMP、CE认证的SaaS企业（含startup），给予最高30万元奖励（one-off）。")
    assert [c.value for c in support.caps] == [300000]


def test_a_clause_of_twenty_thousand_characters_is_read() -> None:
    text = ("对首次通过评定的民宿企业，给予最高5万元奖励。" * 900)[:20000]
    (found,) = extract([clause(text)])
    assert isinstance(found, Extraction)
    assert len(found.supports) > 800
    assert all(text[c.start : c.end] == c.quote for s in found.supports for c in s.caps)


def test_a_sum_in_foreign_money_is_named_and_not_taken() -> None:
    (found,) = extract([clause("对新设机构，给予10万美元奖励。")])
    assert isinstance(found, Extraction)
    assert found.supports == ()
    assert "10万美元" in found.notes[0]


def test_nothing_in_gives_nothing_out() -> None:
    assert extract([]) == []
    assert list(extract_as_completed(iter(()))) == []


# ------------------------------------------------------------------ the model
def test_only_unclear_figures_reach_the_model() -> None:
    engine = ScriptedEngine()
    extract([clause("对达标的农场，给予最高5万元奖励。")], engine=engine)
    assert engine.requests == []


def test_a_model_that_is_not_needed_is_not_loaded() -> None:
    def load() -> Engine:
        raise AssertionError("nothing here is unclear")

    ((_, found),) = extract_as_completed([clause("对达标的农场，给予最高5万元奖励。")], engine=load)
    assert isinstance(found, Extraction)
    assert found.method == "rules"


def test_the_model_settles_an_unclear_figure() -> None:
    text = "支持示范社做大做强，示范社建设60%。"

    def prefer(wanted: str) -> ScriptedEngine:
        def score(request: ScoreRequest) -> list[float]:
            asked = "【60%】" in request.messages[-1].content
            return [0.0 if label == wanted and asked else -5.0 for label in request.labels]

        return ScriptedEngine(scorer=score)

    told = {}
    for word in ("补助比例", "其他数字"):
        (found,) = extract([clause(text)], engine=prefer(word))
        assert isinstance(found, Extraction)
        told[word] = [r.value for s in found.supports for r in s.rates]
    assert told == {"补助比例": [Decimal("0.6")], "其他数字": []}


def test_an_engine_that_dies_raises() -> None:
    class Dead(ScriptedEngine):
        def score(self, requests: object) -> list[object]:  # type: ignore[override]
            raise ModelError("the model is gone")

    with pytest.raises(ModelError, match="gone"):
        extract([clause("支持示范社做大做强，示范社建设60%。")], engine=Dead())


def test_a_stream_is_read_in_order_and_as_it_comes() -> None:
    taken = []

    def stream() -> object:
        for number in range(200):
            taken.append(number)
            yield clause("对达标的农场，给予5万元奖励。", id=f"c{number}")

    results = extract_as_completed(stream())  # type: ignore[arg-type]
    index, found = next(results)
    assert index == 0
    assert isinstance(found, Extraction)
    assert found.id == "c0"
    assert len(taken) < 200
    assert [i for i, _ in results] == list(range(1, 200))


def test_the_fingerprint_is_stable() -> None:
    assert fingerprint() == fingerprint() != ""


@pytest.mark.model
def test_the_small_model_answers_for_an_unclear_figure(small_engine: Engine) -> None:
    (found,) = extract([clause("支持示范社做大做强，示范社建设60%。")], engine=small_engine)
    assert isinstance(found, Extraction)
    assert found.method.startswith("rules and ")


# ------------------------------------------------------------------ a schema of one's own
class Deadline(BaseModel):
    """申报时间和费用"""

    until: Quote
    fee: Figure | None = None
    share: Rate | None = None
    way: Literal["online", "paper"] = "paper"
    papers: list[Quote] = []


TEXT = "申报单位应于9月30日前网上提交审计报告、营业执照，检测费5000元由单位承担30%。"


def said(**values: object) -> str:
    return json.dumps({"records": [values]}, ensure_ascii=False)


def read(*replies: str | Exception, text: str = TEXT) -> Extraction[Deadline] | Failure:
    (found,) = extract([clause(text)], engine=ScriptedEngine(list(replies)), schema=Deadline)
    return found


def test_own_records_are_grounded_and_their_figures_read_by_code() -> None:
    found = read(
        said(
            until="9月30日前", fee="检测费5000元", share="30%", way="online", papers=["审计报告", "营业执照"]
        )
    )
    assert isinstance(found, Extraction)
    (record,) = found.supports
    assert (record.until.quote, record.way) == ("9月30日前", "online")
    assert record.fee
    assert record.fee.value == 5000
    assert record.share
    assert record.share.value == Decimal("0.3")
    assert [p.quote for p in record.papers] == ["审计报告", "营业执照"]
    assert found.dropped == 0


def test_what_does_not_stand_in_the_clause_is_dropped_and_counted() -> None:
    found = read(said(until="9月30日前", fee="检测费8000元", papers=["审计报告", "纳税证明"]))
    assert isinstance(found, Extraction)
    (record,) = found.supports
    assert record.fee is None
    assert [p.quote for p in record.papers] == ["审计报告"]
    assert found.dropped == 2


def test_a_record_without_its_required_quote_is_dropped() -> None:
    found = read(said(until="12月1日"))
    assert isinstance(found, Extraction)
    assert found.supports == ()
    assert found.dropped == 2


def test_a_figure_field_must_hold_one_figure() -> None:
    found = read(said(until="9月30日前", fee="申报单位"))
    assert isinstance(found, Extraction)
    assert found.supports[0].fee is None
    assert found.dropped == 1


@pytest.mark.parametrize(
    "reply", ["", "抱歉，我不能回答。", "{", "[]", '{"records": 3}', '{"other": []}', "null"]
)
def test_a_model_that_answers_nonsense_gives_a_failure(reply: str) -> None:
    found = read(reply)
    assert isinstance(found, Failure)
    assert found.input == "c1"


@pytest.mark.parametrize("reply", ['{"records": [3, null, "x"]}', '{"records": [{}]}', '{"records": []}'])
def test_empty_and_odd_records_give_an_empty_list(reply: str) -> None:
    found = read(reply)
    assert isinstance(found, Extraction)
    assert found.supports == ()


def test_a_long_clause_is_read_in_windows_with_its_own_offsets() -> None:
    text = "本条说明。" * 700 + "材料于10月8日前报送。"
    replies = ['{"records": []}', '{"records": []}', said(until="10月8日前")]
    found = read(*replies, text=text)
    assert isinstance(found, Extraction)
    assert text[found.supports[0].until.start :].startswith("10月8日前")


def test_free_text_in_a_schema_is_refused() -> None:
    class Free(BaseModel):
        summary: str

    with pytest.raises(InputError, match="summary of Free"):
        extract([clause(TEXT)], engine=ScriptedEngine(), schema=Free)


def test_a_schema_of_ones_own_needs_a_model() -> None:
    with pytest.raises(InputError, match="needs a model"):
        extract([clause(TEXT)], schema=Deadline)


@pytest.mark.model
def test_the_small_model_fills_a_schema(small_engine: Engine) -> None:
    (found,) = extract([clause(TEXT)], engine=small_engine, schema=Deadline, task="申报截止时间和材料")
    quotes = [r.until for r in found.supports] if isinstance(found, Extraction) else []
    assert all(TEXT[q.start : q.end] == q.quote for q in quotes)


# ------------------------------------------------------------------ rows
def test_flat_rows_hold_numbers_and_chinese_names() -> None:
    found = extract([clause("对首次通过评定的民宿企业，按装修费用的20%给予补助，最高30万元。")])
    (row,) = flat_rows(found, about={"c1": {"policy": "示范办法", "heading": "第五条"}})
    assert (row["cap"], row["rate"], row["support_type"]) == (Decimal(300000), Decimal("0.2"), "补助")
    assert (row["policy"], row["base"], row["bindingness"]) == ("示范办法", "装修费用", "应给予")


def test_gold_supports(shared_data: Path) -> None:
    from toolkit.evaluate.extract import evaluate

    scores = evaluate(shared_data / "gold" / "extract.jsonl")
    assert scores.supports.f1 >= 0.85
    assert scores.conditions.f1 >= 0.80
    assert scores.support_type is not None
    assert scores.support_type >= 0.9
    assert scores.grounded == 1.0
