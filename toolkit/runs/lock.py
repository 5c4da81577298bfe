"""One run at a time on a store, and whose it is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from toolkit.errors import StoreError

__all__ = ["held"]


@contextmanager
def held(folder: Path, *, what: str) -> Iterator[None]:
    """Hold the folder's run lock for a block; StoreError says who else holds it.

    The system frees the lock of a process that dies.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "run.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            f"the store {folder} is in use: {_holder(folder)}", hint="wait for it to end, or stop it"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot lock the store {folder}: {error.strerror}") from error
    try:
        _holder_file(folder).write_text(
            json.dumps(
                {
                    "process": os.getpid(),
                    "host": socket.gethostname(),
                    "what": what,
                    "since": datetime.now().astimezone().isoformat(timespec="seconds"),
                },
                ensure_ascii=False,
            ),
            encoding="utf-8",
        )
        yield
    except OSError as error:
        if error.filename == str(_holder_file(folder)):
            raise StoreError(f"cannot write to the store {folder}: {error.strerror}") from error
        raise
    finally:
        _holder_file(folder).unlink(missing_ok=True)
        lock.release()


def _holder_file(folder: Path) -> Path:
    return folder / "run.lock.json"


def _holder(folder: Path) -> str:
    try:
        told = json.loads(_holder_file(folder).read_text(encoding="utf-8"))
        return f"{told['what']}, process {told['process']} on {told['host']} since {told['since']}"
    except (OSError, ValueError, KeyError):
        return "another run"
