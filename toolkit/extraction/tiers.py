"""Pairing the figures of a list with the tiers that they belong to.

In: an award with enumerations. Out: `Tier`s, each with its figures and the words that name it.
`分别给予A、B、C` pairs with the list before it only where the counts agree; else the figures stay
together and a note says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.extraction.awards import Award, Bunch
from toolkit.extraction.phrases import is_recipient
from toolkit.extraction.sentences import Span, split_top
from toolkit.figures.expressions import Placed

__all__ = ["MISMATCH", "Tier", "divide"]

MISMATCH = "the counts of the lists differ; the figures are not paired"


@dataclass
class Tier:
    """Figures that are granted together, each with its bunch, and the words that name the tier."""

    figures: list[tuple[Bunch, Placed]]
    label: Span | None = None
    recipient: Span | None = None
    note: str | None = None


def divide(text: str, award: Award) -> tuple[list[Tier], Span | None]:
    """Divide an award into its tiers; also give the list of tier names, where there is one."""
    bunches = [*award.shared, *award.bunches]
    counts = {len(b.members) for b in bunches if len(b.members) > 1}
    if not counts or (
        all(b.is_range for b in bunches if len(b.members) > 1) and not _ranges_pair(text, award)
    ):
        return [Tier([(b, m) for b in bunches for m in b.members])], None
    if len(counts) > 1:
        return [Tier([(b, m) for b in bunches for m in b.members], note=MISMATCH)], None
    count = counts.pop()
    names, whole = _names(text, award, count)
    tiers = [
        Tier([(b, b.members[i] if len(b.members) > 1 else b.members[0]) for b in bunches])
        for i in range(count)
    ]
    if whole is None:
        return tiers, None
    recipients = _as_recipients(text, names)
    for index, tier in enumerate(tiers):
        if recipients:
            tier.recipient = recipients[index]
        else:
            tier.label = names[index]
    return tiers, whole


def _ranges_pair(text: str, award: Award) -> bool:
    """Say whether a range of support answers a range of thresholds (`…至…的,分别给予…至…`)."""
    before = text[award.start : award.bunches[0].start]
    return "分别" in before and bool(re.search(r"\d[万亿]?元?(?:至|-|~|到)\d", before))


def _names(text: str, award: Award, count: int) -> tuple[list[Span], Span | None]:
    """Find the list of tier names with as many members as there are figures, nearest first."""
    first = award.bunches[0].start
    for start, end in reversed(award.own):
        words = text[start : min(end, first)]
        cut = re.search(
            r"(?:,?(?:每[人家个户项件月年亩]){0,2}(?:分别|各(?=给|奖|补|按)|依次|逐级)|"
            r"(?:最高)?(?:给予|予以|奖励|补助|资助|补贴)"
            r"(?=[^,、]*$)).*$",
            words,
        )
        stop = start + (cut.start() if cut else len(words))
        ranged = any(b.is_range and len(b.members) == count for b in award.bunches)
        for marks in ("至-~", "、") if ranged else ("、", "、和与及或"):
            parts = _plain_parts(text, (start, stop), marks)
            if len(parts) == count and "财政" not in words:
                return _trimmed(text, parts), (start, stop)
        quoted = [(start + m.start(), start + m.end()) for m in re.finditer(r'"[^"]+"', text[start:stop])]
        if len(quoted) == count:
            return quoted, (start, stop)
    return [], None


def _plain_parts(text: str, span: Span, marks: str) -> list[Span]:
    if marks.startswith("至"):
        words = text[span[0] : span[1]]
        if not re.search(r"\d[万亿]?元?(?:至|-|~)\d", words):
            return []
    return [p for p in split_top(text, span, marks) if text[p[0] : p[1]].strip("的,")]


def _trimmed(text: str, parts: list[Span]) -> list[Span]:
    """Take what the list shares off its two ends: 对 in front, the common noun behind."""
    parts = list(parts)
    start, end = parts[0]
    words = text[start:end]
    lead = re.match(r"(?:.*[^针面应比相外])?对于?(?=[^,]{2,}$)|按照?", words)
    if lead:
        start += lead.end()
    parts[0] = (start, end)
    start, end = parts[-1]
    parts[-1] = (start, start + _own_length(text, parts, text[start:end]))
    return [_without_count(text, p) for p in parts]


def _own_length(text: str, parts: list[Span], last: str) -> int:
    above = re.match(r".*?(?:以上|以下|以内|之间)", last)
    if above:
        return above.end()
    former = [text[a:b] for a, b in parts[:-1]]
    for size in (3, 2, 1):
        ending = former[-1][-size:]
        if len(ending) == size and ending[-1] not in "\"')]》" and all(f.endswith(ending) for f in former):
            at = last.find(ending, 1 if size == 1 else 0)
            if at >= 0:
                return at + size
    grades = re.match(r"(.+?)\d*个?(?:等次|等级|档次|类别|级别|档)", last)
    if grades:
        return grades.end(1)
    cut = last.find("的")
    return cut if cut > 0 else len(last)


def _without_count(text: str, span: Span) -> Span:
    words = text[span[0] : span[1]]
    counted = re.match(
        r"(?:.*?(?:认定|评选|遴选|培育|支持|选出|评定|建设))?(?:不超过)?\d+[家个名项条件](?=.{2})", words
    )
    return (span[0] + counted.end(), span[1]) if counted else span


def _as_recipients(text: str, names: list[Span]) -> list[Span]:
    """Give the names as recipients, where every one of them is a noun for someone."""
    first = text[names[0][0] : names[0][1]]
    cut = first.rfind("的") + 1
    heads = [(names[0][0] + cut, names[0][1]), *names[1:]]
    words = [text[a:b] for a, b in heads]
    if not all(is_recipient(w) and "的" not in w for w in words):
        return []
    if (
        any(re.match(r"年度?|营业|获|首次|经|新|入选|列入|纳入|评", w) for w in words)
        or text[heads[0][0] - 1] == "为"
    ):
        return []
    return heads
