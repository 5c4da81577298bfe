"""The installed E5 weight file, rewritten once as a GGUF that llama.cpp loads.

In: the file `e5-small-q4.bin` (magic `E5S1`), little-endian throughout: the model's sizes, the
SentencePiece unigram pieces with their scores, a map of normalised characters, a directory of tensors
and their bytes. Matrices are ggml's own Q4_0 blocks, so they are copied and no weight changes.
Out: `e5-small-<sha256>.gguf` beside it, of architecture `bert` with mean pooling.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from toolkit.embed.gguf import F32, Q4_0, Tensor, Value, write_gguf
from toolkit.errors import ModelError

__all__ = ["EncoderLayers", "prepare_gguf", "read_layers"]

_LAYER = {
    "q": "attn_q",
    "k": "attn_k",
    "v": "attn_v",
    "ao": "attn_output",
    "aln": "attn_output_norm",
    "fi": "ffn_up",
    "fo": "ffn_down",
    "oln": "layer_output_norm",
}
_OUTER = {
    "emb.word": "token_embd.weight",
    "emb.pos": "position_embd.weight",
    "emb.type": "token_types.weight",
    "emb.ln.w": "token_embd_norm.weight",
    "emb.ln.b": "token_embd_norm.bias",
}
_THEIRS = {
    "out": "attn_output",
    "norm1": "attn_output_norm",
    "up": "ffn_up",
    "down": "ffn_down",
    "norm2": "layer_output_norm",
}
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3


@dataclass(frozen=True)
class _Sizes:
    width: int
    layers: int
    heads: int
    inner: int
    rows: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True)
class _Pieces:
    texts: list[str]
    scores: list[float]
    bos: int
    eos: int
    pad: int
    unknown: int


@dataclass(frozen=True)
class EncoderLayers:
    """The encoder's layers: for each the names of `toolkit.classify.layers.PARTS` and arrays
    (out, in) or (out,), and how many heads they have."""

    layers: tuple[dict[str, NDArray[np.float32]], ...]
    heads: int
    epsilon: float


def prepare_gguf(source: Path, *, layers: int | None = None) -> Path:
    """Give the GGUF of a weight file, writing it the first time (a second or two).

    With `layers` it holds the lowest layers alone. Its name holds the first 16 characters of the source's
    SHA-256. Two processes at once do no harm.
    """
    ready = _existing(source, layers)
    if ready is not None:
        return ready
    with FileLock(source.with_suffix(".lock")):
        ready = _existing(source, layers)
        return ready if ready is not None else _convert(source, layers)


def read_layers(source: Path) -> EncoderLayers:
    """Read a weight file's layers, from the lowest up, as float32."""
    with _named_faults(source):
        image = memoryview(source.read_bytes())
        _, tensors, sizes = _read(image, "")
    found = {tensor.name: tensor for tensor in tensors}
    layers = []
    for number in range(sizes.layers):

        def part(name: str, number: int = number) -> NDArray[np.float32]:
            return _floats(found[f"blk.{number}.{name}"])

        layer = {
            f"{own}.{kind}": part(f"{theirs}.{kind}")
            for own, theirs in _THEIRS.items()
            for kind in ("weight", "bias")
        }
        for kind in ("weight", "bias"):
            layer[f"qkv.{kind}"] = np.concatenate([part(f"attn_{letter}.{kind}") for letter in "qkv"])
        layers.append(layer)
    return EncoderLayers(tuple(layers), sizes.heads, sizes.epsilon)


def _floats(tensor: Tensor) -> NDArray[np.float32]:
    """Give a tensor's values, (out, in) for a matrix. A Q4_0 block is a float16 scale and 32 values of 4
    bits, of which the low halves come first."""
    shape = tuple(reversed(tensor.shape))
    if tensor.type == F32:
        return np.frombuffer(tensor.data, dtype="<f4").reshape(shape).astype(np.float32)
    blocks = np.frombuffer(tensor.data, dtype=np.dtype([("scale", "<f2"), ("halves", "u1", 16)]))
    values = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8
    return (values * blocks["scale"].astype(np.float32)[:, None]).reshape(shape)


@contextmanager
def _named_faults(source: Path) -> Iterator[None]:
    try:
        yield
    except (struct.error, ValueError, KeyError) as error:
        raise ModelError(
            f"the embedding model {source} is broken ({error})", hint="run: zhengce setup"
        ) from error


def _suffix(layers: int | None) -> str:
    return "" if layers is None else f"-{layers}"


def _existing(source: Path, layers: int | None) -> Path | None:
    made = source.stat().st_mtime_ns
    for path in source.parent.glob(f"e5-small-{'[0-9a-f]' * 16}{_suffix(layers)}.gguf"):
        if path.stat().st_mtime_ns >= made:
            return path
    return None


