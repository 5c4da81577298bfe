"""A comparison cut into its parts, each a question of its own.

In: a question such as 甲区和乙区的奖励各是多少. Out: its parts, each with what is said of both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from toolkit.ask.question import Path, Question, understand

__all__ = ["Part", "parts_of"]

_AND = re.compile(r"以及|还是|和|与|跟|同(?=[^一时步样])|相比|、")
_TAIL = re.compile(r"分别|各(?:是|自|要|能|不|有|给|为|多|最)|相比|哪个|哪家|谁|对(?!象)|有什么")
_CLAUSE = re.compile(r"[^，,；;。？?！!]+[，,；;。？?！!]?")


@dataclass(frozen=True)
class Part:
    """One side of a comparison: its name in the question and the question about it alone."""

    name: str
    question: Question


def parts_of(question: Question, *, regions: Iterable[Path] = ()) -> list[Part]:
    """Split a comparison into two or three parts; empty where it is none."""
    known = tuple(regions)
    if not question.compares:
        return []
    clauses = _CLAUSE.findall(question.text)
    for strong in (True, False):
        for index, clause in enumerate(clauses):
            for match in _AND.finditer(clause):
                if (match.group() == "、") == strong:
                    continue
                sides = _sides(clause, match.start(), match.end())
                if sides is None:
                    continue
                left, right, tail = sides
                parts = [_part(question, clauses, index, side, tail, known) for side in (left, right)]
                if all(_distinct(part, parts) for part in parts):
                    return parts
    return []


def _sides(clause: str, start: int, end: int) -> tuple[str, str, str] | None:
    left, rest = clause[:start], clause[end:]
    match = _TAIL.search(rest)
    right, tail = (
        (rest[: match.start()], rest[match.start() :]) if match else (rest.rstrip("，,；;。？?！!"), "")
    )
    return (left, right, tail) if len(left) >= 2 and len(right) >= 2 else None


def _part(
    question: Question, clauses: list[str], index: int, side: str, tail: str, regions: tuple[Path, ...]
) -> Part:
    alone = "".join([*clauses[:index], side, tail if tail else "，", *clauses[index + 1 :]])
    asked = understand(alone, regions=regions)
    own = understand(side, regions=regions)
    kept = replace(
        asked,
        wants=question.wants,
        places=own.places or asked.places or question.places,
        years=own.years,
        compares=False,
        about_validity=question.about_validity,
    )
    return Part(name=side.strip(), question=kept)


def _distinct(part: Part, parts: list[Part]) -> bool:
    """Whether a side names something that the other does not."""
    others = [other for other in parts if other is not part]
    own = _named(part.name)
    return bool(own) and all(own != _named(other.name) for other in others)


def _named(side: str) -> frozenset[str]:
    found = understand(side)
    return frozenset(
        [term.word for term in found.terms] + [p.name for p in found.places] + [str(y) for y in found.years]
    )
