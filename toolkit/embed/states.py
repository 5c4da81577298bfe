"""The embedding model's hidden states, token by token: what a vector for the whole text averages away.

In: texts. Out: one float16 array (tokens, 384) a text, in their order; tokens beyond the first 256 are left
out. The same weights as `Embedder`, without pooling: the last layer's states without the borders, or those
of a layer below with them, for layers that are fitted to a task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.embed import _prepare as prepare
from toolkit.embed import load_embedder
from toolkit.embed.runner import BertRunner
from toolkit.errors import ModelError

__all__ = ["MOST_TOKENS", "TokenStates"]

MOST_TOKENS = 256
_GROUP = 64


class _StateRunner(BertRunner):
    """The weights with every token's state as output, in place of their mean."""

    pooling = "LLAMA_POOLING_TYPE_NONE"

    def states(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float16]]:
        return list(self._pool.map(self._states_of, windows))

    def _states_of(self, ids: Sequence[int]) -> NDArray[np.float16]:
        worker = self._contexts.get()
        try:
            context, batch = worker
            tokens = (self._bos, *ids, self._eos)
            for at, token in enumerate(tokens):
                batch.token[at] = token
                batch.pos[at] = at
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = 0
                batch.logits[at] = True
            batch.n_tokens = len(tokens)
            status = self._c.llama_encode(context, batch)
            if status != 0:
                raise ModelError(f"the embedding model failed on {len(tokens)} tokens (status {status})")
            found = np.ctypeslib.as_array(
                self._c.llama_get_embeddings(context), shape=(len(tokens), self.dimension)
            )
            return found.astype(np.float16)
        finally:
            self._contexts.put(worker)


class TokenStates:
    """Gives token states; loads the model at the first text, and is used from one thread at a time.

    With `layers` only so many of the lowest layers are computed, and the states of the borders are kept.
    """

    def __init__(self, path: str | Path | None = None, *, layers: int | None = None) -> None:
        self._embedder = load_embedder(path, layers=layers)
        self._bordered = layers is not None
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
            whole = self._runner.states([self._runner.tokenize(text)[:MOST_TOKENS] for text in group])
            found += whole if self._bordered else [one[1:-1] if len(one) > 2 else one[:1] for one in whole]
            if progress is not None:
                progress(len(found))
        return found

    def close(self) -> None:
        """Free the model; it loads again when a text comes."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
