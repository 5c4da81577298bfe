"""A text folded for reading by rules, with the way back to the characters of the original.

In: a text with any width, spacing and line breaks. Out: `View`, whose `text` has half-width signs
and no white space, and whose `span` gives original offsets.
"""

from __future__ import annotations

import unicodedata

from toolkit.text import fold_with_offsets

__all__ = ["View"]


class View:
    """A folded text and where each of its characters came from.

    A circled number (`①`) becomes `◦`, so that it never runs into the figure behind it.
    """

    def __init__(self, source: str) -> None:
        folded, offsets = fold_with_offsets(source)
        self.source = source
        self.offsets = offsets
        self.text = "".join(
            "◦" if unicodedata.category(source[at]) == "No" else piece
            for piece, at in zip(folded, offsets, strict=True)
        )

    @property
    def line_starts(self) -> list[int]:
        """Where, in the folded text, a line of the original begins; the first is left out."""
        return [index for index in range(1, len(self.offsets)) if "\n" in self.gap(index)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Give the original offsets of the folded characters `start` to `end`."""
        return self.offsets[start], self.offsets[end - 1] + 1

    def quote(self, start: int, end: int) -> str:
        """Give the original words of the folded characters `start` to `end`."""
        first, last = self.span(start, end)
        return self.source[first:last]

    def gap(self, index: int) -> str:
        """Give the white space that the original has before a folded character."""
        return self.source[self.offsets[index - 1] + 1 : self.offsets[index]] if index else ""
