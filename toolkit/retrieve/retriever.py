"""The hybrid retriever: two rankings fused, lifted by place, without repeats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from toolkit.embed import Embedder
from toolkit.errors import InputError
from toolkit.places import find_places
from toolkit.records import Clause, Document, Passage
from toolkit.retrieve.excerpt import excerpt
from toolkit.retrieve.question import Path, Question, read_question
from toolkit.store import Store
from toolkit.text import fold

__all__ = ["Retriever", "Search"]

_DEPTH = 150  # clauses of each ranking that take part in the fusion
_RRF = 60  # of reciprocal rank fusion: Cormack, Clarke and Büttcher 2009
_BRIDGED = 0.5  # what a word counts that the lexicon brought, beside one that was asked
_ELSEWHERE = 0.5  # for policies of another place than those that the question names
_THERE = 1.1  # for policies of the very place
_PASSAGE = 450  # characters; a longer clause is shown by its best sentences


@dataclass(frozen=True)
class Search:
    """What a search found and how it read the question."""

    question: Question
    passages: tuple[Passage, ...]

    def explain(self) -> list[str]:
        """Say in lines how the question was read."""
        places = "、".join("".join(path) for path in self.question.places) or "-"
        return [
            f"words: {' '.join(self.question.tokens) or '-'}",
            f"bridged: {' '.join(self.question.bridged) or '-'}",
            f"places: {places}",
        ]


class Retriever:
    """Finds passages in a store; `store` and `embedder` are those given."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        store.expect_embedder(embedder)
        self.store = store
        self.embedder = embedder
        self._held: tuple[int, dict[str, Document]] | None = None

    def retrieve(
        self, query: str, *, k: int = 10, region: str | None = None, on: date | None = None
    ) -> list[Passage]:
        """Give the k passages that fit a question best, best first.

        `region` narrows the search to policies of a place, of the places above it and of none; `on` is
        the day for which validity is told (None: today).
        """
        return list(self.search(query, k=k, region=region, on=on).passages)

    def retrieve_many(
        self, queries: Sequence[str], *, k: int = 10, region: str | None = None, on: date | None = None
    ) -> list[list[Passage]]:
        """Give each question's passages, in the order of the questions; they are embedded together."""
        self.embedder.embed(queries, kind="query")
        return [self.retrieve(query, k=k, region=region, on=on) for query in queries]

    def search(self, query: str, *, k: int = 10, region: str | None = None, on: date | None = None) -> Search:
        """Give the passages as `retrieve` does, with how the question was read."""
        if not query.strip():
            raise InputError("the question is empty", hint="write what you look for")
        documents = self._documents()
        question = read_question(query, regions=_regions(documents.values()))
        within = _narrowed(documents.values(), region) if region else set(documents)
        rankings = self._rankings(question, within)
        scores = _fuse(rankings, documents, question.places)
        chosen = self._chosen(scores, k)
        shown = [
            self._passage(
                question, clause, documents[clause.document_id], on or date.today(), rankings, scores
            )
            for clause in chosen
        ]
        return Search(question, tuple(shown))

    def _documents(self) -> dict[str, Document]:
        state = self.store.generation
        if self._held is None or self._held[0] != state:
            self._held = (state, {document.id: document for document in self.store.documents()})
        return self._held[1]

    def _rankings(self, question: Question, within: set[str]) -> dict[str, dict[str, float]]:
        """Rank by meaning and by words: each ranking's clauses, best first, with their scores."""
        vector = self.embedder.embed([question.text], kind="query")[0]
        where = None if len(within) == len(self._documents()) else {"document_id": {"$in": sorted(within)}}
        near = dict(self.store.vector_search(vector, _DEPTH, where)) if within else {}
        ids, words = self.store.keyword_scores(question.tokens)
        if question.bridged:
            words = words + _BRIDGED * self.store.keyword_scores(question.bridged)[1]
        allowed = np.array([_document_id(clause_id) in within for clause_id in ids], dtype=bool)
        words = np.where(allowed, words, 0.0) if len(ids) else words
        best = [i for i in np.argsort(-words, kind="stable")[:_DEPTH] if words[i] > 0]
        return {"vector": near, "keyword": {ids[i]: float(words[i]) for i in best}}

    def _chosen(self, scores: Mapping[str, float], k: int) -> list[Clause]:
        """Take the best clauses, leaving out those whose words were shown already."""
        chosen: list[Clause] = []
        seen: set[str] = set()
        for clause_id in sorted(scores, key=lambda clause_id: (-scores[clause_id], clause_id)):
            clause = self.store.clause(clause_id)
            if clause is None or fold(clause.text) in seen:
                continue
            seen.add(fold(clause.text))
            chosen.append(clause)
            if len(chosen) == k:
                break
        return chosen

    def _passage(
        self,
        question: Question,
        clause: Clause,
        document: Document,
        on: date,
        rankings: Mapping[str, Mapping[str, float]],
        scores: Mapping[str, float],
    ) -> Passage:
        words = (*question.tokens, *question.bridged)
        start, end = excerpt(clause.text, words, limit=_PASSAGE, weight=self.store.word_weight)
        parts = {name: ranking[clause.id] for name, ranking in rankings.items() if clause.id in ranking}
        return Passage(
            clause_id=clause.id,
            document_id=document.id,
            policy=document.title,
            heading=clause.heading,
            region=document.region,
            validity=document.validity(on),
            text=clause.text[start:end],
            scores={**parts, "fused": scores[clause.id]},
        )


def _fuse(
    rankings: Mapping[str, Mapping[str, float]],
    documents: Mapping[str, Document],
    places: Sequence[Path],
) -> dict[str, float]:
    fused: dict[str, float] = {}
    for ranking in rankings.values():
        for rank, clause_id in enumerate(ranking):
            fused[clause_id] = fused.get(clause_id, 0.0) + 1 / (_RRF + rank + 1)
    known = {i: s for i, s in fused.items() if _document_id(i) in documents}
    if not places:
        return known
    return {i: s * _place_factor(documents[_document_id(i)].region_path, places) for i, s in known.items()}


def _place_factor(region: Path, places: Sequence[Path]) -> float:
    """Weigh a policy's region against the places that the question names."""
    if not region:
        return 1.0
    return max(
        _THERE if region == place else 1.0 if _on_one_line(region, place) else _ELSEWHERE for place in places
    )


def _on_one_line(one: Path, other: Path) -> bool:
    """Say whether one place holds the other."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _narrowed(documents: Iterable[Document], region: str) -> set[str]:
    documents = list(documents)
    paths = [place.path for place in find_places(region, known=_regions(documents)) if place.path]
    if not paths:
        raise InputError(
            f"{region} is no place that the gazetteer knows", hint="write it as 杭州市 or 北京市海淀区"
        )
    return {
        document.id
        for document in documents
        if any(_on_one_line(document.region_path, path) for path in paths)
    }


def _regions(documents: Iterable[Document]) -> list[Path]:
    return list(dict.fromkeys(document.region_path for document in documents if document.region_path))


def _document_id(clause_id: str) -> str:
    return clause_id.rpartition(":")[0]
