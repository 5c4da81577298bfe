"""From ranked sentences to an answer in the policy's own words.

In: a `Question` and its `Candidate`s. Out: `Piece`s, each words of one clause
(`clause.text[start:end] == quote`), few and short: what fills the kinds of values that were asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.ask.folding import folded
from toolkit.ask.question import Question
from toolkit.ask.rank import Candidate, Weights, match
from toolkit.ask.tiers import gives_for_what_is_asked, with_tiers
from toolkit.ask.values import CHECKED, degree, holds, spans, tiers_in
from toolkit.ask.windows import Sentence, split_sentences
from toolkit.records import Clause, Document

__all__ = ["Piece", "answer_text", "choose", "list_items", "pieces_of", "trim"]

_PART = re.compile(r"[^，,；;。：:]+[，,；;。：:]?")
_LEAN = re.compile(r"^(?:其中|同时|并|且|但|此外|另外|在此基础上|以上|上述|前款|该)")
_SPACED = re.compile(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])")
_ARTICLE = re.compile(r"第[一二三四五六七八九十百零\d]+条(?:\s*【[^】]*】\s*|\s+)")
_LONG_LIST = 420
_ENOUGH = 90


@dataclass(frozen=True)
class Piece:
    """Words of a clause that are shown: `clause.text[start:end] == quote`."""

    document: Document
    clause: Clause
    start: int
    end: int

    @property
    def quote(self) -> str:
        """The words."""
        return self.clause.text[self.start : self.end]


def choose(question: Question, ranked: Sequence[Candidate], weights: Weights) -> list[Candidate]:
    """Take the best run, then those of the same policy that fill what it leaves open."""
    if not ranked:
        return []
    best = with_tiers(question, ranked[0], weights)
    chosen = [best]
    total = sum(weights.of(term) for term in question.terms) or 1.0
    figures = bool(CHECKED & set(question.wants))
    opened_first = sorted(
        ranked[1:], key=lambda c: -len([k for k in _open(question, chosen) if holds(k, c.window.text)])
    )
    for other in opened_first:
        if len(chosen) == 3 or sum(len(c.window.text) for c in chosen) > 240:
            break
        if other.held.document.id != best.held.document.id or other.score < 0.5 * best.score:
            continue
        if any(_overlap(other, c) for c in chosen):
            continue
        gain = _gain(question, chosen, other, weights) / total
        opened = [k for k in _open(question, chosen) if holds(k, other.window.text)]
        if best.gives and not opened and _gives_for_another(question, other, best):
            continue
        valued = not figures or any(k in CHECKED and holds(k, other.window.text) for k in question.wants)
        short = _values(question, chosen) < question.asks and _follows(other, chosen[-1])
        close = len(chosen) == 1 and other.score > 0.9 * best.score and len(other.window.text) <= 130
        more = gain > 0.25 or close or short
        fits = _fits_tier(question, other) and not any(_fits_tier(question, c) for c in chosen)
        if (
            (opened and other.own > 0.05)
            or (fits and other.held.clause.id == best.held.clause.id)
            or (more and valued and other.wanted >= best.wanted)
        ):
            chosen.append(other)
    return sorted(chosen, key=lambda c: (c is not best, c.held.clause.start + c.window.start))


def _values(question: Question, chosen: Sequence[Candidate]) -> int:
    """How many figures of the kinds asked for the runs hold."""
    kinds = [kind for kind in question.wants if kind in CHECKED]
    return len(
        {
            (c.held.clause.id, c.window.start + s)
            for c in chosen
            for k in kinds
            for s, _ in spans(k, c.window.text)
        }
    )


def _follows(other: Candidate, chosen: Candidate) -> bool:
    """Whether a run stands within two sentences after another in the same clause."""
    return other.held.clause.id == chosen.held.clause.id and 0 < other.window.first - chosen.window.last <= 2


def _gives_for_another(question: Question, other: Candidate, best: Candidate) -> bool:
    """Whether a run of another clause gives its sum for something else than was asked."""
    elsewhere = question.asks_a_given_sum and other.held.clause.id != best.held.clause.id
    return elsewhere and not gives_for_what_is_asked(question, other, best)


def _fits_tier(question: Question, candidate: Candidate) -> bool:
    """Whether the sum that the asker names lies within bounds that the run sets."""
    bounds = tiers_in(candidate.window.text)
    return any(low <= value <= high for value in question.sums for low, high in bounds)


def _overlap(a: Candidate, b: Candidate) -> bool:
    return (
        a.held.clause.id == b.held.clause.id
        and a.window.first <= b.window.last
        and b.window.first <= a.window.last
    )


def _open(question: Question, chosen: Sequence[Candidate]) -> list[str]:
    """The kinds of figures that are asked for and that nothing chosen holds."""
    return [k for k in question.wants if k in CHECKED and not any(holds(k, c.window.text) for c in chosen)]


def _gain(question: Question, chosen: Sequence[Candidate], other: Candidate, weights: Weights) -> float:
    text = folded(other.window.text)
    have = folded("".join(c.window.text for c in chosen))
    return sum(max(0.0, match(t, text) - match(t, have)) * weights.of(t) for t in question.terms)


def pieces_of(question: Question, chosen: Sequence[Candidate]) -> list[Piece]:
    """Trim each run to the parts that bear on the question."""
    pieces = []
    for candidate in chosen:
        start, end = trim(question, candidate)
        header = _header(candidate)
        if header is not None:
            pieces.append(Piece(candidate.held.document, candidate.held.clause, header.start, header.end))
            start, end = candidate.window.start, candidate.window.end
        pieces.append(Piece(candidate.held.document, candidate.held.clause, start, end))
    return pieces


def _header(candidate: Candidate) -> Sentence | None:
    """The first row of the table of which the run holds a later row."""
    if "|" not in candidate.window.text:
        return None
    rows = [s for s in split_sentences(candidate.held.clause.text) if "|" in s.text]
    return rows[0] if rows and rows[0].start < candidate.window.start else None


def trim(question: Question, candidate: Candidate) -> tuple[int, int]:
    """Give the offsets in the clause of a run without the parts at its ends that say nothing asked for."""
    window = candidate.window
    whole = candidate.widened or "definition" in question.wants
    if whole or window.end - window.start <= _ENOUGH:
        return window.start, window.end
    parts = [(m.start(), m.end()) for m in _PART.finditer(window.text)]
    telling = [i for i, (s, e) in enumerate(parts) if _tells(question, window.text[s:e])]
    valued = [i for i, (s, e) in enumerate(parts) if _valued(question, window.text[s:e])]
    if not telling or not (telling + valued):
        return window.start, window.end
    first = min([*telling, *valued])
    last = max([*telling, *valued])
    if valued and last > max(valued):
        last = max(valued)
    first = min(first, last)
    while last + 1 < len(parts) and window.text[: parts[last][1]].rstrip("，,").endswith(("的", "后", "时")):
        last += 1
    # The subject of "对……的，给予……" stands before the figure.
    while first > 0 and not _opens(window.text[parts[first][0] : parts[first][1]]) and first > last - 1:
        first -= 1
    return window.start + parts[first][0], window.start + parts[last][1]


def _opens(part: str) -> bool:
    return part.lstrip("（(一二三四五六七八九十)）0123456789.、 ").startswith(
        ("对", "支持", "鼓励", "按", "给予", "企业", "申请", "经", "被")
    )


def _tells(question: Question, part: str) -> bool:
    said = folded(part)
    return any(match(term, said) >= 0.6 for term in question.terms)


def _valued(question: Question, part: str) -> bool:
    return any(spans(kind, part) if kind in CHECKED else degree(kind, part) == 1.0 for kind in question.wants)


def list_items(candidate: Candidate, clauses: Sequence[Clause]) -> list[Piece]:
    """Give the lead of an enumeration with its items, which stand in the same clause or in those below it.

    Empty where the run opens no enumeration.
    """
    clause, document = candidate.held.clause, candidate.held.document
    sentences = split_sentences(clause.text)
    at = _opening(sentences, candidate)
    if at is None:
        return []
    lead = sentences[at]
    end = lead.end
    for sentence in sentences[at + 1 :]:
        if sentence.end - lead.start > _LONG_LIST or (end == lead.end and not _item(sentence.text)):
            break
        if _item(sentence.text) or _more_items(sentences, sentence):
            end = sentence.end
    if end > lead.end:
        return [Piece(document, clause, lead.start, end)]
    pieces = [Piece(document, clause, lead.start, lead.end)]
    position = next(i for i, other in enumerate(clauses) if other.id == clause.id)
    room = _LONG_LIST - len(lead.text)
    for item in clauses[position + 1 :]:
        below = (
            len(item.heading_path) > len(clause.heading_path)
            and item.heading_path[: len(clause.heading_path)] == clause.heading_path
        )
        if not below or len(item.text) > room:
            break
        pieces.append(Piece(document, item, 0, len(item.text)))
        room -= len(item.text)
    return pieces if len(pieces) > 1 else []


def _more_items(sentences: Sequence[Sentence], after: Sentence) -> bool:
    return any(_item(sentence.text) for sentence in sentences if sentence.start > after.start)


def _opening(sentences: Sequence[Sentence], candidate: Candidate) -> int | None:
    """The sentence that opens the list which the run opens or is a part of."""
    window = candidate.window
    for at in range(window.first, window.last + 1):
        if sentences[at].text.endswith(("：", ":")):
            return at
    at = window.first
    while at > 0 and _item(sentences[at].text):
        at -= 1
    return at if sentences[at].text.endswith(("：", ":")) else None


def _item(text: str) -> bool:
    return re.match(r"[（(]?(?:[一二三四五六七八九十]{1,3}|\d{1,2})[）).、．]|[①-⑳]", text) is not None


def answer_text(pieces: Sequence[Piece]) -> str:
    """Join the quotes to a text, without the number of the article, which the citation names."""
    text = ""
    for piece in pieces:
        words = piece.quote.strip()
        number = _ARTICLE.match(words)
        if number is not None and len(words) > number.end():
            words = words[number.end() :]
        quote = _SPACED.sub("", words).rstrip("，,；;")
        if text and not text.endswith(("。", "！", "？", "：", ":")):
            text += "；"
        text += quote
    return text if text.endswith(("。", "！", "？")) else f"{text}。"
