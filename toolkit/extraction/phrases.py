"""Reading the words before a figure: who receives, under which conditions, for what.

In: folded text and the spans of an award's own words. Out: `Context`, spans over the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from toolkit.extraction.awards import SCOPE
from toolkit.extraction.lexicon import (
    BARE_STATE,
    FILLER,
    GRANT,
    GRANT_FIRST,
    NP_VP,
    RECIPIENT,
    STATE,
    THING,
    TO,
)
from toolkit.extraction.sentences import Span, strip_span
from toolkit.figures.cues import CAP_CUE

__all__ = ["Context", "clean_condition", "granted_to", "is_recipient", "read_context", "topic_of"]


@dataclass
class Context:
    """Who, under which conditions, and for what; spans over the folded text."""

    beneficiary: Span | None = None
    conditions: list[Span] = field(default_factory=list)
    thing: Span | None = None
    acts: list[Span] = field(default_factory=list)


def is_recipient(words: str) -> bool:
    """Say whether a noun phrase ends in a word for someone who can receive support."""
    bare = re.sub(r"\([^)]*\)$|(?:等|们)$", "", words)
    return bool(re.search(rf"{RECIPIENT}[”》」\"]?$", bare))


def _who(text: str, span: Span) -> Span | None:
    """Trim a recipient to its own words; None where the words are about money or rules."""
    start, end = strip_span(
        text,
        span,
        lead=(
            r"将|把|可(?=[^,]{2})|于(?=企业)|由|且|原则上|每年|择优|评选|认定|遴选|选[出拔]|"
            r"出(?=[^口版])|共|支持|鼓励|、|其中|\d+|[家个名项](?=[^,]{2,})|左右|等|和|以及|"
            r"\([^()]*政策\)"
        ),
    )
    words = text[start:end]
    if re.match(r"在", words) and not re.match(rf"在.{{1,5}}{RECIPIENT}", words[:12]):
        return None
    if len(words) < 2 or re.search(
        r"资金|经费|方案|办法|规定|由|政策|^(?:每|单|同一)", re.sub(r"\([^()]*\)", "", words)
    ):
        return None
    return start, end


def clean_condition(text: str, span: Span) -> Span:
    """Trim a condition to its own words: no leading conjunction, no closing 的."""
    return strip_span(
        text,
        span,
        lead=r"其中|对于|对(?!外)|凡是|凡|如果|若|且|并且|并(?!购)|同时|以及|及|另外|另|[,、:;]|在(?=符合)",
        trail=r"的\([^()]*\)|的|,|、|;|。|:|时|后(?=$)",
    )


def read_context(text: str, segments: list[Span]) -> Context:
    """Read the segments before an award's first figure; the last one runs up to the figure."""
    found = Context()
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        span = _before_the_grant(text, segment) if last or re.search(TO, text[slice(*segment)]) else segment
        span = strip_span(text, span, lead="[、,:;]")
        if span[1] - span[0] > 1:
            _read_segment(text, span, found, first=index == 0)
            if index + 1 < len(segments) and _goes_on(text, span, segments[index + 1]):
                _add_condition(text, span, found)
    found.beneficiary = found.beneficiary and _who(text, found.beneficiary)
    return found


def _goes_on(text: str, span: Span, behind: Span) -> bool:
    """Say whether the segment behind makes this one a condition too: `…达到一定比例,并…的`."""
    words = text[behind[0] : behind[1]]
    own = text[span[0] : span[1]]
    joined = re.match(r"(?:并|且|或)(?!给予|予以)", words) and words.endswith("的")
    return bool(joined) and not own.endswith("的") and not re.search(rf"{TO}|^(?:支持|鼓励)", own)


def _read_segment(text: str, span: Span, found: Context, *, first: bool) -> None:
    words = text[span[0] : span[1]]
    if re.match(r"根据|依据|参照|按照?(?![^,]{0,4}规定)|结合(?!考核)|比照", words) and not words.endswith(
        "的"
    ):
        return
    to = re.search(TO, words)
    if to and re.search(r"进行(?![^,]*的)|的支持力度|呈", words[to.end() :]):
        return
    if to and (
        to.start() == 0
        or first
        or re.match(r"可|再|并|还|各", words[max(0, to.start() - 1) :])
        or "的" not in words[: to.start()]
    ):
        _read_phrase(text, (span[0] + to.end(), span[1]), found)
        return
    toward = re.search(r"(?:^|规定|依法)向(?P<who>[^,]+?)(?:发放|提供|拨付|给予)(?P<what>.*)$", words)
    if toward:
        found.beneficiary = found.beneficiary or _shift(span, toward.span("who"))
        if toward.group("what"):
            found.thing = found.thing or _shift(span, toward.span("what"))
        return
    if FILLER.match(words) and not words.endswith("的"):
        return
    lead = re.match(r"(?:大力|积极|重点)?(?:支持|鼓励|引导|推动|推进|加强|加快|加大)", words)
    if lead:
        _read_urging(text, (span[0] + lead.end(), span[1]), found)
        return
    _read_plain(text, span, found)


