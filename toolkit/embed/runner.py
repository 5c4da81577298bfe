"""The embedding model in llama.cpp: token ids in, one mean-pooled vector a window out.

Texts go through one at a time: attention over many in one call costs ten times the time. Each worker
thread has a context of its own over the same weights.
"""

from __future__ import annotations

import ctypes
import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError

__all__ = ["WINDOW", "BertRunner"]

WINDOW = 510  # content tokens in a pass; the model has 512 positions, two are the borders


class BertRunner:
    """Loaded weights and `workers` contexts of `threads` threads each."""

    pooling = "LLAMA_POOLING_TYPE_MEAN"

    def __init__(self, path: Path, *, workers: int, threads: int) -> None:
        import llama_cpp

        self._c = llama_cpp
        _silence()
        llama_cpp.llama_backend_init()
        settings = llama_cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self._model: Any = llama_cpp.llama_model_load_from_file(str(path).encode(), settings)
        if not self._model:
            raise ModelError(f"the embedding model {path} does not load", hint="run: zhengce setup")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self._bos = llama_cpp.llama_vocab_bos(self._vocab)
        self._eos = llama_cpp.llama_vocab_eos(self._vocab)
        self.dimension = int(llama_cpp.llama_model_n_embd(self._model))
        self._contexts: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._all = [self._new_context(threads) for _ in range(workers)]
        for context in self._all:
            self._contexts.put(context)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="embed")

    def _new_context(self, threads: int) -> Any:
        c = self._c
        settings = c.llama_context_default_params()
        settings.n_ctx = settings.n_batch = settings.n_ubatch = WINDOW + 2
        settings.n_seq_max = 1
        settings.n_threads = settings.n_threads_batch = threads
        settings.embeddings = True
        settings.pooling_type = getattr(c, self.pooling)
        settings.flash_attn_type = c.LLAMA_FLASH_ATTN_TYPE_ENABLED
        context = c.llama_init_from_model(self._model, settings)
        if not context:
            raise ModelError("the embedding model's context does not start", hint="run: zhengce doctor")
        return context, c.llama_batch_init(WINDOW + 2, 0, 1)

    def tokenize(self, text: str) -> list[int]:
        """Give a text's token ids without the borders."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        ids = (self._c.llama_token * room)()
        count = self._c.llama_tokenize(self._vocab, data, len(data), ids, room, False, False)
        if count < 0:
            raise ModelError(f"the embedding model cannot split a text of {len(text)} characters")
        return list(ids[:count])

    def embed(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Give a (windows, dimension) array; each window has at most `WINDOW` tokens."""
        if not windows:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack(list(self._pool.map(self._embed_one, windows)))

    def _embed_one(self, ids: Sequence[int]) -> NDArray[np.float32]:
        worker = self._contexts.get()
        try:
            context, batch = worker
            tokens = (self._bos, *ids, self._eos)
            batch.n_tokens = len(tokens)
            for at, token in enumerate(tokens):
                batch.token[at] = token
                batch.pos[at] = at
                batch.n_seq_id[at] = 1
                batch.seq_id[at][0] = 0
                batch.logits[at] = True
            status = self._c.llama_encode(context, batch)
            if status != 0:
                raise ModelError(f"the embedding model failed on {len(tokens)} tokens (status {status})")
            return self._output(context, len(tokens))
        finally:
            self._contexts.put(worker)

    def _output(self, context: Any, tokens: int) -> NDArray[np.float32]:
        vector = self._c.llama_get_embeddings_seq(context, 0)
        return np.ctypeslib.as_array(vector, shape=(self.dimension,)).copy()

    def close(self) -> None:
        """Free the weights and the contexts; a second call does nothing."""
        if self._model is None:
            return
        self._pool.shutdown()
        for context, batch in self._all:
            self._c.llama_batch_free(batch)
            self._c.llama_free(context)
        self._c.llama_model_free(self._model)
        self._model = None


@cache
def _silence() -> Any:
    """Drop llama.cpp's log (what matters comes back as a status); kept as long as the process lives."""
    import llama_cpp

    callback = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    return callback
