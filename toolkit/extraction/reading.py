"""Reading clauses into records: the grammar first, the model for what the grammar leaves open.

In: clauses. Out: for each an `Extraction`, or a `Failure` where that clause could not be read. Where the
grammar decided alone, with or without an engine, `Extraction.method` says "rules".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, overload

from pydantic import BaseModel

from toolkit.engine import Engine
from toolkit.errors import InputError
from toolkit.extraction.inherit import Inheritance
from toolkit.extraction.roles import settle_roles
from toolkit.extraction.rules import supports_from
from toolkit.figures.expressions import Placed, figures_in
from toolkit.figures.roles import roles_in
from toolkit.figures.view import View
from toolkit.prompts import load_prompt
from toolkit.records import Clause, Extraction, Failure, FigureReading, Support, content_id

__all__ = ["extract", "extract_as_completed", "fingerprint"]

_WINDOW = 64  # clauses whose unclear figures are asked about together
Schema = TypeVar("Schema", bound=BaseModel)


@overload
def extract(
    clauses: Sequence[Clause], *, engine: Engine | None = ...
) -> list[Extraction[Support] | Failure]: ...
@overload
def extract(
    clauses: Sequence[Clause], *, engine: Engine | None = ..., schema: type[Schema], task: str = ...
) -> list[Extraction[Schema] | Failure]: ...
def extract(
    clauses: Sequence[Clause],
    *,
    engine: Engine | None = None,
    schema: type[BaseModel] = Support,
    task: str = "",
) -> list[Any]:
    """Read clauses into records, one `Extraction` or `Failure` for each, in order.

    `schema` may be a pydantic model of one's own, whose fields are `Quote`, `Figure`, `Rate`, a
    `Literal` or bool, optional or in a list; `task` then says in a sentence what to look for, and an
    engine is needed. An engine that dies raises its ModelError.
    """
    if schema is Support:
        found = dict(extract_as_completed(clauses, engine=engine))
        return [found[index] for index in range(len(clauses))]
    if engine is None:
        raise InputError("a schema of your own needs a model", hint="pass engine=load_engine()")
    from toolkit.extraction.own import extract_own

    return extract_own(clauses, engine=engine, schema=schema, task=task)


def extract_as_completed(
    clauses: Iterable[Clause], *, engine: Engine | Callable[[], Engine] | None = None
) -> Iterator[tuple[int, Extraction[Support] | Failure]]:
    """Read a stream of clauses lazily, each (index, what was read), in order.

    Conditions are inherited from clauses of the same article that come earlier in the stream. A function
    as `engine` is called when a figure is first unclear.
    """
    supply = iter(clauses)
    inheritance = Inheritance()
    index = 0
    while window := list(islice(supply, _WINDOW)):
        for found in _read_window(window, engine, inheritance):
            yield index, found
            index += 1


def _read_window(
    clauses: list[Clause], engine: Engine | Callable[[], Engine] | None, inheritance: Inheritance
) -> Iterator[Extraction[Support] | Failure]:
    views = [View(clause.text) for clause in clauses]
    figures = [figures_in(view) for view in views]
    readings = [roles_in(view.text, placed) for view, placed in zip(views, figures, strict=True)]
    methods = ["rules"] * len(clauses)
    if engine is not None:
        readings, methods = settle_roles([v.text for v in views], figures, readings, engine=engine)
    for clause, view, placed, roles, method in zip(clauses, views, figures, readings, methods, strict=True):
        yield _read(clause, view, placed, roles, inheritance, method)


def _read(
    clause: Clause,
    view: View,
    figures: list[Placed],
    readings: list[FigureReading],
    inheritance: Inheritance,
    method: str,
) -> Extraction[Support] | Failure:
    supports = inheritance.read(clause, supports_from(view, figures, readings))
    notes = _foreign(readings)
    return Extraction[Support](
        id=clause.id, text=clause.text, supports=tuple(supports), method=method, notes=notes
    )


def _foreign(readings: list[FigureReading]) -> tuple[str, ...]:
    """Name the sums that are not in yuan: they are read, but no support can hold them."""
    sums = [
        r.expression.quote
        for r in readings
        if r.expression.kind == "money" and r.expression.currency != "CNY"
    ]
    return (f"not in yuan: {', '.join(dict.fromkeys(sums))}",) if sums else ()


@cache
def fingerprint() -> str:
    """Identify the rules and prompts: equal fingerprints give equal results with equal models."""
    folder = Path(__file__).resolve().parent
    sources = sorted([*folder.glob("*.py"), *(folder.parent / "figures").glob("*.py")])
    code = [source.read_text(encoding="utf-8") for source in sources]
    return content_id(*code, load_prompt("extract_role").hash, load_prompt("extract").hash)
