"""Scoring labels as continuations of a prompt: a tree of label tokens, computed with the prompt's end.

All labels of a request go into the batch that ends its prompt, each on a sequence of its own; labels
that begin alike share tokens. A label's last token is never computed, its logits are not wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from toolkit.engine.runtime import Run, Runtime, Tokens
from toolkit.engine.sampling import Logits, log_total
from toolkit.engine.work import Work
from toolkit.errors import InputError
from toolkit.records import Scores

__all__ = ["Scoring"]

_GROUP_NODES = 64
_GROUP_LEAVES = 32
_LONGEST = 64
"""Tokens of a label: with a full group before it, its tree must fit in one batch's logits."""


@dataclass
class _Node:
    """A token of the tree, named by the label tokens up to it."""

    path: tuple[int, ...]
    leaves: list[int] = field(default_factory=list)


def _groups(labels: Sequence[tuple[int, ...]]) -> list[list[_Node]]:
    """Arrange what must be computed into trees small enough for a batch, parents first.

    `leaves` numbers the sequences within a group.
    """
    stems = sorted({label[:-1] for label in labels if len(label) > 1})
    longest = [s for i, s in enumerate(stems) if i + 1 == len(stems) or stems[i + 1][: len(s)] != s]
    groups: list[dict[tuple[int, ...], _Node]] = [{}]
    leaves = 0
    for stem in longest:
        paths = [stem[: i + 1] for i in range(len(stem))]
        added = sum(path not in groups[-1] for path in paths)
        if leaves and (leaves >= _GROUP_LEAVES or len(groups[-1]) + added > _GROUP_NODES):
            groups.append({})
            leaves = 0
        for path in paths:
            groups[-1].setdefault(path, _Node(path)).leaves.append(leaves)
        leaves += 1
    return [list(group.values()) for group in groups if group]


class Scoring(Work[Scores]):
    """A score request on its way to `Scores`."""

    def __init__(self, prompt: Sequence[int], labels: Sequence[Sequence[int]]) -> None:
        super().__init__(prompt)
        self._labels = [tuple(label) for label in labels]
        longest = max(map(len, self._labels), default=0)
        if longest > _LONGEST:
            raise InputError(f"a label has {longest} tokens and {_LONGEST} can be scored", hint="shorten it")
        self._groups = _groups(self._labels)
        self.branches = max((_leaves(group) for group in self._groups), default=0)
        self.restart()

    def restart(self) -> None:
        """Begin anew."""
        super().restart()
        self._next = 0
        self._planned: list[_Node] = []
        self._found: dict[tuple[int, ...], dict[int, float]] = {}

    @property
    def length(self) -> int:
        """Tokens that the prompt and the largest group of labels fill."""
        return len(self.prompt) + max(map(len, self._groups), default=0)

    def plan(self, budget: int, outputs: int, spare: int = 0) -> list[Run]:
        """Give the prompt's next tokens, and with its last ones the first labels."""
        held = self.held
        self._planned = []
        if held is None or budget < 1 or outputs < 1:
            return []
        todo = self.prompt[held.computed :]
        group = self._groups[self._next] if self._next < len(self._groups) else []
        ends = len(todo) + len(group) <= budget and len(group) < outputs
        if not ends:
            if not len(todo):
                return []
            part = todo[:budget] if len(todo) > budget else todo[:-1]
            return [Run(part, held.computed, (held.sequence,), wanted=0)] if len(part) else []
        self._planned = group
        used = self.spare[: _leaves(group)]
        runs = [Run(todo, held.computed, (held.sequence, *used))] if len(todo) else []
        return runs + [
            Run(node.path[-1:], len(self.prompt) + len(node.path) - 1, tuple(used[i] for i in node.leaves))
            for node in group
        ]

    def take(self, logits: Sequence[Sequence[Logits]], runtime: Runtime) -> None:
        """Read the wanted log-probabilities off the logits; the last group gives the result."""
        rows = [row[0] for row in logits if row]
        if not rows:
            return
        paths = [node.path for node in self._planned]
        if len(rows) > len(paths):
            paths = [(), *paths]
        for path, row in zip(paths, rows, strict=True):
            self._read(path, row)
        self._next += 1
        if self._next >= len(self._groups):
            self.result = self._scores()

    def _read(self, path: tuple[int, ...], row: Logits) -> None:
        depth = len(path)
        following = {label[depth] for label in self._labels if len(label) > depth and label[:depth] == path}
        total = log_total(row)
        self._found[path] = {token: float(row[token]) - total for token in following}

    def _scores(self) -> Scores:
        sums = [sum(self._found[label[:i]][label[i]] for i in range(len(label))) for label in self._labels]
        return Scores(logprobs=tuple(map(float, sums)), tokens=tuple(map(len, self._labels)))

    def known(self) -> Tokens:
        """Give the prompt's tokens: what may be shared."""
        return self.prompt


def _leaves(group: Sequence[_Node]) -> int:
    return 1 + max((leaf for node in group for leaf in node.leaves), default=-1)
