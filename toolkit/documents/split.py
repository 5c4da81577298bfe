"""From paragraphs to the documents of a file: which headings open a policy, and what belongs together.

In: the paragraphs of a file. Out: `Draft`s in order. A heading counts by what stands around it: its
number, addressees, the end of the text before it, the page it opens, numbering that starts again. An
issuing notice and the regulation that it issues become one draft, annexes stay with their document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from toolkit.documents.lines import Paragraph
from toolkit.documents.marks import (
    DATE_LINE,
    closed,
    doc_numbers,
    ends_sentence,
    is_addressee,
    is_annex,
    is_bodies,
    is_marked,
    is_note,
    is_table_row,
    issued_title,
    looks_like_title,
)
from toolkit.places import find_places

__all__ = ["Draft", "Head", "split", "tidy_title"]

_FIRST = re.compile(
    r"(?:第\s*[一1]\s*[编章节条]|一\s*[、．.]|[（(]\s*[一1]\s*[）)]|0?1\s*[.．、]|前\s*言|总\s*则|引\s*言)"
)
_TOP_LEVEL = re.compile(r"(?:第\s*[一二三四五六七八九十百\d]+\s*[章条]|[一二三四五六七八九十]{1,3}、)")
_LAST_WORDS = re.compile(
    r"(?:施行|实施|执行|有效期|解释|废止|为准|抄送|印发$|公开发布|主动公开|依申请公开|特此(?:通知|公告|函)|试行)"
)
_OPENING = re.compile(
    r"(?:关于|印发|转发|批转|中共|国务院|国家|全国|《|[\u4e00-\u9fff]{2,10}(?:省|市|区|县)|[省市区县])"
)
_HANGING = re.compile(r"(?:关于|印发|转发|批转|和|与|及|、|的|“|《|（|发布|加快|推进|促进|支持|进一步)$")
_PART = re.compile(
    r"(?:第[一二三四五六七八九十]+(?:部分|编|篇|辑)|[上中下]\s*[篇编册]|目\s*录|contents"
    r"|.{2,30}(?:汇编|选编|文件集|读本|政策手册)\s*(?:[（(].{1,20}[）)])?$)",
    re.IGNORECASE,
)
# What is as a rule attached to a document rather than one.
_ATTACHED = re.compile(
    r"(?:指标体系|指标|目录|清单|标准|表|提纲|名单|指南|说明|流程图?|样式|模板|书|协议|合同|程序|范围|要求)"
    r"(?:[（(].{1,20}[）)])?$"
)
_RED_HEAD = re.compile(r"[\u4e00-\u9fff]{4,30}文\s*件")
_LABELLED = re.compile(
    r"【?(?:索\s*引\s*号|发文机关|发布机构|发文字号|文\s*号|成文日期|发文日期|发布日期|主题分类|标\s*题|有效性)】?\s*[:：]"
)
_COUNTER = re.compile(
    r"(?:[一二三四五六七八九十]{1,3}|\d{1,3})\s*[、．.]\s*|[（(][一二三四五六七八九十\d]{1,3}[）)]\s*"
)
_EXPLAINS = re.compile(r"(?:解读|问答|起草说明)(?:[（(].{1,20}[）)])?$")
_THRESHOLD = 4


@dataclass(frozen=True)
class Head:
    """A heading that opens a document: paragraphs `start` to `end`, its title, and the bodies above it."""

    start: int
    end: int
    title: str
    bodies: tuple[str, ...] = ()
    addressed: bool = False  # has a number or addressees of its own


@dataclass
class Draft:
    """A document in the making: its headings and paragraphs."""

    title: str
    heads: list[Head]
    paragraphs: list[Paragraph] = field(default_factory=list)
    details: str = ""  # what a listing says of the record beside its text: `[地址:成都]`

    @property
    def notice(self) -> str:
        """The title of the heading that comes first."""
        return self.heads[0].title if self.heads else self.title


def split(paragraphs: Sequence[Paragraph]) -> list[Draft]:
    """Split a file's paragraphs into its documents; empty where no heading opens one."""
    paragraphs = _without_counters(paragraphs)
    merged: list[tuple[list[Head], str]] = []
    heads = _heads(paragraphs)
    for head in heads:
        if merged and _belongs(merged[-1][0], head, paragraphs):
            merged[-1][0].append(head)
            merged[-1] = (merged[-1][0], _settled(merged[-1][0]))
        else:
            merged.append(([head], _settled([head])))
    if not merged:
        return []
    starts = [_lead(paragraphs, group[0].start) for group, _ in merged]
    if len(starts) == 1:
        starts = [0]
    drafts = []
    for (group, title), start, stop in zip(merged, starts, [*starts[1:], len(paragraphs)], strict=True):
        body = [p for p in paragraphs[start:stop] if not _is_part_heading(p)]
        body = [p for p in body if p.start >= paragraphs[group[0].start].start or not _is_slogan(p.text)]
        drafts.append(Draft(tidy_title(title), group, body))
    return drafts


