"""Clauses: where a text is parted, what each one carries, and that nothing is lost."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.clauses import split_clauses
from toolkit.records import Clause, Document, content_id


def document(text: str, title: str = "某市茶园扶持办法") -> Document:
    return Document(id=content_id(title, text), title=title, source="a.txt", text=text)


def clauses(text: str, title: str = "某市茶园扶持办法") -> list[Clause]:
    return split_clauses(document(text, title))


LONG = "对新建茶园的农户，由县级农业部门核定面积后给予补助，补助资金分两年拨付，验收不合格的不予拨付。"


def test_articles_under_chapters() -> None:
    found = clauses(
        "某市茶园扶持办法\n第一章 总则\n第一条 为了扶持茶园，制定本办法。\n第二条 本办法适用于本市茶农。\n"
        "第二章 补助\n第一节 新建\n第三条（标准）新建茶园每亩补助500元。\n第四条\n改造茶园的，减半补助。"
    )
    assert [c.heading for c in found] == [
        "第一章 总则 › 第一条",
        "第一章 总则 › 第二条",
        "第二章 补助 › 第一节 新建 › 第三条（标准）",
        "第二章 补助 › 第一节 新建 › 第四条",
    ]
    assert {c.kind for c in found} == {"article"}
    assert found[0].text == "第一章 总则\n第一条 为了扶持茶园，制定本办法。"
    assert found[3].text == "第四条\n改造茶园的，减半补助。"


def test_numbered_measures_and_their_items() -> None:
    found = clauses(
        f"一、扩大面积\n（一）支持新建。{LONG * 3}\n1.平地茶园每亩800元。{LONG * 3}\n"
        f"2.坡地茶园每亩500元。{LONG * 2}\n（二）支持改造。{LONG * 2}"
    )
    assert [c.heading for c in found] == [
        "一、扩大面积 › （一）支持新建",
        "一、扩大面积 › （一）支持新建 › 1.平地茶园每亩800元",
        "一、扩大面积 › （一）支持新建 › 2.坡地茶园每亩500元",
        "一、扩大面积 › （二）支持改造",
    ]
    assert found[0].text.startswith("一、扩大面积\n（一）")


def test_short_items_stay_with_their_lead_in() -> None:
    text = (
        "第五条 申请人应当符合下列条件：\n（一）在本市种茶；\n（二）面积十亩以上；\n（三）无失信记录。\n"
        "第六条 每年受理一次。"
    )
    found = clauses(text)
    assert [c.heading for c in found] == ["第五条", "第六条"]
    assert found[0].text.endswith("（三）无失信记录。")


def test_long_lists_are_parted_but_the_lead_in_keeps_an_item() -> None:
    items = "\n".join(f"（{n}）{LONG}{LONG}" for n in "一二三四五六")
    found = clauses(f"第七条 有下列情形之一的：\n{items}")
    assert len(found) > 1
    assert "（一）" in found[0].text
    assert all(c.heading_path[0].startswith("第七条") for c in found)


def test_a_heading_never_stands_alone() -> None:
    found = clauses(
        "一、总体要求\n（一）指导思想\n坚持绿色发展。\n（二）基本原则\n坚持自愿。\n二、附则\n本办法由市农业局解释。"
    )
    for clause in found:
        assert clause.text.rstrip().endswith("。"), clause.text


def test_a_paragraph_without_numbering_is_split_at_sentence_ends() -> None:
    found = clauses(LONG * 40)
    assert len(found) > 3
    assert all(c.text.endswith("。") and len(c.text) < 800 for c in found)


def test_numbering_inside_a_line_parts_it() -> None:
    line = "支持如下。" + "".join(f"{n}.第{n}项支持。{LONG}{LONG}" for n in range(1, 7))
    found = clauses(line)
    assert [c.heading_path[-1][:2] for c in found[1:]] == [f"{n}." for n in range(1, 7)][-len(found[1:]) :]


def test_a_year_or_a_decimal_is_no_numbering() -> None:
    found = clauses("一、目标\n2025.12.31前建成。\n3.5万亩茶园改造完成。\n2万元以上的项目由市级审批。")
    assert len(found) == 1


def test_table_rows_carry_their_header() -> None:
    rows = "\n".join(
        f"{kind} | 年产值{n}00万元以上并带动农户{n}0户以上 | 每年补助{n}万元"
        for n, kind in enumerate("甲乙丙丁", 1)
    )
    found = clauses(f"第八条 补助标准如下：\n等级 | 条件 | 标准\n{rows}\n第九条 本办法自发布之日起施行。")
    table = [c for c in found if c.kind == "table_row"]
    assert table
    assert any("丁" in c.text for c in table)
    for clause in table:
        assert "等级 | 条件 | 标准" in clause.text or "等级 | 条件 | 标准" in clause.heading_path


def test_an_annex_starts_anew() -> None:
    found = clauses("第一条 本办法适用于茶农。\n附件1\n申报材料清单\n一、身份证明\n提交身份证复印件。")
    assert found[-1].heading_path[0].startswith("附件1")
    assert "第一条" not in found[-1].heading


def test_the_closing_paragraph_is_not_part_of_the_last_item() -> None:
    found = clauses(
        "一、组织保障\n（一）加强领导。各县应当成立专班。\n（二）加强宣传。各乡镇应当做好宣传。\n本意见自2024年3月1日起施行。"
    )
    assert found[-1].text == "本意见自2024年3月1日起施行。"
    assert found[-1].heading_path == ()


def test_title_number_and_signature_are_no_clauses() -> None:
    found = clauses(
        "某市茶园扶持办法\n某政发〔2024〕3号\n第一条 为了扶持茶园，制定本办法。\n"
        "第二条 本办法自2024年3月1日起施行。\n"
        "某市人民政府\n2024年2月1日\n（此件公开发布）"
    )
    assert [c.text for c in found] == [
        "第一条 为了扶持茶园，制定本办法。",
        "第二条 本办法自2024年3月1日起施行。",
    ]


def test_a_notice_s_own_letter_is_a_clause() -> None:
    letter = (
        "某市人民政府关于印发某市茶园扶持办法的通知\n某政发〔2024〕3号\n各县人民政府：\n"
        "现将《某市茶园扶持办法》印发给你们，请遵照执行。\n某市人民政府\n2024年2月1日"
    )
    found = clauses(f"{letter}\n某市茶园扶持办法\n第一条 为了扶持茶园，制定本办法。")
    assert [c.text for c in found] == [letter, "第一条 为了扶持茶园，制定本办法。"]


def test_the_title_repeated_after_the_letter_is_no_heading() -> None:
    found = clauses(
        "某市茶园扶持通知\n为了扶持茶园，制定本办法。\n某市茶园扶持办法\n种茶是山区农户的主要收入，现就扶持茶园提出以下办法，请各地遵照执行。\n"
        "一、补助\n新建茶园每亩补助500元。"
    )
    assert all("某市茶园扶持办法" not in c.heading for c in found)
    assert found[-1].heading == "一、补助"


def test_headings_without_numbers_part_a_text() -> None:
    found = clauses(
        f"为扶持茶园，提出以下措施。\n支持新建茶园\n{LONG}\n支持茶叶外销\n{LONG}{LONG}", "关于扶持茶园的措施"
    )
    assert [c.heading for c in found] == ["", "支持新建茶园", "支持茶叶外销"]


def test_ids_count_up_and_name_the_document() -> None:
    doc = document("第一条 甲。\n第二条 乙。")
    assert [c.id for c in split_clauses(doc)] == [f"{doc.id}:0000", f"{doc.id}:0001"]
    assert split_clauses(document("")) == []


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "第一章 总则",
                "第一条 目的。",
                "第二条",
                "一、支持",
                "（一）条件：",
                "1.甲；",
                "（2）乙。",
                "①丙",
                "附件",
                "附件2",
                "01",
                "一是丁。",
                "甲 | 乙 | 丙",
                "1 | 2",
                "某市茶园扶持办法",
                "本办法自发布之日起施行。",
                "某市人民政府",
                "2024年1月1日",
                " ",
                "",
                LONG,
                LONG * 12,
                "支持。1.甲。" + LONG * 4 + "2.乙。" + LONG * 5,
                "x" * 900,
                "（一）" + "甲，" * 500,
            ]
        ),
        st.text(alphabet="茶园补助。；：，、 一二1234.（）()第条章①|\u3000\t", max_size=60),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_every_line_that_says_something_stands_in_exactly_one_clause(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = clauses(text)
    assert all(text[c.start : c.end] == c.text and c.text.strip() for c in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert len({c.id for c in found}) == len(found)
    covered = {i for c in found for i in range(c.start, c.end)}
    left = "".join(c if i not in covered else " " for i, c in enumerate(text))
    for line in left.split("\n"):
        assert line.strip() in ("", "某市茶园扶持办法", "某市人民政府", "2024年1月1日"), line


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_no_clause_is_longer_than_a_page_unless_it_cannot_be_cut(lines: list[str]) -> None:
    assert all(len(c.text) <= 1400 for c in clauses("\n".join(lines)))
