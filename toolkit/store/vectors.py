"""The clauses' vectors in Chroma: in this process over a folder, or a server's by its URL.

The only module that imports chromadb. Vectors are always passed in; distance is cosine.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import InputError, RemoteError, StoreError

__all__ = ["Scalar", "VectorIndex"]

Scalar = str | int | float | bool

_Result = TypeVar("_Result")
_BATCH = 1000


class VectorIndex:
    """One Chroma collection: ids with their vectors, texts and metadata."""

    def __init__(self, folder: Path, *, name: str, url: str | None = None) -> None:
        self._folder = folder
        self._name = name
        self._url = url
        self._client: Any = None
        self._collection: Any = None

    def _open(self) -> Any:
        if self._collection is None:
            self._collection = self._guard(self._connect)
        return self._collection

    def _connect(self) -> Any:
        os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if self._url is None:
            client = chromadb.PersistentClient(path=str(self._folder), settings=settings)
        else:
            parts = urlsplit(self._url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise InputError(f"{self._url} is no Chroma server's address", hint="write http://host:port")
            secure = parts.scheme == "https"
            port = parts.port or (443 if secure else 8000)
            socket.create_connection((parts.hostname, port), timeout=10).close()
            client = chromadb.HttpClient(host=parts.hostname, port=port, ssl=secure, settings=settings)
        self._client = client
        return client.get_or_create_collection(
            self._name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )

    def _guard(self, act: Callable[[], _Result]) -> _Result:
        """Do something with Chroma; what it raises becomes one of ours with the mend."""
        try:
            return act()
        except (InputError, RemoteError, StoreError):
            raise
        except Exception as error:
            if not _is_chromas(error):
                raise
            reason = " ".join(str(error).split())[:200]
            if self._url is not None:
                raise RemoteError(
                    f"the Chroma server {self._url} failed ({reason})", hint="is `chroma run` running there?"
                ) from error
            raise StoreError(
                f"the vectors in {self._folder} cannot be used ({reason})",
                hint="free disk space if it is full, else delete that folder and run zhengce ingest again",
            ) from error

    def add(
        self,
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        *,
        texts: Sequence[str],
        metadatas: Sequence[Mapping[str, Scalar]],
    ) -> None:
        """Add or replace texts with their vectors (ids, dimension); metadata may be empty."""
        collection = self._open()
        kept = [dict(metadata) if metadata else None for metadata in metadatas]  # Chroma refuses {}
        for at in range(0, len(ids), _BATCH):
            part = slice(at, at + _BATCH)
            self._guard(
                lambda part=part: collection.upsert(  # type: ignore[misc]
                    ids=list(ids[part]),
                    embeddings=vectors[part],
                    documents=list(texts[part]),
                    metadatas=kept[part],
                )
            )

    def remove(self, document_id: str) -> None:
        """Drop a document's vectors."""
        collection = self._open()
        self._guard(lambda: collection.delete(where={"document_id": document_id}))

    def search(
        self, vector: NDArray[np.float32], k: int, where: dict[str, Any] | None = None
    ) -> list[tuple[str, float]]:
        """Give the k nearest (clause id, cosine similarity), best first."""
        collection = self._open()
        vectors = [vector.tolist()]
        found = self._guard(
            lambda: collection.query(
                query_embeddings=vectors, n_results=k, where=where, include=["distances"]
            )
        )
        return [(i, 1.0 - float(d)) for i, d in zip(found["ids"][0], found["distances"][0], strict=True)]

    def ids(self) -> set[str]:
        """Name all clauses that have a vector."""
        collection = self._open()
        return set(self._guard(lambda: collection.get(include=[]))["ids"])

    def get(self, ids: Sequence[str]) -> dict[str, tuple[str, dict[str, Scalar]]]:
        """Give the texts and metadata of some ids; those unknown are left out."""
        if not ids:
            return {}
        collection = self._open()
        found = self._guard(lambda: collection.get(ids=list(ids), include=["documents", "metadatas"]))
        rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        return {i: (text or "", dict(metadata or {})) for i, text, metadata in rows}

    def delete(self, ids: Sequence[str]) -> None:
        """Drop some ids; unknown ones are no error."""
        collection = self._open()
        for at in range(0, len(ids), _BATCH):
            part = list(ids[at : at + _BATCH])
            self._guard(lambda part=part: collection.delete(ids=part))  # type: ignore[misc]

    def close(self) -> None:
        """Let go of the folder or the server; the next use opens it again."""
        if self._client is not None:
            client = self._client
            client.close()
            for part in (client, getattr(client, "_admin_client", None)):
                session = getattr(getattr(part, "_server", None), "_session", None)
                if session is not None:  # Chroma leaves its HTTP connections open
                    session.close()
            self._client = self._collection = None


def _is_chromas(error: Exception) -> bool:
    """Tell a failure of Chroma, its server or the disk from a bug in the call."""
    module = type(error).__module__
    return isinstance(error, OSError | ValueError) or module.startswith(
        ("chromadb", "httpx", "httpcore", "sqlite3")
    )
