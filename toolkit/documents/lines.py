"""From a file's raw lines to paragraphs: joins hard-wrapped lines and drops page furniture.

In: the decoded text of a file. Out: `Paragraph`s in order. Page numbers, running headers and footers and
dot-leader lines of a table of contents are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from toolkit.documents.marks import (
    DATE_LINE,
    closed,
    doc_numbers,
    ends_sentence,
    is_addressee,
    is_marked,
    is_note,
    is_table_row,
    looks_like_title,
)

__all__ = ["Line", "Paragraph", "paragraphs"]

_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_INVISIBLE = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\x00"))
_PAGE_NUMBER = re.compile(
    r"(?:[-—–－·~～•]+\s*)?\d{1,4}(?:\s*[-—–－·~～•]+)?|第\s*\d+\s*页(?:[\s,，/]*共\s*\d+\s*页)?|\d{1,4}\s*/\s*\d{1,4}"
    r"|Page\s*\d+(?:\s*of\s*\d+)?"
)
_LEADER = re.compile(r"(?:[.．·…‥]\s*){4,}\s*[-—]?\s*[\dⅠ-Ⅻivx]*\s*[-—]?$")
_BOLD = re.compile(r"\*\*")
_TITLE_START = re.compile(
    r"(?:[\u4e00-\u9fff]{2,40}?关于(?:印发|发布|转发|批转|加快|进一步|促进|支持)|关于[^。；，]{6,}$)"
)
_NUMBERED_TITLE = re.compile(r"(?:[^。；，：]{2,40}?)?(?:关于|印发|转发|批转)")
MAX_LINE = 20_000  # characters; a longer line is cut at sentence ends, so that work stays bounded


@dataclass(frozen=True)
class Line:
    """One line: its stripped text, its character offset in the file, and what the layout says of it."""

    text: str
    start: int
    top: bool = False  # first on its page
    gap: int = 0  # blank lines before it
    trailing: bool = False  # white space stood at its end
    indented: bool = False


@dataclass(frozen=True)
class Paragraph:
    """Lines that belong together; `start` is the first one's offset in the file."""

    text: str
    start: int
    top: bool = False
    gap: int = 0


@dataclass(frozen=True)
class _Layout:
    """How a file is set: the wrap width (display columns; 0 where lines are whole paragraphs)."""

    width: int
    trailing_ends: bool  # white space at a line's end marks a paragraph's end

    def full(self, line: Line) -> bool:
        return self.width > 0 and columns(line.text) >= self.width - 5


def paragraphs(text: str) -> list[Paragraph]:
    """Split a file's text into paragraphs."""
    lines = _without_furniture(_lines(text))
    layout = _measure(lines)
    pairs = _Pairs(text) if len(text) < 5_000_000 else None
    joined: list[Paragraph] = []
    group: list[Line] = []
    titles = _above_numbers(lines)
    for index, line in enumerate(lines):
        if group and (index in titles or not _continues(group, line, layout=layout, pairs=pairs)):
            joined.append(_join(group))
            group = []
        group.append(line)
    if group:
        joined.append(_join(group))
    return joined


def _above_numbers(lines: Sequence[Line]) -> set[int]:
    """Lines that start a title, told by the document number a few lines below."""
    found: set[int] = set()
    for index, line in enumerate(lines):
        if not doc_numbers(line.text):
            continue
        for above in range(index - 1, max(-1, index - 5), -1):
            if ends_sentence(lines[above].text) or len(lines[above].text) > 60:
                break
            if _NUMBERED_TITLE.match(lines[above].text):
                found.add(above)
    return found


def columns(text: str) -> int:
    """Count display columns: two for a wide character."""
    return sum(2 if ord(c) > 0x2E7F or c in "“”‘’—…·" else 1 for c in text)


# ------------------------------------------------------------------ lines
def _lines(text: str) -> list[Line]:
    rows: list[tuple[str, int]] = []
    at = 0
    for match in _BREAKS.finditer(text):
        rows.append((text[at : match.start()], at))
        at = match.end()
    rows.append((text[at:], at))
    filled = [(raw, start) for raw, start in rows if raw.strip(" \t\f\u3000\xa0\ufeff")]
    double = _double_spaced(rows)
    lines: list[Line] = []
    gap, blank, form_feed = 0, 0, True
    for raw, start in rows:
        form_feed = form_feed or text[max(0, start - 1) : start] == "\f"
        clean = _clean(raw)
        if not clean:
            blank += 1
            continue
        gap, blank = blank, 0
        top = form_feed or (double and gap == 0 and raw[:1] == " ")
        form_feed = False
        shift = len(raw) - len(raw.lstrip())
        trailing = raw[-1:] in " \u3000\xa0\t"
        indented = raw[:1] in "\u3000\t" or raw.startswith("  ")
        for piece, offset in _pieces(clean):
            lines.append(Line(piece, start + shift + offset, top, gap, trailing, indented))
            top, gap = False, 0
    return lines if filled else []


