"""The content words of a question: cut, mended, and bridged to the policies' own.

In: a question's text and the names of its places. Out: `Term`s, and the pairs of them that stand side by
side. The segmenter's cuts are mended by the lexicon: an entry that it tore apart is put together again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from toolkit.ask.lexicon import Lexicon

__all__ = ["Term", "terms_of"]

_WORD = re.compile(r"[0-9A-Za-z一-龥]")
_ORDINAL = re.compile(r"^[\d.]+$")
_QUOTED = re.compile(r"[“\"‘「《]([^”\"’」》]+)[”\"’」》]")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*(?:年度?|[-—~至到]|版)")


@dataclass(frozen=True)
class Term:
    """A content word of the question and the policies' own words for it; `named` where it is quoted."""

    word: str
    says: tuple[str, ...] = ()
    named: bool = False

    @property
    def forms(self) -> tuple[str, ...]:
        """The word, then its other names."""
        return (self.word, *self.says)


def terms_of(text: str, names: Iterable[str], lexicon: Lexicon) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """The content words, and the pairs of them that stand side by side."""
    for name in sorted(set(names), key=len, reverse=True):
        text = text.replace(f"{name}级", "　").replace(name, "　")
    text = _YEAR.sub("　", text)
    named = [name for name in _QUOTED.findall(text) if 2 <= len(name) <= 20]
    terms = {name: Term(word=name, named=True) for name in named}
    phrases: dict[str, None] = {}
    for piece in re.split(r"[　，,。；;？?！!：:、“”\"‘’《》（）()\s]+", text):
        before = ""
        for word in _words(piece, lexicon):
            if not _tells(word, lexicon):
                before = ""
                continue
            terms.setdefault(word, Term(word=word, says=lexicon.says.get(word, ())))
            if before:
                phrases[before + word] = None
            before = word
    return tuple(terms.values()), tuple(phrases)


def _tells(word: str, lexicon: Lexicon) -> bool:
    """Whether a word points at anything: not one that only asks, no bare number."""
    if not _WORD.search(word) or _ORDINAL.match(word):
        return False
    if word in lexicon.says or any(word in group for group in lexicon.opposites):
        return True
    if len(word) == 2 and {*word} & lexicon.passing and {*word} & lexicon.verbs:
        return False
    return len(word) > 1 and not _made_of_passing(word, lexicon)


def _made_of_passing(word: str, lexicon: Lexicon) -> bool:
    """Whether a word is made of words that only ask: 最多能, 每多."""
    reached = {0}
    for at in range(len(word)):
        if at in reached:
            reached |= {end for end in range(at + 1, len(word) + 1) if word[at:end] in lexicon.passing}
    return len(word) in reached


def _words(piece: str, lexicon: Lexicon) -> Iterable[str]:
    """Cut a piece into words: an entry of the lexicon that the segmenter tore apart is mended first."""
    from toolkit.keywords import segment

    words = segment(piece)
    borders = {0}
    for word in words:
        borders.add(max(borders) + len(word))
    at = rest = 0
    while at < len(piece):
        torn = next((n for n in (6, 5, 4, 3, 2) if _torn(piece[at : at + n], at, n, borders, lexicon)), 0)
        if torn:
            yield from _join(segment(piece[rest:at]), lexicon)
            yield piece[at : at + torn]
            rest = at + torn
        at += torn or 1
    yield from _join(segment(piece[rest:]) if rest else words, lexicon)


def _torn(word: str, at: int, length: int, borders: set[int], lexicon: Lexicon) -> bool:
    return (
        len(word) == length and word in lexicon.says and any(at < border < at + length for border in borders)
    )


def _join(words: list[str], lexicon: Lexicon) -> Iterable[str]:
    """Join neighbouring words to the longest entry of the lexicon; free an entry of what clings to it."""
    words = _mended(words, lexicon)
    at = 0
    while at < len(words):
        for length in (4, 3, 2):
            joined = "".join(words[at : at + length])
            if len(words) - at >= length and (joined in lexicon.says or joined in lexicon.passing):
                yield joined
                at += length
                break
        else:
            yield _freed(words[at], lexicon)
            at += 1


def _mended(words: list[str], lexicon: Lexicon) -> list[str]:
    """Give a single character that means something back to the word that the segmenter cut it from."""
    mended: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        known = word in lexicon.passing or word in lexicon.verbs or word in lexicon.says
        lone = len(word) == 1 and "一" <= word <= "龥" and not known
        after = words[at + 1] if at + 1 < len(words) else ""
        if lone and mended and len(mended[-1]) == 1 and "一" <= mended[-1] <= "龥":
            mended[-1] += word
        elif lone and len(after) > 1:
            mended.append(word + after)
            at += 1
        elif lone and mended and len(mended[-1]) == 2 and mended[-1] not in lexicon.passing:
            mended[-1] += word
        else:
            mended.append(word)
        at += 1
    return mended


def _freed(word: str, lexicon: Lexicon) -> str:
    if len(word) > 2 and word not in lexicon.says:
        for inner, clinging in ((word[:-1], word[-1]), (word[1:], word[0])):
            if inner in lexicon.says and clinging in lexicon.passing:
                return inner
    return word