def _read_plain(text: str, span: Span, found: Context) -> None:
    words = text[span[0] : span[1]]
    split = NP_VP.match(words)
    inner = re.match(r"(?P<mod>.+的)(?P<head>[^的]{2,24})$", words)
    if re.search(r"每(?:新|满)?增?加?\d", words):
        return
    if inner and BARE_STATE.match(words) and is_recipient(inner.group("head")):
        found.beneficiary = _shift(span, inner.span("head"))
        _add_condition(text, _shift(span, inner.span("mod")), found)
    elif words.endswith(("的", "以上", "以下", "之间")) or BARE_STATE.match(words):
        if split and found.beneficiary is None and _is_noun_phrase(split.group("who")):
            found.beneficiary = _shift(span, split.span("who"))
            _add_act(text, _shift(span, split.span("what")), found)
        elif inner and is_recipient(inner.group("head")) and found.beneficiary is None:
            _read_phrase(text, span, found)
        else:
            _add_condition(text, span, found)
    elif inner and is_recipient(inner.group("head")):
        _read_phrase(text, span, found)
    elif split and found.beneficiary is None and _is_noun_phrase(split.group("who")):
        found.beneficiary = _shift(span, split.span("who"))
        _add_act(text, _shift(span, split.span("what")), found)
    elif is_recipient(words) and found.beneficiary is None:
        found.beneficiary = span
    else:
        owned = re.match(
            rf"(?P<who>[^,的]{{0,20}}?{RECIPIENT})(?P<thing>[^,的]{{2,12}}?(?:资金|贷款|费|补贴|"
            rf"补助|津贴|项目|券))$",
            words,
        )
        if owned:
            found.beneficiary = found.beneficiary or _shift(span, owned.span("who"))
            found.thing = found.thing or _shift(span, owned.span("thing"))
        elif (
            found.thing is None
            and len(words) < 30
            and re.search(rf"(?:{THING}|费用?|补贴|补助|资金|津贴|券)[”》\"]?$", words)
        ):
            found.thing = span


def _add_act(text: str, span: Span, found: Context) -> None:
    """Add what a recipient does as a condition; a payment named in it is the thing supported."""
    words = text[span[0] : span[1]]
    if re.match(r"根据|依据|按照?|参照|结合", words):
        return
    paid = re.match(r"(?P<when>.+)的(?P<thing>[^的]*(?:补助|补贴|费|津贴|奖励))$", words)
    raised = re.match(r"(?P<thing>[^,的]{0,8}(?:补贴|补助|津贴|奖励))(?:提高|调整|增加|标准|上调)", words)
    if re.fullmatch(r".{0,6}(?:奖励|补贴|补助|资助|津贴)", words):
        found.thing = found.thing or span
        return
    if paid or raised:
        found.thing = found.thing or _shift(span, (paid or raised).span("thing"))  # type: ignore[union-attr]
        if paid:
            _add_condition(text, _shift(span, paid.span("when")), found)
        return
    _add_condition(text, span, found)


def _is_noun_phrase(words: str) -> bool:
    """Tell a recipient with a modifier (`符合条件的企业`) from the start of a clause (`获得…机构`)."""
    if re.search(r"采用|采取|根据|依据|经费", words):
        return False
    if re.match(rf"[在来驻赴].{{1,5}}{RECIPIENT}$", words):
        return True
    return not STATE.match(words) or bool(
        re.match(
            r"(?:符合|具有|拥有|从事|经|纳入|列入|通过|获|新|入选|首次|在|注册|有|已|来|担任|取得)"
            r"[^,]*的[^的]+$",
            words,
        )
    )


