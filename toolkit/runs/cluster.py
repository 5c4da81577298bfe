"""A run on a Ray cluster: Ray Data's actors compute, the ledger stays here.

Every actor opens its own tools once (its engine, its store), so plans for a cluster name models and
stores that each machine can reach. An actor that dies is started anew by Ray and its batch given out
again; what came back is in the ledger, and a run that is cut off goes on as any other.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from toolkit.errors import InputError, RemoteError
from toolkit.runs.account import Item, Outcome, Unit
from toolkit.runs.batch import Choice, Report, run
from toolkit.runs.plan import Plan
from toolkit.runs.progress import Progress
from toolkit.runs.workers import Tools, Worker

__all__ = ["run_on_ray"]

_BATCH, _ROUND = 16, 4096


def run_on_ray(
    plan: Plan,
    address: str,
    *,
    workers: int | None = None,
    choice: Choice | None = None,
    tools: Callable[[Plan], Tools] = Tools,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Run a plan on a cluster: its address, "auto" for the one that this machine is part of, or
    "local" for one made here.

    `workers` is how many actors work on a step: one a node if None.
    """
    try:
        import ray
    except ImportError:
        raise InputError("--ray needs the package ray", hint="pip install 'policy-toolkit[ray]'") from None
    mine = not ray.is_initialized()
    if mine:
        try:
            if address == "local":
                ray.init(
                    num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
                )
            else:
                ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except ConnectionError as error:
            raise RemoteError(
                f"no Ray cluster answers at {address}", hint="start one: ray start --head"
            ) from error
    try:
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        number = workers or max(1, len([node for node in ray.nodes() if node["Alive"]]))
        made = partial(_RemoteTools, tools, number)
        return run(plan, choice=choice, tools=made, progress=progress, stop=stop)
    finally:
        if mine:
            ray.shutdown()


class _RemoteTools(Tools):
    """Gives workers that work elsewhere, but for ingest, which has one writer: the driver."""

    def __init__(self, tools: Callable[[Plan], Tools], workers: int, plan: Plan) -> None:
        super().__init__(plan)
        self._made, self._workers = tools, workers
        self._here = tools(plan)

    def worker(self, name: str) -> Worker:
        """Make the worker of a step."""
        worker = self._here.worker(name)
        return worker if worker.unit == "file" else _Remote(self, worker, name, self._made, self._workers)

    def close(self) -> None:
        """Free what the driver opened."""
        self._here.close()


class _Remote:
    """Sends items to actors, some thousand at a time, and gives what comes back."""

    def __init__(
        self,
        tools: Tools,
        worker: Worker,
        name: str,
        made: Callable[[Plan], Tools],
        workers: int,
    ) -> None:
        self.unit: Unit = worker.unit
        self.fingerprint = worker.fingerprint
        self.content = worker.content
        self._plan, self._name, self._made, self._workers = tools.plan, name, made, workers

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        import ray

        supply = iter(items)
        while part := list(islice(supply, _ROUND)):
            packed = [
                {"key": item.key, "id": item.id, "payload": json.dumps(item.payload, ensure_ascii=False)}
                for item in part
            ]
            found = ray.data.from_items(
                packed, override_num_blocks=max(1, min(len(packed), 4 * self._workers))
            ).map_batches(
                _Actor,
                fn_constructor_args=(self._made, self._plan.model_dump_json(), self._name),
                batch_size=_BATCH,
                compute=ray.data.ActorPoolStrategy(size=self._workers),
            )
            for row in found.iter_rows():
                yield Outcome(
                    row["key"],
                    row["state"],
                    json.loads(row["result"]),
                    json.loads(row["reason"]),
                    row["seconds"],
                )


class _Actor:
    """Holds one step's tools on one worker."""

    def __init__(self, made: Callable[[Plan], Tools], plan: str, name: str) -> None:
        self._worker = made(Plan.model_validate_json(plan)).worker(name)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        columns = (batch["key"], batch["id"], batch["payload"])
        items = (Item(str(k), str(i), json.loads(str(p))) for k, i, p in zip(*columns, strict=True))
        found = list(self._worker.work(items))
        return {
            "key": [outcome.key for outcome in found],
            "state": [outcome.state for outcome in found],
            "result": [json.dumps(outcome.result, ensure_ascii=False) for outcome in found],
            "reason": [json.dumps(outcome.reason) for outcome in found],
            "seconds": [outcome.seconds for outcome in found],
        }
