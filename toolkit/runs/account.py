"""The shapes of a run's account: what goes in, what came of it, and how many of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Counts", "Entry", "Item", "Outcome", "Row", "RunRow", "RunState", "State", "Unit"]

State = Literal["waiting", "done", "empty", "failed"]
Unit = Literal["file", "clause", "question"]
RunState = Literal["running", "finished", "interrupted", "checked"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to compute: its key, its id for people, and the input."""

    key: str
    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item; `result` is plain JSON data, `seconds` what it took."""

    key: str
    state: State
    result: Any = None
    reason: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """The n-th input of a run."""

    n: int
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a run's account, with the input and the result where there are such."""

    step: str
    n: int
    id: str
    state: State
    reason: str | None
    attempts: int
    seconds: float
    payload: dict[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items of a step are in which state; `reused` of them were computed by another run."""

    step: str
    total: int = 0
    done: int = 0
    empty: int = 0
    failed: int = 0
    waiting: int = 0
    reused: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `checked` is one that was estimated and not begun."""

    id: int
    name: str
    state: RunState
    started: str
    ended: str | None
    counts: tuple[Counts, ...]
