"""Which supports are there of a size: answered over all supports in scope, not the top passages.

In: a question such as 某市有哪些补助最高五百万以上. Out: a `Listing`: the supports that fit, largest first,
and how much was looked at. Supports come from the store's facts where they were extracted, and are read
by rules where they were not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from toolkit.ask.compose import Piece
from toolkit.ask.corpus import Corpus
from toolkit.ask.folding import folded
from toolkit.ask.question import Question
from toolkit.ask.rank import match
from toolkit.ask.scope import ABOVE, Scope
from toolkit.extraction import extract_rules
from toolkit.figures import parse_number
from toolkit.records import Clause, Document, Support

__all__ = ["Bound", "Listing", "bound_of", "list_supports"]

_MANY = re.compile(r"哪些|哪几|有多少(?:项|条|个|种)|几(?:项|条|种)|列出|所有|一共有")
_SIZE = re.compile(
    r"(?P<before>(?:最高|额度|金额|补助|补贴|奖励|资助|支持|给)[^，。；？?\d一二三四五六七八九十百千两]{0,8})"
    r"(?P<more>超过|不低于|不少于|大于|低于|不超过|不到|少于)?(?:在|有|达到?)?"
    r"(?P<sum>[\d.,]+|[一二三四五六七八九十百千两]+)\s*(?P<unit>[百千]?[万亿])元?(?:及)?(?P<side>以上|以下|以内)?"
)
_GENERIC = re.compile(r"补贴|补助|奖励|资助|支持|扶持|政策|项目|优惠|以上|以下|超过|最高|[万亿千百]元?$")
_LESS = {"低于", "不超过", "不到", "少于", "以下", "以内"}
_SHOWN = 4


@dataclass(frozen=True)
class Bound:
    """A bound on the sum of a support, in yuan: at least, or at most."""

    value: Decimal
    at_least: bool

    def holds(self, value: Decimal) -> bool:
        """Whether a sum lies within."""
        return value >= self.value if self.at_least else value <= self.value


@dataclass(frozen=True)
class Listing:
    """The supports that fit, as the words that grant them, and what was looked at."""

    pieces: tuple[Piece, ...]
    total: int
    policies: int
    clauses: int
    figures: int

    @property
    def coverage(self) -> str:
        """Say how much the list rests on."""
        seen = f"查看了{self.policies}份政策的{self.clauses}个条款、{self.figures}条有金额的支持"
        return f"共{self.total}条符合（{seen}）"


def bound_of(question: Question) -> Bound | None:
    """Give the bound where the question asks for supports by their size; None where it does not."""
    size = _SIZE.search(question.text)
    if size is None or not _MANY.search(question.text) or not (size["more"] or size["side"]):
        return None
    number = parse_number(size["sum"])
    if number is None:
        return None
    magnitude = {"万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8}.get(size["unit"], 10**8)
    less = size["more"] in _LESS or size["side"] in _LESS
    return Bound(value=number * magnitude, at_least=not less)


def list_supports(question: Question, bound: Bound, scope: Scope, corpus: Corpus) -> Listing:
    """Look through every clause in scope for supports whose largest sum lies within the bound."""
    found: list[tuple[Decimal, Piece]] = []
    policies = clauses = figures = 0
    words = [term for term in question.terms if not _GENERIC.search(term.word)]
    for document in corpus.documents:
        # A larger place's policies are its own: the list is of the place that was asked for.
        if scope.fits.get(document.id, ABOVE) == ABOVE:
            continue
        policies += 1
        for clause in corpus.clauses(document.id):
            clauses += 1
            known = corpus.store.supports(clause.id)
            for support in extract_rules(clause.text) if known is None else known:
                largest = _largest(support)
                if largest is None:
                    continue
                figures += 1
                piece = _piece(document, clause, support)
                about = folded(f"{document.title}{clause.heading}{piece.quote}")
                if bound.holds(largest) and all(match(term, about) >= 0.5 for term in words):
                    found.append((largest, piece))
    found.sort(key=lambda item: -item[0])
    pieces = _distinct([piece for _, piece in found])
    return Listing(tuple(pieces[:_SHOWN]), len(pieces), policies, clauses, figures)


def _largest(support: Support) -> Decimal | None:
    values = [figure.value for figure in (*support.caps, *support.amounts)]
    return max(values) if values else None


def _piece(document: Document, clause: Clause, support: Support) -> Piece:
    """From the support's measure to its last figure, no more than a sentence or two."""
    spans = [support.measure, *support.caps, *support.amounts]
    own = [(span.start, span.end) for span in spans if span.clause_id in (None, clause.id)]
    start, end = min(s for s, _ in own), max(e for _, e in own)
    if end - start > 130:
        start = max(own[-1][0] - 100, clause.text.rfind("。", 0, own[-1][0]) + 1, start)
        end = max(own[-1][1], start)
    return Piece(document, clause, start, end)


def _distinct(pieces: Sequence[Piece]) -> list[Piece]:
    """Leave out what overlaps a piece before it."""
    kept: list[Piece] = []
    for piece in pieces:
        if not any(
            p.clause.id == piece.clause.id and p.start < piece.end and piece.start < p.end for p in kept
        ):
            kept.append(piece)
    return kept
