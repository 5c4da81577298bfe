"""Which documents a file holds, over the ways in which sites, offices and printers set them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.documents import read_documents
from toolkit.records import Document, Failure

GRAIN = """为稳定粮食生产，帮助种粮大户扩大规模，结合本地实际，制定以下措施。
一、扩大种植面积
对新增流转土地五十亩以上的种粮大户，每亩补助120元，单户每年最高6万元。
二、改善仓储条件
对新建粮食烘干中心的合作社，按设备投资额的三成给予补助，最高40万元。"""
CRAFT = """第一章 总则
第一条 为了保护传统手工艺，支持手艺人带徒授业，制定本办法。
第二条 本办法所称手艺人，是指掌握一门以上传统技艺并以此谋生的个人。
第二章 扶持
第三条 手艺人每带一名学徒满一年，给予带徒津贴8000元。
第四条 本办法自2022年7月1日起施行，有效期两年。"""
PORT = """为提升港口作业效率，减少船舶等泊时间，现提出如下意见。
一、延长作业时段
港口企业应当实行昼夜值班，夜间作业的工人按规定领取津贴。
二、更新装卸设备
鼓励港口企业淘汰高耗能设备，对更新电动集卡的，每辆补助5万元。"""


def read(folder: Path, text: str, name: str = "file.txt") -> list[Document]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    found = list(read_documents(path))
    assert not [f for f in found if isinstance(f, Failure)]
    return [d for d in found if isinstance(d, Document)]


def titles(documents: Sequence[Document]) -> list[str]:
    return [document.title for document in documents]


def day(document: Document, name: str) -> str | None:
    value = getattr(document, name)
    return value.isoformat() if value else None


# ------------------------------------------------------------------ one document
def test_a_site_s_navigation_goes_and_a_broken_title_is_joined(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""您现在的位置：首页 > 政务公开 > 政策文件
莱芜市人民政府办公室关于印发《莱芜市稳定粮食生产若干措施》的通知
发布时间：2023-05-11 09:28 信息来源：市政府办公室 浏览次数：311
莱政办发〔2023〕19号

莱芜市人民政府办公室
关于印发《莱芜市稳定粮食生产
若干措施》的通知

各乡镇人民政府，市政府各部门：
《莱芜市稳定粮食生产若干措施》已经市政府同意，现印发给你们，请抓好落实。
莱芜市人民政府办公室
2023年5月9日

莱芜市稳定粮食生产若干措施

{GRAIN}
本措施自2023年6月1日起施行。
上一篇：关于放假安排的通知
下一篇：关于停水的公告
版权所有：莱芜市人民政府 网站地图 联系我们""",
    )
    assert document.title == "莱芜市稳定粮食生产若干措施"
    assert document.doc_number == "莱政办发〔2023〕19号"
    assert (day(document, "issued"), day(document, "effective")) == ("2023-05-09", "2023-06-01")
    assert document.issuers == ("莱芜市人民政府办公室",)
    assert "上一篇" not in document.text
    assert "网站地图" not in document.text
    assert "首页" not in document.text


def test_a_page_that_starts_with_the_addressees_keeps_its_notice(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""各街道办事处，区政府各部门、各直属单位：
现将《关于稳定粮食生产的若干政策》印发给你们，请认真组织实施。
宁波市鄞州区人民政府
2022年3月4日
关于稳定粮食生产的若干政策
{GRAIN}""",
    )
    assert document.title == "关于稳定粮食生产的若干政策"
    assert document.region == "宁波市鄞州区"
    assert day(document, "issued") == "2022-03-04"
    assert document.text.startswith("各街道办事处")


def test_a_title_over_three_lines_without_title_marks(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""湖南省人民政府办公厅关于印发湖南省
进一步稳定粮食生产帮助种粮大户
实施方案的通知

湘政办发〔2021〕77号

各市州、县市区人民政府，省政府各厅委、各直属机构：
《湖南省进一步稳定粮食生产帮助种粮大户实施方案》已获省政府同意，现予印发，请抓好落实。

湖南省人民政府办公厅
2021年12月3日

湖南省进一步稳定粮食生产
帮助种粮大户实施方案

{GRAIN}""",
    )
    assert document.title == "湖南省进一步稳定粮食生产帮助种粮大户实施方案"
    assert document.doc_number == "湘政办发〔2021〕77号"
    assert document.region == "湖南省"
    assert day(document, "issued") == "2021-12-03"


