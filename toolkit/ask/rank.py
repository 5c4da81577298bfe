"""Ranking the sentences of retrieved clauses by how well they answer a question.

In: a `Question`, clauses with their documents, the words' weights and an embedder. Out: `Candidate`s,
best first, each with the figures that placed it, for `--explain` and for the decision to answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolkit.ask.folding import folded, sentences_of
from toolkit.ask.lexicon import load_lexicon
from toolkit.ask.question import Question, Term
from toolkit.ask.values import CHECKED, degree, given_figures, tiers_in
from toolkit.ask.windows import Window, windows
from toolkit.records import Clause, Document

__all__ = ["Candidate", "Held", "Weights", "giving", "match", "rank", "similar", "weigh"]

_SIGNATURE = re.compile(
    r"^(?:[一-龥\s]{2,40}(?:政府|委员会|委|局|厅|办公室|办))?\s*\d{4}年\d{1,2}月\d{1,2}日\s*$"
)
_CITED = re.compile(r"《[^》]*》")
_ONLINE = re.compile(r"平台|系统|网站|网上|官网|通办|小程序")

Similarity = Callable[[str, Sequence[str]], Sequence[float]]


@dataclass(frozen=True)
class Held:
    """A clause with its document, its place in retrieval (1 / rank, 0 where not retrieved) and its lead:
    the words before it that open the list in which it is an item."""

    clause: Clause
    document: Document
    retrieved: float = 0.0
    lead: str = ""


@dataclass(frozen=True)
class Weights:
    """How telling each word is: natural-log inverse share of the sampled clauses that hold it."""

    idf: Mapping[str, float]

    def of(self, term: Term) -> float:
        """Give a term's weight, at least 0.2."""
        return self.idf.get(term.word, 3.0)


@dataclass(frozen=True)
class Candidate:
    """A run of sentences that may answer, and why it stands where it does.

    `own` and `all` are the weighted shares of the question's words that stand in the run itself and
    in the run with its title, headings and lead; `wanted` the share of the wanted kinds of values.
    """

    held: Held
    window: Window
    own: float
    all: float
    wanted: float
    near: float = 0.0
    clash: float = 0.0
    gives: bool = False
    widened: bool = False
    score: float = 0.0
    matched: Mapping[str, float] = field(default_factory=dict)


def weigh(terms: Iterable[Term], sample: Sequence[str]) -> Weights:
    """Weigh words by how few of the sampled texts hold them or their other names."""
    idf = {}
    for term in terms:
        forms = [folded(form) for form in term.forms]
        count = sum(any(form in text for form in forms) for text in sample)
        idf[term.word] = max(0.2, math.log((len(sample) + 1) / (count + 1)) if sample else 3.0)
    return Weights(idf)


def match(term: Term, text: str) -> float:
    """Say how far folded text holds a term: 1 the word, 0.9 another name, less a part of a long word."""
    word = folded(term.word)
    if word in text:
        return 1.0
    if any(folded(form) in text for form in term.says):
        return 0.9
    if len(word) < 3:
        return 0.0
    pairs = [word[i : i + 2] for i in range(len(word) - 1)]
    share = sum(pair in text for pair in pairs) / len(pairs)
    return 0.7 * share if share >= 0.5 else 0.0


def rank(question: Question, held: Iterable[Held], weights: Weights, *, most: int = 40) -> list[Candidate]:
    """Rank every run of sentences of the clauses by words and by kinds of values, best first."""
    found: list[Candidate] = []
    for item in held:
        found += _runs(question, item, weights)
    found.sort(key=lambda c: c.score, reverse=True)
    return found[:most]


def similar(
    candidates: Sequence[Candidate], question: Question, similarity: Similarity, *, most: int = 16
) -> list[Candidate]:
    """Lift the best candidates by their likeness to the question in meaning."""
    head = list(candidates[:most])
    texts = [f"{c.held.document.title} {c.held.clause.heading} {c.window.text}"[:300] for c in head]
    likeness = similarity(question.text, texts) if texts else []
    lifted = [
        replace(c, near=float(near), score=c.score + 3.0 * (float(near) - 0.85))
        for c, near in zip(head, likeness, strict=True)
    ]
    lifted.sort(key=lambda c: c.score, reverse=True)
    return lifted


def giving(candidates: Sequence[Candidate], question: Question, *, most: int = 24) -> list[Candidate]:
    """Part the runs that name a given sum from those that name thresholds, where a given one is asked."""
    if not question.asks_a_given_sum:
        return list(candidates)
    marked = []
    for candidate in candidates[:most]:
        window = candidate.window
        given = given_figures(candidate.held.clause.text)
        # A table's cells lack the words that tell a given sum from a threshold.
        gives = "|" in window.text or any(window.start <= start < window.end for start, _ in given)
        marked.append(replace(candidate, gives=gives, score=candidate.score + (0.2 if gives else -0.3)))
    marked.sort(key=lambda c: c.score, reverse=True)
    return marked + list(candidates[most:])


