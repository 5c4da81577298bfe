"""Conditions that stand in another clause of the same article: found there, cited there.

In: clauses in the order of their document, and the supports read from them. Out: supports with the
inherited conditions, whose `clause_id` names the clause that they stand in.
"""

from __future__ import annotations

from toolkit.extraction.demands import conditions_heading, listed_conditions
from toolkit.extraction.sentences import cut_sentences
from toolkit.figures.view import View
from toolkit.records import Clause, Quote, Support

__all__ = ["Inheritance"]

_MOST = 12


class Inheritance:
    """Remembers the condition clauses of the articles read last, and hands them to their siblings."""

    def __init__(self) -> None:
        self._document: str | None = None
        self._conditions: dict[tuple[str, ...], list[Quote]] = {}

    def read(self, clause: Clause, supports: list[Support]) -> list[Support]:
        """Note a condition clause, or give a clause's supports the conditions before it."""
        if clause.document_id != self._document:
            self._document, self._conditions = clause.document_id, {}
        if not supports:
            found = _conditions_of(clause)
            if found:
                self._conditions.setdefault(clause.heading_path[:-1], []).extend(found)
            return supports
        inherited = self._conditions.get(clause.heading_path[:-1], []) if clause.heading_path else []
        if not inherited:
            return supports
        added = tuple(inherited[:_MOST])
        return [s.model_copy(update={"conditions": (*s.conditions, *added)}) for s in supports]


def _conditions_of(clause: Clause) -> list[Quote]:
    """Read a clause that only lists conditions; empty where it is another kind of clause."""
    view = View(clause.text)
    sentences = cut_sentences(view.text, view.line_starts)
    if not sentences or not any(conditions_heading(view.text[s.start : s.end]) for s in sentences[:2]):
        return []
    quotes = []
    for span in listed_conditions(view.text, sentences, set()):
        start, end = view.span(*span)
        quotes.append(Quote(quote=clause.text[start:end], start=start, end=end, clause_id=clause.id))
    return quotes
