"""Reading the head of a GGUF file: enough to tell a whole file from a truncated or foreign one."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import IO, Any

from toolkit.errors import ModelError

__all__ = ["check_gguf"]

# Value types of the GGUF specification (version 3) with their struct formats.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONGEST_STRING = 1 << 24

# ggml's tensor types: values in a block, bytes of a block (ggml.c, type_traits). A type that is not
# listed counts as one block, so that a model of a newer type is not refused.
_BLOCKS = {
    **{0: (1, 4), 1: (1, 2), 30: (1, 2)},
    **{2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210)},
}


def check_gguf(path: Path) -> None:
    """Raise ModelError unless the file is a GGUF whose tensors all lie inside it."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if stream.read(4) != b"GGUF":
                raise ModelError(
                    f"{path} is not a GGUF model" + (": it is empty" if size == 0 else ""),
                    hint="name a .gguf file, or a model of the catalogue: small, default",
                )
            end = _tensors_end(stream)
    except (struct.error, EOFError, UnicodeDecodeError) as error:
        raise _truncated(path) from error
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror}") from error
    if end > size:
        raise _truncated(path)


def _truncated(path: Path) -> ModelError:
    return ModelError(f"{path} is a truncated or damaged GGUF model", hint="download or copy it again")


def _tensors_end(stream: IO[bytes]) -> int:
    """Give the length in bytes that the file must have to hold its tensors."""
    version, tensors, entries = _unpack(stream, "IQQ")
    if not 2 <= version <= 3:
        raise ModelError(f"{stream.name} has GGUF version {version}; versions 2 and 3 can be read")
    alignment = 32
    for _ in range(entries):
        key = _string(stream)
        value = _value(stream, _unpack(stream, "I")[0])
        if key == "general.alignment":
            alignment = int(value)
    furthest = 0
    for _ in range(tensors):
        _string(stream)
        dimensions = _unpack(stream, "I")[0]
        *shape, kind, offset = _unpack(stream, "Q" * dimensions + "IQ")
        values, width = _BLOCKS.get(kind, (math.prod(shape), 1))
        furthest = max(furthest, offset + math.prod(shape) // values * width)
    here = stream.tell()
    return here + (-here) % alignment + furthest


def _unpack(stream: IO[bytes], types: str) -> tuple[Any, ...]:
    form = struct.Struct("<" + types)
    return form.unpack(stream.read(form.size))


def _string(stream: IO[bytes]) -> str:
    (length,) = _unpack(stream, "Q")
    if length > _LONGEST_STRING:
        raise EOFError
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data.decode("utf-8", "replace")


def _value(stream: IO[bytes], kind: int) -> Any:
    if kind in _SCALARS:
        return _unpack(stream, _SCALARS[kind])[0]
    if kind == _STRING:
        return _string(stream)
    if kind != _ARRAY:
        raise EOFError
    inner, length = _unpack(stream, "IQ")
    if inner in _SCALARS:
        stream.seek(length * struct.calcsize("<" + _SCALARS[inner]), os.SEEK_CUR)
    else:
        for _ in range(length):
            _value(stream, inner)
    return None
