"""Text as policies have it: folding of width and white space, and locating a quote in its source."""

from __future__ import annotations

import unicodedata

__all__ = ["fold", "fold_with_offsets", "locate", "squeeze"]

_NUMERALS = frozenset("〇零一二两三四五六七八九十百千万亿")
_PUNCTUATION = str.maketrans("，：；！？（）【】“”‘’％～—﹪", ",:;!?()[]\"\"''%~-%")


def squeeze(text: str) -> str:
    """Remove all white space."""
    return "".join(text.split())


def fold(text: str) -> str:
    """Fold full and half width and punctuation variants and drop white space, for comparing."""
    return fold_with_offsets(text)[0]


def fold_with_offsets(text: str) -> tuple[str, list[int]]:
    """Fold as `fold` does and give, for every folded character, its index in `text`."""
    folded: list[str] = []
    offsets: list[int] = []
    for index, character in enumerate(text):
        if character.isspace() or character in "\u200b\ufeff\u00ad":
            continue
        for piece in unicodedata.normalize("NFKC", character).translate(_PUNCTUATION):
            if not piece.isspace():
                folded.append(piece)
                offsets.append(index)
    return "".join(folded), offsets


def locate(text: str, quote: str, *, start: int = 0) -> tuple[int, int] | None:
    """Find a quote in a text, white space and width aside; None where it does not stand.

    Looks from character `start` on and returns the first place as (start, end) in `text`. An exact
    match is preferred to a folded one. A place that cuts a number (`5万元` in `15万元`, `十万元` in
    `五十万元`) is none.
    """
    if not quote.strip():
        return None
    at = _find_whole(text, quote, start)
    if at >= 0:
        return at, at + len(quote)
    haystack, offsets = fold_with_offsets(text[start:])
    needle = fold(quote)
    at = _find_whole(haystack, needle, 0) if needle else -1
    if at < 0:
        return None
    return start + offsets[at], start + offsets[at + len(needle) - 1] + 1


def _find_whole(text: str, quote: str, start: int) -> int:
    at = text.find(quote, start)
    while at >= 0 and (_inside_number(text, at) or _inside_number(text, at + len(quote))):
        at = text.find(quote, at + 1)
    return at


def _inside_number(text: str, border: int) -> bool:
    """Say whether a number runs across the border between two characters."""
    if border <= 0 or border >= len(text):
        return False
    before, after = text[border - 1], text[border]
    if after.isdigit():
        return before.isdigit() or (before == "." and text[border - 2 : border - 1].isdigit())
    if before.isdigit():
        return after == "." and text[border + 1 : border + 2].isdigit()
    return before in _NUMERALS and after in _NUMERALS
