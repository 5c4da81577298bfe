"""Questions read from a file, answers as rows of one, and how an answer came about, in lines.

In: a jsonl of `{"id", "question"}`. Out: rows with the fields that DESIGN.md fixes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import InputError
from toolkit.records import Answer
from toolkit.tables import read_jsonl

__all__ = ["Asked", "answer_rows", "explanation", "read_questions"]


@dataclass(frozen=True)
class Asked:
    """A question of a file, with its id."""

    id: str
    question: str


def read_questions(path: Path) -> list[Asked]:
    """Read a jsonl of questions; a line without one is an InputError that names the line."""
    asked = []
    for number, row in read_jsonl(path, needs=("question",)):
        if not isinstance(row["question"], str):
            raise InputError(f"{path}, line {number}: the question is no text")
        asked.append(Asked(id=str(row.get("id", number)), question=row["question"]))
    if not asked:
        raise InputError(f"{path} holds no question", hint='give lines such as {"id": "1", "question": "…"}')
    return asked


def answer_rows(asked: Sequence[Asked], answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    """Give each answer as a row: id, question, answer, answerable, citations, passages, seconds."""
    for question, answer in zip(asked, answers, strict=True):
        row: dict[str, Any] = {
            "id": question.id,
            "question": question.question,
            "answer": answer.answer,
            "answerable": answer.answerable,
            "citations": [c.model_dump(mode="json") for c in answer.citations],
            "passages": [p.model_dump(mode="json") for p in answer.passages],
            "seconds": round(answer.seconds, 3),
        }
        if answer.explain is not None:
            row["explain"] = answer.explain
        yield row


def explanation(answer: Answer) -> Iterator[str]:
    """Tell in lines how a question was read, what was in scope and how the sentences ranked."""
    for part in (answer.explain or {}).get("parts", ()):
        yield f"— {part['part'] or part['question']}"
        yield f"  种类 {part['kind']}；要的是 {'、'.join(part['wants']) or '（未定）'}"
        words = (word + (f"（{'/'.join(says)}）" if says else "") for word, says in part["words"].items())
        yield f"  词语 {'，'.join(words)}"
        places = "，".join("".join(place["path"]) for place in part["places"])
        yield f"  地方 {places or '未指明'}；年份 {part['years'] or '未指明'}"
        scope = part["scope"]
        held = f"{scope['policies']} 份政策"
        yield f"  范围 {scope['missing'] or scope['note'] or held}"
        if part["decision"]:
            yield "  判断 " + "  ".join(f"{key} {value}" for key, value in part["decision"].items())
        if part["model_odds"] is not None:
            yield f"  模型 能/不能的对数几率 {part['model_odds']:.2f}"
        for rank, row in enumerate(part["ranking"], start=1):
            parts = f"词 {row['own']}/{row['all']}，要素 {row['wanted']}，语义 {row['near']}"
            yield f"  {rank}. {row['score']}（{parts}）"
            yield f"     《{row['policy']}》{row['heading']}：{row['text'][:80]}"
