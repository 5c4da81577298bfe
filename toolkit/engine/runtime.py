"""llama.cpp through ctypes: a loaded model with one context. The only module that imports llama_cpp.

In: a GGUF file and `Settings`. Out: tokens of a text, and logits after a batch of `Run`s. Sequences
are numbers below `sequences`; they share the cells of one cache (`kv_unified`), so that copying a
prefix from one to another costs nothing.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.errors import ModelError

__all__ = ["Run", "Runtime", "Settings", "Tokens", "physical_cores"]

Tokens = npt.NDArray[np.int32]
_MAGIC = b"GGUF"


def physical_cores() -> int:
    """Count the cores that this process may use, hyperthreads apart; $ZHENGCE_THREADS overrides."""
    asked = os.environ.get("ZHENGCE_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = set()
    for cpu in allowed:
        topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(topology.read_text().strip())
        except OSError:
            return max(1, len(allowed))
    return max(1, len(cores))


@dataclass(frozen=True)
class Settings:
    """How a context is made: cells in tokens, tokens a batch, sequences at once, threads."""

    context: int = 16384
    batch: int = 512
    micro_batch: int = 512
    sequences: int = 128
    outputs: int = 128
    threads: int = 0
    flash_attention: bool = True


@dataclass
class Run:
    """Consecutive tokens of one or more sequences; the last `wanted` of them give logits."""

    tokens: Sequence[int] | Tokens
    position: int
    sequences: tuple[int, ...]
    wanted: int = 1


class _Batch:
    """The arrays of a `llama_batch`, kept in numpy so that filling them is a few slice writes."""

    def __init__(self, size: int) -> None:
        import llama_cpp

        self.size = size
        self.tokens = np.zeros(size, np.int32)
        self.positions = np.zeros(size, np.int32)
        self.counts = np.zeros(size, np.int32)
        self.outputs = np.zeros(size, np.int8)
        self.pointers = np.zeros(size + 1, np.uint64)
        self._held: list[npt.NDArray[np.int32]] = []
        self.struct = llama_cpp.llama_batch()
        self.struct.token = self._pointer(self.tokens, ctypes.c_int32)
        self.struct.pos = self._pointer(self.positions, ctypes.c_int32)
        self.struct.n_seq_id = self._pointer(self.counts, ctypes.c_int32)
        self.struct.logits = self._pointer(self.outputs, ctypes.c_int8)
        self.struct.seq_id = ctypes.cast(
            self.pointers.ctypes.data, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))
        )

    @staticmethod
    def _pointer(array: npt.NDArray[Any], kind: Any) -> Any:
        return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))

    def fill(self, runs: Sequence[Run]) -> list[list[int]]:
        """Lay out the runs; give each run's rows of logits, in the order of its tokens."""
        at = 0
        rows: list[list[int]] = []
        self._held = []
        for run in runs:
            size = len(run.tokens)
            end = at + size
            self.tokens[at:end] = run.tokens
            self.positions[at:end] = np.arange(run.position, run.position + size, dtype=np.int32)
            ids = np.asarray(run.sequences, np.int32)
            self._held.append(ids)
            self.counts[at:end] = len(ids)
            self.pointers[at:end] = ids.ctypes.data
            self.outputs[at:end] = 0
            self.outputs[end - run.wanted : end] = 1
            rows.append(list(range(end - run.wanted, end)))
            at = end
        self.struct.n_tokens = at
        return rows


