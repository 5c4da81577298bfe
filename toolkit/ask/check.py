"""The two locks on an answer: every figure stands in a cited quote, every quote stands in its clause.

In: an answer's text, its citations and the clauses. Out: what breaks a lock; nothing is repaired here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from toolkit.records import Citation
from toolkit.text import fold, locate

__all__ = ["figures_outside", "ungrounded"]

_FIGURE = re.compile(
    r"\d+(?:[.,]\d+)*(?:%|‰|万|亿|千|元|年|个|月|日|天|人|家|项|平|倍|成|名|次|:\d+)?"
    r"|[零一二三四五六七八九十百千两]+(?:万|亿|千|元|成|倍|个月|年|%)|[百千]分之[零一二三四五六七八九十百点]+"
)


def figures_outside(text: str, sources: Iterable[str]) -> list[str]:
    """List the figures of a text that stand in none of the sources, width and white space aside.

    A figure counts as standing there only whole: 20万 does not stand in 120万.
    """
    folded = [fold(source) for source in sources]
    return [
        figure
        for figure in _FIGURE.findall(fold(text))
        if not any(_stands(figure, source) for source in folded)
    ]


def _stands(figure: str, source: str) -> bool:
    after = r"(?!\d)" if figure[-1].isdigit() else ""
    return re.search(rf"(?<![\d.]){re.escape(figure)}{after}", source) is not None


def ungrounded(citations: Iterable[Citation], text_of: Callable[[str], str | None]) -> list[Citation]:
    """List the citations whose quote does not stand in the clause that they name."""
    found = []
    for citation in citations:
        text = text_of(citation.clause_id)
        if text is None or locate(text, citation.quote) is None:
            found.append(citation)
    return found