def _read_phrase(text: str, span: Span, found: Context) -> None:
    """Read what follows 对: a modifier and a noun, or a clause that ends in 的."""
    words = text[span[0] : span[1]]
    if words.endswith("的") or words.endswith("的,"):
        body = clean_condition(text, span)
        split = NP_VP.match(text[body[0] : body[1]])
        if split and _is_noun_phrase(split.group("who")):
            found.beneficiary = found.beneficiary or _shift(body, split.span("who"))
            _add_condition(text, _shift(body, split.span("what")), found)
        else:
            inner = re.match(r"(?P<mod>.+的)(?P<head>[^的,]{2,24})$", text[body[0] : body[1]])
            if inner and is_recipient(inner.group("head")) and found.beneficiary is None:
                found.beneficiary = _shift(body, inner.span("head"))
            _add_condition(text, body, found)
        return
    cut = _last_de(words)
    acting = NP_VP.match(words)
    if cut > 0 and acting and "的" not in acting.group("who") and not STATE.match(acting.group("who")):
        head = words[cut + 1 :]
        makes = re.match(r"(?:新)?(?:建立|设立|建|组建|搭建|举办|承办|创办)", acting.group("what"))
        if makes or (
            not is_recipient(head) and not head.endswith("项目")
        ):  # `医院采购…的药品`: the noun is the verb's object
            found.beneficiary = found.beneficiary or _shift(span, acting.span("who"))
            _add_condition(text, _shift(span, acting.span("what")), found)
            return
    if cut > 0 and max(map(len, words[cut + 1 :].split("、"))) <= 36:
        _read_modified(text, span, cut, found)
        return
    split = NP_VP.match(words)
    if split and _is_noun_phrase(split.group("who")):
        found.beneficiary = found.beneficiary or _shift(span, split.span("who"))
        _add_condition(text, _shift(span, split.span("what")), found)
    elif is_recipient(words) and not re.match(r"被|获|入选|认定为|评为|列入|纳入|通过", words):
        found.beneficiary = found.beneficiary or span
    elif re.search(r"(?:以上|以下|之间)$", words) or STATE.match(words):
        _add_condition(text, span, found)
    else:
        found.thing = found.thing or span
        if len(words) > 8:
            found.acts.append(span)


def _read_modified(text: str, span: Span, cut: int, found: Context) -> None:
    modifier, head = (span[0], span[0] + cut), (span[0] + cut + 1, span[1])
    acting = NP_VP.match(text[head[0] : head[1]])
    if acting and _is_noun_phrase(acting.group("who")):
        found.beneficiary = found.beneficiary or _shift(head, acting.span("who"))
        _add_condition(text, _shift(head, acting.span("what")), found)
    elif is_recipient(text[head[0] : head[1]]):
        found.beneficiary = found.beneficiary or head
    else:
        found.thing = found.thing or head
        split = NP_VP.match(text[modifier[0] : modifier[1]])
        if split and not STATE.match(split.group("who")):
            found.beneficiary = found.beneficiary or _shift(modifier, split.span("who"))
    _add_condition(text, modifier, found)


def _read_urging(text: str, span: Span, found: Context) -> None:
    """Read 支持 or 鼓励 and whom: the recipient up to its verb, then what it is urged to do."""
    words = text[span[0] : span[1]]
    split = NP_VP.match(words)
    if split:
        found.beneficiary = found.beneficiary or _shift(span, split.span("who"))
        found.acts.append(_shift(span, split.span("what")))
    elif is_recipient(words) and not re.match(
        r"建设|发展|打造|举办|培育|引进|开展|推动|设立|创建|认定", words
    ):
        found.beneficiary = found.beneficiary or span
    else:
        found.acts.append(span)


def topic_of(text: str, segments: list[Span]) -> Context:
    """Read sentences without figures: whom the clause is about, and what it urges them to do."""
    found = Context()
    for span in segments:
        words = text[span[0] : span[1]]
        if re.match(r"同一|每家|单个|各|市|区|由", words):
            continue
        paid = re.match(
            r"(?P<thing>[^,]{2,24}?(?:费|补贴|补助|津贴|资金|经费))(?=实行|采用|由|按|为|,|$)", words
        )
        if paid and found.thing is None:
            found.thing = _shift(span, paid.span("thing"))
        urged = re.search(r"(?:支持|鼓励|引导|推动|培育|加强|提供|强化|发展|加大|推进|深化)", words)
        to = re.search(TO, words)
        if urged and urged.start() <= 14:
            _read_urging(text, (span[0] + urged.end(), span[1]), found)
        elif to and to.start() <= 14:
            _read_phrase(text, (span[0] + to.end(), span[1]), found)
        else:
            split = NP_VP.match(words)
            if (
                split
                and found.beneficiary is None
                and len(split.group("who")) < 24
                and "," not in split.group("who")
            ):
                found.beneficiary = _shift(span, split.span("who"))
    found.beneficiary = found.beneficiary and _who(text, found.beneficiary)
    return found