def _runs(question: Question, held: Held, weights: Weights) -> list[Candidate]:
    """Rate every run of sentences of one clause."""
    pairs = sentences_of(held.clause.text)
    sentences = [sentence for sentence, _ in pairs]
    said = [line for _, line in pairs]
    lead = said[0] if said and said[0].endswith(":") else folded(held.lead)
    reading = _Reading(
        # A title that a sentence cites says what another policy is about.
        sentences=[_matches(question, _CITED.sub("", line)) for line in said],
        title=_matches(question, folded(held.document.title)),
        heading=_matches(question, folded(held.clause.heading)),
        lead=_matches(question, lead),
    )
    return [
        _rated(question, held, window, reading, weights)
        for window in windows(held.clause.text, sentences)
        if not _SIGNATURE.search(sentences[window.last].text)
    ]


@dataclass(frozen=True)
class _Reading:
    """How far each part of a clause and of what stands around it holds each word of the question."""

    sentences: list[dict[str, float]]
    title: dict[str, float]
    heading: dict[str, float]
    lead: dict[str, float]

    def around(self, word: str, window: Window) -> float:
        """How far a run with its title, headings, lead and clause holds a word."""
        before = self.sentences[window.first - 1][word] if window.first else 0.0
        return max(
            0.7 * self.title[word],
            0.9 * self.heading[word],
            0.9 * self.lead[word],
            0.7 * before,
            0.6 * max(sentence[word] for sentence in self.sentences),
        )


def _matches(question: Question, text: str) -> dict[str, float]:
    return {term.word: match(term, text) for term in question.terms}


def _rated(question: Question, held: Held, window: Window, reading: _Reading, weights: Weights) -> Candidate:
    total = sum(weights.of(t) for t in question.terms) or 1.0
    inside = reading.sentences[window.first : window.last + 1]
    own = {t.word: max(s[t.word] for s in inside) for t in question.terms}
    around = {word: max(value, reading.around(word, window)) for word, value in own.items()}
    share_own = sum(own[t.word] * weights.of(t) for t in question.terms) / total
    share_all = sum(around[t.word] * weights.of(t) for t in question.terms) / total
    wanted = _wanted(question, window.text)
    clash = _clash(question, folded(window.text))
    score = 1.2 * share_all + 0.6 * share_own + 0.6 * wanted - 0.5 * clash + 0.15 * held.retrieved
    score += _defines(question, folded(window.text)) + _tier(question, window.text)
    score -= 0.0012 * max(0, window.end - window.start - 60)
    return Candidate(
        held=held,
        window=window,
        own=share_own,
        all=share_all,
        wanted=wanted,
        clash=clash,
        score=score,
        matched=around,
    )


def _defines(question: Question, text: str) -> float:
    """Lift a run that says what a word of the question is, where that is asked."""
    if "definition" not in question.wants:
        return 0.0
    for term in sorted(question.terms, key=lambda t: (not t.named, -len(t.word))):
        word = re.escape(folded(term.word))
        if re.search(
            rf"{word}[^,;。]{{0,6}},?(?:是指|系指|指的是|指|即|是一种|主要涵盖)|{word}[\"]?[^,;。]{{0,4}}\([^()]{{8,}}\)",
            text,
        ):
            return 0.5 if term.named else 0.3
    return 0.0


def _tier(question: Question, text: str) -> float:
    """Lift a run whose bounds hold the sum that the asker names; lower one whose bounds do not."""
    if not question.sums:
        return 0.0
    bounds = tiers_in(text)
    if not bounds:
        return 0.0
    return 0.25 if any(low <= value <= high for value in question.sums for low, high in bounds) else -0.25


def _wanted(question: Question, text: str) -> float:
    """The share of the wanted kinds of values that the text holds; figures count double."""
    kinds = [kind for kind in question.wants if kind != "yes_no"]
    if not kinds:
        return 0.5
    weight = {kind: 2.0 if kind in CHECKED else 1.0 for kind in kinds}
    return sum(weight[k] * _degree(question, k, text) for k in kinds) / sum(weight.values())


def _degree(question: Question, kind: str, text: str) -> float:
    """How far the text holds a kind; where a platform is asked for, an office alone is little."""
    if kind == "who" and _ONLINE.search(question.text):
        return 1.0 if _ONLINE.search(text) else 0.2
    return degree(kind, text)


def _clash(question: Question, text: str) -> float:
    """1 where the text names another grade than the question does, and not the question's."""
    for group in load_lexicon().opposites:
        asked = [word for word in group if word in question.text]
        if not asked or any(word.removesuffix("级") in text for word in asked):
            continue
        if any(word in text for word in group if word not in asked):
            return 1.0
    return 0.0
