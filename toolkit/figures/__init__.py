"""Money and percentages: finding them in a text, and saying what each is to a support.

`find_figures` gives every figure with its value; `read_roles` says for each whether it is an amount,
a cap, a rate, or a distractor (a threshold, target, budget and the like).
"""

from __future__ import annotations

from toolkit.figures.expressions import find_figures
from toolkit.figures.numerals import parse_number
from toolkit.figures.roles import read_roles

__all__ = ["find_figures", "parse_number", "read_roles"]
