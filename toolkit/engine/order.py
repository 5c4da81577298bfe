"""From results as they complete to results in the order of what was asked."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from typing import TypeVar

__all__ = ["in_order"]

Found = TypeVar("Found")


def in_order(found: Generator[tuple[int, Found | Exception], None, None], count: int) -> list[Found]:
    """Collect `count` indexed results; the first exception among them is raised and ends the work."""
    results: dict[int, Found] = {}
    with closing(found):
        for index, result in found:
            if isinstance(result, Exception):
                raise result
            results[index] = result
    return [results[index] for index in range(count)]
