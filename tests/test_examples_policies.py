"""The sample policies hold what the examples that use them say, and figures that a reader can check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolkit.tables import read_jsonl
from toolkit.text import squeeze


@pytest.fixture(scope="module")
def corpus(root: Path) -> str:
    """All sample policies as one text without white space and markup."""
    from docx import Document

    texts = []
    for path in sorted((root / "examples" / "policies").iterdir()):
        if path.suffix == ".docx":
            read = Document(str(path))
            texts += [p.text for p in read.paragraphs]
            texts += [cell.text for table in read.tables for row in table.rows for cell in row.cells]
        else:
            texts.append(path.read_text(encoding="utf-8"))
    return re.sub(r"<[^>]+>|\*", "", squeeze("\n".join(texts)))


def test_there_are_ten_files_of_five_formats(root: Path) -> None:
    files = [path for path in (root / "examples" / "policies").iterdir() if path.is_file()]
    assert len(files) >= 10
    assert {path.suffix for path in files} >= {".txt", ".md", ".html", ".docx", ".csv"}
    assert sum(path.stat().st_size for path in files) < 200_000


def test_every_evidence_of_the_questions_stands_in_the_policies(root: Path, corpus: str) -> None:
    rows = [row for _, row in read_jsonl(root / "examples" / "questions.jsonl", needs=("id", "question"))]
    assert len({row["id"] for row in rows}) == len(rows) >= 20
    assert sum(not row["answerable"] for row in rows) >= 4
    for row in (row for row in rows if row["answerable"]):
        assert squeeze(row["policy"]) in corpus, row["id"]
        for quote in row["evidence"]:
            assert squeeze(quote) in corpus, (row["id"], quote)


def test_every_clause_stands_in_the_policies(root: Path, corpus: str) -> None:
    rows = [row for _, row in read_jsonl(root / "examples" / "clauses.jsonl", needs=("id", "text"))]
    assert len({row["id"] for row in rows}) == len(rows) >= 30
    assert all(row["text"] in corpus for row in rows)
