"""The public surface: what stands in `toolkit.__all__` is there, documented, and nothing else is."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import toolkit

PUBLIC = [
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


def test_the_public_names_are_these() -> None:
    assert sorted(toolkit.__all__) == sorted(PUBLIC)
    assert dir(toolkit) == sorted(PUBLIC)


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_a_public_name_says_what_it_is(name: str) -> None:
    thing = getattr(toolkit, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing) and issubclass(thing, BaseException):
        assert issubclass(thing, toolkit.ToolkitError)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'extrakt'"):
        toolkit.extrakt  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_the_same_name() -> None:
    """Python puts an imported submodule in its package's place of that name."""
    modules = {path.stem for path in Path(toolkit.__file__).parent.iterdir()}
    assert not modules & set(toolkit.__all__)
