"""The embedding model's last hidden states, token by token: what a vector for the whole text averages away.

In: texts. Out: one float16 array (tokens, 384) a text, in their order; the borders are left out and tokens
beyond the first 256 too. The same weights as `Embedder`, without pooling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.embed import _prepare as prepare
from toolkit.embed import load_embedder
from toolkit.embed.runner import BertRunner

__all__ = ["MOST_TOKENS", "TokenStates"]

MOST_TOKENS = 256
_GROUP = 64


class _StateRunner(BertRunner):
    """The weights with every token's state as output, in place of their mean."""

    pooling = "LLAMA_POOLING_TYPE_NONE"

    def states(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float16]]:
        return [found.astype(np.float16) for found in self._pool.map(self._embed_one, windows)]

    def _output(self, context: Any, tokens: int) -> NDArray[np.float32]:
        states = self._c.llama_get_embeddings(context)
        found = np.ctypeslib.as_array(states, shape=(tokens, self.dimension))
        return found[1:-1].copy() if tokens > 2 else found[:1].copy()


class TokenStates:
    """Gives token states; loads the model at the first text, and is used from one thread at a time."""

    def __init__(self, path: str | Path | None = None) -> None:
        self._embedder = load_embedder(path)
        self._runner: _StateRunner | None = None
        self.fingerprint = self._embedder.fingerprint

    def states(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> list[NDArray[np.float16]]:
        """Give each text's states; a text without a token gets the border's.

        `progress` gets the number done so far.
        """
        if self._runner is None:
            self._runner = _StateRunner(self._embedder._path, workers=self._embedder._workers, threads=1)
        found: list[NDArray[np.float16]] = []
        for at in range(0, len(texts), _GROUP):
            group = [prepare(text, "passage") for text in texts[at : at + _GROUP]]
            found += self._runner.states([self._runner.tokenize(text)[:MOST_TOKENS] for text in group])
            if progress is not None:
                progress(len(found))
        return found

    def close(self) -> None:
        """Free the model; it loads again when a text comes."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