def test_labelled_facts_of_a_government_page(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""索引号：JA-2021-0031
发文机关：泉州市农业农村局
发文字号：泉农规〔2021〕3号
成文日期：2021年8月2日
发布日期：2021年8月10日
标题：泉州市农业农村局关于稳定粮食生产的若干意见
泉州市农业农村局关于稳定粮食生产的若干意见
各县（市、区）农业农村局，各有关单位：
{GRAIN}
本意见自发布之日起施行，有效期三年。""",
    )
    assert document.title == "泉州市农业农村局关于稳定粮食生产的若干意见"
    assert document.doc_number == "泉农规〔2021〕3号"
    assert day(document, "issued") == "2021-08-02"
    assert (document.effective, document.expires) == (None, None)
    assert document.effective_text is not None
    assert "发布之日" in document.effective_text
    assert document.issuers == ("泉州市农业农村局",)
    assert document.region == "泉州市"


def test_a_red_head_with_the_number_above_the_title(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""襄阳市人民政府文件

襄政发〔2020〕8号

襄阳市人民政府
关于印发襄阳市传统手工艺保护办法的通知

各县（市）、区人民政府，各开发区管委会，市政府各部门：
现将《襄阳市传统手工艺保护办法》印发给你们，请遵照执行。

襄阳市人民政府
二〇二〇年五月六日

襄阳市传统手工艺保护办法

{CRAFT}""",
    )
    assert document.title == "襄阳市传统手工艺保护办法"
    assert document.doc_number == "襄政发〔2020〕8号"
    assert [day(document, n) for n in ("issued", "effective", "expires")] == [
        "2020-05-06",
        "2022-07-01",
        "2024-06-30",
    ]


def test_an_order_that_publishes_a_regulation(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""洛阳市人民政府令
第151号
《洛阳市传统手工艺保护办法》已经市人民政府第60次常务会议通过，现予公布，自2022年7月1日起施行。
市长 王某某
2022年4月18日
洛阳市传统手工艺保护办法
{CRAFT}""",
    )
    assert document.title == "洛阳市传统手工艺保护办法"
    assert document.doc_number == "洛阳市人民政府令第151号"
    assert document.issuers == ("洛阳市人民政府",)
    assert (day(document, "issued"), day(document, "expires")) == ("2022-04-18", "2024-06-30")


def test_a_local_law_with_its_own_table_of_contents(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""桂林市传统手工艺保护条例
（2021年10月27日桂林市第五届人民代表大会常务委员会第三次会议通过 2021年12月1日批准）
目　录
第一章　总　则
第二章　扶　持
{CRAFT.replace("办法", "条例")}""",
    )
    assert document.title == "桂林市传统手工艺保护条例"
    assert document.region == "桂林市"
    assert day(document, "issued") == "2021-10-27"
    assert day(document, "expires") == "2024-06-30"


def test_a_number_in_brackets_after_the_title(tmp_path: Path) -> None:
    [document] = read(
        tmp_path, f"关于提升港口作业效率的意见（营政发〔2019〕14号）\n{PORT}\n营口市人民政府\n2019年3月8日\n"
    )
    assert document.title.startswith("关于提升港口作业效率的意见")
    assert document.doc_number == "营政发〔2019〕14号"
    assert document.region == "营口市"


def test_a_text_without_a_title_is_named_after_its_file(tmp_path: Path) -> None:
    [document] = read(tmp_path, GRAIN, "种粮措施.txt")
    assert document.title == "种粮措施"
    assert document.region is None


