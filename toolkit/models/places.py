"""Where models and what is known of them lie in the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["cache_folder", "model_folder"]


def cache_folder() -> Path:
    """The user's cache: $ZHENGCE_CACHE or the platform's own place."""
    return Path(os.environ.get("ZHENGCE_CACHE") or platformdirs.user_cache_dir("zhengce")).absolute()


def model_folder(name: str) -> Path:
    """The folder of one catalogue model; it need not exist."""
    return cache_folder() / "models" / name
