"""`manifest.json`: what a store is, readable before anything else of it is opened."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from toolkit.errors import StoreError

__all__ = ["FORMAT", "Counts", "EmbedderMark", "Manifest", "read_manifest", "write_manifest"]

FORMAT = 1


class EmbedderMark(BaseModel):
    """Which embedder made the vectors."""

    model_config = ConfigDict(frozen=True)
    name: str
    fingerprint: str
    dimension: int


class Counts(BaseModel):
    """How much the store holds."""

    model_config = ConfigDict(frozen=True)
    files: int = 0
    documents: int = 0
    clauses: int = 0


class Manifest(BaseModel):
    """Format version, the store's own id, its embedder (None while empty), its server, its counts."""

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    id: str
    embedder: EmbedderMark | None = None
    chroma_url: str | None = None
    counts: Counts = Counts()


def read_manifest(folder: Path) -> Manifest:
    """Read a store's manifest; StoreError where it is broken or of a newer format."""
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["format"]
        if isinstance(version, int) and version > FORMAT:
            raise StoreError(
                f"the store {folder} has format {version} and this version reads up to {FORMAT}",
                hint="update policy-toolkit, or ingest into another folder with --store",
            )
        return Manifest.model_validate(content)
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise StoreError(
            f"the store's manifest {path} is broken", hint="delete the folder and run zhengce ingest again"
        ) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, whole or not at all."""
    handle, partial = tempfile.mkstemp(dir=folder, prefix=".manifest-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(manifest.model_dump_json(indent=2) + "\n")
        os.replace(partial, folder / "manifest.json")
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
