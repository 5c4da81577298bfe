"""The hybrid retriever."""

from __future__ import annotations

from datetime import date

from toolkit.embed import Embedder
from toolkit.records import Clause, Document, Passage
from toolkit.store import Store

__all__ = ["Retriever"]

_DEPTH = 100  # clauses of each ranking that take part in the fusion
_RRF = 60  # Cormack, Clarke and Büttcher 2009


class Retriever:
    """Finds passages in a store."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        store.expect_embedder(embedder)
        self._store = store
        self._embedder = embedder

    @property
    def embedder(self) -> Embedder:
        """What makes its vectors."""
        return self._embedder

    def retrieve(
        self, query: str, *, k: int = 10, region: str | None = None, on: date | None = None
    ) -> list[Passage]:
        """Give the k passages that fit a question best, best first.

        `region` names a place to which the search is narrowed; `on` is the day for which validity is
        told (None: today).
        """
        vector = self._embedder.embed([query], kind="query")[0]
        by_vector = self._store.vector_search(vector, _DEPTH)
        by_words = self._store.keyword_search(query, _DEPTH)
        fused: dict[str, float] = {}
        for ranking in (by_vector, by_words):
            for rank, (clause_id, _) in enumerate(ranking):
                fused[clause_id] = fused.get(clause_id, 0.0) + 1 / (_RRF + rank + 1)
        best = sorted(fused, key=lambda clause_id: -fused[clause_id])[:k]
        parts = {"vector": dict(by_vector), "keyword": dict(by_words), "fused": fused}
        passages: list[Passage] = []
        for clause_id in best:
            clause = self._store.clause(clause_id)
            document = self._store.document(clause.document_id) if clause else None
            if clause and document:
                scores = {name: ranks[clause_id] for name, ranks in parts.items() if clause_id in ranks}
                passages.append(_passage(document, clause, scores, on or date.today()))
        return passages


def _passage(document: Document, clause: Clause, scores: dict[str, float], on: date) -> Passage:
    return Passage(
        clause_id=clause.id,
        document_id=document.id,
        policy=document.title,
        heading=clause.heading,
        region=document.region,
        validity=document.validity(on),
        text=clause.text,
        scores=scores,
    )
