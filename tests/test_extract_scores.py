"""Scores of extracted supports: perfect for gold itself, and each kind of mistake costs where it should."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli import main
from toolkit.evaluate.extract import score_supports

TEXT = "对首次达标的农场，按支出的20%给予补助，最高6万元。对获奖的合作社给予3万元奖励。"
GOLD: dict[str, Any] = {
    "id": "a",
    "text": TEXT,
    "supports": [
        {
            "measure": {"quote": "首次达标"},
            "support_type": "grant",
            "beneficiary": {"quote": "农场"},
            "conditions": [{"quote": "首次达标"}],
            "amounts": [],
            "caps": [{"value": 60000, "quote": "最高6万元"}],
            "rates": [{"value": 0.2, "quote": "支出的20%", "base": "支出"}],
        },
        {
            "measure": {"quote": "获奖"},
            "support_type": "reward",
            "beneficiary": {"quote": "合作社"},
            "conditions": [{"quote": "获奖"}],
            "amounts": [{"value": 30000, "quote": "3万元"}],
            "caps": [],
            "rates": [],
        },
    ],
}


def changed(**support: Any) -> dict[str, Any]:
    row = copy.deepcopy(GOLD)
    row["supports"][0].update(support)
    return row


def test_gold_against_itself_is_perfect() -> None:
    scores = score_supports([GOLD], [GOLD])
    assert (scores.figures.f1, scores.supports.f1, scores.conditions.f1) == (1.0, 1.0, 1.0)
    assert (scores.support_type, scores.grounded, scores.missed) == (1.0, 1.0, ())


def test_a_wrong_value_costs_the_figure_and_its_support() -> None:
    scores = score_supports([GOLD], [changed(caps=[{"value": 40000, "quote": "最高6万元"}])])
    assert scores.by_role["cap"].f1 == 0.0
    assert scores.by_role["amount"].f1 == 1.0
    assert scores.supports.f1 == 0.5
    assert scores.missed == ("a",)


def test_words_of_another_award_cost_the_support_only() -> None:
    other = changed(measure={"quote": "给予补助"}, beneficiary=None, conditions=[])
    scores = score_supports([GOLD], [other])
    assert scores.figures.f1 == 1.0
    assert scores.supports.f1 == 0.5


def test_a_wrong_type_and_a_made_up_quote_are_seen() -> None:
    scores = score_supports([GOLD], [changed(support_type="tax", conditions=[{"quote": "编造的条件"}])])
    assert scores.support_type == 0.5
    assert scores.grounded is not None
    assert scores.grounded < 1.0


def test_a_missing_clause_is_not_answered() -> None:
    scores = score_supports([GOLD], [])
    assert (scores.clauses, scores.answered, scores.figures.recall) == (1, 0, 0.0)
    assert scores.support_type is None


def test_conditions_of_other_clauses_are_left_out() -> None:
    inherited = [{"quote": "首次达标"}, {"quote": "别处的条件", "clause_id": "b"}]
    scores = score_supports([GOLD], [changed(conditions=inherited)])
    assert (scores.conditions.f1, scores.grounded) == (1.0, 1.0)


def test_the_command_prints_the_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(GOLD, ensure_ascii=False), encoding="utf-8")
    assert main(["eval", "extract", str(gold), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["f1"] == 1.0
    assert main(["eval", "extract", str(gold), str(gold)]) == 0
    assert "supports    precision 1.0000" in capsys.readouterr().out


def test_the_scores_agree_with_the_reference_scorer(shared_data: Path, tmp_path: Path) -> None:
    scorer = shared_data.parent / "tools" / "score.py"
    if not scorer.is_file():
        pytest.skip("the reference scorer is not here")
    gold, out = shared_data / "gold" / "extract.jsonl", tmp_path / "out.jsonl"
    assert main(["extract", "--no-model", "--clauses", str(gold), "--out", str(out)]) == 0
    told = subprocess.run(
        [sys.executable, scorer, "extract", gold, out], capture_output=True, text=True, check=True
    ).stdout
    reference = json.loads(told)
    rows = [[json.loads(line) for line in p.read_text(encoding="utf-8").splitlines()] for p in (gold, out)]
    scores = score_supports(*rows)
    assert scores.figures.f1 == reference["figures"]["f1"]
    assert scores.supports.f1 == reference["supports"]["f1"]
    assert scores.conditions.f1 == reference["conditions_chars"]["f1"]
    assert scores.support_type == reference["support_type_acc"]
