"""Clauses to supports: who gets how much, for what, under which conditions, each tied to its words.

`extract` reads clauses with or without a model, `extract_as_completed` a stream of them; `extract_rules`
reads one text by grammar alone. With a schema of one's own the model reads, under the same grounding.
"""

from __future__ import annotations

from toolkit.extraction.reading import extract, extract_as_completed, fingerprint
from toolkit.extraction.rows import flat_rows
from toolkit.extraction.rules import extract_rules

__all__ = ["extract", "extract_as_completed", "extract_rules", "fingerprint", "flat_rows"]