def test_a_notice_that_holds_its_rules_itself_stays_one_document(tmp_path: Path) -> None:
    [document] = read(
        tmp_path,
        f"""关于印发《盐城市粮食仓储评价标准》的通知
盐粮发〔2018〕6号
各县（市、区）粮食局：
{GRAIN}
盐城市粮食局
2018年9月9日""",
    )
    assert document.title == "盐城市粮食仓储评价标准"
    assert (document.doc_number, day(document, "issued")) == ("盐粮发〔2018〕6号", "2018-09-09")


def test_annexes_belong_to_their_document(tmp_path: Path) -> None:
    documents = read(
        tmp_path,
        f"""关于提升港口作业效率的实施意见
湛交〔2022〕31号
各港口企业：
{PORT}
湛江市交通运输局
2022年2月22日
附件1
湛江港夜间作业申报指南
为方便企业申报，现将材料要求说明如下。
一、申报材料
企业应当提交夜间作业计划和值班表。
附件2
湛江港设备更新评分标准
序号\t项目\t分值
1\t设备能耗\t40
2\t作业效率\t60""",
    )
    assert titles(documents) == ["关于提升港口作业效率的实施意见"]
    assert "设备能耗" in documents[0].text
    assert day(documents[0], "issued") == "2022-02-22"


# ------------------------------------------------------------------ compilations
def notice(number: str, inner: str, body: str, issuer: str = "绵阳市人民政府办公室") -> str:
    return f"""{issuer}关于印发《{inner}》的通知
{number}
各县市区人民政府，各园区管委会，市级各部门：
《{inner}》已经审定，现印发你们，请遵照执行。
{issuer}
2021年6月7日
{inner}
{body}
"""


THREE = [
    ("绵府办发〔2021〕11号", "绵阳市稳定粮食生产若干措施", GRAIN),
    ("绵府办规〔2021〕4号", "绵阳市传统手工艺保护办法（试行）", CRAFT),
    ("绵府办函〔2021〕52号", "绵阳市内河港口提升行动方案（2021—2023年）", PORT),
]


def test_a_compilation_with_contents_parts_headers_and_page_numbers(tmp_path: Path) -> None:
    contents = "\n".join(f"{inner} …………………… {n * 9 + 1}" for n, (_, inner, _) in enumerate(THREE))
    plain = "\n".join(f"{n + 1}. {inner}" for n, (_, inner, _) in enumerate(THREE))
    pages = [f"绵阳市惠企政策汇编\n2021年\n\f目 录\n{contents}\n{plain}\n"]
    for n, (number, inner, body) in enumerate(THREE):
        pages.append(f"绵阳市惠企政策汇编\n第{'一二三'[n]}部分 第{n + 1}类政策\n{n + 2}")
        pages.append(f"绵阳市惠企政策汇编\n{notice(number, inner, body)}\n{n + 3}")
    documents = read(tmp_path, "\f".join(pages))
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]
    assert all("汇编" not in d.text for d in documents)
    assert [d.region for d in documents] == ["绵阳市"] * 3
    assert day(documents[1], "expires") == "2024-06-30"


@pytest.mark.parametrize("width", [28, 36, 44])
def test_a_compilation_with_hard_wrapped_lines(tmp_path: Path, width: int) -> None:
    lines: list[str] = []
    for number, inner, body in THREE:
        for line in notice(number, inner, body * 1).splitlines():
            lines += [line[i : i + width] for i in range(0, len(line), width)]
    documents = read(tmp_path, "\n".join(lines))
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]
    assert "单户每年最高6万元" in documents[0].text


def test_a_compilation_in_markdown(tmp_path: Path) -> None:
    text = "\n\n".join(
        f"# {inner}\n\n{number}\n\n" + "\n\n".join(body.splitlines()) for number, inner, body in THREE
    )
    documents = read(tmp_path, text, "all.md")
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]


