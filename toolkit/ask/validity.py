"""When a policy begins and ends, answered from the document's own words.

In: a question about validity and the document that it means. Out: the clause and the sentence that say
so, and the dates that were computed from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from toolkit.ask.compose import Piece
from toolkit.ask.question import Question
from toolkit.ask.windows import split_sentences
from toolkit.dates import find_dates
from toolkit.records import Clause, Document
from toolkit.text import squeeze

__all__ = ["Term", "remark", "term_of"]

_SAYS = re.compile(
    r"(?:自[^。；]{0,40}(?:起|日起)[^。；]{0,12}(?:施行|实施|执行|生效|有效|试行))|有效期|(?:执行|实施|施行|有效)至|截止|截至[^。；]{0,12}(?:止|有效)|起(?:施行|实施|执行|试行)|失效|试行期"
)
_OWN = re.compile(
    r"本(?:办法|措施|意见|规定|细则|政策|方案|条例|通知|计划|实施|若干|文件|指引|行动)|^自|有效期"
)


@dataclass(frozen=True)
class Term:
    """The words on a policy's term, and what its dates add that the words do not hold."""

    pieces: tuple[Piece, ...]
    addition: str = ""


def term_of(question: Question, document: Document, clauses: Sequence[Clause]) -> Term | None:
    """Find what the document says of its own beginning and end; None where it says nothing dated."""
    found: list[tuple[float, Piece]] = []
    for position, clause in enumerate(clauses):
        for sentence in split_sentences(clause.text):
            if not _SAYS.search(sentence.text):
                continue
            piece = _bounded(document, clause, sentence.start, sentence.end)
            found.append((_rating(sentence.text, document, position / len(clauses)), piece))
    found = [item for item in found if item[0] > 0.9]
    if not found:
        return None
    found.sort(key=lambda item: -item[0])
    pieces = [found[0][1]]
    if len(found) > 1 and not _complete(pieces[0].quote) and found[1][0] > 1.4:
        pieces.append(found[1][1])
    return Term(tuple(pieces), _addition(document, "".join(piece.quote for piece in pieces)))


def remark(document: Document, on: date) -> str:
    """Mark a policy that is no longer or not yet in force on a day; empty where it is."""
    validity = document.validity(on)
    if validity == "expired" and document.expires is not None:
        return f"（已于{document.expires.isoformat()}到期）"
    if validity == "repealed":
        return "（已废止）"
    if validity == "pending" and document.effective is not None:
        return f"（{document.effective.isoformat()}起施行）"
    return ""


def _bounded(document: Document, clause: Clause, start: int, end: int) -> Piece:
    """Keep the parts of a long sentence around what it says of the term."""
    text = clause.text[start:end]
    if len(text) > 120:
        match = _SAYS.search(text)
        assert match is not None
        cut = max(text.rfind("，", 0, match.start()), text.rfind(",", 0, match.start())) + 1
        stop = text.find("。", match.end())
        end = start + min(len(text), stop + 1 if stop >= 0 else len(text), match.end() + 60)
        start += cut
    return Piece(document, clause, start, end)


def _rating(text: str, document: Document, position: float) -> float:
    """How surely a sentence speaks of the document's own term: its own name, a date, near the end."""
    rating = 1.0 if _OWN.search(squeeze(text)) else 0.0
    dates = {mention.value for mention in find_dates(text)}
    rating += 0.5 if dates else 0.0
    rating += 0.5 * len(dates & {document.effective, document.expires} - {None})
    return rating + 0.3 * position


def _complete(quote: str) -> bool:
    return len(find_dates(quote)) >= 2 or "有效期" in quote


def _addition(document: Document, quoted: str) -> str:
    """Say in ISO form what was computed from the words: the last day of a term of years."""
    said = {mention.value for mention in find_dates(quoted)}
    if document.expires is not None and document.expires not in said and "有效期" in quoted:
        return f"推算有效期至{document.expires.isoformat()}"
    return ""
