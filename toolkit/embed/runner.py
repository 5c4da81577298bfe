"""The embedding model in llama.cpp: token ids in, one mean-pooled vector a window out.

Long texts go through one at a time: attention is computed over a whole call, so many in one cost ten
times the time. Short ones share a call, in which the weights are read once. Each worker thread has a
context of its own over the same weights.
"""

from __future__ import annotations

import ctypes
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ModelError

__all__ = ["WINDOW", "BertRunner"]

WINDOW = 510  # content tokens in a pass; the model has 512 positions, two are the borders
_SHARED = 112  # tokens up to which short texts share a call
_TEXTS = 8  # texts in a call at most


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
        settings.n_seq_max = _TEXTS
        settings.kv_unified = True
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
        return np.concatenate(list(self._pool.map(self._embed_call, _calls(windows))))

    def _embed_call(self, windows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed a few windows in one call, each a sequence of its own."""
        count = len(windows)
        return self._run(
            windows, lambda context, _: np.stack([self._pooled(context, n) for n in range(count)])
        )

    def _embed_one(self, ids: Sequence[int]) -> NDArray[np.float32]:
        return self._run([ids], self._output)

    def _run(
        self, windows: Sequence[Sequence[int]], read: Callable[[Any, int], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Compute windows in a context and read its output, given it and the number of tokens."""
        worker = self._contexts.get()
        try:
            context, batch = worker
            at = 0
            for sequence, ids in enumerate(windows):
                for position, token in enumerate((self._bos, *ids, self._eos)):
                    batch.token[at] = token
                    batch.pos[at] = position
                    batch.n_seq_id[at] = 1
                    batch.seq_id[at][0] = sequence
                    batch.logits[at] = True
                    at += 1
            batch.n_tokens = at
            status = self._c.llama_encode(context, batch)
            if status != 0:
                raise ModelError(f"the embedding model failed on {at} tokens (status {status})")
            return read(context, at)
        finally:
            self._contexts.put(worker)

    def _pooled(self, context: Any, sequence: int) -> NDArray[np.float32]:
        vector = self._c.llama_get_embeddings_seq(context, sequence)
        return np.ctypeslib.as_array(vector, shape=(self.dimension,)).copy()

    def _output(self, context: Any, tokens: int) -> NDArray[np.float32]:
        """Read what one window gave: its mean, or in a subclass its tokens' states."""
        return self._pooled(context, 0)

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


def _calls(windows: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
    """Part windows into calls, in their order: long ones alone, short neighbours together."""
    calls: list[list[Sequence[int]]] = []
    room = 0
    for window in windows:
        size = len(window) + 2
        if calls and size <= room and len(calls[-1]) < _TEXTS:
            calls[-1].append(window)
            room -= size
        else:
            calls.append([window])
            room = _SHARED - size
    return calls


@cache
def _silence() -> Any:
    """Drop llama.cpp's log (what matters comes back as a status); kept as long as the process lives."""
    import llama_cpp

    callback = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    return callback
