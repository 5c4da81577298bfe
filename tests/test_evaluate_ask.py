"""Answers are scored by kind, and each miss can be read with its passages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.evaluate.ask import score_answers
from toolkit.tables import write_rows

GOLD: list[dict[str, Any]] = [
    {
        "id": "1",
        "question": "网箱补多少？",
        "answerable": True,
        "kind": "amount",
        "must": [["60万元", "60万"]],
        "evidence": ["一次性奖励60万元"],
    },
    {
        "id": "2",
        "question": "材料交给谁？",
        "answerable": True,
        "kind": "procedure",
        "must": [["渔业局"]],
        "evidence": ["向市渔业局提交"],
    },
    {"id": "3", "question": "银川补多少？", "answerable": False},
    {"id": "4", "question": "拉萨补多少？", "answerable": False},
]
SAID: list[dict[str, Any]] = [
    {
        "id": "1",
        "answer": "一次性奖励 60 万元。",
        "answerable": True,
        "citations": [{"policy": "甲", "quote": "一次性奖励60万元"}],
        "passages": [{"policy": "甲", "text": "对网箱企业，一次性奖励60万元。"}],
        "seconds": 2.0,
    },
    {"id": "2", "answer": "资料中未找到。", "answerable": False, "citations": [], "passages": []},
    {"id": "3", "answer": "资料中未找到。", "answerable": False},
    {
        "id": "4",
        "answer": "补160万元。",
        "answerable": True,
        "citations": [],
        "passages": [{"policy": "乙", "text": "无"}],
    },
]


def test_right_wrong_and_refused_are_told_apart() -> None:
    scores = score_answers(GOLD, SAID)
    assert [v.outcome for v in scores.verdicts] == ["right", "refused", "refused", "wrong"]
    assert scores.right == 0.5
    assert scores.by_kind == {"amount": 1.0, "procedure": 0.0}
    assert scores.refusal_recall == 0.5
    assert scores.false_refusal == 0.5
    assert scores.number_fidelity == 0.5
    assert scores.cited == 0.5


def test_part_of_a_larger_number_is_not_right() -> None:
    said = [{**SAID[0], "answer": "一次性奖励160万元。"}]
    assert score_answers(GOLD[:1], said).right == 0.0


def test_reciting_passages_is_no_answer() -> None:
    said = [{**SAID[0], "answer": "奖励60万元。" * 101}]
    assert score_answers(GOLD[:1], said).right == 0.0


def test_the_scores_are_those_of_the_reference_scorer(tmp_path: Path, shared_data: Path) -> None:
    tool = shared_data.parent / "tools" / "score.py"
    if not tool.is_file():
        pytest.skip("the reference scorer is not here")
    gold, said = tmp_path / "g.jsonl", tmp_path / "a.jsonl"
    write_rows(GOLD, gold)
    write_rows(SAID, said)
    run = subprocess.run(
        [sys.executable, tool, "ask", gold, said], capture_output=True, text=True, check=True
    )
    theirs, ours = json.loads(run.stdout), score_answers(GOLD, SAID)
    assert theirs["answer_acc"] == ours.right
    assert theirs["by_kind"] == ours.by_kind
    assert theirs["refusal_recall"] == ours.refusal_recall
    assert theirs["false_refusal"] == ours.false_refusal
    assert theirs["answer_chars"] == ours.characters
    assert theirs["number_fidelity"] == ours.number_fidelity
    assert theirs["cited"] == ours.cited
    assert theirs["recall_at"] == {str(k): v for k, v in ours.recall_at.items()}
    assert theirs["recall_within_chars"] == {str(k): v for k, v in ours.recall_within.items()}


def test_a_report_shows_each_miss_with_its_passages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gold, said, page = tmp_path / "g.jsonl", tmp_path / "a.jsonl", tmp_path / "r.html"
    write_rows(GOLD, gold)
    write_rows(SAID, said)
    assert main(["eval", "ask", str(said), "--gold", str(gold), "--report", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "拉萨补多少？" in text
    assert "渔业局" in text
    assert "网箱补多少？" not in text
    assert "amount" in capsys.readouterr().out
