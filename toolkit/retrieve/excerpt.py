"""The part of a long clause that bears on a question."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from toolkit.keywords import tokenize

__all__ = ["excerpt"]

_SENTENCE = re.compile(r"[^。；;！？\n]*[。；;！？\n]?")


def excerpt(
    text: str, words: Iterable[str], *, limit: int, weight: Callable[[str], float] | None = None
) -> tuple[int, int]:
    """Choose the whole sentences that hold most of the words, as (start, end) in `text`.

    At most `limit` characters, unless one sentence alone is longer: nothing is cut inside a sentence.
    """
    if len(text) <= limit:
        return 0, len(text)
    spans = [match.span() for match in _SENTENCE.finditer(text) if match.group().strip()]
    wanted = set(words)
    held = [wanted.intersection(tokenize(text[start:end])) for start, end in spans]
    best, chosen = -1.0, (0, len(text))
    for first in range(len(spans)):
        seen: set[str] = set()
        for last in range(first, len(spans)):
            start, end = spans[first][0], spans[last][1]
            if end - start > limit and last > first:
                break
            seen |= held[last]
            worth = sum(weight(word) if weight else 1.0 for word in sorted(seen))
            # of two with the same words the longer one, then the earlier one
            worth += 1e-3 * (end - start) / len(text)
            if worth > best:
                best, chosen = worth, (start, end)
    start, end = chosen
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return start, end
