"""Cutting a folded clause into sentences and comma segments, brackets and list numbers respected.

In: folded text (`toolkit.figures.view.View.text`). Out: spans over it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Sentence", "Span", "cut_sentences", "split_top", "strip_span", "without_marker"]

Span = tuple[int, int]

_MARKER = re.compile(
    r"(?:第[一二三四五六七八九十百零\d]+[条章节款](?:之[一二三四五六])?"
    r"|\([一二三四五六七八九十\d]{1,3}\)|[一二三四五六七八九十]{1,3}、|\d{1,2}[.、](?!\d)|\d{1,2}\)|"
    r"◦+[.、]?|[·●■◆*-]+|\[[^\[\],。;]{1,12}\])"
)
_HEADING = 34  # characters that a heading on a line of its own has at most
_OPEN, _CLOSE = "([{<《“〔", ")]}>》”〕"


@dataclass(frozen=True)
class Sentence:
    """A stretch up to `。` or `;`, its comma segments, and whether `。` (or the start) stands before it."""

    start: int
    end: int
    segments: tuple[Span, ...]
    opens: bool


def cut_sentences(text: str, line_starts: Sequence[int] = ()) -> list[Sentence]:
    """Cut a text at `。;!?` outside brackets, and at lines that a heading or list number begins or ends.

    Segments are cut at `,`, `:` and the `|` of table rows.
    """
    found: list[Sentence] = []
    start, opens = 0, True
    for at, width in [*_borders(text, line_starts), (len(text), 1)]:
        if at > start and text[start:at].strip():
            begin = without_marker(text, (start, at))[0]
            if begin < at:
                found.append(Sentence(begin, at, tuple(_segments(text, begin, at)), opens))
        opens = at < len(text) and text[at : at + width] != ";"
        start = at + width
    return found


def _borders(text: str, line_starts: Sequence[int]) -> list[tuple[int, int]]:
    """Give where sentences end, each with how many characters the border takes."""
    borders = [(at, 1) for at in _cuts(text, 0, len(text), "。;!?")]
    ends = {0, *(at + 1 for at, _ in borders)}
    begin = 0
    for line in line_starts:
        former = text[begin:line]
        heading = begin in ends and len(former) <= _HEADING and not re.search(r"[,。;、]", former)
        if heading or _MARKER.match(text, line):
            borders.append((line, 0))
            ends.add(line)
        begin = line
    return sorted(borders)


def _segments(text: str, start: int, end: int) -> list[Span]:
    spans: list[Span] = []
    for at in [*_cuts(text, start, end, ",:|"), end]:
        span = without_marker(text, (start, at))
        if span[0] < span[1]:
            spans.append(span)
        start = at + 1
    return spans


def without_marker(text: str, span: Span) -> Span:
    """Drop leading list numbers (`第六条(三)1.`) from a span."""
    start, end = span
    while found := _MARKER.match(text, start, end):
        start = found.end()
    return start, end


def split_top(text: str, span: Span, marks: str) -> list[Span]:
    """Split a span at any of the marks that stand outside brackets and quotation marks."""
    start, end = span
    spans = []
    for at in [*_cuts(text, start, end, marks), end]:
        if at > start:
            spans.append((start, at))
        start = at + 1
    return spans


def strip_span(text: str, span: Span, *, lead: str = "", trail: str = "") -> Span:
    """Drop what the patterns match at a span's two ends."""
    start, end = span
    if lead and (found := re.match(f"(?:{lead})+", text[start:end])):
        start += found.end()
    if trail and (found := re.search(f"(?:{trail})+$", text[start:end])):
        end = start + found.start()
    return start, max(start, end)


def _cuts(text: str, start: int, end: int, marks: str) -> list[int]:
    cuts: list[int] = []
    depth, quoted = 0, False
    for at in range(start, end):
        character = text[at]
        if character == '"':
            quoted = not quoted and text.find('"', at + 1, end) > 0
        if quoted:
            continue
        if character in _OPEN:
            depth += 1
        elif character in _CLOSE:
            depth = max(0, depth - 1)
        elif character in marks and _is_ratio(text, at):
            continue
        elif character in marks and (depth == 0 or _never_closed(text, at, end)):
            cuts.append(at)
    return cuts


def _is_ratio(text: str, at: int) -> bool:
    """Say whether a colon or comma stands between digits (`1:0.5`, `1,000`)."""
    return (
        text[at] in ":,"
        and text[at - 1 : at].isdigit()
        and bool(re.match(r"\d{3}(?!\d)|\d" if text[at] == ":" else r"\d{3}(?!\d)", text[at + 1 :]))
    )


def _never_closed(text: str, at: int, end: int) -> bool:
    rest = text[at : min(end, at + 200)]
    return not any(c in rest for c in _CLOSE)
