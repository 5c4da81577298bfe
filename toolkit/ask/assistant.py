"""The assistant: a question in, an answer with its citations out, or what the corpus lacks.

In: a store, its retriever and a model. Out: `Answer`s. The order is: manners, understanding, scope,
retrieval, ranking, the model's judgement where it is close, the locks.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from toolkit.ask.chat import Chat
from toolkit.ask.check import figures_outside, ungrounded
from toolkit.ask.compose import Piece, answer_text, choose, list_items, pieces_of
from toolkit.ask.corpus import Corpus
from toolkit.ask.decide import Decision, decide, worth_asking
from toolkit.ask.judge import judge
from toolkit.ask.listing import Bound, bound_of, list_supports
from toolkit.ask.manners import reply_to
from toolkit.ask.parts import parts_of
from toolkit.ask.question import Question, understand
from toolkit.ask.scope import Scope, look
from toolkit.ask.search import Found, find
from toolkit.ask.validity import remark
from toolkit.engine import Engine, load_engine
from toolkit.records import Answer, Citation, Passage
from toolkit.retrieve import Retriever
from toolkit.store import Store
from toolkit.text import squeeze

__all__ = ["Assistant", "open_assistant"]

_SENTENCE = re.compile(r"[^。；\n]*[。；\n]|[^。；\n]+")
_RETRIEVED = 30
_NEAREST = 3


@dataclass(frozen=True)
class _Draft:
    """A question on its way: what was found, before the model is asked."""

    question: Question
    scope: Scope
    name: str = ""
    found: Found | None = None
    lacking: str | None = None
    pieces: tuple[Piece, ...] = ()
    addition: str = ""
    ask: tuple[str, str] | None = None
    odds: float | None = None
    decision: Decision | None = None


@dataclass(frozen=True)
class _Asked:
    """A text on its way: a reply of manners, or its drafts, one a part."""

    text: str
    began: float
    reply: str | None = None
    question: Question | None = None
    drafts: tuple[_Draft, ...] = field(default=())


class Assistant:
    """Answers questions over a store's policies.

    `engine` judges what is close; a function that loads one is called when that first happens, and None
    leaves the decision to the rankings. `on` is the day for which
    a policy's validity is told (None: today). `explain` keeps in each answer how it came about.
    """

    def __init__(
        self,
        store: Store,
        retriever: Retriever,
        engine: Engine | Callable[[], Engine] | None = None,
        *,
        on: date | None = None,
        explain: bool = False,
    ) -> None:
        self._store = store
        self._retriever = retriever
        self._engine = engine
        self._on = on
        self._explain = explain
        self._corpus = Corpus(store)

    def ask(self, question: str) -> Answer:
        """Answer one question."""
        return self.ask_many([question])[0]

    def ask_many(
        self, questions: Sequence[str], *, given: Sequence[frozenset[str]] | None = None
    ) -> list[Answer]:
        """Answer questions in their order; the model judges those that are close in one batch.

        `given` holds the ids of the clauses that each question may be answered from, in place of
        retrieval; an empty set leaves a question to it.
        """
        self._corpus.refresh()
        known = given if given is not None else [frozenset[str]()] * len(questions)
        asked = [self._open(text, clauses) for text, clauses in zip(questions, known, strict=True)]
        pairs = [
            (i, j, d.ask) for i, a in enumerate(asked) for j, d in enumerate(a.drafts) if d.ask is not None
        ]
        odds = self._judge([pair for _, _, pair in pairs])
        judged = {(i, j): value for (i, j, _), value in zip(pairs, odds, strict=False)}
        return [
            self._close(
                replace(a, drafts=tuple(replace(d, odds=judged.get((i, j))) for j, d in enumerate(a.drafts)))
            )
            for i, a in enumerate(asked)
        ]

    def stream(self, question: str) -> Iterator[str | Answer]:
        """Give the answer's text in pieces as it stands fast, then the whole `Answer`."""
        answer = self.ask(question)
        yield from _SENTENCE.findall(answer.answer)
        yield answer

    def chat(self) -> Chat:
        """Open a conversation that keeps place, scheme and what was told."""
        return Chat(self)

    def clauses_with(self, evidence: Sequence[Sequence[str]]) -> list[frozenset[str]]:
        """Give for each list of quotes the ids of the clauses that hold one of them."""
        clauses = [(clause.id, squeeze(clause.text)) for clause in self._store.clauses()]
        return [
            frozenset(key for key, text in clauses if any(_stands(squeeze(quote), text) for quote in quotes))
            for quotes in evidence
        ]

    @property
    def regions(self) -> tuple[tuple[str, ...], ...]:
        """The places whose policies the store holds, as paths from the province down."""
        self._corpus.refresh()
        return tuple(dict.fromkeys(d.region_path for d in self._corpus.documents if d.region_path))

    # ---------------------------------------------------------------- steps
    def _judge(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        if self._engine is None or not pairs:
            return []
        if callable(self._engine):
            self._engine = self._engine()
        return list(judge(self._engine, pairs))

    def _open(self, text: str, given: frozenset[str]) -> _Asked:
        began = time.perf_counter()
        reply = reply_to(text)
        if reply is not None:
            return _Asked(text=text, began=began, reply=reply)
        regions = self.regions
        question = understand(text, regions=regions)
        parts = parts_of(question, regions=regions)
        drafts = [self._draft(part.question, part.name, given) for part in parts] or [
            self._draft(question, "", given)
        ]
        return _Asked(text=text, began=began, question=question, drafts=tuple(drafts))

    def _draft(self, question: Question, name: str, given: frozenset[str]) -> _Draft:
        scope = look(question, self._corpus.documents, unheard=self._corpus.unheard(question.place_like))
        retrieved = self._retriever.retrieve(question.text, k=_RETRIEVED)
        if scope.missing is not None:
            nearest = Found((), tuple(retrieved[:_NEAREST]), self._corpus.weigh(()), ())
            return _Draft(question=question, scope=scope, name=name, found=nearest, lacking=scope.missing)
        bound = bound_of(question)
        if bound is not None:
            return self._listed(question, scope, name, retrieved, bound)
        found = find(
            question,
            scope,
            self._corpus,
            retrieved=retrieved,
            similarity=self._similarity,
            on=self._day,
            only=given,
        )
        draft = _Draft(question=question, scope=scope, name=name, found=found)
        decision = decide(question, found, scope, self._corpus)
        draft = replace(draft, decision=decision, lacking=decision.lacking)
        if decision.lacking is None:
            pieces, addition = self._pieces(question, found, decision)
            draft = replace(draft, pieces=pieces, addition=addition)
            if worth_asking(decision) and self._engine is not None:
                draft = replace(draft, ask=(question.text, _shown(pieces)))
        return draft

    def _listed(
        self, question: Question, scope: Scope, name: str, retrieved: Sequence[Passage], bound: Bound
    ) -> _Draft:
        """Answer which supports are there of a size, over all that is in scope."""
        listing = list_supports(question, bound, scope, self._corpus)
        found = Found((), tuple(retrieved[:10]), self._corpus.weigh(()), ())
        lacking = None if listing.pieces else f"资料中未找到这样的补助：{listing.coverage}"
        return _Draft(
            question=question,
            scope=scope,
            name=name,
            found=found,
            lacking=lacking,
            pieces=listing.pieces,
            addition=listing.coverage,
        )

    def _pieces(self, question: Question, found: Found, decision: Decision) -> tuple[tuple[Piece, ...], str]:
        if decision.term is not None:
            return decision.term.pieces, decision.term.addition
        chosen = choose(question, found.candidates, found.weights)
        if {"enumeration", "condition", "material"} & set(question.wants) and chosen:
            items = list_items(chosen[0], self._corpus.clauses(chosen[0].held.document.id))
            if items:
                return tuple(items), ""
        return tuple(pieces_of(question, chosen)), ""

    def _similarity(self, question: str, texts: Sequence[str]) -> list[float]:
        embedder = self._retriever.embedder
        asked = embedder.embed([question], kind="query")[0]
        return [float(value) for value in embedder.embed(list(texts), kind="passage") @ asked]

    # ---------------------------------------------------------------- answers
    def _close(self, asked: _Asked) -> Answer:
        """Give the answer, or the refusal; an answer that breaks a lock is not given."""
        if asked.question is None:
            return Answer(
                question=asked.text,
                answer=asked.reply or "",
                answerable=False,
                seconds=time.perf_counter() - asked.began,
            )
        drafts = [_judged(draft) for draft in asked.drafts]
        text, citations = self._said(drafts) if any(_is_given(draft) for draft in drafts) else ("", ())
        given = bool(text) and not self._broken(asked, drafts, text, citations)
        return Answer(
            question=asked.text,
            answer=text if given else _refusal(drafts),
            answerable=given,
            citations=citations if given else (),
            passages=_merge([draft.found.passages for draft in drafts if draft.found is not None]),
            seconds=time.perf_counter() - asked.began,
            explain={"parts": [_explained(draft) for draft in drafts]} if self._explain else None,
        )

    def _broken(
        self, asked: _Asked, drafts: Sequence[_Draft], text: str, citations: Sequence[Citation]
    ) -> bool:
        """Whether a figure stands in no quote, or a quote in no clause."""
        computed = [*(draft.addition for draft in drafts), *_remarks(drafts, self._day)]
        sources = [*(citation.quote for citation in citations), asked.text, *computed]
        return bool(figures_outside(text, sources) or ungrounded(citations, self._text_of))

    def _said(self, drafts: Sequence[_Draft]) -> tuple[str, tuple[Citation, ...]]:
        """The answer's text and its citations."""
        lines: list[str] = []
        citations: list[Citation] = []
        for draft in drafts:
            lead = f"{draft.name}：" if draft.name and len(drafts) > 1 else ""
            if draft.lacking is not None or not draft.pieces:
                lines.append(f"{lead}{draft.lacking or '资料中未找到'}。")
                continue
            said = answer_text(draft.pieces)
            mark = remark(draft.pieces[0].document, self._day)
            note = (
                f"{draft.scope.note}，以下出自{draft.pieces[0].document.region}：" if draft.scope.note else ""
            )
            lines.append(f"{lead}{note}{said}{draft.addition}{mark}")
            citations += [self._citation(piece) for piece in draft.pieces]
        return "\n".join(lines), tuple(citations)

    def _citation(self, piece: Piece) -> Citation:
        return Citation(
            policy=piece.document.title,
            clause_id=piece.clause.id,
            heading=piece.clause.heading,
            quote=piece.quote,
            validity=piece.document.validity(self._day),
        )

    @property
    def _day(self) -> date:
        return self._on or date.today()

    def _text_of(self, clause_id: str) -> str | None:
        clause = self._store.clause(clause_id)
        return clause.text if clause is not None else None


def _stands(quote: str, text: str) -> bool:
    return quote in text or (len(quote) > 60 and (quote[:60] in text or quote[-60:] in text))


def _is_given(draft: _Draft) -> bool:
    return draft.lacking is None and bool(draft.pieces)


def _judged(draft: _Draft) -> _Draft:
    """Let the model's odds refuse what the rankings left open."""
    if draft.lacking is None and draft.decision is not None and draft.decision.refused_by(draft.odds):
        return replace(draft, lacking="资料中未找到直接的规定")
    return draft


def _shown(pieces: Sequence[Piece]) -> str:
    """What the judge reads: the policy's title and the words to be quoted."""
    quotes = " ".join(piece.quote for piece in pieces)[:260]
    return f"《{pieces[0].document.title}》{pieces[0].clause.heading[-40:]} {quotes}" if pieces else ""


def _refusal(drafts: Sequence[_Draft]) -> str:
    lacking = next((draft.lacking for draft in drafts if draft.lacking), "资料中未找到直接的规定")
    near = next((d.found.passages[0] for d in drafts if d.found is not None and d.found.passages), None)
    close = f"最接近的是《{near.policy}》{near.heading.split(' › ')[-1][:20]}。" if near is not None else ""
    lead = "" if lacking.startswith("资料") else "资料中未找到："
    return f"{lead}{lacking}。{close}"


def _remarks(drafts: Sequence[_Draft], day: date) -> list[str]:
    return [remark(draft.pieces[0].document, day) for draft in drafts if draft.pieces]


def _merge(groups: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Interleave the parts' passages, each clause once, ten at most."""
    merged: dict[str, Any] = {}
    for rank in range(max((len(group) for group in groups), default=0)):
        for group in groups:
            if rank < len(group):
                merged.setdefault(group[rank].clause_id, group[rank])
    return tuple(merged.values())[:10]


def _explained(draft: _Draft) -> dict[str, Any]:
    question = draft.question
    candidates = draft.found.candidates[:6] if draft.found is not None else ()
    return {
        "part": draft.name,
        "question": question.text,
        "kind": question.kind,
        "wants": question.wants,
        "words": {t.word: list(t.says) for t in question.terms},
        "places": [{"name": p.name, "path": list(p.path), "owns": p.owns} for p in question.places],
        "years": question.years,
        "scope": {
            "missing": draft.scope.missing,
            "note": draft.scope.note,
            "policies": len(draft.scope.fits),
        },
        "decision": draft.decision.explained() if draft.decision is not None else None,
        "model_odds": draft.odds,
        "lacking": draft.lacking,
        "ranking": [
            {
                "policy": c.held.document.title,
                "heading": c.held.clause.heading,
                "text": c.window.text,
                "score": round(c.score, 3),
                "own": round(c.own, 3),
                "all": round(c.all, 3),
                "wanted": round(c.wanted, 3),
                "near": round(c.near, 3),
                "clash": c.clash,
            }
            for c in candidates
        ],
    }


@contextlib.contextmanager
def open_assistant(
    *, store: Path | None = None, model: str | None = None, on: date | None = None, explain: bool = False
) -> Iterator[Assistant]:
    """Open a store and its embedder as an assistant, and close them after.

    The model is found at once and loaded when a question is close.
    """
    from toolkit.embed import load_embedder
    from toolkit.models import resolve

    with contextlib.ExitStack() as stack:
        opened = stack.enter_context(Store.open(store))
        resolve(model)
        embedder = stack.enter_context(load_embedder())

        def load() -> Engine:
            engine = load_engine(model)
            stack.callback(engine.close)
            return engine

        yield Assistant(opened, Retriever(opened, embedder), load, on=on, explain=explain)