def test_documents_with_neither_number_nor_addressees(tmp_path: Path) -> None:
    text = f"""中共宜昌市委 宜昌市人民政府

关于稳定粮食生产的若干意见

{GRAIN}

本意见自印发之日起实施，有效期至2026年12月31日。

中共宜昌市委 宜昌市人民政府

关于提升港口作业效率 的实施意见

{PORT}

中共宜昌市委 宜昌市人民政府关于 保护传统手工艺的意见

{GRAIN.replace("粮食", "手艺")}
"""
    documents = read(tmp_path, text)
    assert titles(documents) == [
        "关于稳定粮食生产的若干意见",
        "关于提升港口作业效率的实施意见",
        "中共宜昌市委宜昌市人民政府关于保护传统手工艺的意见",
    ]
    assert {d.region for d in documents} == {"宜昌市"}
    assert day(documents[0], "expires") == "2026-12-31"
    assert documents[0].issuers == ("中共宜昌市委", "宜昌市人民政府")


def test_a_law_its_announcement_and_the_next_law(tmp_path: Path) -> None:
    text = ""
    for n, name in enumerate(("粮食安全", "手工艺保护")):
        text += f"""郴州市{name}条例
郴州市人民代表大会常务委员会公告第{n + 3}号
《郴州市{name}条例》已由第六届人民代表大会常务委员会第{n + 9}次会议通过，现予公布，自2021年1月1日起施行。
郴州市人民代表大会常务委员会
2020年1{n}月20日
郴州市{name}条例
（2020年1{n}月20日郴州市第六届人民代表大会常务委员会第{n + 9}次会议通过）
{CRAFT.replace("本办法自2022年7月1日起施行，有效期两年", "本条例自2021年1月1日起施行")}
"""
    documents = read(tmp_path, text)
    assert titles(documents) == ["郴州市粮食安全条例", "郴州市手工艺保护条例"]
    assert [d.doc_number for d in documents] == [
        "郴州市人民代表大会常务委员会公告第3号",
        "郴州市人民代表大会常务委员会公告第4号",
    ]
    assert [day(d, "effective") for d in documents] == ["2021-01-01"] * 2
    assert [d.issuers for d in documents] == [("郴州市人民代表大会常务委员会",)] * 2


def test_a_compilation_that_counts_its_titles(tmp_path: Path) -> None:
    text = "\n".join(
        f"{n}. {inner}\n{number}\n各县市区人民政府：\n{body}"
        for n, (number, inner, body) in enumerate(THREE, 1)
    )
    documents = read(tmp_path, text)
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]


def test_a_title_that_ends_in_no_usual_word(tmp_path: Path) -> None:
    text = "\n".join(
        f"绵阳市粮食局关于{what}\n绵粮〔2021〕{n}号\n各县市区粮食局：\n{GRAIN}"
        for n, what in enumerate(("下达秋粮收购任务指标", "做好雨季仓储防潮"), 5)
    )
    assert titles(read(tmp_path, text)) == [
        "绵阳市粮食局关于下达秋粮收购任务指标",
        "绵阳市粮食局关于做好雨季仓储防潮",
    ]


@pytest.mark.parametrize("body", [GRAIN, CRAFT, PORT])
@pytest.mark.parametrize(
    "title", ["昆明市促进{}产业发展若干措施", "关于促进{}产业的若干措施\n（2022年修订）", "昆明市{}管理办法"]
)
def test_documents_that_differ_in_a_word_of_their_titles(tmp_path: Path, title: str, body: str) -> None:
    names = [title.format(plant) for plant in ("鲜花", "茶叶", "咖啡")]
    documents = read(tmp_path, "\n".join(f"{name}\n{body}" for name in names))
    assert titles(documents) == [name.replace("\n", "") for name in names]


def test_the_next_document_after_a_form(tmp_path: Path) -> None:
    first, second, third = (notice(*entry) for entry in THREE)
    documents = read(
        tmp_path, f"{first}附件2\n种粮补贴申请表\n姓名 联系电话\n{second}附件\n学徒名单\n{third}"
    )
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]


def test_an_explanation_is_a_document_of_its_own(tmp_path: Path) -> None:
    text = f"昆明市鲜花管理办法\n昆政发〔2022〕3号\n{CRAFT}\n昆明市人民政府\n2022年5月1日\n"
    documents = read(tmp_path, text + f"《昆明市鲜花管理办法》政策解读\n一、背景\n{GRAIN}")
    assert titles(documents) == ["昆明市鲜花管理办法", "《昆明市鲜花管理办法》政策解读"]


