"""The steps of a run: each takes a stream of items and gives outcomes as they finish.

A worker reads its items lazily, a batch ahead at most, so that the engine's slots stay full and memory
stays flat. What one item does wrong is a failed outcome; a dead model raises.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.engine import Engine, load_engine
from toolkit.records import Clause, Failure, content_id
from toolkit.runs.account import Item, Outcome, Unit
from toolkit.runs.plan import ClassifyStep, ExtractStep, IngestStep, Plan
from toolkit.runs.source import code_hash, model_fingerprint

if TYPE_CHECKING:
    from toolkit.embed import Embedder
    from toolkit.store import Store

__all__ = ["Tools", "Worker"]

_CLASSIFY_BATCH = 64


class Worker(Protocol):
    """One step at work.

    `fingerprint` covers the prompt, the schema, the model, the settings and the code; it is known
    before any model is loaded. `content` gives what of an input the result depends on.
    """

    unit: Unit

    @property
    def fingerprint(self) -> str:
        """Identify how the step works."""
        ...

    def content(self, payload: dict[str, Any]) -> str:
        """Give what the result depends on."""
        ...

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """Compute every item, in any order."""
        ...


class Tools:
    """What the steps of a plan work with; each is opened when first used and closed once.

    Subclass it to run a plan with another engine or another worker.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._engines: dict[str | None, Engine] = {}
        self._store: Store | None = None
        self._lock = threading.Lock()

    def worker(self, name: str) -> Worker:
        """Make the worker of a step."""
        step = self.plan.steps[name]
        if isinstance(step, IngestStep):
            return _Ingest(self, step)
        if isinstance(step, ClassifyStep):
            return _Classify(step)
        if isinstance(step, ExtractStep):
            return _Extract(self, step, self.plan.model_of(name))
        return _Ask(self, self.plan.model_of(name))

    def engine(self, model: str | None) -> Engine:
        """Give the loaded engine of a model."""
        if model not in self._engines:
            self._engines[model] = load_engine(model)
        return self._engines[model]

    def model_fingerprint(self, model: str | None) -> str:
        """Identify a model without loading it."""
        return model_fingerprint(model)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model."""
        from toolkit.embed import load_embedder

        return load_embedder()

    @property
    def store(self) -> Store:
        """The plan's store; an ingest step makes it where it is missing."""
        from toolkit.store import Store

        with self._lock:  # the reading thread may ask for it too
            if self._store is None:
                create = any(step.use == "ingest" for step in self.plan.steps.values())
                self._store = Store.open(
                    Path(self.plan.store), create=create, chroma_url=self.plan.chroma_url
                )
            return self._store

    def close(self) -> None:
        """Free what was opened."""
        for engine in self._engines.values():
            engine.close()
        if "embedder" in self.__dict__:
            self.embedder.close()
        if self._store is not None:
            self._store.close()


class _Ingest:
    unit: Unit = "file"

    def __init__(self, tools: Tools, step: IngestStep) -> None:
        self._tools, self._step = tools, step
        self.fingerprint = content_id("ingest", tools.plan.store, tools.plan.chroma_url or "")

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["path"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        from toolkit.ingestion import ingest

        keys = {str(item.payload["path"]): item.key for item in items}
        began = time.monotonic()
        report = ingest(list(keys), self._tools.store, self._tools.embedder, prune=self._step.prune)
        each = (time.monotonic() - began) / max(1, len(keys))
        for file in report.files:
            reasons = "; ".join(failure.reason for failure in file.failures)
            told = file.model_dump(mode="json", exclude={"failures"})
            state: Any = file.outcome if file.outcome in ("empty", "failed") else "done"
            yield Outcome(keys[file.path], state, told, reasons or None, each)


class _Classify:
    unit: Unit = "clause"

    def __init__(self, step: ClassifyStep) -> None:
        self._step = step

    @cached_property
    def _classifier(self) -> Any:
        from toolkit.classify import Classifier

        return Classifier.load(Path(self._step.classifier) if self._step.classifier else None)

    @property
    def fingerprint(self) -> str:
        return content_id("classify", self._classifier.fingerprint, code_hash("classify", "keywords"))

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        supply = iter(items)
        while group := list(islice(supply, _CLASSIFY_BATCH)):
            began = time.monotonic()
            found = self._classifier.classify([item.payload["text"] for item in group])
            each = (time.monotonic() - began) / len(group)
            for item, labelling in zip(group, found, strict=True):
                result = labelling.model_dump(mode="json", exclude={"id", "text"})
                yield Outcome(item.key, "done" if labelling.labels else "empty", result, seconds=each)


class _Extract:
    """Reads each clause alone; what it inherits from its siblings is added when outputs are made."""

    unit: Unit = "clause"

    def __init__(self, tools: Tools, step: ExtractStep, model: str | None) -> None:
        self._tools, self._model, self._rules_only = tools, model, step.rules_only

    @cached_property
    def fingerprint(self) -> str:
        from toolkit.extraction import fingerprint

        model = "rules" if self._rules_only else self._tools.model_fingerprint(self._model)
        return content_id("extract", model, fingerprint())

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        from toolkit.extraction import extract_as_completed

        keys: dict[int, str] = {}

        def clauses() -> Iterator[Clause]:
            for index, item in enumerate(items):
                keys[index] = item.key
                text = str(item.payload["text"])
                yield Clause(id=item.id, document_id=item.key, text=text, start=0, end=len(text))

        engine = None if self._rules_only else self._tools.engine(self._model)
        began = time.monotonic()
        for index, found in extract_as_completed(clauses(), engine=engine):
            seconds, began = time.monotonic() - began, time.monotonic()
            if isinstance(found, Failure):
                yield Outcome(keys.pop(index), "failed", reason=found.reason, seconds=seconds)
                continue
            told = found.model_dump(mode="json", exclude={"id", "text"})
            yield Outcome(keys.pop(index), "done" if found.supports else "empty", told, seconds=seconds)


class _Ask:
    unit: Unit = "question"

    def __init__(self, tools: Tools, model: str | None) -> None:
        self._tools, self._model = tools, model

    @cached_property
    def fingerprint(self) -> str:
        code = code_hash("ask", "retrieve", "keywords", "store", "prompts")
        model = self._tools.model_fingerprint(self._model)
        today = date.today().isoformat()  # what is in force changes with the day
        return content_id("ask", model, code, today, self._tools.store.fingerprint)

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["question"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        from toolkit.ask import Assistant
        from toolkit.retrieve import Retriever

        retriever = Retriever(self._tools.store, self._tools.embedder)
        assistant = Assistant(self._tools.store, retriever, self._tools.engine(self._model))
        supply = iter(items)
        while group := list(islice(supply, 8)):
            yield from _answers(assistant, group)


def _answers(assistant: Any, group: Sequence[Item]) -> Iterator[Outcome]:
    began = time.monotonic()
    answers = assistant.ask_many([item.payload["question"] for item in group])
    each = (time.monotonic() - began) / len(group)
    for item, answer in zip(group, answers, strict=True):
        if isinstance(answer, Failure):
            yield Outcome(item.key, "failed", reason=answer.reason, seconds=each)
        else:
            told = answer.model_dump(mode="json", exclude={"id", "question", "explain"})
            yield Outcome(item.key, "done" if answer.answerable else "empty", told, seconds=each)
