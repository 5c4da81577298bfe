"""The shapes of a policy's lines: numbering, dates, document numbers, addressees, bodies, titles.

In: one line. Out: what it is. Nothing here knows of other lines.
"""

from __future__ import annotations

import re

from toolkit.dates import DATE

__all__ = [
    "DATE_LINE",
    "DOC_NUMBER",
    "TITLE_END",
    "closed",
    "doc_numbers",
    "ends_sentence",
    "is_addressee",
    "is_annex",
    "is_bodies",
    "is_marked",
    "is_note",
    "is_table_row",
    "issued_title",
    "looks_like_title",
    "split_bodies",
]

_N = "[一二三四五六七八九十百零〇○]"
_MARK = re.compile(
    rf"(?:第\s*(?:{_N}{{1,5}}|\d{{1,3}})\s*[编章节条款]|{_N}{{1,4}}\s*[、．.](?!\d)|[（(]\s*(?:{_N}{{1,4}}|\d{{1,3}})\s*[）)]"
    rf"|\d{{1,3}}\s*[.．、](?!\d)|\d{{1,2}}(?:\.\d{{1,2}}){{1,3}}\s*[、\s\u4e00-\u9fff]|[①-⑳]|[❶-❿]|附件?\s*[:：\d一二三四五六七八九十]"
    rf"|\d{{1,2}}[)）]|[a-zA-Z][.．、)）]\s*(?=[\u4e00-\u9fff])|[●■◆▲★•◎○□]\s|[-*]\s+(?=[\u4e00-\u9fff])|#{{1,6}}\s)"
)
DATE_LINE = re.compile(rf"[（(]?\s*{DATE}\s*[）)]?")
DOC_NUMBER = re.compile(
    r"[\u4e00-\u9fffA-Za-z]{1,16}\s*[〔\[［(（【﹝]\s*(?:19|20)\d\d\s*(?:年)?[〕\]］)）】﹞]\s*第?\s*\d{1,5}\s*号"
)
_ANNOUNCED = re.compile(
    rf"[\u4e00-\u9fff（）()]{{2,40}}(?:公告|令|通告|命令)\s*[（(]?\s*(?:[〔\[(（]?\s*(?:19|20)\d\d\s*年?[〕\])）]?)?\s*第?\s*(?:{_N}+|\d+)\s*号\s*[）)]?"
)
_NUMBER_LABEL = re.compile(r"^(?:【?(?:发文字号|文\s*号|发文文号|文件编号|文件号)】?\s*[:：]?)\s*")
# What a site writes after a number: when it was posted and how often read.
_PAGE_FACTS = re.compile(
    r"\s+(?:发布时间|发布日期|信息来源|来源|日期|浏览次数|浏览量|阅读|点击|字号|字体)\s*[:：].*$"
)
_SENTENCE_ENDS = tuple("。！？；…!?;")
TITLE_END = (
    r"(?:通知|通告|公告|公报|意见|办法|方案|规定|规则|规程|条例|细则|措施|计划|政策|决定|决议|命令|指引|指南|规划|纲要"
    r"|解读|函|批复|标准|目录|清单|要点|制度|章程|准则|导则|体系|规范|预案|说明|问答|举措|若干条|\d+条|[一二三四五六七八九十]+条"
    r"|令|提纲|倡议书|合同|名单|白皮书|任务书|申报书|申请表|答复|奖励|扶持|行动|工程|机制|请示|批文|法|安排|布局|意见稿|实施稿)"
)
_TITLE = re.compile(
    rf"(?=.{{5,}}).*?{TITLE_END}[》”]?(?:\s*[（(〔\[][^（）()。；]{{1,30}}[）)〕\]]|\s*[》”])*"
    rf"(?:\s*的\s*(?:{TITLE_END}|请示))?(?:\s*[（(][^（）()。；]{{1,30}}[）)])*"
)
_ADDRESSEE = re.compile(
    r"(?:各|市|区|县|省|州|全|有关|本|机关|市政府|区政府|省政府|国务院).{0,160}"
    r"(?:单位|政府|部门|机构|委|办|局|厅|公司|企业|街道|镇|乡|高校|院校|院所|园区|管委会|处|部|院|中心|学校|机关|分局|社|会|大学|组织)"
    r"[）)]?(?:等)?\s*[:：]"
)
_BODY = re.compile(
    r"(?:[\u4e00-\u9fff（）()、]{2,40})(?:人民政府|政府|办公厅|办公室|委员会|[省市区县共]委|[^委]委|局|厅|部|管委会|党组|法院|检察院|总队|支队"
    r"|领导小组|主席团|银行|分行|税务局|人大|代表大会|联合会|工商联|总工会|协会|中心|分院|研究院|科学院|集团|公司|大学|署|会|办)"
)
_NOTE = re.compile(
    rf"[（(]\s*(?:此件|本文|公开|主动公开|{DATE}|根据|经|自).{{0,160}}[）)]|{DATE}.{{0,120}}(?:通过|发布|公布|印发|修订|修正)\s*[）)]?"
)
_ANNEX = re.compile(
    r"(?:附\s*件?|附\s*[录表])\s*[-\d一二三四五六七八九十]{0,3}\s*[:：]?\s*$|附件\s*[\d一二三四五六七八九十]{1,3}(?!\d)"
)
_ISSUED = re.compile(
    r"(?:印发|发布|颁布|公布|批转|转发|下达|颁发|实施|制定)(?P<inner>.+?)(?:的通知|的公告|的通告|的决定|的函|的令|通知)$"
    r"|(?:印发|批转|转发)\s*(?P<quoted>《.+》)(?:\s*[（(].{1,20}[）)])?$"
)


