"""Making a store's folder, and what SQLite complains of in a person's words."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from toolkit.errors import StoreError
from toolkit.store.manifest import Manifest, write_manifest

__all__ = ["facts_error", "make_folder"]

_OWN = ("manifest.json", "facts.sqlite", "chroma", "keywords", "ledger.sqlite", "run.lock", ".")


def make_folder(folder: Path, chroma_url: str | None) -> None:
    """Make an empty store; a folder that holds other things is refused."""
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file", hint="name a folder with --store")
    held = folder.iterdir() if folder.is_dir() else ()
    strange = [path.name for path in held if not path.name.startswith(_OWN)]
    if strange:
        raise StoreError(
            f"{folder} holds other files ({', '.join(sorted(strange)[:3])}) and is no store",
            hint="name a new folder with --store",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, Manifest(id=uuid.uuid4().hex[:12], chroma_url=chroma_url))
    except OSError as error:
        raise StoreError(f"cannot make a store at {folder}: {error.strerror}") from error


def facts_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Give the error that a person reads for one of SQLite's."""
    said = str(error)
    if "full" in said:
        hint = "free some space and run the command again; what was stored before is unharmed"
    elif "readonly" in said or "unable to open" in said:
        hint = "check the rights on the folder"
    elif "locked" in said:
        hint = "another process is writing it; try again when that ends"
    else:
        hint = "delete the folder and run zhengce ingest again"
    return StoreError(f"the store's facts in {path} failed ({said})", hint=hint)
