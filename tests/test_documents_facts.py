"""Number, dates, term, bodies and region, over the ways in which policies word them."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.documents import read_documents
from toolkit.records import Document

HEAD = "铜陵市河道保护办法\n第一条 为了保护河道，制定本办法。\n第二条 沿河企业应当每季清淤一次。\n"


def read(folder: Path, text: str) -> Document:
    path = folder / "a.txt"
    path.write_text(text, encoding="utf-8")
    [document] = read_documents(path)
    assert isinstance(document, Document), document
    return document


@pytest.mark.parametrize(
    ("sentence", "effective", "expires"),
    [
        ("本办法自2021年3月1日起施行。", "2021-03-01", None),
        ("本办法从2021年3月1日起正式实施。", "2021-03-01", None),
        ("本办法于2021年3月1日起执行。", "2021-03-01", None),
        ("本办法2021年3月1日起施行。", "2021-03-01", None),
        ("本办法自2021 年 3 月 1 日起实施，有效期至 2024 年 2 月 29 日。", "2021-03-01", "2024-02-29"),
        ("本办法自二〇二一年三月一日起施行，有效期五年。", "2021-03-01", "2026-02-28"),
        ("本办法自2021年3月1日起试行，试行期两年。", "2021-03-01", "2023-02-28"),
        ("本办法自2021年3月1日起施行，有效期为18个月。", "2021-03-01", "2022-08-31"),
        ("本办法有效期3年，自2021年3月1日起施行。", "2021-03-01", "2024-02-29"),
        ("本办法有效期自2021年3月1日至2023年12月31日。", "2021-03-01", "2023-12-31"),
        ("本办法执行期限为2021年3月1日至2023年12月31日。", "2021-03-01", "2023-12-31"),
        ("本办法自2021年3月1日起施行至2023年12月31日止。", "2021-03-01", "2023-12-31"),
        ("本办法自2021年3月1日起执行，至2023年12月31日止。", "2021-03-01", "2023-12-31"),
        ("本办法自印发之日起施行，有效期至2023年12月31日。", None, "2023-12-31"),
        ("本办法自发布之日起30日后施行，有效期截止2023年12月31日。", None, "2023-12-31"),
        ("本办法自印发之日起施行，有效期三年。", None, None),
        ("本办法自2021年3月1日起施行，有效期至2023年12月。", "2021-03-01", None),
        ("本办法自公布之日起施行，原《铜陵市河道管理办法》自2015年3月1日起施行的规定同时废止。", None, None),
        ("本办法由市水利局解释。《铜陵市河道管理规定》（2011年5月1日起施行）同时废止。", None, None),
        ("许可证有效期三年，自2021年3月1日以后核发的由县级水利部门换发。", None, None),
        (
            "本办法自2021年3月1日起施行。此前规定与本办法不一致的，以本办法为准。贷款期限3年。",
            "2021-03-01",
            None,
        ),
    ],
)
def test_term(tmp_path: Path, sentence: str, effective: str | None, expires: str | None) -> None:
    document = read(tmp_path, HEAD + f"第三条 {sentence}\n")
    said = [value.isoformat() if value else None for value in (document.effective, document.expires)]
    assert said == [effective, expires]


def test_what_is_only_relative_stays_in_its_own_words(tmp_path: Path) -> None:
    document = read(tmp_path, HEAD + "第三条 本办法自印发之日起施行，有效期三年。\n")
    assert document.effective_text == "自印发之日起施行"


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("铜政〔2020〕12号", "铜政〔2020〕12号"),
        ("铜政办 〔2020〕 7 号", "铜政办〔2020〕7号"),
        ("铜水发[2020]7号", "铜水发[2020]7号"),
        ("铜水发（2020）7号", "铜水发（2020）7号"),
        ("（铜政办秘〔2020〕7号）", "铜政办秘〔2020〕7号"),
        ("铜水〔2020〕7号 铜财〔2020〕31号", "铜水〔2020〕7号 铜财〔2020〕31号"),
        ("铜水〔2020〕7号\n铜财〔2020〕31号", "铜水〔2020〕7号 铜财〔2020〕31号"),
        ("铜陵市人民政府令第66号", "铜陵市人民政府令第66号"),
        ("发文字号：铜政〔2020〕12号", "铜政〔2020〕12号"),
    ],
)
def test_document_number(tmp_path: Path, line: str, number: str) -> None:
    title, rest = HEAD.split("\n", 1)
    assert read(tmp_path, f"{title}\n{line}\n{rest}").doc_number == number


def test_a_cited_number_is_not_the_document_s(tmp_path: Path) -> None:
    text = HEAD.replace("为了保护河道", "根据《安徽省河道规定》（皖政〔2012〕9号）")
    document = read(tmp_path, text + "第三条 原办法（铜政〔2009〕3号）同时废止。\n")
    assert document.doc_number is None


@pytest.mark.parametrize(
    ("tail", "issued"),
    [
        ("铜陵市水利局\n2022年5月6日", "2022-05-06"),
        ("铜 陵 市 水 利 局\n铜 陵 市 财 政 局\n2022 年 5 月 6 日\n（此件公开发布）", "2022-05-06"),
        ("铜陵市水利局 铜陵市财政局\n二○二二年五月六日", "2022-05-06"),
        (
            "铜陵市水利局\n2022年5月6日\n抄送：市委办公室。\n铜陵市水利局办公室\n2022年5月9日印发",
            "2022-05-06",
        ),
        ("发布时间：2022-05-08 10:01", None),
        ("2022年5月8日印发", None),
    ],
)
def test_date_of_signature(tmp_path: Path, tail: str, issued: str | None) -> None:
    value = read(tmp_path, HEAD + tail).issued
    assert (value.isoformat() if value else None) == issued


def test_bodies_that_sign(tmp_path: Path) -> None:
    document = read(tmp_path, HEAD + "铜 陵 市 水 利 局\n铜陵市财政局 中共铜陵市委宣传部\n2022年5月6日")
    assert document.issuers == ("铜陵市水利局", "铜陵市财政局", "中共铜陵市委宣传部")


@pytest.mark.parametrize(
    ("title", "region"),
    [
        ("铜陵市河道保护办法", "铜陵市"),
        ("贵州省河道保护办法", "贵州省"),
        ("上海市静安区河道保护办法", "上海市静安区"),
        ("静安区河道保护办法", "上海市静安区"),
        ("宁波市江北区河道保护办法", "宁波市江北区"),
        ("合肥经济技术开发区河道保护办法", "合肥经济技术开发区"),
        ("河道保护办法", None),
    ],
)
def test_region(tmp_path: Path, title: str, region: str | None) -> None:
    assert read(tmp_path, HEAD.replace("铜陵市河道保护办法", title)).region == region


def test_the_region_of_a_body_s_own_city(tmp_path: Path) -> None:
    text = HEAD.replace("铜陵市河道保护办法", "关于保护河道的办法")
    assert read(tmp_path, text + "鹤岗市人民政府办公室\n2020年1月9日").region == "鹤岗市"


def test_a_text_that_says_it_is_repealed(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD.replace("办法\n", "办法（已废止）\n", 1)).status == "repealed"
    assert read(tmp_path, HEAD + "第三条 原《铜陵市河道管理规定》已废止。").status is None