def ends_sentence(text: str) -> bool:
    """Whether a line ends where a sentence may end."""
    return text.rstrip("”’）)》】 ").endswith(_SENTENCE_ENDS) or text.endswith(_SENTENCE_ENDS)


def is_marked(text: str) -> bool:
    """Whether a line starts with numbering (第一条, 一、, （一）, 1., ①, 附件)."""
    return _MARK.match(text) is not None


def is_table_row(text: str) -> bool:
    """Whether a line holds cells."""
    return " | " in text or text.startswith("| ") or text.endswith(" |")


def is_annex(text: str) -> bool:
    """Whether a line opens an annex: `附件1`, `附件：`."""
    return len(text) <= 40 and _ANNEX.match(text) is not None


def is_note(text: str) -> bool:
    """Whether a line is a note of adoption or disclosure in brackets."""
    return _NOTE.fullmatch(text) is not None


def is_addressee(text: str) -> bool:
    """Whether a line names those whom a notice is for: `各区人民政府，市政府各部门：`."""
    return len(text) <= 170 and _ADDRESSEE.fullmatch(text) is not None


def doc_numbers(text: str) -> list[str]:
    """Give the document numbers of a line that consists of them; empty where it is another line."""
    bare = _PAGE_FACTS.sub("", _NUMBER_LABEL.sub("", text.strip())).strip()
    inner = bare[1:-1].strip() if re.fullmatch(r"[（(].*[）)]", bare) and "号" in bare[-3:] else bare
    found = ["".join(m.group().split()) for m in DOC_NUMBER.finditer(inner)]
    rest = DOC_NUMBER.sub("", inner)
    if found and not re.sub(r"[\s、，,；;/和]", "", rest):
        return found
    if len(bare) <= 45 and _ANNOUNCED.fullmatch(inner):
        return ["".join(inner.split())]
    if re.fullmatch(r"第\s*\d{1,4}\s*号", inner):
        return ["".join(inner.split())]
    return []


def is_bodies(text: str) -> bool:
    """Whether a line names one body or several and nothing else."""
    return bool(split_bodies(text))


def split_bodies(text: str) -> list[str]:
    """Give the bodies that a line names; empty where it holds anything else."""
    parts = text.split()
    single = sum(len(part) == 1 for part in parts)
    if len(parts) > 2 and single > len(parts) / 2:  # 某 市 财 政 局
        parts = ["".join(parts)]
    good = [p for p in parts if 3 <= len(p) <= 32 and _BODY.fullmatch(p) and "关于" not in p]
    if not good or len(good) != len(parts):
        return []
    # 某省委省政府 are two.
    apart = (re.sub(r"(?<=[省市区县]委)(?=[省市区县]政府$)", " ", part) for part in good)
    return [body for part in apart for body in part.split()]


def closed(text: str) -> bool:
    """Whether all brackets and quotes of a text are closed."""
    return all(text.count(a) == text.count(b) for a, b in ("《》", "（）", "“”", "()", "〔〕"))


def looks_like_title(text: str) -> bool:
    """Whether a line has the shape of a policy's title."""
    bare = text.strip()
    if (
        not 5 <= len(bare) <= 130
        or any(mark in bare for mark in "。；！？!?")
        or bare.endswith(("：", ":", "，", "、"))
    ):
        return False
    if (
        is_table_row(bare)
        or not closed(bare)
        or bare[0] in "为，、；的"
        or len(re.findall("[，,]", bare)) > 2
    ):
        return False
    return _TITLE.fullmatch(bare) is not None


def issued_title(title: str) -> str | None:
    """Give the title of what a notice issues or forwards; None where it issues nothing."""
    match = _ISSUED.search("".join(title.split()))
    if match is None:
        return None
    inner = match["inner"] or match["quoted"]
    quoted = re.search(r"《(.+)》", inner)
    if quoted and len(quoted[1]) >= 4:
        tail = inner[quoted.end() :]
        inner = quoted[1] + (tail if re.fullmatch(r"[（(].{1,20}[）)]", tail) else "")
    else:
        inner = (
            re.sub(r"^.*?(?:制定的|制订的|制定|等部门的|等部门)(?=.{4})", "", inner)
            if "关于" not in inner
            else inner
        )
    return inner if len(inner) >= 4 else None
