"""What a plan would cost: its inputs read and counted, and its pace.

The pace of a step is what earlier runs measured; where none did, a handful of its inputs is computed
and measured. Nothing is lost by that: the run takes those results from the ledger.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.runs.account import Item, Outcome
from toolkit.runs.batch import Batch, Choice, opened
from toolkit.runs.plan import Plan
from toolkit.runs.workers import Tools, Worker

__all__ = ["Estimate", "StepEstimate", "check"]

_SAMPLE = 8
_NOT_REPEATED = ("document_id", "start", "end", "kind", "source")


@dataclass(frozen=True)
class StepEstimate:
    """One step: its inputs, how many are still to compute, and seconds for each.

    `basis` says where the pace is from; "unknown" has no seconds.
    """

    step: str
    total: int
    todo: int
    seconds_each: float
    basis: Literal["earlier runs", "a sample", "unknown"]

    @property
    def seconds(self) -> float:
        """How long the step will take."""
        return self.todo * self.seconds_each


@dataclass(frozen=True)
class Estimate:
    """A plan's cost; `unreadable` inputs failed to be read, `size` is the results' size in bytes."""

    steps: tuple[StepEstimate, ...]
    unreadable: int
    size: int


def check(plan: Plan, *, choice: Choice | None = None, tools: Callable[[Plan], Tools] = Tools) -> Estimate:
    """Validate a plan and estimate what running it would take."""
    with opened(plan, choice=choice, tools=tools) as batch:
        try:
            sizes: list[int] = []
            steps = tuple(_step(batch, name, sizes) for name in batch.names())
        finally:
            counts = batch.close("checked")
    unreadable = sum(count.failed for count in counts if count.step == "read")
    return Estimate(steps, unreadable, sum(sizes))


def _step(batch: Batch, name: str, sizes: list[int]) -> StepEstimate:
    worker = batch.tools.worker(name)
    total = todo = results = texts = known = 0
    sample: list[Item] = []
    for window in batch.windows(worker):
        rows, items = batch.plan_window(name, worker, window)
        total += len(rows)
        found = batch.ledger.known(list(items))
        fresh = [item for key, item in items.items() if key not in found]
        todo += len(fresh)
        known += len(found)
        results += sum(length for _, length in found.values())
        texts += sum(_told(item.payload) for item in items.values())
        sample += fresh[: max(0, _SAMPLE - len(sample))]
    pace = batch.ledger.pace(worker.fingerprint)
    basis: Literal["earlier runs", "a sample", "unknown"] = "earlier runs" if pace else "unknown"
    if pace is None and sample and worker.unit != "file":
        pace, outcomes = _measure(batch, name, worker, sample)
        basis = "a sample"
        known += len(outcomes)
        todo -= len(outcomes)
        results += sum(_told(outcome.result) for outcome in outcomes)
    sizes.append(texts + (results * total // known if known else 0))
    return StepEstimate(name, total, todo, pace or 0.0, basis)


def _told(value: Any) -> int:
    """Give the bytes that a value takes as JSON; of an input, those that an output repeats."""
    if isinstance(value, dict):
        value = {name: said for name, said in value.items() if name not in _NOT_REPEATED}
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _measure(batch: Batch, name: str, worker: Worker, sample: list[Item]) -> tuple[float, list[Outcome]]:
    batch.ledger.claim(batch.id, batch.session, name, [item.key for item in sample], retry=batch.choice.retry)
    first, *rest = sample
    outcomes = list(worker.work([first]))  # loads the model, which is not the pace
    began = time.monotonic()
    outcomes += worker.work(rest)
    took = time.monotonic() - began
    batch.ledger.save(batch.id, batch.session, outcomes)
    each = took / len(rest) if rest else outcomes[0].seconds
    batch.ledger.add_pace(worker.fingerprint, max(1, len(rest)), each * max(1, len(rest)))
    return each, outcomes
