"""What a batch is: inputs, steps and outputs, as pydantic models.

A `Plan` is checked when it is made: needs that are missing or go in a circle, two outputs to one path,
a step without anything to work on. `toolkit.runs.plan_file` makes one from YAML.
"""

from __future__ import annotations

import os
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from toolkit.records import content_id
from toolkit.runs.account import Unit
from toolkit.tables import ENDINGS

__all__ = [
    "UNITS",
    "AskStep",
    "ClassifyStep",
    "ExtractStep",
    "IngestStep",
    "Inputs",
    "Output",
    "Plan",
    "StepPlan",
    "default_store",
]

UNITS: dict[str, Unit] = {"ingest": "file", "classify": "clause", "extract": "clause", "ask": "question"}
OUTPUT_ENDINGS = (*ENDINGS, ".html")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_several)]
Codes = Annotated[tuple[int, ...], BeforeValidator(_several)]


def default_store() -> str:
    """The store that commands use unless told otherwise: $ZHENGCE_STORE or `stores/default`."""
    return os.environ.get("ZHENGCE_STORE") or "stores/default"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Inputs(_Strict):
    """What a plan works on.

    `files` are files, folders and globs of policies; `clauses` and `questions` are jsonl files with a
    line `{"id", "text"}` or `{"id", "question"}` each. With `store` the clauses are those that the store
    holds, and `files` are only for the ingest step.
    """

    files: Names = ()
    clauses: Names = ()
    questions: Names = ()
    store: bool = False


class _Step(_Strict):
    needs: Names = ()


class IngestStep(_Step):
    """Put the files into the store; `prune` removes from it what is no longer among them."""

    use: Literal["ingest"] = "ingest"
    prune: bool = False


class ClassifyStep(_Step):
    """Give every clause its codes; `classifier` is a file that `zhengce train` made."""

    use: Literal["classify"] = "classify"
    classifier: str | None = None


class ExtractStep(_Step):
    """Extract the supports of every clause; `rules_only` does so without a model.

    `labels` keeps to the clauses to which the needed classify step gave one of these codes.
    """

    use: Literal["extract"] = "extract"
    model: str | None = None
    rules_only: bool = False
    labels: Codes = ()


class AskStep(_Step):
    """Answer every question from the store."""

    use: Literal["ask"] = "ask"
    model: str | None = None


StepPlan = Annotated[IngestStep | ClassifyStep | ExtractStep | AskStep, Field(discriminator="use")]


class Output(_Strict):
    """A file to derive from the ledger.

    `step` names the step whose results it holds (not needed where there is only one); `rows` chooses
    the results or the failures of all steps; `columns` chooses and orders fields of a flat file.
    """

    path: str
    step: str | None = None
    rows: Literal["results", "failures"] = "results"
    columns: Names = ()


class Plan(_Strict):
    """A batch: what to read, what to do with it, and what to write.

    `steps` maps a name to what it does; a step's name is what it uses unless `use` says otherwise.
    `store` is the folder that holds the run ledger and, for `ingest` and `ask`, the index. `model` is
    for every step that names none.
    """

    name: str = ""
    store: str = Field(default_factory=default_store)
    chroma_url: str | None = None
    model: str | None = None
    inputs: Inputs
    steps: dict[str, StepPlan] = Field(min_length=1)
    outputs: tuple[Output, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_is_use(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("steps"), dict):
            named = {}
            for name, step in data["steps"].items():
                step = {} if step is None else step
                named[name] = {"use": name, **step} if isinstance(step, dict) else step
            data = {**data, "steps": named}
        return data

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        for name, step in self.steps.items():
            self._check_step(name, step)
        self.order()
        if "-" in (*self.inputs.files, *self.inputs.clauses, *self.inputs.questions):
            raise ValueError(
                "a plan cannot read standard input, which is gone when a run goes on; name a file"
            )
        if self.inputs.store and self.inputs.files and all(s.use != "ingest" for s in self.steps.values()):
            raise ValueError("inputs.store takes the store's clauses, so nothing would read inputs.files")
        taken: dict[str, str] = {}
        for output in self.outputs:
            self._check_output(output, taken)
        return self

    def order(self) -> list[str]:
        """Name the steps in an order in which each comes after what it needs."""
        graph = {name: set(step.needs) for name, step in self.steps.items()}
        for name, step in self.steps.items():
            if step.use == "ask" or (self.inputs.store and step.use != "ingest"):
                graph[name] |= {other for other, s in self.steps.items() if s.use == "ingest"}
        try:
            return list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            raise ValueError(f"the steps need each other in a circle: {' → '.join(error.args[1])}") from None

    def model_of(self, name: str) -> str | None:
        """Name the model that a step uses; None is the default one."""
        return getattr(self.steps[name], "model", None) or self.model

    @property
    def id(self) -> str:
        """Identify what the plan says; the same plan goes on with its own unfinished run."""
        return content_id(self.model_dump_json())

    def _check_step(self, name: str, step: StepPlan) -> None:
        for need in step.needs:
            if need not in self.steps:
                raise ValueError(f"step {name} needs {need}, which is not among the steps")
        given = self.inputs
        if step.use == "ingest" and not given.files:
            raise ValueError(f"step {name} (ingest) has nothing to read: give inputs.files")
        if step.use == "ask" and not given.questions:
            raise ValueError(f"step {name} (ask) has nothing to answer: give inputs.questions")
        if step.use in ("classify", "extract") and not (given.files or given.clauses or given.store):
            raise ValueError(
                f"step {name} ({step.use}) has no clauses: give inputs.files, inputs.clauses or inputs.store"
            )
        if isinstance(step, ExtractStep) and step.labels:
            coders = [need for need in step.needs if self.steps[need].use == "classify"]
            if len(coders) != 1:
                raise ValueError(f"step {name} keeps to labels, so its needs must name one classify step")

    def _check_output(self, output: Output, taken: dict[str, str]) -> None:
        path = Path(output.path)
        if path.suffix.lower() not in OUTPUT_ENDINGS:
            raise ValueError(f"output {path} must end in {', '.join(OUTPUT_ENDINGS)}")
        same = str(path.resolve())
        if same in taken:
            raise ValueError(f"two outputs go to one path: {taken[same]} and {output.path}")
        taken[same] = output.path
        for source in (*self.inputs.files, *self.inputs.clauses, *self.inputs.questions):
            if Path(source).resolve() == path.resolve():
                raise ValueError(f"output {output.path} would overwrite an input")
        if output.rows == "failures":
            return
        if output.step is None and len(self.steps) > 1:
            raise ValueError(f"output {output.path} must say of which step: {', '.join(self.steps)}")
        if output.step is not None and output.step not in self.steps:
            raise ValueError(f"output {output.path} is of step {output.step}, which is not among the steps")
