"""A clause as counts of character n-grams, in two fields: all of it, and its opening sentence.

In: texts. Out: a sparse matrix of TF-IDF values (texts, grams), each field of unit length. White space
and width do not count. The opening says what a clause is about; the rest mentions much else.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Grams", "count_grams", "fit_grams", "opening"]

_SENTENCE = re.compile("[。;；!！?？]")
_MARK = "\x01"  # begins every gram of the opening, which no text holds

Counts = dict[str, int]


def opening(text: str) -> str:
    """Give the first sentence."""
    return _SENTENCE.split(text, maxsplit=1)[0]


def count_grams(text: str, *, longest: int) -> tuple[Counts, Counts]:
    """Count the grams of 1 to `longest` characters in the text and in its opening sentence."""
    plain = unicodedata.normalize("NFKC", "".join(text.split())).lower().replace(_MARK, "")
    start = opening(plain)
    return Counter(_pieces(plain, longest)), Counter(_MARK + piece for piece in _pieces(start, longest))


def _pieces(text: str, longest: int) -> Iterator[str]:
    yield from text
    for size in range(2, longest + 1):
        for at in range(len(text) - size + 1):
            yield text[at : at + size]


@dataclass(frozen=True)
class Grams:
    """The grams that count, as columns of the matrix, with their inverse document frequencies."""

    columns: dict[str, int]
    idf: NDArray[np.float32]
    longest: int

    def matrix(self, counted: Sequence[tuple[Counts, Counts]]) -> csr_matrix:
        """Give the TF-IDF values of counted texts, (texts, grams)."""
        from scipy.sparse import csr_matrix

        rows = [self._weigh(pair) for pair in counted]
        ends = np.cumsum([0, *(len(columns) for columns, _ in rows)])
        columns = np.concatenate([np.array(found, dtype=np.int32) for found, _ in rows])
        values = np.concatenate([value for _, value in rows])
        return csr_matrix((values, columns, ends), shape=(len(rows), len(self.idf)))

    def _weigh(self, counted: tuple[Counts, Counts]) -> tuple[list[int], NDArray[np.float32]]:
        columns: list[int] = []
        values: list[NDArray[np.float32]] = []
        for field in counted:
            found = {gram: count for gram, count in field.items() if gram in self.columns}
            if not found:
                continue
            at = list(map(self.columns.__getitem__, found))
            often = np.minimum(np.fromiter(found.values(), dtype=np.int64, count=len(at)), _MOST)
            weights: NDArray[np.float32] = _DAMPED[often] * self.idf[at]
            columns += at
            values.append(np.asarray(weights / np.sqrt(weights @ weights), dtype=np.float32))
        return columns, np.concatenate(values) if values else np.zeros(0, dtype=np.float32)


_MOST = 255
_DAMPED = np.array([0.0, *(1.0 + log(count) for count in range(1, _MOST + 1))], dtype=np.float32)


def fit_grams(counted: Iterable[tuple[Counts, Counts]], *, longest: int, fewest: int = 1) -> Grams:
    """Take the grams that stand in `fewest` texts or more; idf is ln((1+n)/(1+df))+1."""
    frequency: Counter[str] = Counter()
    texts = 0
    for pair in counted:
        texts += 1
        for field in pair:
            frequency.update(field.keys())
    kept = sorted(gram for gram, count in frequency.items() if count >= fewest)
    idf = np.array([log((1 + texts) / (1 + frequency[gram])) + 1 for gram in kept], dtype=np.float32)
    return Grams({gram: at for at, gram in enumerate(kept)}, idf, longest)
