"""Who holds which part of the cache: sequences, the cells they share, and prefixes kept for later.

A sequence's tokens fill one cell each; sequences with a common prefix share its cells. Finished
sequences may stay as `idle`, the least recently used ones go when room is needed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from toolkit.engine.runtime import Tokens

__all__ = ["Cache", "Held", "common_length"]

_KEPT = 12
"""Idle sequences kept: enough for the prompts of a session, few enough to search at every start."""


class Memory(Protocol):
    """The part of the runtime that moves cells."""

    def copy(self, source: int, target: int, length: int) -> None:
        """Share the first `length` cells of a sequence with another."""

    def trim(self, sequence: int, length: int) -> None:
        """Free a sequence's cells from `length` on."""

    def clear(self) -> None:
        """Free all."""


class Held:
    """A sequence: the tokens whose cells it holds, and those that it is going to compute."""

    def __init__(self, sequence: int, tokens: Tokens, *, final: int) -> None:
        self.sequence = sequence
        self.tokens = tokens
        """The prompt, then what was generated: known, maybe not yet computed."""
        self.computed = 0
        self.final = final
        """The length that it may grow to."""
        self.cells = np.zeros(0, np.int32)
        self.taken = 0
        """Tokens that came from another sequence."""
        self.given = 0
        """The longest prefix that another took from it."""
        self.active = True
        self.used = 0

    @property
    def reserved(self) -> int:
        """Cells that it has yet to fill."""
        return max(0, self.final - self.computed) if self.active else 0


def common_length(first: Tokens, second: Tokens) -> int:
    """Count the tokens that two sequences start with alike."""
    size = min(len(first), len(second))
    differing = np.flatnonzero(first[:size] != second[:size])
    return int(differing[0]) if len(differing) else size


class Cache:
    """Accounts for the cells of a context and the sequences in it."""

    def __init__(self, memory: Memory, *, cells: int, sequences: int) -> None:
        self._memory = memory
        self._count = cells
        self._sequences = sequences
        self.reset()

    def reset(self) -> None:
        """Forget all sequences."""
        self._memory.clear()
        self._holders = np.zeros(self._count, np.int32)
        self._free = list(range(self._count - 1, -1, -1))
        self._unused = list(range(self._sequences - 1, -1, -1))
        self._held: list[Held] = []
        self._clock = 0

    @property
    def idle(self) -> list[Held]:
        """The kept sequences, the least recently used first."""
        return sorted((h for h in self._held if not h.active), key=lambda h: h.used)

    def best_source(self, prompt: Tokens) -> tuple[Held | None, int]:
        """Find whose prefix the prompt shares most of, computed or on its way.

        The last token is never shared: its logits are wanted. Of equals the furthest computed one.
        """
        best: Held | None = None
        length = 0
        for held in self._held:
            common = min(common_length(held.tokens, prompt), len(prompt) - 1)
            if common > length or (
                best is not None and common == length > 0 and held.computed > best.computed
            ):
                best, length = held, common
        return best, length

    def room(self, cells: int, *, sequences: int = 1, keep: Held | None = None) -> bool:
        """Make room by dropping idle sequences; False where the active ones hold too much."""
        for idle in [h for h in self.idle if h is not keep]:
            if self._has_room(cells, sequences):
                break
            self.drop(idle)
        return self._has_room(cells, sequences)

    def _has_room(self, cells: int, sequences: int) -> bool:
        reserved = sum(h.reserved for h in self._held)
        return len(self._free) - reserved >= cells and len(self._unused) >= sequences

    def start(self, tokens: Tokens, *, final: int, source: Held | None = None, shared: int = 0) -> Held:
        """Open a sequence that begins with `shared` tokens of a source; `room` was asked before."""
        held = Held(self._unused.pop(), tokens, final=final)
        self._held.append(held)
        self.touch(held)
        if source is not None and shared:
            self._memory.copy(source.sequence, held.sequence, shared)
            held.cells = source.cells[:shared].copy()
            self._holders[held.cells] += 1
            held.computed = held.taken = shared
            source.given = max(source.given, shared)
            self.touch(source)
        return held

    def lend(self, count: int) -> tuple[int, ...]:
        """Lend sequences whose cells the borrower accounts for; `room` was asked before."""
        return tuple(self._unused.pop() for _ in range(count))

    def take_back(self, sequences: tuple[int, ...]) -> None:
        """Take lent sequences back, with whatever they hold."""
        for sequence in sequences:
            self._memory.trim(sequence, 0)
            self._unused.append(sequence)

    def grow(self, held: Held, count: int) -> None:
        """Book the cells of tokens that were just computed."""
        new = np.array([self._free.pop() for _ in range(count)], np.int32)
        self._holders[new] += 1
        held.cells = np.concatenate([held.cells, new])
        held.computed += count

    def shrink(self, held: Held, length: int) -> None:
        """Drop a sequence's tokens from `length` on."""
        if length < held.computed:
            self._memory.trim(held.sequence, length)
            self._release(held.cells[length:])
            held.cells = held.cells[:length]
            held.computed = length
        held.tokens = held.tokens[:length]

    def drop(self, held: Held) -> None:
        """End a sequence."""
        self._memory.trim(held.sequence, 0)
        self._release(held.cells)
        self._unused.append(held.sequence)
        self._held.remove(held)

    def finish(self, held: Held, *, keep_all: bool) -> None:
        """End a sequence's work; what others may start with stays as long as there is room.

        `keep_all` keeps the whole of it (a conversation goes on from there); else only the
        prefix that others took from it.
        """
        held.active = False
        self.touch(held)
        if keep_all:
            self.shrink(held, held.computed)
        elif held.given > held.taken:
            self.shrink(held, held.given)
        else:
            self.drop(held)
        for old in self.idle[:-_KEPT]:
            self.drop(old)

    def touch(self, held: Held) -> None:
        """Mark a sequence as just used."""
        self._clock += 1
        held.used = self._clock

    def _release(self, cells: Tokens) -> None:
        self._holders[cells] -= 1
        self._free.extend(int(cell) for cell in cells[self._holders[cells] == 0])
