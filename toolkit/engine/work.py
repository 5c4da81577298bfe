"""What the scheduler needs of a job: a prompt, the tokens to compute next, and a result at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from toolkit.engine.cells import Held
from toolkit.engine.runtime import Run, Runtime, Tokens
from toolkit.engine.sampling import Logits

__all__ = ["Work"]

Found = TypeVar("Found")


class Work(ABC, Generic[Found]):
    """A request on its way to its result; `held` is its place in the cache while it runs."""

    branches = 0
    """Sequences that it needs beside its own."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self.prompt: Tokens = np.asarray(prompt, np.int32)
        self.held: Held | None = None
        self.result: Found | None = None
        self.keep_all = False
        """Whether its whole text stays in the cache for a request that goes on from there."""
        self.spare: tuple[int, ...] = ()
        """The sequences lent for its branches."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Tokens that the prompt and what follows fill at most."""

    @property
    def decoding(self) -> bool:
        """Whether its prompt is computed."""
        return self.held is not None and self.held.computed >= len(self.prompt)

    @abstractmethod
    def plan(self, budget: int, outputs: int, spare: int = 0) -> list[Run]:
        """Give the next tokens: `budget` at most, `outputs` of them with logits.

        `spare` is how many tokens may be tried that may turn out to be wrong.
        """

    @abstractmethod
    def take(self, logits: Sequence[Sequence[Logits]], runtime: Runtime) -> None:
        """Go on from the logits of each planned run; sets `result` when done."""

    @abstractmethod
    def known(self) -> Tokens:
        """Give the tokens that another request may share: the prompt, and what was generated."""

    def restart(self) -> None:
        """Begin anew, after a batch that broke."""
        self.held = None
        self.result = None
        self.spare = ()

    def require_result(self) -> Found:
        """Give the result of a finished job."""
        assert self.result is not None, "the job is not done"
        return self.result