def test_a_regulation_and_its_rules_are_two(tmp_path: Path) -> None:
    documents = read(tmp_path, f"昆明市鲜花管理办法\n{CRAFT}\n昆明市鲜花管理办法实施细则\n{CRAFT}")
    assert titles(documents) == ["昆明市鲜花管理办法", "昆明市鲜花管理办法实施细则"]


# ------------------------------------------------------------------ listings
def test_a_listing_with_details_in_brackets(tmp_path: Path) -> None:
    grain, craft, port = (" ".join(text.splitlines()) for text in (GRAIN, CRAFT, PORT))
    records = [
        ("大连市稳定粮食生产若干措施", f"[地区:大连]详谈大连市稳定粮食生产若干措施 {grain}"),
        ("沈阳市传统手工艺保护办法", f"[地区:沈阳]详谈{craft}"),
        ("鞍山市冬季供暖补贴办法（2023年）", "[地区:鞍山]详谈 -"),
        ("关于稳定粮食生产的补充措施", f"[地区:丹东市]详谈{grain}"),
        ("关于营口经济技术开发区提升港口作业效率的措施", f"[地区:120.1,40.2]详谈{port}"),
    ]
    ends = ("" if body.endswith(" -") else "-\n" for _, body in records)
    text = "-\n" + "".join(
        f"{title}\n{body}\n{end}" for (title, body), end in zip(records, ends, strict=True)
    )
    documents = read(tmp_path, text)
    assert titles(documents) == [title for title, _ in records]
    assert [d.region for d in documents] == ["大连市", "沈阳市", "鞍山市", "丹东市", "营口经济技术开发区"]
    assert documents[2].text == ""
    assert "详谈" not in documents[1].text
    assert day(documents[1], "expires") == "2024-06-30"


@pytest.mark.parametrize("mark", ["=====", "***", "——————"])
def test_a_listing_between_ruled_lines(tmp_path: Path, mark: str) -> None:
    text = f"\n{mark}\n".join(f"{inner}\n{body}" for _, inner, body in [*THREE, ("", "绵阳市补充规定", PORT)])
    assert titles(read(tmp_path, text)) == [*(inner for _, inner, _ in THREE), "绵阳市补充规定"]


def test_a_listing_with_labelled_titles(tmp_path: Path) -> None:
    text = "\n".join(f"政策名称：{inner}\n发文字号：{number}\n{body}" for number, inner, body in THREE)
    documents = read(tmp_path, text)
    assert titles(documents) == [inner for _, inner, _ in THREE]
    assert [d.doc_number for d in documents] == [number for number, _, _ in THREE]


# ------------------------------------------------------------------ anything at all
PIECES = st.sampled_from(
    [line for _, inner, body in THREE for line in (inner, *body.splitlines())]
    + [
        "绵府办发〔2021〕11号",
        "各县市区人民政府：",
        "2021年6月7日",
        "绵阳市财政局",
        "附件",
        "附件2",
        "目录",
        "-",
        "12",
        "",
    ]
    + [
        "关于印发《绵阳市竹艺办法》的通知",
        "（此件公开发布）",
        "甲\t乙",
        "第一部分 综合",
        "\f",
        "首页 > 政策 > 正文",
    ]
    + ["标题：竹艺保护规定", "[地区:绵阳]面谈", "》《（", "关于", "的通知", "x" * 50, "政" * 300]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40), st.sampled_from(["\n", "\n\n", "\r\n"]))
def test_any_order_of_lines_is_read(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.txt"
    text = end.join(lines)
    path.write_text(text, encoding="utf-8", newline="")
    found = list(read_documents(path))
    assert found
    if isinstance(found[0], Failure):
        assert len(found) == 1
        return
    for document in found:
        assert isinstance(document, Document)
        assert document.title.strip()
        left = iter("".join(text.split()))
        read_text = "".join(document.text.split()).replace("|", "")
        assert all(any(c == other for other in left) for c in read_text), "the text's order is kept"
