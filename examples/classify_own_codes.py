"""Teach a classifier one's own coding, then code new clauses and see which need a second look.

Run it from the project's folder: python examples/classify_own_codes.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from toolkit.classify import Classifier, train

HERE = Path(__file__).resolve().parent
CLAUSES = [
    "银行为渔业企业发放信用贷款出现损失的，由风险补偿资金池分担。",
    "技工学校开设渔业装备专业，每年组织从业人员轮训。",
    "渔业企业申请许可的材料精简一半，结果免费邮寄。",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.npz"
        report = train(HERE / "labels_sample.tsv", out=file)
        print(f"held-out micro-F1 {report.measures.micro_f1:.2f} on {report.clauses} clauses")
        classifier = Classifier.load(file)
    names = {code.id: code.name for code in classifier.taxonomy.codes}
    split = classifier.review.split(classifier.classify(CLAUSES), 0.9)
    for title, found in (("accepted", split.accepted), ("to review", split.review)):
        for labelling in found:
            codes = "、".join(f"{names[code]} {labelling.scores[str(code)]:.2f}" for code in labelling.labels)
            print(f"{title}: {codes}  {labelling.text}")


if __name__ == "__main__":
    main()
