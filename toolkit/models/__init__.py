"""Which models there are and where they lie: a name, path, Hub repository or URL to what can be loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from toolkit.errors import ModelError

__all__ = ["Resolved", "cache_folder", "resolve"]


@dataclass(frozen=True)
class Resolved:
    """A model that can be loaded: a GGUF file's path, or a server's URL."""

    name: str
    path: Path
    url: str | None = None


def cache_folder() -> Path:
    """The user's cache: $ZHENGCE_CACHE or the platform's own place."""
    return Path(os.environ.get("ZHENGCE_CACHE") or platformdirs.user_cache_dir("zhengce"))


def resolve(model: str | None = None) -> Resolved:
    """Find a model by catalogue name, alias or path."""
    name = model or os.environ.get("ZHENGCE_MODEL") or "qwen2.5-coder-1.5b"
    name = {"small": "qwen2.5-coder-0.5b", "default": "qwen2.5-coder-1.5b"}.get(name, name)
    path = Path(name) if name.endswith(".gguf") else cache_folder() / "models" / name / "model.gguf"
    if not path.exists():
        raise ModelError(f"the model {name} is not installed", hint=f"run: zhengce setup --model {name}")
    return Resolved(name=name, path=path)
