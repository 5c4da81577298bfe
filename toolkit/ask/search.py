"""From a question to ranked evidence: retrieval, the whole of the likeliest policies, their sentences.

In: a `Question` and a `Scope`. Out: `Found`: candidates best first, and passages in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from toolkit.ask.corpus import Corpus
from toolkit.ask.folding import folded
from toolkit.ask.question import Question
from toolkit.ask.rank import Candidate, Held, Similarity, Weights, giving, match, rank, similar
from toolkit.ask.scope import Scope, years_of
from toolkit.ask.values import answers
from toolkit.ask.windows import split_sentences
from toolkit.records import Document, Passage

__all__ = ["Found", "find", "title_share"]

_SHOWN = 10
_CHARACTERS = 380


@dataclass(frozen=True)
class Found:
    """What was found: candidates and passages, best first, the words' weights, the policies looked at."""

    candidates: tuple[Candidate, ...]
    passages: tuple[Passage, ...]
    weights: Weights
    documents: tuple[Document, ...]


def find(
    question: Question,
    scope: Scope,
    corpus: Corpus,
    *,
    retrieved: Sequence[Passage],
    similarity: Similarity,
    on: date,
    only: frozenset[str] = frozenset(),
) -> Found:
    """Rank the sentences of the policies that retrieval and titles point at.

    `only` names the clauses to look at instead, where it is not empty.
    """
    weights = corpus.weigh(question.terms)
    places = {passage.clause_id: 1.0 / (rank + 1) for rank, passage in enumerate(retrieved)}
    documents = _documents(question, scope, corpus, weights, retrieved)
    held: list[Held] = []
    for document in documents:
        held += corpus.held(document.id, places)
    known = {item.clause.id for item in held}
    for passage in retrieved:
        if passage.clause_id not in known and passage.document_id in scope.fits:
            held += [h for h in corpus.held(passage.document_id, places) if h.clause.id == passage.clause_id]
    if only:
        held = [h for key in {i.rpartition(":")[0] for i in only} for h in corpus.held(key, places)]
        held = [h for h in held if h.clause.id in only]
    ranked = rank(question, held, weights, most=60)
    fitted = [_fitted(question, scope, candidate, on) for candidate in ranked]
    fitted.sort(key=lambda c: c.score, reverse=True)
    best = similar(giving(fitted, question), question, similarity)
    lifted = _answering_first(question, [*best, *fitted[len(best) :]])
    return Found(tuple(lifted), _passages(best, fitted, retrieved), weights, tuple(documents))


def _answering_first(question: Question, ranked: list[Candidate]) -> list[Candidate]:
    """Put a run that holds a figure of the kind asked for before a somewhat better one that holds none."""
    for at, candidate in enumerate(ranked[:12]):
        if candidate.score < 0.7 * ranked[0].score:
            break
        if answers(question.wants, candidate.window.text) and (
            candidate.gives or not question.asks_a_given_sum
        ):
            return [candidate, *ranked[:at], *ranked[at + 1 :]]
    return ranked


def _documents(
    question: Question, scope: Scope, corpus: Corpus, weights: Weights, retrieved: Sequence[Passage]
) -> list[Document]:
    """The policies worth reading whole: where retrieval points, and whose titles the question names."""
    points: dict[str, float] = {}
    for order, passage in enumerate(retrieved):
        if passage.document_id in scope.fits:
            points[passage.document_id] = points.get(passage.document_id, 0.0) + 1.0 / (order + 3)
    for document in corpus.documents:
        if document.id in scope.fits and document.text:
            share = title_share(question, document, weights)
            points[document.id] = points.get(document.id, 0.0) + share
    for key in points:
        points[key] *= 0.5 + 0.5 * scope.fits[key]
    best = sorted(points, key=lambda key: -points[key])[:4]
    return [corpus.document(key) for key in best if points[key] > 0]


def title_share(question: Question, document: Document, weights: Weights) -> float:
    """The weighted share of the question's words that stand in a document's title."""
    title = folded(document.title)
    total = sum(weights.of(term) for term in question.terms) or 1.0
    return sum(match(term, title) * weights.of(term) for term in question.terms) / total


def _fitted(question: Question, scope: Scope, candidate: Candidate, on: date) -> Candidate:
    """Lift a candidate by how well its policy's place, year and validity fit the question's."""
    document = candidate.held.document
    lift = 0.4 * (scope.fits.get(document.id, 0.0) - 0.5)
    if question.years and years_of(document) & set(question.years):
        lift += 0.3
    if not question.years and document.validity(on) in ("expired", "repealed"):
        lift -= 0.12  # its successor, where there is one, says the same in nearly the same words
    return replace(candidate, score=candidate.score + lift)


def _passages(
    best: Sequence[Candidate], rest: Sequence[Candidate], retrieved: Sequence[Passage]
) -> tuple[Passage, ...]:
    """One passage a clause, in the order of its best sentences; long clauses are cut around them."""
    known = {passage.clause_id: passage for passage in retrieved}
    shown: dict[str, Passage] = {}
    for candidate in (*best, *rest):
        clause, document = candidate.held.clause, candidate.held.document
        if clause.id in shown or len(shown) == _SHOWN:
            continue
        scores = dict(known[clause.id].scores) if clause.id in known else {}
        shown[clause.id] = Passage(
            clause_id=clause.id,
            document_id=document.id,
            policy=document.title,
            heading=clause.heading,
            region=document.region,
            text=_around(candidate),
            scores=scores | {"answer": round(candidate.score, 4)},
        )
    for passage in retrieved:
        if len(shown) < _SHOWN:
            shown.setdefault(passage.clause_id, passage)
    return tuple(shown.values())


def _around(candidate: Candidate) -> str:
    """The clause, or the sentences around the run that fit into a passage."""
    text = candidate.held.clause.text
    if len(text) <= _CHARACTERS:
        return text
    sentences = split_sentences(text)
    first, last = candidate.window.first, candidate.window.last
    grown = True
    while grown:
        grown = False
        if last + 1 < len(sentences) and sentences[last + 1].end - sentences[first].start <= _CHARACTERS:
            last, grown = last + 1, True
        if first and sentences[last].end - sentences[first - 1].start <= _CHARACTERS:
            first, grown = first - 1, True
    return text[sentences[first].start : sentences[last].end]
