"""No code and no prompt of asking knows a policy or a question that it is measured on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LONGEST_SHARED = 12  # characters of a question that may stand in code or prompts by chance
TITLE = 10  # of a policy's title


@pytest.fixture(scope="module")
def written(root: Path) -> str:
    files = [
        *(root / "toolkit" / "ask").rglob("*.py"),
        *(root / "prompts").glob("ask*.yaml"),
        root / "prompts/lexicon.yaml",
    ]
    return "".join("".join(path.read_text(encoding="utf-8").split()) for path in files)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _windows(text: str, length: int) -> set[str]:
    bare = "".join(text.split())
    return {bare[i : i + length] for i in range(len(bare) - length + 1)}


def test_no_question_of_the_gold_file_stands_in_code_or_prompts(shared_data: Path, written: str) -> None:
    rows = _rows(shared_data / "gold/ask.jsonl")
    known = _windows(written, LONGEST_SHARED)
    for row in rows:
        assert not _windows(row["question"], LONGEST_SHARED) & known, row["question"]


def test_no_policy_is_named_in_code_or_prompts(shared_data: Path, written: str) -> None:
    rows = _rows(shared_data / "gold/documents.jsonl")
    known = _windows(written, TITLE)
    for row in rows:
        assert not _windows(row["title"], TITLE) & known, row["title"]
