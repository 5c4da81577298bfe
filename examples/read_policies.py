"""Read files into policies, clauses, codes and supports; no language model is needed.

python examples/read_policies.py [PATH …]
"""

from __future__ import annotations

import sys
from pathlib import Path

from toolkit import Classifier, Document, Extraction, extract, find_files, read_documents, split_clauses


def main() -> None:
    paths = sys.argv[1:] or [str(Path(__file__).parent / "policies")]
    classifier = Classifier.load()
    names = {code.id: code.name for code in classifier.taxonomy.codes}
    for file in find_files(paths):
        for policy in read_documents(file):
            if not isinstance(policy, Document):
                print(f"{policy.input}: {policy.reason}")
                continue
            print(f"《{policy.title}》{policy.doc_number or ''}", policy.region or "", policy.expires or "")
            clauses = split_clauses(policy)
            codings = classifier.classify([clause.text for clause in clauses])
            for clause, coding, found in zip(clauses, codings, extract(clauses), strict=True):
                if isinstance(found, Extraction) and found.supports:
                    print(f"  {clause.heading} {'、'.join(names[code] for code in coding.labels)}")
                    for support in found.supports:
                        figures = (*support.amounts, *support.caps, *support.rates)
                        print(f"    {support.measure.quote}：{'；'.join(figure.quote for figure in figures)}")


if __name__ == "__main__":
    main()
