"""One writer at a time: a lock on the store's folder that says who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from toolkit.errors import StoreError

__all__ = ["WriteLock"]


class WriteLock:
    """Held by one process at a time, and in it by one thread; the holder may take it again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = FileLock(folder / ".lock", thread_local=False)
        self._thread = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def held(self, *, wait: float = 1.0) -> Iterator[bool]:
        """Hold the lock, waiting some seconds for it; gives whether this is the outermost hold."""
        with self._thread:
            outermost = self._depth == 0
            if outermost:
                self._acquire(wait)
            self._depth += 1
            try:
                yield outermost
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._file.release()

    def _acquire(self, wait: float) -> None:
        try:
            self._file.acquire(timeout=wait)
        except Timeout as error:
            raise StoreError(
                f"the store {self._folder} is being written by {self._holder()}",
                hint="wait until that ends, or end it",
            ) from error
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]])
        note = {"pid": os.getpid(), "command": command, "since": datetime.now().isoformat(timespec="seconds")}
        with contextlib.suppress(OSError):
            (self._folder / ".writer").write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")

    def _holder(self) -> str:
        try:
            note = json.loads((self._folder / ".writer").read_text(encoding="utf-8"))
            return f"process {note['pid']} ({note['command']}, since {note['since']})"
        except (OSError, ValueError, KeyError):
            return "another process"
