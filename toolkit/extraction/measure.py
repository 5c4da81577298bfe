"""Naming what is supported, in the clause's own words.

In: the award's figures and the context read from its words. Out: the span of a short phrase; always
one, because a support without a measure could not be shown.
"""

from __future__ import annotations

import re

from toolkit.extraction.awards import SCOPE, Award
from toolkit.extraction.phrases import Context
from toolkit.extraction.sentences import Span

__all__ = ["name_measure", "named_payment", "near_words"]

_NOUN = (
    r"(?:奖励|奖补|补贴|补助|资助|支持|扶持|资金|经费|津贴|奖金|贴息|补偿|配套|安家费|启动费|担保|贷款|"
    r"创新券|券|减免|返还|生活费|租金|抵免)(?:贷款)?"
)
_GENERIC = re.compile(
    rf"(?:{_NOUN}|一次性|专项|财政|政策|给予|予以|进行|的|人民币|最高|不超过|额度|比例|标准|单个|"
    rf"单家|项目|金额|总额|年度|每年|企业|相应|相关|适当|市级|区级|省级|分别|再|可|累计|按|获得|享受|"
    rf"资金|后|事后|发放|、|等|其|为|是)*"
)
_BEHIND = re.compile(
    rf"(?:、[^,。;、\d]{{1,8}}的)?(?:的|人民币|一次性|以内|比例|标准|给予|予以|进行|,(?=分|给予|"
    rf"予以)|分\w{{1,3}}档|"
    rf"/[^,。;的]{{1,6}})*(?P<noun>[^,。;、的()\d|]{{0,20}}?{_NOUN}(?:支持|补贴|补助|资金|补偿|奖励|"
    rf"担保)?)"
)


_BLANK = {"项目", "产品", "设备", "活动", "平台", "工程", "企业", "单位"}


def near_words(text: str, award: Award) -> str:
    """Give the words at the award's figures: from its last verb to the noun behind its last figure."""
    first, last = award.bunches[0], award.bunches[-1]
    left = re.split(r"[。;,:]", text[max(award.start, first.start - 30) : first.start])[-1]
    parts = [left]
    for bunch in award.bunches:
        behind = text[bunch.end : bunch.end + 30]
        given = re.match(r"[^,。;]*,(?=分|给予|予以)", behind)
        parts.append(re.split(r"[,。;]", behind[given.end() if given else 0 :])[0])
    if last is not first:
        parts.append(re.split(r"[。;]", text[first.end : last.start])[0])
    return "|".join(parts)


def name_measure(text: str, award: Award, context: Context, topic: Context, parent: Context | None) -> Span:
    """Choose the phrase that says what is supported."""
    named = named_payment(text, award)
    if named:
        return named
    for span in (context.thing, parent.thing if parent else None):
        if span and text[span[0] : span[1]] not in _BLANK:
            return span
    if context.acts:
        return context.acts[0]
    if context.conditions:
        return context.conditions[0]
    for source in (parent, topic):
        if source and (source.acts or source.thing or source.conditions):
            return next(s for s in (*source.acts, source.thing, *source.conditions) if s)
    noun = _noun_behind(text, award)
    if noun:
        return noun
    first = award.bunches[0]
    floor = max(text.rfind(c, 0, first.start) for c in ",。;:") + 1
    plain = re.search(_NOUN, text[floor : first.start])
    if plain:
        return floor + plain.start(), floor + plain.end()
    return (first.start, first.members[0].end)


def named_payment(text: str, award: Award) -> Span | None:
    """Find the payment's own name at the figures (`租房补贴`), where it says more than 资金支持."""
    noun = _noun_behind(text, award)
    if noun and not _GENERIC.fullmatch(text[noun[0] : noun[1]]):
        return noun
    return _noun_before(text, award)


def _noun_behind(text: str, award: Award) -> Span | None:
    for bunch in award.bunches:
        found = _BEHIND.match(text, bunch.end, min(len(text), bunch.end + 40))
        if found:
            span = found.span("noun")
            words = text[span[0] : span[1]]
            lead = re.match(r"(?:.*(?:给予|予以|进行))?(?:额度|的|一次性|[天日年月](?=的))*", words)
            if lead and lead.end() < len(words) - 1:
                span = (span[0] + lead.end(), span[1])
            return span
    return None


def _noun_before(text: str, award: Award) -> Span | None:
    """Find a named payment before the figures: `发放一次性生活补贴,其中…`, `年金专项补贴标准不超过`."""
    start, end = award.start, award.bunches[0].start
    every = list(
        re.finditer(
            rf"(?:给予|发放|享受|领取|申请|^|,|的)(?P<noun>[^,。;、的\d()|]{{2,16}}?{_NOUN})(?=标准|,|、|"
            rf"$|最高|金额|额度|比例|上限|每|不超过)",
            text[start:end],
        )
    )
    found = every[-1] if every else None
    if (
        found is None
        or _GENERIC.fullmatch(found.group("noun"))
        or re.search(r"给予|由|按|超过|最高|等|^对|根据|参照|通过", found.group("noun"))
    ):
        return None
    span = (start + found.start("noun"), start + found.end("noun"))
    lead = re.match(
        rf"(?:.*(?:{SCOPE})|其中|给予|发放|享受|领取|申请|可|企业|最高|且|项目|分别|各|第.年)+",
        text[span[0] : span[1]],
    )
    span = (span[0] + lead.end(), span[1]) if lead else span
    return None if _GENERIC.fullmatch(text[span[0] : span[1]]) else span
