"""Clauses cut into sentences, and the runs of neighbouring sentences that may answer a question.

In: a clause's text. Out: `Sentence`s with offsets (`text[start:end]` is the sentence) and `Window`s of
one to three sentences in a row. A numbered item starts a sentence; a semicolon ends one, since policies
set alternatives side by side with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["Sentence", "Window", "split_sentences", "windows"]

_ITEM = r"(?:[（(][一二三四五六七八九十]{1,3}[）)]|[（(]\d{1,2}[）)]|(?<![\d.])\d{1,2}[.．、](?!\d)|[①-⑳])"
_BORDER = re.compile(rf"(?<=[。；;！？!?])(?![”’」）)])|\n+|(?<=[：:。；;！，,\s])(?={_ITEM})")
_SPACE = " \t\r\n\u3000"
_SHORT = 6


@dataclass(frozen=True)
class Sentence:
    """A sentence of a clause: `clause_text[start:end] == text`."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Sentences in a row of one clause, `first` to `last` by index, with their text and offsets."""

    first: int
    last: int
    text: str
    start: int
    end: int


def split_sentences(text: str) -> list[Sentence]:
    """Cut a clause into sentences; nothing but white space is lost between them."""
    borders = sorted({0, len(text), *(match.start() for match in _BORDER.finditer(text))})
    pieces: list[Sentence] = []
    for start, end in pairwise(borders):
        while start < end and text[start] in _SPACE:
            start += 1
        while end > start and text[end - 1] in _SPACE:
            end -= 1
        if start == end:
            continue
        if pieces and (len(pieces[-1].text) <= _SHORT or end - start <= 2):
            start = pieces.pop().start
        pieces.append(Sentence(text=text[start:end], start=start, end=end))
    return pieces


def windows(
    text: str, sentences: Sequence[Sentence], *, longest: int = 3, characters: int = 260
) -> Iterator[Window]:
    """Give every run of up to `longest` sentences that stays under `characters`; single ones always."""
    for first, opening in enumerate(sentences):
        for last in range(first, min(first + longest, len(sentences))):
            end = sentences[last].end
            if last > first and end - opening.start > characters:
                break
            yield Window(first=first, last=last, text=text[opening.start : end], start=opening.start, end=end)
