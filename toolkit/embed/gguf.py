"""Writing GGUF version 3, as much of it as the embedding model needs."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["F32", "Q4_0", "Tensor", "Value", "write_gguf"]

F32 = 0
Q4_0 = 2
_ALIGNMENT = 32

Value = str | bool | int | float | Sequence[str] | Sequence[int] | Sequence[float]


@dataclass(frozen=True)
class Tensor:
    """A tensor's bytes as ggml lays them out; `shape` has the fastest dimension first."""

    name: str
    shape: tuple[int, ...]
    type: int
    data: memoryview | bytes


def write_gguf(out: BinaryIO, fields: Mapping[str, Value], tensors: Sequence[Tensor]) -> None:
    """Write the fields and tensors; integers become uint32 (int32 in lists), floats float32."""
    head = bytearray(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(fields)))
    for key, value in fields.items():
        head += _string(key) + _typed(value)
    at = 0
    for tensor in tensors:
        head += _string(tensor.name)
        head += struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *tensor.shape)
        head += struct.pack("<IQ", tensor.type, at)
        at += len(tensor.data) + _padding(len(tensor.data))
    out.write(head + bytes(_padding(len(head))))
    for tensor in tensors:
        out.write(tensor.data)
        out.write(bytes(_padding(len(tensor.data))))


def _padding(length: int) -> int:
    return -length % _ALIGNMENT


def _string(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _typed(value: Value) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<IB", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<I", 9) + _items(value)


def _items(values: Sequence[str] | Sequence[int] | Sequence[float]) -> bytes:
    if isinstance(values[0], str):
        return struct.pack("<IQ", 8, len(values)) + b"".join(_string(str(v)) for v in values)
    kind, letter = (5, "i") if isinstance(values[0], int) else (6, "f")
    return struct.pack(f"<IQ{len(values)}{letter}", kind, len(values), *values)