def _clean(raw: str) -> str:
    text = raw.translate(_INVISIBLE)
    if "\t" in text.strip():
        cells = [" ".join(cell.split()) for cell in text.strip("\n\r ").split("\t")]
        return " | ".join(cells).strip() if any(cells) else ""
    return " ".join(_BOLD.sub("", text).split())


def _pieces(text: str) -> list[tuple[str, int]]:
    """Cut an endless line at sentence ends."""
    if len(text) <= MAX_LINE:
        return [(text, 0)]
    pieces, at = [], 0
    while at < len(text):
        end = min(at + MAX_LINE, len(text))
        if end < len(text):
            stop = max(text.rfind(mark, at, end) for mark in "。；\n")
            end = stop + 1 if stop > at else end
        pieces.append((text[at:end].strip(), at))
        at = end
    return [(piece, offset) for piece, offset in pieces if piece]


def _double_spaced(rows: Sequence[tuple[str, int]]) -> bool:
    """Whether every line is followed by a blank one, so that a missing blank is a page's border."""
    filled = [i for i, (raw, _) in enumerate(rows) if raw.strip()]
    if len(filled) < 40:
        return False
    gaps = Counter(b - a for a, b in pairwise(filled))
    return gaps[2] > 0.85 * len(filled) and 0 < gaps[1] < 0.1 * len(filled)


def _without_furniture(lines: list[Line]) -> list[Line]:
    numbers = _page_numbers(lines)
    borders = {i for i, line in enumerate(lines) if line.top} | numbers
    near = {i + d for i in borders for d in range(-3, 4)}
    masked = [re.sub(r"\d+", "0", line.text) for line in lines]
    seen = Counter(masked)
    at_border = Counter(masked[i] for i in near if 0 <= i < len(lines))
    running = {
        text
        for text, count in seen.items()
        if count >= 3 and len(text) <= 40 and at_border[text] >= 0.8 * count
    }
    own = {masked[i] for i, line in enumerate(lines) if masked[i] in running and _is_own(line.text)}
    running = {text for text in running - own if not _is_signature(text, lines, masked)}
    kept: list[Line] = []
    top = False
    for i, line in enumerate(lines):
        top = top or line.top
        beside = any(masked[j] in running for j in range(max(0, i - 2), min(len(lines), i + 3)))
        if (
            i in numbers
            or (beside and line.text.isdecimal())
            or masked[i] in running
            or _LEADER.search(line.text)
        ):
            continue
        kept.append(line if line.top == top else Line(**{**line.__dict__, "top": top}))
        top = False
    return kept


def _is_own(text: str) -> bool:
    """Whether a line that comes again and again is nevertheless a document's: 各有关单位：, a number."""
    if "汇编" in text or "选编" in text:
        return False
    if len(text) < 4 or text[0] in "的（(》":  # the second line of a title
        return True
    formal = DATE_LINE.fullmatch(text) or doc_numbers(text) or is_addressee(text) or is_note(text)
    return (
        bool(formal)
        or is_marked(text)
        or ends_sentence(text)
        or looks_like_title(text)
        or text.endswith(("：", ":"))
    )


def _is_signature(text: str, lines: list[Line], masked: list[str]) -> bool:
    """A body's name before a date is a signature, however often it stands near a page's border."""
    places = [i for i, m in enumerate(masked) if m == text]
    signed = sum(any(DATE_LINE.fullmatch(n.text) for n in lines[i + 1 : i + 9]) for i in places)
    return signed * 2 >= len(places)


def _page_numbers(lines: list[Line]) -> set[int]:
    """Lone numbers that stand at a page's border or count up through the file."""
    lone = [i for i, line in enumerate(lines) if _PAGE_NUMBER.fullmatch(line.text)]
    found = {i for i in lone if not lines[i].text.strip().isdigit()}
    plain = [i for i in lone if i not in found]
    for i in plain:
        if lines[i].top or (i + 1 < len(lines) and lines[i + 1].top):
            found.add(i)
    values = [int(lines[i].text) for i in plain]
    rising = sum(b == a + 1 for a, b in pairwise(values))
    if len(values) >= 3 and rising >= 0.6 * (len(values) - 1):
        far = [b - a >= 5 for a, b in pairwise(plain)]
        if sum(far) >= 0.7 * len(far):
            found.update(plain)
    return found