def _convert(source: Path, layers: int | None) -> Path:
    image = memoryview(source.read_bytes())
    digest = hashlib.sha256(image).hexdigest()
    target = source.with_name(f"e5-small-{digest[:16]}{_suffix(layers)}.gguf")
    with _named_faults(source):
        fields, tensors, sizes = _read(image, digest)
    if layers is not None:
        fields["bert.block_count"] = layers
        above = tuple(f"blk.{number}." for number in range(layers, sizes.layers))
        tensors = [tensor for tensor in tensors if not tensor.name.startswith(above)]
    handle, partial = tempfile.mkstemp(dir=source.parent, prefix=".e5-", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            write_gguf(out, fields, tensors)
        os.chmod(partial, source.stat().st_mode)
        os.replace(partial, target)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return target


class _Cursor:
    """Reads the header's fields one after another."""

    def __init__(self, image: memoryview) -> None:
        self._image = image
        self.at = 0

    def take(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + layout, self._image, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def bytes(self, length: int) -> bytes:
        if self.at + length > len(self._image):
            raise ValueError("the file ends too early")
        self.at += length
        return bytes(self._image[self.at - length : self.at])


def _read(image: memoryview, digest: str) -> tuple[dict[str, Value], list[Tensor], _Sizes]:
    if bytes(image[:4]) != b"E5S1":
        raise ValueError("it does not begin with E5S1")
    cursor = _Cursor(image)
    cursor.take("4sI")
    sizes = _Sizes(*cursor.take("7if"))
    cursor.take("i")  # weights a Q4_0 block, always 32
    pieces = _read_pieces(cursor)
    tensors = list(_tensors(image, cursor, sizes, len(pieces.texts)))
    return _fields(sizes, pieces, digest), tensors, sizes


def _read_pieces(cursor: _Cursor) -> _Pieces:
    count, bos, eos, pad, unknown, length = cursor.take("5iQ")
    offsets = cursor.take(f"{count + 1}I")
    scores = list(cursor.take(f"{count}f"))
    blob = cursor.bytes(length)
    texts = [blob[offsets[i] : offsets[i + 1]].decode("utf-8") for i in range(count)]
    _, length = cursor.take("iI")  # the map of normalised characters: NFKC, done in Python
    cursor.bytes(length)
    return _Pieces(texts, [float(s) for s in scores], bos, eos, pad, unknown)


def _fields(sizes: _Sizes, pieces: _Pieces, digest: str) -> dict[str, Value]:
    kinds = [_NORMAL] * len(pieces.texts)
    kinds[pieces.unknown] = _UNKNOWN
    for special in (pieces.bos, pieces.eos, pieces.pad):
        kinds[special] = _CONTROL
    return {
        "general.architecture": "bert",
        "general.name": "multilingual-e5-small",
        "general.source.sha256": digest,
        "bert.block_count": sizes.layers,
        "bert.context_length": sizes.positions,
        "bert.embedding_length": sizes.width,
        "bert.feed_forward_length": sizes.inner,
        "bert.attention.head_count": sizes.heads,
        "bert.attention.layer_norm_epsilon": sizes.epsilon,
        "bert.attention.causal": False,
        "bert.pooling_type": 1,
        "tokenizer.ggml.model": "t5",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": pieces.texts,
        "tokenizer.ggml.scores": pieces.scores,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.token_type_count": sizes.types,
        "tokenizer.ggml.bos_token_id": pieces.bos,
        "tokenizer.ggml.eos_token_id": pieces.eos,
        "tokenizer.ggml.padding_token_id": pieces.pad,
        "tokenizer.ggml.unknown_token_id": pieces.unknown,
        "tokenizer.ggml.add_space_prefix": True,
        "tokenizer.ggml.remove_extra_whitespaces": True,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": True,
    }


def _tensors(image: memoryview, cursor: _Cursor, sizes: _Sizes, pieces: int) -> Iterator[Tensor]:
    (count,) = cursor.take("i")
    for _ in range(count):
        (length,) = cursor.take("H")
        name = cursor.bytes(length).decode("ascii")
        kind, numbers, offset, size = cursor.take("BIQQ")
        target = _target(name)
        if target == "token_embd.weight":  # its last rows belong to no piece
            numbers, size = pieces * sizes.width, size // sizes.rows * pieces
        data = image[offset : offset + size]
        if len(data) != size:
            raise ValueError("the file ends too early")
        yield Tensor(target, _shape(target, numbers, sizes), Q4_0 if kind else F32, data)


def _target(name: str) -> str:
    if name in _OUTER:
        return _OUTER[name]
    layer, part, kind = name.split(".")
    return f"blk.{int(layer[1:])}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"


def _shape(target: str, numbers: int, sizes: _Sizes) -> tuple[int, ...]:
    if target.endswith("bias") or "norm" in target:
        return (numbers,)
    fast = sizes.inner if "ffn_down" in target else sizes.width
    return (fast, numbers // fast)
