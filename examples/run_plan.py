"""Run a batch from Python: the same plan, ledger and outputs as `zhengce run`.

python examples/run_plan.py [OUTPUT_FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from toolkit import Plan, run

HERE = Path(__file__).resolve().parent


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    plan = Plan.model_validate(
        {
            "name": "示例",
            "store": str(folder / "store"),
            "inputs": {"files": [str(HERE / "policies")]},
            "steps": {"extract": {"rules_only": True}},
            "outputs": [{"path": str(folder / "supports.xlsx")}, {"path": str(folder / "supports.jsonl")}],
        }
    )
    report = run(plan)
    for counts in report.counts:
        print(counts)
    for path, rows in report.written.items():
        print(f"{rows} rows in {path}")


if __name__ == "__main__":
    main()
