"""What code and which model made a result, as hashes: a change of either is new work."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import toolkit
from toolkit.records import content_id

__all__ = ["code_hash", "model_fingerprint"]


@cache
def code_hash(*modules: str) -> str:
    """Hash the sources of the named modules and packages of the toolkit."""
    root = Path(toolkit.__file__).parent
    digest = hashlib.sha256()
    for module in modules:
        alone = root / f"{module}.py"
        for path in [alone] if alone.is_file() else sorted((root / module).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def model_fingerprint(model: str | None) -> str:
    """Identify a model's weights, or a server's URL and model, without loading anything."""
    from toolkit.engine.local import file_hash
    from toolkit.models import resolve

    found = resolve(model)
    if found.url is not None:
        return content_id(found.url, found.name, os.environ.get("ZHENGCE_MODEL", ""))
    return content_id(file_hash(found.path))
