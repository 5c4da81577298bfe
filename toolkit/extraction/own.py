"""A person's own schema in place of `Support`: the model quotes, code locates and reads the figures.

In: clauses, an engine, a pydantic model whose fields are `Quote`, `Figure`, `Rate`, a `Literal` or bool,
each optional or in a list or tuple if wanted. Out: `Extraction`s of that model. A text that does not
stand in the clause is dropped and counted; so is a record that then lacks a required field.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from toolkit.engine import Engine
from toolkit.errors import ContextOverflow, InputError
from toolkit.figures import find_figures
from toolkit.prompts import load_prompt
from toolkit.records import Clause, Extraction, Failure, Figure, Quote, Rate, Request
from toolkit.text import locate

__all__ = ["extract_own", "request_for", "schema_for"]

_QUOTE_LIMIT, _MOST_RECORDS, _MOST_VALUES = 120, 8, 8
_WINDOW = 1600  # characters of a clause that the model reads at once
_REPLY_TOKENS = 700
Schema = TypeVar("Schema", bound=BaseModel)
_Kind = type[Quote] | tuple[Any, ...]


def extract_own(
    clauses: Sequence[Clause], *, engine: Engine, schema: type[Schema], task: str = ""
) -> list[Extraction[Schema] | Failure]:
    """Read clauses into records of a schema, one `Extraction` or `Failure` each, in order."""
    schema_for(schema)
    pieces = [(index, window) for index, clause in enumerate(clauses) for window in _windows(clause.text)]
    requests = (request_for(clauses[i].text[a:b], schema=schema, task=task) for i, (a, b) in pieces)
    replies: dict[int, Any] = dict(engine.generate_as_completed(requests))
    gathered: list[_Gathered] = [_Gathered() for _ in clauses]
    for number, (index, window) in enumerate(pieces):
        gathered[index].add(clauses[index].text, window, replies[number], schema)
    return [g.result(c, schema, engine.name) for g, c in zip(gathered, clauses, strict=True)]


class _Gathered:
    """What the windows of one clause gave."""

    def __init__(self) -> None:
        self.records: list[BaseModel] = []
        self.dropped = 0
        self.reason: str | None = None

    def add(self, text: str, window: tuple[int, int], reply: Any, schema: type[BaseModel]) -> None:
        if isinstance(reply, ContextOverflow):
            self.reason = str(reply)
            return
        if isinstance(reply, Exception):
            raise reply
        try:
            said = json.loads(reply.text)
            drafts = said["records"]
            if not isinstance(drafts, list):
                raise TypeError("records")
        except (ValueError, KeyError, TypeError):
            self.reason = "the model's answer does not fit the schema"
            return
        for draft in drafts[:_MOST_RECORDS]:
            record, lost = _record(text, window, draft, schema)
            self.dropped += lost
            if record is not None and record not in self.records:
                self.records.append(record)

    def result(self, clause: Clause, schema: type[Schema], method: str) -> Extraction[Schema] | Failure:
        if self.reason is not None and not self.records:
            return Failure(stage="extract", input=clause.id, reason=self.reason)
        return Extraction[schema](  # type: ignore[valid-type]
            id=clause.id, text=clause.text, supports=tuple(self.records), dropped=self.dropped, method=method
        )


def request_for(text: str, *, schema: type[BaseModel], task: str = "") -> Request:
    """Make the request that asks the model to fill the schema from one text."""
    prompt = load_prompt("extract")
    fields = "；".join(f"{name}：{f.description or name}" for name, f in schema.model_fields.items())
    messages = prompt.messages(
        text=text, task=task or (schema.__doc__ or "").strip() or schema.__name__, fields=fields
    )
    return Request(messages=messages, json_schema=schema_for(schema), max_tokens=_REPLY_TOKENS)


def schema_for(schema: type[BaseModel]) -> dict[str, Any]:
    """Give the JSON schema that the model's reply is held to: quotes are bounded strings.

    Raises InputError for a field that could hold words that are in no clause.
    """
    properties = {name: _property(schema, name) for name in schema.model_fields}
    record = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    records = {"type": "array", "items": record, "maxItems": _MOST_RECORDS}
    return {
        "type": "object",
        "properties": {"records": records},
        "required": ["records"],
        "additionalProperties": False,
    }


def _property(schema: type[BaseModel], name: str) -> dict[str, Any]:
    kind, many, optional = _shape(schema, name)
    one: dict[str, Any] = (
        {"enum": list(kind)}
        if isinstance(kind, tuple)
        else {"type": "string", "minLength": 1, "maxLength": _QUOTE_LIMIT}
    )
    if many:
        return {"type": "array", "items": one, "maxItems": _MOST_VALUES}
    return {"anyOf": [one, {"type": "null"}]} if optional else one


def _shape(schema: type[BaseModel], name: str) -> tuple[_Kind, bool, bool]:
    """Give a field's kind (a Quote class, or the choices), and whether it is a list and optional."""
    annotation: Any = schema.model_fields[name].annotation
    optional = many = False
    if get_origin(annotation) in {Union, types.UnionType}:
        members = [a for a in get_args(annotation) if a is not type(None)]
        optional = len(members) < len(get_args(annotation))
        annotation = members[0] if len(members) == 1 else None
    if get_origin(annotation) in {list, tuple, Sequence}:
        many, annotation = True, get_args(annotation)[0]
    if annotation in (Quote, Figure, Rate):
        return annotation, many, optional
    if annotation is bool:
        return (True, False), many, optional
    if get_origin(annotation) is Literal:
        return get_args(annotation), many, optional
    raise InputError(
        f"the field {name} of {schema.__name__} is neither Quote, Figure, Rate, a Literal nor bool",
        hint="annotate text with toolkit.records.Quote, so that it can be checked against the clause",
    )


