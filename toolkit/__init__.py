"""A local, LLM-assisted toolkit for Chinese government policy texts.

What stands in `__all__` is the whole public surface; each name is imported when it is first used, so
that `import toolkit` loads nothing heavy. The chain of work: `read_documents` and `split_clauses`
read files, `Classifier` and `extract` code and extract, `Store` and `ingest` index, `Retriever` and
`Assistant` answer, `run` does batches.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.ask import Assistant
    from toolkit.classify import Classifier, train
    from toolkit.clauses import split_clauses
    from toolkit.documents import find_files, read_documents
    from toolkit.embed import load_embedder
    from toolkit.engine import Engine, ScriptedEngine, load_engine
    from toolkit.errors import (
        ContextOverflow,
        InputError,
        ModelError,
        RemoteError,
        StoreError,
        ToolkitError,
    )
    from toolkit.extraction import extract
    from toolkit.figures import find_figures
    from toolkit.ingestion import ingest
    from toolkit.records import (
        Answer,
        Citation,
        Clause,
        Document,
        Extraction,
        Failure,
        Figure,
        Labelling,
        Message,
        Passage,
        Quote,
        Rate,
        Reply,
        Request,
        Rule,
        ScoreRequest,
        Scores,
        Support,
    )
    from toolkit.retrieve import Retriever
    from toolkit.runs import Plan, load_plan, run
    from toolkit.store import Store

__version__ = "0.1.0"

_PLACES = {
    "toolkit.ask": ("Assistant",),
    "toolkit.classify": ("Classifier", "train"),
    "toolkit.clauses": ("split_clauses",),
    "toolkit.documents": ("find_files", "read_documents"),
    "toolkit.embed": ("load_embedder",),
    "toolkit.engine": ("Engine", "ScriptedEngine", "load_engine"),
    "toolkit.errors": (
        "ContextOverflow",
        "InputError",
        "ModelError",
        "RemoteError",
        "StoreError",
        "ToolkitError",
    ),
    "toolkit.extraction": ("extract",),
    "toolkit.figures": ("find_figures",),
    "toolkit.ingestion": ("ingest",),
    "toolkit.records": (
        "Answer",
        "Citation",
        "Clause",
        "Document",
        "Extraction",
        "Failure",
        "Figure",
        "Labelling",
        "Message",
        "Passage",
        "Quote",
        "Rate",
        "Reply",
        "Request",
        "Rule",
        "ScoreRequest",
        "Scores",
        "Support",
    ),
    "toolkit.retrieve": ("Retriever",),
    "toolkit.runs": ("Plan", "load_plan", "run"),
    "toolkit.store": ("Store",),
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Answer",
    "Assistant",
    "Citation",
    "Classifier",
    "Clause",
    "ContextOverflow",
    "Document",
    "Engine",
    "Extraction",
    "Failure",
    "Figure",
    "InputError",
    "Labelling",
    "Message",
    "ModelError",
    "Passage",
    "Plan",
    "Quote",
    "Rate",
    "RemoteError",
    "Reply",
    "Request",
    "Retriever",
    "Rule",
    "ScoreRequest",
    "Scores",
    "ScriptedEngine",
    "Store",
    "StoreError",
    "Support",
    "ToolkitError",
    "__version__",
    "extract",
    "find_figures",
    "find_files",
    "ingest",
    "load_embedder",
    "load_engine",
    "load_plan",
    "read_documents",
    "run",
    "split_clauses",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
