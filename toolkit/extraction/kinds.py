"""The closed choices of a support: its type, how binding it is, what it is counted by, a rate's base.

In: words around a figure. Out: a value of the schema, or a span of the text.
"""

from __future__ import annotations

import re
from typing import Literal

from toolkit.extraction.sentences import Span
from toolkit.figures.cues import CAP_CUE
from toolkit.records import SupportType

__all__ = ["base_span", "bindingness", "counted_by", "support_type"]

_TYPES: tuple[tuple[SupportType, str], ...] = (
    ("interest_subsidy", r"贴息|贷款利息|利息补|付息|息费补"),
    ("risk", r"风险补偿|风险补贴|风险分担|担保(?!费|额|业务|规模|机构|公司)|代偿|损失补偿|本金损失|保证保险"),
    ("tax", r"抵免|减按|免征|税额抵|所得税|加计扣除|教育费附加|退税|税率"),
    ("voucher", r"创新券|服务券|平台券|算力券|消费券|数据券|模型券|培训券|[^证债国入奖]券"),
    ("equity", r"股权|参股|跟投|直投|注资|入股|认购|出资比例"),
    ("rent", r"房租|租金|租赁补|租房|场租|租费|免租|办公用房(?:租|补)|房屋租赁"),
    ("matching", r"配套|匹配|配资|1:1"),
    ("reward", r"奖励|奖补|奖金|奖(?=\d|$)|重奖"),
    ("grant", r"补助|补贴|资助|支持|扶持|津贴|补偿|补足|经费|安家费|启动费|加计|贴补|资金"),
)
_LENT = r"贷款|周转|借款|融资额度|授信"
_SCOPED = (
    r"(?:(?:每|单|同一|一(?=个|家|名))(?!增|新|满|超|次性)(?:个|家|笔|项|名|位|件|户|人|只|批|次|台|"
    r"套|年|月|季度?|亩|标箱|吨|平方米|班|场|部|款|集|天|学年|季|一)?"
    r"[^,。;、:的\d]{0,12}?(?=最高|最多|不超过|累计|补贴|支持|奖励|资助|补助|给予|可|获得|每|年|当年|"
    r"合计|总额|\d|贴息|享受|上限|发放|限额|扶持|奖|按)(?:(?:每年度?|每月|当年度?|年度|每人)(?!度))?"
    r"|(?:每年度?|当年度?|年度|每月|每季度|全年)(?:每[人家户个])?(?=最|不|累|补|奖|可|享|支|给|合|总|"
    r"发|上|限|\d|资|贴|领|申|$))"
)


def support_type(near: str, around: str, topic: str) -> SupportType:
    """Name the kind of support: by the words at the figure, then by those around it, then the topic."""
    for words in (near, around):
        for kind, pattern in _TYPES:
            if kind in {"reward", "grant"} and words is around:
                continue
            if re.search(pattern, words):
                return _checked(kind, near, around)
    for words in (around, topic):
        found = [(m.start(), kind) for kind, pattern in _TYPES[-2:] for m in re.finditer(pattern, words)]
        if found:
            return max(found)[1] if words is around else min(found)[1]
    return "other"


def _checked(kind: SupportType, near: str, around: str) -> SupportType:
    if (
        kind == "matching"
        and re.search(r"奖励|补贴", near)
        and not re.search(r"1:|匹配|配套(?:支持|资金|扶持|资助|奖励|补助)", near + around)
    ):
        return "reward" if "奖励" in near else "grant"
    return kind


def is_lent(words: str) -> bool:
    """Say whether the sum is lent, not given."""
    return bool(re.search(_LENT, words)) and not re.search(r"贴息|补[贴助]|奖|担保", words)


def bindingness(words: str) -> Literal["shall", "may", "encourage"]:
    """Say how binding the grant is: 给予, 可给予, or 鼓励 and 探索."""
    if re.search(r"(?:鼓励|探索|引导)(?:[^,。;企单机高]{0,14})(?:给予|予以|配套|设立)", words):
        return "encourage"
    if re.search(
        r"(?<![认许])可(?!持续|再生|视|靠|行|转)(?:以|按|在|根据|给予|享受|申请|领取|再|一次性|由|"
        r"择优|获|最高)|择优|酌情|视情|原则上可|适当(?:给予|补)",
        words,
    ):
        return "may"
    return "shall"


def counted_by(text: str, span: Span) -> Span | None:
    """Find what one award is counted by in the words before a figure: `每家企业每年`, `单个项目`."""
    words = text[span[0] : span[1]]
    every = list(re.finditer(rf"(?:{_SCOPED})+", words))
    if not every or len(every[-1].group()) < 2:
        return None
    found = every[-1]
    return span[0] + found.start(), span[0] + found.end()


def base_span(text: str, span: Span) -> Span | None:
    """Find what a rate is a share of, in the words between its verb and the figure."""
    words = text[span[0] : span[1]]
    end = len(words)
    tail = re.search(
        rf"(?:的|之|,)?(?:比例|标准)?(?:的|为|按)?(?:{CAP_CUE}|超过|,|给予|予以|分别)*的?$", words
    )
    if tail:
        end = tail.start()
    if re.search(r"(?:按照?|以)$", words):
        return None
    begin = words.rfind("%", 0, end) + 1
    strong = rf"(?:按照?|依照|依据|根据|比例为|标准为|额为|{CAP_CUE}|给予|予以)(?:其(?!他)|最高|不超过)?"
    weak = (
        r"(?:以(?!上|下|内|外|及)|支持|补贴|补助|资助|奖励|抵扣支付|抵扣|抵免|返还|承担|减免|基础上|"
        r"进行|享受|分别)"
        r"(?:其(?!他))?"
    )
    for lead in re.finditer(strong, words):
        if begin <= lead.end() < end - 1:
            begin = lead.end()
    if begin == 0:
        for lead in re.finditer(weak, words[:end]):
            if lead.end() < end - 1 and words[lead.end()] not in "的资金":
                begin = lead.end()
                break
    return _before(span, words, begin, end)


def _before(span: Span, words: str, begin: int, end: int) -> Span | None:
    base = words[begin:end].strip()
    if (
        not base
        or len(base) > 45
        or re.search(r"比例|提高到|提高至", base)
        or re.fullmatch(r"[\W\d]*|[前后第首次]\w{1,3}年(?:为|补贴|补助|按|给予)?", base)
    ):
        return None
    shift = len(words[begin:end]) - len(words[begin:end].lstrip("其的,、可"))
    return (span[0] + begin + shift, span[0] + end) if begin + shift < end - 1 else None
