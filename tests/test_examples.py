"""Each example runs as its first lines say, and prints what it is there to show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHOWN = {
    "ask_questions.py": ["800万元", "未答："],
    "classify_own_codes.py": ["held-out micro-F1", "accepted: 金融支持"],
    "extract_own_schema.py": ['"materials"', "dropped:"],
    "langchain_answers.py": ["望川市星桥区促进制造业数字化转型若干措施"],
    "read_policies.py": ["《望川市星桥区促进制造业数字化转型若干措施》星府办规〔2025〕2号", "最高150万元"],
    "run_plan.py": ["rows in", "supports.xlsx"],
}
ELSEWHERE = {"extract_beside_langextract.py"}  # needs a package that the tests do not install


def test_every_example_is_run() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == SHOWN.keys() | ELSEWHERE


@pytest.mark.model
@pytest.mark.parametrize("name", sorted(SHOWN))
def test_an_example_shows_what_it_is_for(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "examples" / name)],
        capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(words in done.stdout for words in SHOWN[name]), done.stdout