# ------------------------------------------------------------------ joining
def _measure(lines: Sequence[Line]) -> _Layout:
    widths = Counter(columns(line.text) for line in lines if columns(line.text) >= 30)
    total = sum(widths.values())
    width = 0
    if total >= 8:
        best = max(widths, key=lambda w: sum(widths[w - d] for d in range(6)))
        share = sum(widths[best - d] for d in range(-2, 6)) / total
        beyond = sum(n for w, n in widths.items() if w > best + 8) / total
        full = [line.text for line in lines if abs(columns(line.text) - best) <= 5]
        opened = sum(not ends_sentence(text) for text in full)
        if share >= 0.4 and beyond <= 0.15 and best <= 130 and opened >= 0.5 * len(full):
            width = best
    layout = _Layout(width, trailing_ends=False)
    open_full = [ln for ln in lines if layout.full(ln) and not ends_sentence(ln.text)]
    short = [ln for ln in lines if not layout.full(ln) and ends_sentence(ln.text)]
    if width and len(open_full) >= 20 and len(short) >= 5:
        spaced = sum(ln.trailing for ln in short) / len(short)
        unspaced = sum(not ln.trailing for ln in open_full) / len(open_full)
        layout = _Layout(width, trailing_ends=spaced > 0.9 and unspaced > 0.9)
    return layout


class _Pairs:
    """How often two characters stand side by side in the file: do a line's end and the next make a word?"""

    def __init__(self, text: str) -> None:
        squeezed = "".join(text[:400_000].split())
        self._pairs = Counter(a + b for a, b in pairwise(squeezed))

    def bound(self, left: str, right: str) -> bool:
        pair = left[-1:] + right[:1]
        return all(unicodedata.category(c) == "Lo" for c in pair) and self._pairs[pair] >= 6


def _continues(group: list[Line], line: Line, *, layout: _Layout, pairs: _Pairs | None) -> bool:
    """Whether a line goes on with the paragraph before it."""
    last = group[-1]
    if is_table_row(line.text) or is_table_row(last.text) or DATE_LINE.fullmatch(line.text):
        return False
    if closed(last.text) and doc_numbers(line.text):
        return False
    if last.text[-1].isdigit() and line.text[0] in "年月日号%％万亿元个家项名人倍条米":
        return True
    if layout.width:
        return _continues_wrapped(last, line, layout=layout, pairs=pairs)
    if is_marked(line.text) or ends_sentence(last.text) or last.text.endswith(("：", ":")):
        return False
    if line.text[0] in "，、；。）】”’,;)%％":
        return True
    whole = "".join(part.text for part in group)
    if len(whole) < 25 or DATE_LINE.fullmatch(last.text):
        return False
    # A broken paragraph has a sentence in it, or is far longer than a heading, or breaks a word.
    inside = any(mark in whole for mark in "。；") or len(whole) > 70 or whole.endswith(("，", "、", ","))
    comma = "，" in whole or "," in whole
    split_word = pairs is not None and comma and is_marked(whole) and pairs.bound(whole, line.text)
    return (inside and len(line.text) > 1) or (split_word and ends_sentence(line.text))


def _continues_wrapped(last: Line, line: Line, *, layout: _Layout, pairs: _Pairs | None) -> bool:
    ended = ends_sentence(last.text) or last.text.endswith(("：", ":"))
    if layout.trailing_ends:
        if last.trailing and line.text[0] not in "，、；。）":
            near = columns(last.text) >= layout.width - 12 and not ended and line.text.endswith("。")
            return (
                near and not is_marked(line.text) and pairs is not None and pairs.bound(last.text, line.text)
            )
        return layout.full(last) or columns(last.text) >= layout.width - 12
    if not layout.full(last) and columns(last.text) < layout.width - 9:
        return last.text.endswith(("，", "、")) and not is_marked(line.text)
    if is_marked(line.text):
        return not ended and re.match(r"第[^条]{1,4}条[^\s（(]", line.text) is not None
    if line.indented and not last.indented:
        return False
    # A sentence that ends short of the margin, or before a title, ends its paragraph.
    short = line.gap > 1 or columns(last.text) < layout.width - 1
    return not (ended and (short or _TITLE_START.match(line.text)))


def _join(group: list[Line]) -> Paragraph:
    text = group[0].text
    for line in group[1:]:
        spaced = (
            text[-1].isascii() and text[-1].isalnum() and line.text[0].isascii() and line.text[0].isalnum()
        )
        text += (" " if spaced else "") + line.text
    first = group[0]
    return Paragraph(text, first.start, first.top, first.gap)