def _add_condition(text: str, span: Span, found: Context) -> None:
    span = clean_condition(text, span)
    words = text[span[0] : span[1]]
    if re.search(r"(?:以下|如下|下列)(?:支持|政策|条件|标准|规定|方式)", words):
        return
    if len(words) < 2 or re.fullmatch(
        rf"(?:{SCOPE}|企业|项目|本市|我市|全市|优秀|上述|以上|相关|有关|其|所|该|给予|其中)+", words
    ):
        return
    aside = re.search(
        r"\((?P<demand>[^()]*(?:须|应当?|不得)[^()]*)\)", text[span[0] : min(len(text), span[1] + 40)]
    )
    if aside and aside.start() <= span[1] - span[0] + 1:
        found.conditions.append(_shift(span, aside.span("demand")))
    parts = _conjuncts(text, span)
    found.conditions += [p for p in parts if p not in found.conditions]


def _conjuncts(text: str, span: Span) -> list[Span]:
    """Split `A并B`, `A且B` where the second part begins with a verb of its own."""
    words = text[span[0] : span[1]]
    for joint in re.finditer(r"并且|且|并(?=获|在|通过|取得|完成|实现|签|具|与|向|符|列|纳|投)", words):
        before = words[: joint.start()]
        if joint.start() >= 4 and len(words) - joint.end() >= 4 and before.count("(") == before.count(")"):
            first = (span[0], span[0] + joint.start())
            return [first, *_conjuncts(text, (span[0] + joint.end(), span[1]))]
    return [span]


def _before_the_grant(text: str, span: Span) -> Span:
    """Cut a segment where its grant begins: `对…企业|分别给予最高`, `对…的|按照`."""
    words = text[span[0] : span[1]]
    if re.match(rf"(?:且|并|但)?(?:{GRANT_FIRST})", words) and not re.search(TO, words):
        return span[0], span[0]
    for found in re.finditer(rf"(?:{RECIPIENT}(?:等)?(?:\([^)]*\))?[”》\"]?|的)(?={GRANT})", words):
        rest = words[found.end() :]
        if (
            found.group() == "的"
            and re.match(r"(?:支持|奖励|补贴|补助|资助|扶持|配套)", rest)
            and re.search(r"的", rest[4:])
        ):
            continue
        if (
            found.group()
            and "的" in rest
            and re.search(rf"的[^,的]{{0,16}}{RECIPIENT}", rest)
            and not re.match(r"按|分别|最高|给予|予以", rest)
        ):
            continue
        return span[0], span[0] + found.end()
    later = re.search(r"(?:由[^,]{0,8}财政[^,]{0,4})?(?:给予|予以|发放|分别|按照?)[^,]*$", words)
    later = later or re.search(rf"(?:{SCOPE})[^,的]{{0,8}}?(?:{CAP_CUE})[^,]*$|{CAP_CUE}[^,]*$", words)
    return span[0], span[0] + (later.start() if later else len(words))


def _last_de(words: str) -> int:
    """Find the 的 between a modifier and its noun, outside brackets; -1 where there is none."""
    depth = 0
    for at in range(len(words) - 1, 0, -1):
        if words[at] in ")》”":
            depth += 1
        elif words[at] in "(《“":
            depth -= 1
        elif words[at] == "的" and depth == 0:
            return at
    return -1


def _shift(span: Span, inner: tuple[int, int]) -> Span:
    return span[0] + inner[0], span[0] + inner[1]


def granted_to(text: str, left: Span) -> Span | None:
    """Find the recipient between 给予 and the cue: `给予在杭高校不超过…`."""
    words = text[left[0] : left[1]]
    found = re.search(
        rf"(?:给予|予以)(?!一次性|每)(?P<who>[^,\d]{{2,30}}?)(?:{CAP_CUE}|一次性|{SCOPE}|奖励|补助|"
        rf"补贴|资助|$)",
        words,
    )
    direct = re.search(r"(?:奖励|补贴|补助|资助)(?P<who>[^,\d]{2,16})$", words)
    for named in (found, direct):
        if named and (is_recipient(named.group("who")) or re.search(r"项目$", named.group("who"))):
            return _shift(left, named.span("who"))
    return None
