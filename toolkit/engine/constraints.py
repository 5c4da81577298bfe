"""Holding a reply to a JSON schema or a grammar: llguidance, asked as seldom as possible.

A token is sampled first and checked after; only where it does not fit are the fitting tokens computed.
Tokens that the grammar forces are not sampled at all (`forced`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.engine.runtime import Runtime
from toolkit.errors import InputError
from toolkit.records import Request

__all__ = ["Constraint", "Constraints", "bounded"]

_STRING_LIMIT = 400
_LIST_LIMIT = 24
_KEPT = 200
"""Compiled schemas and grammars kept: some callers make one for each request."""
_JSON_STYLE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}


def bounded(schema: Any) -> Any:
    """Give every string and list of a JSON schema an upper bound, and close its objects.

    A string without `maxLength` can run on for ever. What has its own bound, pattern, format or
    list of values is left alone.
    """
    if isinstance(schema, list):
        return [bounded(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: _inside(key, value) for key, value in schema.items()}
    kinds = result.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if "string" in kinds and not result.keys() & {"maxLength", "pattern", "format", "enum", "const"}:
        result["maxLength"] = _STRING_LIMIT
    if "array" in kinds and "maxItems" not in result:
        result["maxItems"] = max(_LIST_LIMIT, int(result.get("minItems", 0)))
    if "object" in kinds and "properties" in result:
        result.setdefault("additionalProperties", False)
    return result


def _inside(key: str, value: Any) -> Any:
    if key in {"enum", "const", "default", "examples", "required"}:
        return value
    if key in {"properties", "$defs", "definitions", "patternProperties"} and isinstance(value, Mapping):
        return {name: bounded(inner) for name, inner in value.items()}
    return bounded(value)


class Constraint:
    """What one reply may still say."""

    def __init__(self, matcher: Any, ends: frozenset[int]) -> None:
        self._matcher = matcher
        self._ends = ends

    def copy(self) -> Constraint:
        """Give a constraint of its own in the same state."""
        return Constraint(self._matcher.deep_copy(), self._ends)

    def accept(self, token: int) -> bool:
        """Take a token if it fits; False leaves everything as it was."""
        if token in self._ends:
            return bool(self._matcher.is_accepting())
        return bool(self._matcher.try_consume_tokens([token]) == 1)

    def forced(self) -> list[int]:
        """Take the tokens that alone can follow and give them; mostly none."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        if tokens:
            tokens = tokens[: self._matcher.try_consume_tokens(tokens)]
        return tokens

    def mask(self, size: int) -> npt.NDArray[np.bool_]:
        """Say for each of the first `size` tokens whether it may follow."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        allowed = np.unpackbits(bits, bitorder="little", count=size).view(np.bool_)
        if self._ends:
            allowed[list(self._ends)] = self._matcher.is_accepting()
        return allowed

    @property
    def complete(self) -> bool:
        """Whether nothing more can follow."""
        return bool(self._matcher.is_stopped())


class Constraints:
    """Compiles a model's constraints, each schema or grammar once as long as it is in use."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._tokenizer: Any = None
        self._compiled: dict[str, Any] = {}

    def compile(self, request: Request) -> Constraint | None:
        """Make the constraint of a request; None where it has none. Raises InputError."""
        if request.json_schema is not None and request.grammar is not None:
            raise InputError("a request has both a JSON schema and a grammar", hint="give one of them")
        if request.json_schema is not None:
            key = json.dumps(request.json_schema, ensure_ascii=False)
        elif request.grammar is not None:
            key = request.grammar
        else:
            return None
        if key not in self._compiled:
            if len(self._compiled) >= _KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key] = self._matcher(request)
        return Constraint(self._compiled[key], self._runtime.ends)

    def _matcher(self, request: Request) -> Any:
        from llguidance import LLMatcher, grammar_from

        if self._tokenizer is None:
            self._tokenizer = self._runtime.constraint_tokenizer()
        try:
            if request.json_schema is not None:
                grammar = LLMatcher.grammar_from_json_schema(
                    bounded(request.json_schema), overrides=_JSON_STYLE
                )
            else:
                grammar = grammar_from("gbnf", request.grammar or "")
        except ValueError as error:
            raise InputError(f"the grammar cannot be read: {_one_line(error)}") from error
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            kind = "JSON schema" if request.json_schema is not None else "grammar"
            raise InputError(f"the {kind} cannot be compiled: {_one_line(matcher.get_error())}")
        return matcher


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