class Runtime:
    """A model and its context; every method is for one thread at a time."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self._check_file(path)
        self._api = _load_api()
        self._model = self._load_model(path)
        self._vocab = self._api.llama_model_get_vocab(self._model)
        self.vocabulary: int = self._api.llama_vocab_n_tokens(self._vocab)
        self.trained_context: int = self._api.llama_model_n_ctx_train(self._model)
        self.settings = settings
        self._context = self._make_context(settings)
        self._memory = self._api.llama_get_memory(self._context)
        self._batch = _Batch(settings.batch)
        self.cells: int = self._api.llama_n_ctx(self._context)
        self.computed = 0
        """Tokens computed so far, in `batches` batches."""
        self.batches = 0
        self._pieces: dict[int, bytes] = {}
        self._buffer = ctypes.create_string_buffer(1024)
        self._ends: frozenset[int] | None = None

    @staticmethod
    def _check_file(path: Path) -> None:
        try:
            with path.open("rb") as file:
                magic = file.read(4)
        except OSError as error:
            raise ModelError(f"cannot read the model {path}: {error.strerror}") from error
        if magic != _MAGIC:
            raise ModelError(f"{path} is not a GGUF model file", hint="get it again: zhengce setup")

    def _load_model(self, path: Path) -> Any:
        parameters = self._api.llama_model_default_params()
        parameters.n_gpu_layers = int(os.environ.get("ZHENGCE_GPU_LAYERS", "0"))
        model = self._api.llama_model_load_from_file(str(path).encode(), parameters)
        if not model:
            raise ModelError(
                f"llama.cpp cannot load {path}: the file is cut short or of an unknown kind",
                hint="remove it and run: zhengce setup",
            )
        return model

    def _make_context(self, settings: Settings) -> Any:
        parameters = self._api.llama_context_default_params()
        threads = settings.threads or physical_cores()
        parameters.n_ctx = settings.context
        parameters.n_batch = settings.batch
        parameters.n_ubatch = settings.micro_batch
        parameters.n_seq_max = settings.sequences
        parameters.n_outputs_max = settings.outputs
        parameters.n_threads = threads
        parameters.n_threads_batch = threads
        parameters.flash_attn_type = 1 if settings.flash_attention else 0
        parameters.kv_unified = True
        parameters.no_perf = True
        context = self._api.llama_init_from_model(self._model, parameters)
        if not context:
            raise ModelError(
                f"llama.cpp cannot make a context of {settings.context} tokens for {self.path.name}",
                hint="ask for a smaller context",
            )
        return context

    # -------------------------------------------------------------- text
    def tokenize(self, text: str, *, special: bool = False, start: bool = False) -> list[int]:
        """Give a text's tokens; `special` reads control tokens, `start` adds the model's first token."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (ctypes.c_int32 * room)()
        count = self._api.llama_tokenize(self._vocab, data, len(data), buffer, room, start, special)
        if count < 0:
            raise ModelError(f"llama.cpp cannot tokenize a text of {len(text)} characters")
        return buffer[:count]

    def piece(self, token: int) -> bytes:
        """Give a token's bytes, empty for a control token; a character may be split over tokens."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._piece(token)
        return known

    def _piece(self, token: int, *, special: bool = False) -> bytes:
        count = self._api.llama_token_to_piece(
            self._vocab, token, self._buffer, len(self._buffer), 0, special
        )
        return ctypes.string_at(self._buffer, count) if count > 0 else b""

    @property
    def ends(self) -> frozenset[int]:
        """The tokens that end a turn."""
        if self._ends is None:
            is_end = self._api.llama_vocab_is_eog
            self._ends = frozenset(t for t in range(self.vocabulary) if is_end(self._vocab, t))
        return self._ends

    @property
    def adds_start(self) -> bool:
        """Whether a prompt starts with the model's first token."""
        return bool(self._api.llama_vocab_get_add_bos(self._vocab))

    def special_texts(self) -> list[str]:
        """List the control tokens as they are written."""
        control = self._api.LLAMA_TOKEN_ATTR_CONTROL | self._api.LLAMA_TOKEN_ATTR_USER_DEFINED
        texts = []
        for token in range(self.vocabulary):
            if self._api.llama_vocab_get_attr(self._vocab, token) & control:
                texts.append(self._api.llama_vocab_get_text(self._vocab, token).decode("utf-8", "replace"))
        return [text for text in texts if text]

    def token_text(self, kind: str) -> str:
        """Write the model's `bos` or `eos` token; empty where it has none."""
        token = getattr(self._api, f"llama_vocab_{kind}")(self._vocab)
        return self._api.llama_vocab_get_text(self._vocab, token).decode() if token >= 0 else ""

    def chat_template(self) -> str | None:
        """Give the model's own chat template (Jinja)."""
        found = self._api.llama_model_chat_template(self._model, None)
        return found.decode("utf-8") if found else None

    def constraint_tokenizer(self) -> Any:
        """Make llguidance's view of the vocabulary; takes about half a second.

        Control tokens get the mark 0xff, so that no grammar takes them for text.
        """
        from llguidance import LLTokenizer

        tokens = []
        for token in range(self.vocabulary):
            piece = self._piece(token, special=True)
            attributes = self._api.llama_vocab_get_attr(self._vocab, token)
            written = attributes & self._api.LLAMA_TOKEN_ATTR_USER_DEFINED and piece[:1] + piece[-1:] == b"<>"
            control = attributes & self._api.LLAMA_TOKEN_ATTR_CONTROL or written
            tokens.append(b"\xff" + piece if control else piece)
        tokenize = ctypes.cast(self._api.llama_cpp._lib.llama_tokenize, ctypes.c_void_p).value
        main = self._api.llama_vocab_eos(self._vocab)
        ends = [main, *sorted(self.ends - {main})]
        return LLTokenizer.from_llamacpp(
            tokens=tokens, vocab_ptr=self._vocab, tokenize_fptr=tokenize, eos_token=ends
        )

    # -------------------------------------------------------------- sequences
    def decode(self, runs: Sequence[Run]) -> list[list[npt.NDArray[np.float32]]]:
        """Compute the runs in one batch; give each run's logits, one row a wanted token.

        The rows are views that the next call overwrites. Raises ModelError where llama.cpp fails.
        """
        rows = self._batch.fill(runs)
        status = self._api.llama_decode(self._context, self._batch.struct)
        if status != 0:
            raise ModelError(
                f"llama.cpp failed to decode {self._batch.struct.n_tokens} tokens (status {status})"
            )
        self.computed += self._batch.struct.n_tokens
        self.batches += 1
        return [[self._logits(row) for row in wanted] for wanted in rows]

    def _logits(self, row: int) -> npt.NDArray[np.float32]:
        pointer = self._api.llama_get_logits_ith(self._context, row)
        address = ctypes.cast(pointer, ctypes.c_void_p).value
        if address is None:
            raise ModelError(f"llama.cpp gave no logits for row {row}")
        return np.ctypeslib.as_array((ctypes.c_float * self.vocabulary).from_address(address))

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a sequence share the first `length` tokens of another."""
        self._api.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def trim(self, sequence: int, length: int) -> None:
        """Drop a sequence's tokens from `length` on."""
        self._api.llama_memory_seq_rm(self._memory, sequence, length, -1)

    def clear(self) -> None:
        """Drop all sequences."""
        self._api.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        """Free the context and the model; a second call does nothing."""
        if self._context is not None:
            self._api.llama_free(self._context)
            self._api.llama_model_free(self._model)
            self._context = self._model = None


def _load_api() -> Any:
    """Import llama_cpp, with its log on standard error only where $ZHENGCE_LOG asks for it."""
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(f"llama-cpp-python cannot be loaded: {error}", hint="run: zhengce doctor") from error
    llama_cpp.llama_log_set(_log, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    return llama_cpp


def _write_log(level: int, text: bytes, data: int | None) -> None:
    if os.environ.get("ZHENGCE_LOG"):
        os.write(2, text)


_log = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(_write_log)
"""Kept for the life of the process: llama.cpp holds a pointer to it."""
