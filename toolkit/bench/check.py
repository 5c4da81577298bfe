"""A measurement that has a bar."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Check"]


@dataclass(frozen=True)
class Check:
    """One measured bar."""

    what: str
    measured: str
    bar: str
    met: bool
