"""The tiers of one award: what stands beside a sum that answers, and belongs to the same question.

In: a `Question` and the best `Candidate`. Out: the candidate with its neighbouring tiers, so that a
special case is never shown without the general one; and whether a run of another clause gives its sum
for what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from toolkit.ask.folding import folded, sentences_of
from toolkit.ask.question import Question, Term
from toolkit.ask.rank import Candidate, Weights, match
from toolkit.ask.values import given_figures
from toolkit.ask.windows import Sentence, Window

__all__ = ["gives_for_what_is_asked", "with_tiers"]

_LONGEST = 230
_HELD = 0.6


def with_tiers(question: Question, best: Candidate, weights: Weights) -> Candidate:
    """Widen the best run by the tiers around it that the question does not tell apart.

    A neighbour joins where it gives a sum too and either goes on after a semicolon, or speaks of
    the same things. A word of the question that only the best run's own tier holds (`硕士`) keeps the
    other tiers out.
    """
    if not question.asks_a_given_sum or "|" in best.window.text:
        return best
    clause = best.held.clause
    sentences = [sentence for sentence, _ in sentences_of(clause.text)]
    first, last = best.window.first, best.window.last
    own = [s for s in sentences[first : last + 1] if _gives(clause.text, s)]
    if not own:
        return best
    own_text = folded("".join(s.text for s in own))
    around = folded(f"{best.held.document.title}{clause.heading}{best.held.lead}")
    around += folded("".join(s.text for s in sentences[: last + 1] if s not in own))
    telling = [t for t in question.terms if match(t, around) < _HELD]
    apart = [t for t in telling if match(t, own_text) >= 0.9]

    def joins(sentence: Sentence, *, goes_on: bool) -> bool:
        text = folded(sentence.text)
        if not _gives(clause.text, sentence) or any(match(t, text) < _HELD for t in apart):
            return False
        return goes_on or _share(telling, text, weights) >= 0.5 * _share(telling, own_text, weights)

    while first > 0 and sentences[last].end - sentences[first - 1].start <= _LONGEST:
        before = sentences[first - 1]
        if not joins(before, goes_on=before.text.endswith(("；", ";"))):
            break
        first -= 1
    while last + 1 < len(sentences) and sentences[last + 1].end - sentences[first].start <= _LONGEST:
        if not joins(sentences[last + 1], goes_on=sentences[last].text.endswith(("；", ";"))):
            break
        last += 1
    if (first, last) == (best.window.first, best.window.last):
        return best
    return replace(best, window=_window(clause.text, sentences, first, last), widened=True)


def gives_for_what_is_asked(question: Question, candidate: Candidate, best: Candidate) -> bool:
    """Whether the words asked for stand before the sum that the run gives, not only after it."""
    clause = candidate.held.clause
    sentences = [sentence for sentence, _ in sentences_of(clause.text)]
    window = sentences[candidate.window.first : candidate.window.last + 1]
    giving = [s for s in window if _gives(clause.text, s)]
    if not giving:
        return False
    said = folded(clause.heading + clause.text[: giving[-1].end])
    wanted = [word for word, held in best.matched.items() if held >= 0.9]
    held = [t for t in question.terms if t.word in wanted and match(t, said) >= _HELD]
    return len(held) >= 0.7 * len(wanted)


def _gives(text: str, sentence: Sentence) -> bool:
    return any(sentence.start <= start < sentence.end for start, _ in given_figures(text))


def _share(terms: Sequence[Term], text: str, weights: Weights) -> float:
    return sum(match(term, text) * weights.of(term) for term in terms)


def _window(text: str, sentences: Sequence[Sentence], first: int, last: int) -> Window:
    start, end = sentences[first].start, sentences[last].end
    return Window(first=first, last=last, text=text[start:end], start=start, end=end)
