"""What stands around a figure: its own comma segment, its sentence, and what comes before that."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.figures.cues import GIVING

__all__ = ["Setting", "setting_of"]

_REACH = 400  # characters of a sentence that are looked at on each side of a figure


@dataclass(frozen=True)
class Setting:
    """A figure's surroundings: its own comma segment, and its sentence, before and behind it."""

    left: str
    right: str
    before: str
    behind: str
    bracket: bool
    earlier: str

    @property
    def sentence(self) -> str:
        """The sentence, with a sign in the figure's place."""
        return f"{self.before}□{self.behind}"

    def gives(self) -> bool:
        """Say whether the sentence has a word for giving."""
        return bool(re.search(GIVING, self.sentence))


def setting_of(text: str, start: int, end: int) -> Setting:
    """Cut out what stands around the folded characters `start` to `end`."""
    opened, closed = text.rfind("(", 0, start), text.rfind(")", 0, start)
    bracket = opened > closed and ")" in text[end:]
    floor = opened + 1 if bracket else max(text.rfind(c, 0, start) for c in "。;") + 1
    ceiling = text.find(")", end) if bracket else _first(text, "。;", end)
    floor, ceiling = max(floor, start - _REACH), min(ceiling, end + _REACH)
    before, behind = _without_brackets(text[floor:start]), _without_brackets(text[end:ceiling])
    return Setting(
        left=re.split(r"[,:]", before)[-1],
        right=re.split(r"[,:]", behind)[0],
        before=before,
        behind=behind,
        bracket=bracket,
        earlier=text[max(0, floor - 240) : floor],
    )


def _first(text: str, marks: str, start: int) -> int:
    return min((at for at in (text.find(c, start) for c in marks) if at >= 0), default=len(text))


def _without_brackets(text: str) -> str:
    return re.sub(r"\((?!不?含\)|包含\))[^()]*\)", "", text)
