"""A web listing pasted as text: records between separator lines, each a title and a body.

In: the paragraphs of a file. Out: drafts, one a record; None where the file is no listing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from toolkit.documents.lines import Paragraph
from toolkit.documents.marks import ends_sentence, is_marked
from toolkit.documents.split import Draft, Head, tidy_title

__all__ = ["records", "unfold"]

_SEPARATOR = re.compile(r"[-—–=_*·~#]{1,80}")
_LABEL = re.compile(r"(?:政策名称|政策标题|文件名称|文件标题|标\s*题|名\s*称)\s*[:：]\s*(?P<title>.{4,})")
_METADATA = re.compile(r"^(?:[\[【][^\[\]【】]{1,12}[:：][^\[\]【】]{0,60}[\]】]\s*)+")
_INLINE = re.compile(
    r"\s+(?=(?:第\s*[一二三四五六七八九十百\d]{1,5}\s*[章节条]|[一二三四五六七八九十]{1,3}、|[（(][一二三四五六七八九十]{1,3}[）)]"
    r"|\d{1,2}[.．、](?!\d)|附件))"
)

# A heading without a number: a few words between spaces after a sentence.
_HEADED = re.compile(r"(?<=[。；！])\s+(?P<heading>[^\s。；，、：,:;]{4,20})\s+(?=[^\s]{8})")


def records(paragraphs: Sequence[Paragraph]) -> list[Draft] | None:
    """Split a listing into its records; None where the file is none."""
    groups = _separated(paragraphs) or _labelled(paragraphs)
    if groups is None:
        return None
    boilerplate = _boilerplate([group[1].text for group in groups if len(group) > 1])
    drafts = []
    for group in groups:
        title = tidy_title(group[0].text)
        body = _body(group[1:], title, boilerplate)
        head = Head(0, 1, title)
        details = _METADATA.match(group[1].text) if len(group) > 1 else None
        lines = [Paragraph(title, group[0].start), *body] if body else []
        drafts.append(Draft(title, [head], lines, details.group() if details else ""))
    return drafts


def unfold(paragraph: Paragraph) -> list[Paragraph]:
    """Split a paragraph that holds a whole text at the numbering inside it."""
    inner = {m.end() for m in _INLINE.finditer(paragraph.text)}
    headed = [m for m in _HEADED.finditer(paragraph.text) if not is_marked(m["heading"])]
    if len(headed) >= 2:
        inner |= {at for m in headed for at in (m.start("heading"), m.end())}
    cuts = [0, *sorted(inner), len(paragraph.text)]
    pieces = [(paragraph.text[a:b], a) for a, b in pairwise(cuts)]
    return [Paragraph(text.strip(), paragraph.start + at) for text, at in pieces if text.strip()]


def _separated(paragraphs: Sequence[Paragraph]) -> list[list[Paragraph]] | None:
    marks = [i for i, p in enumerate(paragraphs) if _SEPARATOR.fullmatch(p.text)]
    if len(marks) < 3:
        return None
    common = Counter(paragraphs[i].text for i in marks).most_common(1)[0][0]
    groups: list[list[Paragraph]] = [[]]
    for paragraph in paragraphs:
        if paragraph.text == common:
            groups.append([])
            continue
        # A record without a text has its separator on the line of its details.
        ended = paragraph.text.endswith(f" {common}")
        text = paragraph.text.removesuffix(f" {common}") if ended else paragraph.text
        groups[-1].append(Paragraph(text, paragraph.start))
        if ended:
            groups.append([])
    filled = [group for group in groups if group]
    titled = [
        g
        for g in filled
        if len(g[0].text) <= 120 and not ends_sentence(g[0].text) and not is_marked(g[0].text)
    ]
    if len(filled) < 2 or len(titled) < 0.8 * len(filled):
        return None
    return titled


def _labelled(paragraphs: Sequence[Paragraph]) -> list[list[Paragraph]] | None:
    """Records that each open with a label: `标题：…`."""
    groups: list[list[Paragraph]] = []
    for paragraph in paragraphs:
        match = _LABEL.match(paragraph.text)
        if match:
            groups.append([Paragraph(match["title"], paragraph.start + match.start("title"))])
        elif groups:
            groups[-1].append(paragraph)
    return groups if len(groups) >= 2 else None


def _boilerplate(bodies: Sequence[str]) -> str:
    """The words that most records have between their bracketed details and their text."""
    starts = [_METADATA.sub("", body) for body in bodies if _METADATA.match(body)]
    for length in range(12, 0, -1):
        counted = Counter(start[:length] for start in starts if len(start) >= length)
        if counted:
            text, count = counted.most_common(1)[0]
            if count >= 3 and count >= 0.8 * len(starts):
                return text
    return ""


def _body(paragraphs: Sequence[Paragraph], title: str, boilerplate: str) -> list[Paragraph]:
    body: list[Paragraph] = []
    for paragraph in paragraphs:
        text = paragraph.text
        if not body:
            text = _METADATA.sub("", text)
            text = text.removeprefix(boilerplate).lstrip()
            for name in (title, f"关于{title}", title.removeprefix("关于")):
                text = text.removeprefix(name).lstrip() if "".join(text.split()).startswith(name) else text
        if not text or _SEPARATOR.fullmatch(text):
            continue
        at = paragraph.start + len(paragraph.text) - len(text)
        body += unfold(Paragraph(text, at))
    return body
