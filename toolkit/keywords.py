"""Words of policy texts and their BM25 index.

In: texts. Out: tokens (jieba words with their parts, policy terms kept whole, figures as written), and
an index over two fields (a clause's heading: its policy's title, region and headings; and its body)
that scores every clause for a query.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
import threading
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIELDS", "KeywordIndex", "segment", "tokenize"]

FIELDS = ("heading", "body")
_HEADING_WEIGHT = 0.5  # a title repeats over all clauses of its policy, so it says less of one clause

_WORD = re.compile(r"[0-9]+(?:\.[0-9]+)?%?|[a-z][a-z0-9+#.-]*|[\u3400-\u9fff]+")


@cache
def _words(name: str) -> frozenset[str]:
    lines = files("toolkit").joinpath(name).read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def _segmenter() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import logging

        import jieba

        jieba.setLogLevel(logging.WARNING)
        segmenter = jieba.Tokenizer()
        segmenter.initialize()
    for term in sorted(_words("terms.txt")):
        segmenter.add_word(term)
    return segmenter


def tokenize(text: str) -> list[str]:
    """Give a text's words, long ones followed by their parts; stop words and punctuation are left out."""
    segmenter, stop = _segmenter(), _words("stopwords.txt")
    tokens: list[str] = []
    for run in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if "\u3400" <= run[0] <= "\u9fff":
            tokens.extend(word for word in segmenter.cut_for_search(run) if word not in stop)
        else:
            tokens.append(run)
    return tokens


def segment(text: str) -> list[str]:
    """Cut a text into its words in order, each once and all of them; punctuation is left out."""
    segmenter = _segmenter()
    words: list[str] = []
    for run in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        words.extend(segmenter.cut(run) if "\u3400" <= run[0] <= "\u9fff" else [run])
    return words


class KeywordIndex:
    """BM25 over clauses, one index a field; `ids` are the clauses' in the order of the scores."""

    def __init__(self, ids: Sequence[str], fields: dict[str, Any]) -> None:
        self.ids = tuple(ids)
        self._fields = fields
        self._lock = threading.Lock()

    @classmethod
    def build(cls, ids: Sequence[str], tokens: dict[str, list[list[str]]]) -> KeywordIndex:
        """Index clauses by the tokens of each field, one list a clause in the order of `ids`."""
        import bm25s

        fields: dict[str, Any] = {}
        for name in FIELDS:
            if any(tokens[name]):
                fields[name] = bm25s.BM25(backend="numpy")
                fields[name].index(tokens[name], show_progress=False)
        return cls(ids, fields)

    def scores(self, tokens: Iterable[str]) -> NDArray[np.float32]:
        """Score every clause for a query's tokens; 0 where no word stands in it."""
        total = np.zeros(len(self.ids), dtype=np.float32)
        asked = list(tokens)
        for name, index in self._fields.items():
            known = [token for token in asked if token in index.vocab_dict]
            if known:
                weight = _HEADING_WEIGHT if name == "heading" else 1.0
                with self._lock:
                    total += np.float32(weight) * index.get_scores(known)
        return total

    def weight(self, token: str) -> float:
        """Give a word's inverse document frequency in the bodies; a word that stands in none weighs 0."""
        index = self._fields.get("body")
        if index is None or token not in index.vocab_dict:
            return 0.0
        borders, at = index.scores["indptr"], index.vocab_dict[token]
        holding = int(borders[at + 1] - borders[at])
        return math.log(1 + len(self.ids) / holding) if holding else 0.0

    def save(self, folder: Path) -> None:
        """Write the index to a folder, whole or not at all."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
        try:
            for name, index in self._fields.items():
                index.save(partial / name, show_progress=False)
            (partial / "clauses.json").write_text(json.dumps(self.ids), encoding="utf-8")
            if folder.exists():
                shutil.rmtree(folder)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise

    @classmethod
    def load(cls, folder: Path) -> KeywordIndex:
        """Read an index that `save` wrote; OSError or ValueError where it is none."""
        import bm25s

        ids = json.loads((folder / "clauses.json").read_text(encoding="utf-8"))
        fields = {name: bm25s.BM25.load(folder / name) for name in FIELDS if (folder / name).is_dir()}
        return cls(ids, fields)
