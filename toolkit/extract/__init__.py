"""Clauses to supports: who gets how much, for what, under which conditions, each tied to its words.

`extract_rules` reads a clause by grammar alone.
"""

from __future__ import annotations

from toolkit.extract.rules import extract_rules

__all__ = ["extract_rules"]
