"""What an assistant keeps of a store between questions: documents, their clauses, a sample for weights.

In: a `Store`. Out: `Corpus`, which reads the store again when its documents have changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolkit.ask.folding import folded
from toolkit.ask.question import Term
from toolkit.ask.rank import Held, Weights, weigh
from toolkit.records import Clause, Document
from toolkit.store import Store

__all__ = ["Corpus"]

_SAMPLE = 6000  # clauses that the words' weights are counted on


class Corpus:
    """A store's documents and clauses, read once and kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._fingerprint = ""
        self._documents: dict[str, Document] = {}
        self._clauses: dict[str, list[Clause]] = {}
        self._sample: list[str] = []
        self._idf: dict[Term, float] = {}

    def refresh(self) -> None:
        """Forget what was read if the store has changed since."""
        fingerprint = self.store.fingerprint
        if fingerprint == self._fingerprint:
            return
        self._fingerprint = fingerprint
        self._documents = {document.id: document for document in self.store.documents()}
        self._clauses = {}
        self._sample = []
        self._idf = {}

    @property
    def documents(self) -> list[Document]:
        """All documents."""
        return list(self._documents.values())

    def document(self, document_id: str) -> Document:
        """Give a document by id; KeyError where it is not here."""
        return self._documents[document_id]

    def clauses(self, document_id: str) -> list[Clause]:
        """Give a document's clauses in the order of its text."""
        if document_id not in self._clauses:
            self._clauses[document_id] = self.store.clauses(document_id)
        return self._clauses[document_id]

    def held(self, document_id: str, retrieved: dict[str, float]) -> Iterable[Held]:
        """Give a document's clauses, each with its lead and its place in the retrieval."""
        clauses = self.clauses(document_id)
        document = self.document(document_id)
        for index, clause in enumerate(clauses):
            yield Held(
                clause=clause,
                document=document,
                retrieved=retrieved.get(clause.id, 0.0),
                lead=_lead(clauses, index),
            )

    def weigh(self, terms: Iterable[Term]) -> Weights:
        """Weigh words by how rare they are here."""
        terms = list(terms)
        new = [term for term in terms if term not in self._idf]
        if new:
            weights = weigh(new, self._texts())
            self._idf |= {term: weights.of(term) for term in new}
        return Weights({term.word: self._idf[term] for term in terms})

    def unheard(self, terms: Iterable[Term]) -> list[str]:
        """List the words that stand in no document, their other names aside."""
        texts = [document.text + document.title for document in self._documents.values()]
        return [term.word for term in terms if not term.says and not any(term.word in text for text in texts)]

    def _texts(self) -> list[str]:
        if not self._sample:
            step = max(1, self.store.manifest.counts.clauses // _SAMPLE)
            rows = self.store.facts.execute(
                "SELECT c.heading || c.text FROM clauses c JOIN documents d ON d.id = c.document_id "
                "WHERE d.ready AND c.rowid % ? = 0",
                (step,),
            ).fetchall()
            self._sample = [folded(row[0]) for row in rows]
        return self._sample


def _lead(clauses: list[Clause], index: int) -> str:
    """The words that open the list in which a clause is an item: its parent's last sentence."""
    path = clauses[index].heading_path
    for before in range(index - 1, max(-1, index - 12), -1):
        above = clauses[before]
        if len(above.heading_path) < len(path) and path[: len(above.heading_path)] == above.heading_path:
            return above.text[-120:]
        if above.text.rstrip().endswith(("：", ":")) and len(above.heading_path) <= len(path):
            return above.text[-120:]
    return ""
