"""What a run tells while it works; this one keeps silent, the command's ones show it."""

from __future__ import annotations

__all__ = ["Progress"]


class Progress:
    """Listens to a run; subclass it and keep what you need.

    Calls come from the thread that called `run`.
    """

    def begin(self, step: str) -> None:
        """A step begins."""

    def advance(
        self, step: str, *, total: int, done: int, empty: int, failed: int, reused: int, decoding: int
    ) -> None:
        """How far a step is; `total` grows while inputs are still being read."""

    def end(self, step: str) -> None:
        """A step is over."""
