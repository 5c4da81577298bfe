"""Batches that survive anything: a plan in, outputs and a full account out.

`load_plan` reads a plan file, `run` does it or goes on with it, `Ledger` is its account.
"""

from __future__ import annotations

from toolkit.runs.account import Counts, Item, Outcome, Row, RunRow, Unit
from toolkit.runs.batch import Choice, Report, ledger_path, run
from toolkit.runs.ledger import Ledger
from toolkit.runs.plan import Inputs, Output, Plan
from toolkit.runs.plan_file import load_plan
from toolkit.runs.progress import Progress
from toolkit.runs.workers import Tools, Worker

__all__ = [
    "Choice",
    "Counts",
    "Inputs",
    "Item",
    "Ledger",
    "Outcome",
    "Output",
    "Plan",
    "Progress",
    "Report",
    "Row",
    "RunRow",
    "Tools",
    "Unit",
    "Worker",
    "ledger_path",
    "load_plan",
    "run",
]