def _record(
    text: str, window: tuple[int, int], draft: Any, schema: type[Schema]
) -> tuple[Schema | None, int]:
    """Ground one draft; also count what had to be dropped."""
    if not isinstance(draft, dict):
        return None, 1
    values: dict[str, Any] = {}
    dropped = 0
    for name in schema.model_fields:
        kind, many, _ = _shape(schema, name)
        said = draft.get(name)
        given = said if isinstance(said, list) else [] if said is None else [said]
        kept = [v for v in (_value(text, window, item, kind) for item in given) if v is not None]
        dropped += len(given) - len(kept)
        if many:
            values[name] = kept
        elif kept:
            values[name] = kept[0]
        elif not schema.model_fields[name].is_required():
            continue
        else:
            values[name] = None
    try:
        return schema(**values), dropped
    except ValidationError:
        return None, dropped + 1


def _value(text: str, window: tuple[int, int], said: Any, kind: _Kind) -> Any:
    if isinstance(kind, tuple):
        return said if said in kind else None
    if not isinstance(said, str):
        return None
    place = locate(text[: window[1]], said, start=window[0])
    if place is None:
        return None
    start, end = place
    quote = Quote(quote=text[start:end], start=start, end=end)
    if kind is Quote:
        return quote
    wanted = {"share", "ratio", "points"} if kind is Rate else {"money"}
    inside = [f for f in find_figures(text) if start <= f.start and f.end <= end and f.kind in wanted]
    if len(inside) != 1 or (kind is Figure and inside[0].currency != "CNY"):
        return None
    value = inside[0].value
    return (
        Rate(**quote.model_dump(), value=value) if kind is Rate else Figure(**quote.model_dump(), value=value)
    )


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Cut a long clause at sentence ends into what the model can read at once."""
    start = 0
    while len(text) - start > _WINDOW:
        cut = max(text.rfind(c, start + _WINDOW // 2, start + _WINDOW) for c in "。；;\n")
        end = cut + 1 if cut > start else start + _WINDOW
        yield start, end
        start = end
    yield start, len(text)