def _is_slogan(text: str) -> bool:
    """Whether a line above the title is the site's own: neither a fact nor a sentence nor a title."""
    if _formal(text) or _LABELLED.match(text) or _RED_HEAD.fullmatch(text):
        return False
    return len(text) <= 30 and not ends_sentence(text) and not is_marked(text) and not looks_like_title(text)


def _lead(paragraphs: Sequence[Paragraph], start: int) -> int:
    """Find where a document starts whose number stands above its title."""
    first = start
    while first > 0 and first > start - 4:
        text = paragraphs[first - 1].text
        if not (doc_numbers(text) or _RED_HEAD.fullmatch(text) or _LABELLED.match(text)):
            break
        first -= 1
    return first


def _without_counters(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Take the number off titles that a compilation counts: `3. 某市人民政府关于…` above a 文号."""
    plain = list(paragraphs)
    for index, paragraph in enumerate(paragraphs):
        match = _COUNTER.match(paragraph.text)
        if not match or len(paragraph.text) > 110 or ends_sentence(paragraph.text):
            continue
        title = paragraph.text[match.end() :]
        below = paragraphs[index + 1].text if index + 1 < len(paragraphs) else ""
        addressed = doc_numbers(below) or is_addressee(below)
        if addressed and looks_like_title(title) and _complete(title):
            plain[index] = replace(paragraph, text=title, start=paragraph.start + match.end())
    return plain


def tidy_title(title: str) -> str:
    """Remove white space between wide characters and an enclosing pair of title marks."""
    text = re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", title.strip())
    text = re.sub(r"(?<=\d)\s+(?=\d)", "", text)
    if text.startswith("《") and text.find("》") == len(text) - 1:
        text = text[1:-1]
    return text


# ------------------------------------------------------------------ headings
def _heads(paragraphs: Sequence[Paragraph]) -> list[Head]:
    heads: list[Head] = []
    index = 0
    while index < len(paragraphs):
        if not _heady(paragraphs[index]):
            index += 1
            continue
        stop = index
        while (
            stop < len(paragraphs)
            and _heady(paragraphs[stop])
            and (stop == index or not paragraphs[stop].top)
        ):
            stop += 1
        head = _head_of_run(paragraphs, index, stop, heads)
        if head is not None:
            heads.append(head)
        index = stop
    return heads


def _heady(paragraph: Paragraph) -> bool:
    """Whether a paragraph can be a line of a title block."""
    text = paragraph.text
    if len(text) > 110 or ends_sentence(text) or text.endswith(("：", ":", "，", ",")) or is_table_row(text):
        return False
    if is_marked(text) or DATE_LINE.fullmatch(text) or doc_numbers(text) or is_note(text) or is_annex(text):
        return False
    return not _is_part_heading(paragraph) and not is_addressee(text)


def _is_part_heading(paragraph: Paragraph) -> bool:
    return len(paragraph.text) <= 30 and _PART.match(paragraph.text) is not None


def _head_of_run(paragraphs: Sequence[Paragraph], start: int, stop: int, heads: list[Head]) -> Head | None:
    for end in range(stop, max(start, stop - 4), -1):
        first = _title_start(paragraphs, start, end)
        if first is None and end == stop and _addressed(paragraphs, start, end):
            # Above a number or addressees even a title that ends in no usual word is one.
            first = next(
                (i for i in range(stop - 1, max(start, stop - 4) - 1, -1) if _names_subject(paragraphs[i])),
                None,
            )
        if first is None:
            continue
        above = first
        while above > start and is_bodies(paragraphs[above - 1].text):
            above -= 1
        title = "".join(p.text for p in paragraphs[first:end])
        bodies = tuple(p.text for p in paragraphs[above:first])
        head = Head(above, end, title, bodies, _addressed(paragraphs, above, end))
        if _strength(paragraphs, head, heads) >= _THRESHOLD:
            return head
    return None


def _names_subject(paragraph: Paragraph) -> bool:
    return re.match(r"(?:[\u4e00-\u9fff、 ]{2,60})?关于\S{4}", paragraph.text) is not None


def _title_start(paragraphs: Sequence[Paragraph], start: int, end: int) -> int | None:
    """Find where the title that ends before `end` starts."""
    fallback = None
    for first in range(end - 1, max(start, end - 7) - 1, -1):
        if first < end - 1 and is_bodies(paragraphs[first].text):
            break
        text = "".join(p.text for p in paragraphs[first:end])
        if not looks_like_title(text):
            continue
        hanging = first > start and _hangs(paragraphs[first - 1].text)
        if _complete(text) and not hanging:
            return first
        fallback = first if fallback is None or hanging else fallback
    return fallback


def _hangs(text: str) -> bool:
    return not closed(text) or _HANGING.search(text) is not None


def _complete(title: str) -> bool:
    """Whether a title starts as titles do: with a body, a place, 关于 or 书名号."""
    if _OPENING.match(title) or is_bodies(title.split("关于")[0]):
        return True
    return any(place.start == 0 for place in find_places(title[:12]))


def _addressed(paragraphs: Sequence[Paragraph], start: int, end: int) -> bool:
    for paragraph in paragraphs[end : end + 5]:
        if doc_numbers(paragraph.text) or is_addressee(paragraph.text):
            return True
        if len(paragraph.text) > 60 or is_marked(paragraph.text):
            break
    return any(doc_numbers(p.text) for p in paragraphs[max(0, start - 2) : start])


def _strength(paragraphs: Sequence[Paragraph], head: Head, heads: list[Head]) -> int:
    """Weigh what speaks for a heading's opening a document."""
    before = paragraphs[head.start - 1] if head.start else None
    after = list(paragraphs[head.end : head.end + 8])
    body = next((p.text for p in after if not _formal(p.text)), None)
    if body is None and not head.addressed:
        return 0
    weight = _said_of_itself(head) + _ending(before) + 2 * paragraphs[head.start].top
    if after and (is_note(after[0].text) or DATE_LINE.fullmatch(after[0].text)):
        weight += 2
    prose = body is not None and len(body) >= (15 if ends_sentence(body) else 40) and not is_table_row(body)
    weight += 1 if prose or (body is not None and _FIRST.match(body)) else -1
    last = heads[-1].end if heads else 0
    numbered = any(_TOP_LEVEL.match(p.text) for p in paragraphs[last : head.start])
    weight += 1 if numbered and _restarts(after) else 0
    if any(
        is_annex(p.text) for p in paragraphs[max(0, head.start - (1 if head.addressed else 3)) : head.start]
    ):
        weight -= 4
    return weight


def _said_of_itself(head: Head) -> int:
    """Weigh a heading's own words: number and addressees, bodies, how titles start and end."""
    signed = is_bodies(re.split(r"关于|印发", head.title, maxsplit=1)[0])
    weight = 3 * head.addressed + 2 * bool(head.bodies) + 2 * signed + _complete(head.title)
    attached = not head.addressed and not head.bodies and issued_title(head.title) is None
    return weight - 2 if attached and _ATTACHED.search(head.title) else weight


def _formal(text: str) -> bool:
    """Whether a line belongs to a head: number, addressees, note, date, bodies."""
    return bool(
        doc_numbers(text)
        or is_addressee(text)
        or is_note(text)
        or DATE_LINE.fullmatch(text)
        or is_bodies(text)
    )


def _restarts(after: Sequence[Paragraph]) -> bool:
    marked = next((p for p in after if is_marked(p.text)), None)
    return marked is not None and _FIRST.match(marked.text) is not None


def _ending(before: Paragraph | None) -> int:
    """Weigh how surely the paragraph before ends a document."""
    if before is None or _is_part_heading(before):
        return 2
    text = before.text
    if DATE_LINE.fullmatch(text) or is_note(text) or (_LAST_WORDS.search(text) and len(text) < 260):
        return 2
    return 1 if ends_sentence(text) or is_bodies(text) else 0


# ------------------------------------------------------------------ belonging together
def _belongs(group: list[Head], head: Head, paragraphs: Sequence[Paragraph]) -> bool:
    """Whether a heading goes on with the document of the headings before it."""
    first, last = group[0], group[-1]
    between = paragraphs[last.end : head.start]
    if _EXPLAINS.search(head.title):
        return False
    short = len(between) < 40 and not any(_TOP_LEVEL.match(p.text) for p in between)
    if _same(last.title, head.title) and short and len(between) < 15:
        return True
    inner = issued_title(first.title)
    if inner is not None:
        if any(issued_title(h.title) is None for h in group):  # the regulation is there already
            return False
        return (_alike(inner, head.title) and len(between) < 60) or (short and not head.addressed)
    named = any(tidy_title(head.title).strip("《》") in "".join(p.text.split()) for p in between)
    return len(group) == 1 and short and named and not head.addressed and len(between) < 15


def _settled(group: list[Head]) -> str:
    """Choose the document's title: the issued regulation's rather than the notice's."""
    own = [head.title for head in group[1:] if issued_title(head.title) is None]
    return own[0] if own else issued_title(group[0].title) or group[0].title


def _bare(title: str) -> str:
    return re.sub(r"[《》“”\s（）()]|^关于|试行|暂行", "", title)


def _same(one: str, other: str) -> bool:
    """Whether two headings are one title, printed twice."""
    a, b = _bare(one), _bare(other)
    return bool(a and b) and (a in b or b in a) and min(len(a), len(b)) >= 0.6 * max(len(a), len(b))


def _alike(one: str, other: str) -> bool:
    """Whether a notice's words and a heading mean the same regulation."""
    a, b = _bare(one), _bare(other)
    if not a or not b:
        return False
    if a in b or b in a:
        return _same(one, other)
    x, y = ({t[i : i + 2] for i in range(len(t) - 1)} for t in (a, b))
    return len(x & y) >= 0.75 * max(1, min(len(x), len(y))) and len(x & y) >= 0.6 * max(len(x), len(y))
