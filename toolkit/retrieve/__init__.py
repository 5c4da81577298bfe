"""A question to the passages that bear on it: vectors and words, fused.

In: a question. Out: at most `k` passages, best first, each a clause with its policy's title, region and
headings, short enough that ten of them fit a small model's prompt.
"""

from __future__ import annotations

from toolkit.retrieve.retriever import Retriever, Search

__all__ = ["Retriever", "Search"]
