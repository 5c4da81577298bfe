"""Running a language model: requests in, replies out, in the order of the requests.

`Engine` is the interface; `load_engine` gives one for a model's name, path or URL. The engines are
`toolkit.engine.local.LocalEngine` (llama.cpp in process, many sequences in one batch),
`toolkit.remote.RemoteEngine` (a server) and `ScriptedEngine` (tests: replies from a list or function).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from toolkit.engine.scripted import ScriptedEngine
from toolkit.records import Reply, Request, ScoreRequest, Scores

__all__ = ["Engine", "ScriptedEngine", "load_engine"]

_PROVIDER = re.compile(r"[a-z][a-z0-9_]+:(?!//)[^\\]")


@runtime_checkable
class Engine(Protocol):
    """What every engine does. Errors are `toolkit.errors.ModelError` and its kin."""

    @property
    def name(self) -> str:
        """The model's name for people."""
        ...

    @property
    def fingerprint(self) -> str:
        """What identifies the model's weights and settings, for ledgers."""
        ...

    @property
    def context_length(self) -> int:
        """Tokens that one prompt and its reply may fill."""
        ...

    def count_tokens(self, text: str) -> int:
        """Count the model's tokens in a text."""
        ...

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer all requests, in their order; a request that cannot fit raises ContextOverflow."""
        ...

    def generate_as_completed(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply | Exception]]:
        """Answer a lazily read stream, each (index, reply) as it finishes.

        A request that fails (too long, a schema that cannot be compiled) yields its exception in
        the reply's place; an engine that dies raises.
        """
        ...

    def stream(self, request: Request) -> Iterator[str]:
        """Give the pieces of one reply as they are decoded."""
        ...

    def score(self, requests: Sequence[ScoreRequest]) -> list[Scores]:
        """Give each label's log-probability after its prompt; nothing is generated."""
        ...

    def close(self) -> None:
        """Free the model's memory; a second call does nothing."""
        ...


def load_engine(model: str | None = None, *, context: int | None = None) -> Engine:
    """Load a model: a catalogue name, a GGUF path, a Hub repository, or a server's URL.

    `ollama:qwen3` and the like, a provider and a colon first, are remote models by LangChain's name.
    None means $ZHENGCE_MODEL or the catalogue's default. `context` is in tokens.
    """
    from toolkit.models import resolve

    wanted = model or os.environ.get("ZHENGCE_MODEL") or ""
    if _PROVIDER.match(wanted) and not Path(wanted).exists():
        from toolkit.remote import RemoteEngine

        return RemoteEngine(model=wanted, context=context)
    found = resolve(model)
    if found.url is not None:
        from toolkit.remote import RemoteEngine

        return RemoteEngine(found.url, model=found.name, context=context)
    from toolkit.engine.local import LocalEngine

    return LocalEngine(found.path, name=found.name, context=context)
