"""Whether what was found answers the question, before anything is said.

In: a `Question` and what was `Found`. Out: a `Decision`: what is lacking, or how sure the rankings are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from toolkit.ask.corpus import Corpus
from toolkit.ask.folding import folded
from toolkit.ask.question import Question
from toolkit.ask.scope import BELOW, Scope, edition_clash
from toolkit.ask.search import Found, title_share
from toolkit.ask.validity import Term, term_of
from toolkit.ask.values import CHECKED, answers, holds

__all__ = ["Decision", "decide", "worth_asking"]

_LENIENT = (
    0.3  # what the model's odds are above zero for passages that do not answer, on questions written for it
)
_CLOSE = (-1.0, 1.5)  # log-odds of the rankings between which the model is asked
_HOPELESS = -1.5  # log-odds under which the model is not asked


@dataclass(frozen=True)
class Decision:
    """`lacking` says what the corpus lacks; `sure` is the rankings' log-odds that the answer is right."""

    lacking: str | None = None
    sure: float = 0.0
    term: Term | None = None
    figures: dict[str, float] = field(default_factory=dict)

    def refused_by(self, odds: float | None) -> bool:
        """Whether the model's log-odds and the rankings' together speak against answering."""
        if self.term is not None:
            return False
        return self.sure + (0.0 if odds is None else odds - _LENIENT) < 0.0

    def explained(self) -> dict[str, Any]:
        """The figures behind the decision."""
        return {
            "lacking": self.lacking,
            "sure": round(self.sure, 3),
            **{k: round(v, 3) for k, v in self.figures.items()},
        }


def decide(question: Question, found: Found, scope: Scope, corpus: Corpus) -> Decision:
    """Decide from the rankings alone."""
    if not found.candidates:
        return Decision(lacking="资料中未找到相关的规定")
    best = found.candidates[0]
    empty = _only_a_title(question, found, corpus)
    if empty is not None:
        return Decision(lacking=f"资料库中《{empty}》只有标题，没有正文")
    if question.about_validity and found.documents:
        document = max(found.documents, key=lambda d: title_share(question, d, found.weights))
        clash = edition_clash(question, document, document.title)
        if clash:
            return Decision(lacking=f"资料库中没有{clash}的这项政策")
        term = term_of(question, document, corpus.clauses(document.id))
        if term is not None:
            return Decision(term=term, sure=title_share(question, document, found.weights))
    clash = edition_clash(question, best.held.document, best.window.text)
    if clash:
        return Decision(lacking=f"资料库中没有{clash}的这项政策")
    figures = _figures(question, found)
    figures["fit"] = scope.fits.get(best.held.document.id, 0.5)
    sure = _sure(figures)
    if not figures["answers"] or not figures["gives"]:
        return Decision(
            lacking=f"资料提到了相关内容，但没有给出所问的{_asked_for(question)}", figures=figures, sure=sure
        )
    if sure < _HOPELESS:
        return Decision(lacking="资料中未找到直接的规定", figures=figures, sure=sure)
    return Decision(figures=figures, sure=sure)


def _sure(figures: dict[str, float]) -> float:
    """The rankings' log-odds, by the shares of words, likeness in meaning, and the lead over the next clause.

    Fitted by hand on questions written for it. Where no figure is asked for, none can be invented, and
    less is needed.
    """
    sure = 4.0 * (figures["all"] - 0.5) + 50.0 * (figures["near"] - 0.895) + min(figures["margin"], 0.8) - 0.2
    if figures["figure"] and not figures["focus"]:
        sure -= 0.7
    if figures["figure"] and figures["fit"] == BELOW:
        sure -= 1.0
    return sure if figures["figure"] else sure + 0.7


def _asked_for(question: Question) -> str:
    """Name what was asked for and is not there."""
    names = {
        "money": "金额",
        "rate": "比例",
        "people": "人数",
        "area": "面积",
        "term": "期限",
        "date": "日期",
        "times": "次数",
        "count": "数量",
    }
    return "、".join(names[kind] for kind in question.wants if kind in names) or "内容"


def _figures(question: Question, found: Found) -> dict[str, float]:
    best = found.candidates[0]
    text = folded(best.window.text)
    total = sum(found.weights.of(t) for t in question.terms) or 1.0
    heaviest = sorted(question.terms, key=lambda t: -found.weights.of(t))[:3]
    around = best.matched
    wants = [k for k in question.wants if k in CHECKED]
    other = next((c.score for c in found.candidates[1:] if c.held.clause.id != best.held.clause.id), 0.0)
    return {
        "all": best.all,
        "own": best.own,
        "wanted": best.wanted,
        "near": best.near,
        "clash": best.clash,
        "score": best.score,
        "heavy": sum(around.get(t.word, 0.0) for t in heaviest) / max(1, len(heaviest)),
        "missing": sum(found.weights.of(t) for t in question.terms if around.get(t.word, 0.0) < 0.4) / total,
        "lost": max(
            (found.weights.of(t) for t in question.terms if around.get(t.word, 0.0) < 0.4), default=0.0
        ),
        "held": sum(holds(k, text) for k in wants) / len(wants) if wants else 1.0,
        "figure": float(bool(wants)),
        "focus": min((1.0 if around.get(word, 1.0) >= 0.5 else 0.0 for word in question.focus), default=1.0),
        "words": float(len(question.terms)),
        "margin": best.score - other,
        "answers": float(answers(question.wants, best.window.text)),
        "gives": float(best.gives or not question.asks_a_given_sum),
        "title": title_share(question, best.held.document, found.weights),
    }


def worth_asking(decision: Decision) -> bool:
    """Whether the rankings alone do not settle it."""
    return decision.term is None and _CLOSE[0] < decision.sure < _CLOSE[1]


def _only_a_title(question: Question, found: Found, corpus: Corpus) -> str | None:
    """The title of a policy that the question means and of which the corpus holds no text."""
    best_share, best_title = 0.0, None
    for document in corpus.documents:
        share = title_share(question, document, found.weights)
        if not document.text.strip() and share > best_share:
            best_share, best_title = share, document.title
    held = max(title_share(question, d, found.weights) for d in found.documents) if found.documents else 0.0
    return best_title if best_share >= 0.5 and best_share > held else None
