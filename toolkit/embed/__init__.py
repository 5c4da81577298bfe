"""Texts to vectors: multilingual-e5-small in llama.cpp.

In: texts of any length, as queries or as passages. Out: a float32 array (texts, 384) of unit vectors,
in the order of the texts. A text longer than the model's 512 tokens is embedded in windows, and its
vector is the mean of theirs, each counted by its tokens, so nothing is cut.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.embed.runner import WINDOW, BertRunner
from toolkit.errors import ModelError
from toolkit.models import installed_member

__all__ = ["Embedder", "Kind", "Vectors", "load_embedder", "usable_cores", "weight_file"]

Kind = Literal["query", "passage"]
Vectors = NDArray[np.float32]

_RECIPE = "1"  # raise it when the same text would get another vector
_CACHED_QUERIES = 4096
# What the model's own normaliser does beyond NFKC.
_CONTROLS = dict.fromkeys((*range(1, 9), 11, *range(14, 32), 127, 143, 159, 0))
_SPACES = dict.fromkeys(
    (9, 10, 12, 13, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD), " "
)
_NORMALISE = {**_CONTROLS, **_SPACES}


class Embedder:
    """Gives unit vectors; loads the model at the first text, and may be used from several threads.

    `long_texts` counts the texts that needed more than one window so far.
    """

    name = "multilingual-e5-small-q4"
    dimension = 384

    def __init__(self, path: Path, *, workers: int | None = None, threads: int = 1) -> None:
        self._path = path
        self._workers = workers or usable_cores()
        self._threads = threads
        self._runner: BertRunner | None = None
        self._lock = threading.Lock()
        self._queries: OrderedDict[str, Vectors] = OrderedDict()  # a question: (dimension,)
        self.fingerprint = f"{path.stem}:{_RECIPE}"
        self.long_texts = 0

    def embed(
        self, texts: Sequence[str], *, kind: Kind, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Embed the texts in their order to (texts, 384); `progress` gets the number done so far."""
        if kind == "query":
            return self._cached(texts)
        return self._embed(texts, kind, progress)

    def count_tokens(self, text: str) -> int:
        """Count the tokens of a text as a passage, borders included."""
        return len(self._load().tokenize(_prepare(text, "passage"))) + 2

    def _cached(self, texts: Sequence[str]) -> Vectors:
        """Embed questions, those asked before from memory."""
        with self._lock:
            missing = [text for text in dict.fromkeys(texts) if text not in self._queries]
        fresh = dict(zip(missing, self._embed(missing, "query", None), strict=True))
        with self._lock:
            found = {text: fresh[text] if text in fresh else self._queries[text] for text in texts}
            self._queries.update(fresh)
            for text in texts:
                self._queries.move_to_end(text)
            while len(self._queries) > _CACHED_QUERIES:
                self._queries.popitem(last=False)
        return np.stack([found[text] for text in texts]) if texts else self._embed([], "query", None)

    def _embed(self, texts: Sequence[str], kind: Kind, progress: Callable[[int], None] | None) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        runner = self._load()
        ids = [runner.tokenize(_prepare(text, kind)) for text in texts]
        self.long_texts += sum(len(tokens) > WINDOW for tokens in ids)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: -len(ids[index]))
        done = 0
        for at in range(0, len(order), 64):
            group = order[at : at + 64]
            windows = [(index, window) for index in group for window in _windows(ids[index])]
            for (index, window), vector in zip(windows, runner.embed([w for _, w in windows]), strict=True):
                vectors[index] += vector * max(len(window), 1)
            done += len(group)
            if progress is not None:
                progress(done)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def _load(self) -> BertRunner:
        with self._lock:
            if self._runner is None:
                self._runner = BertRunner(self._path, workers=self._workers, threads=self._threads)
            return self._runner

    def close(self) -> None:
        """Free the model; it loads again when a text comes."""
        with self._lock:
            if self._runner is not None:
                self._runner.close()
                self._runner = None

    def __enter__(self) -> Embedder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_embedder(path: str | Path | None = None, *, layers: int | None = None) -> Embedder:
    """Give the installed embedding model, or the one in a weight file or GGUF; it loads when first used.

    With `layers` it is the lowest layers of a weight file alone. Raises ModelError where none is installed.
    """
    source = weight_file(path)
    if source.suffix == ".gguf" and layers is None:
        return Embedder(source)
    from toolkit.embed.weights import prepare_gguf

    return Embedder(prepare_gguf(source, layers=layers))


def weight_file(path: str | Path | None = None) -> Path:
    """Give the file of the installed embedding model, or that path; ModelError where it is not there."""
    source = Path(path) if path is not None else installed_member("e5-small")
    if not source.is_file():
        raise ModelError(f"there is no embedding model at {source}", hint="run: zhengce setup")
    return source


def usable_cores() -> int:
    """Count the processor cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _prepare(text: str, kind: Kind) -> str:
    normal = unicodedata.normalize("NFKC", text.translate(_NORMALISE))
    return f"{kind}: {' '.join(normal.split(' '))}"


def _windows(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[at : at + WINDOW] for at in range(0, len(ids), WINDOW)] or [ids]
