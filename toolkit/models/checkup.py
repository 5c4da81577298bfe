"""Checking an installation: Python, the llama.cpp build, the models, the embedder, a store, the disk.

Out: one `Check` each, in that order, with the mend for what is wrong.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from toolkit.errors import ToolkitError
from toolkit.models.build import LLAMA_CPP_VERSION
from toolkit.models.catalogue import CATALOGUE, DEFAULT_MODEL, EMBEDDING_MODEL, CatalogueModel, find
from toolkit.models.fetch import file_sha256
from toolkit.models.places import cache_folder, model_folder
from toolkit.models.prepare import AS_DOWNLOADED, prepared_path
from toolkit.models.probe import MEND, probe_build

__all__ = ["Check", "check_up"]

_LITTLE_DISK = 2_000_000_000
_SETUP = "run: zhengce setup"


@dataclass(frozen=True)
class Check:
    """What was looked at, how it stands ("note": nothing is wrong, but know it), what was found, the mend."""

    subject: str
    state: Literal["ok", "note", "wrong"]
    found: str
    mend: str = ""


def check_up(*, store: str | Path | None = None, trial_command: Sequence[str] | None = None) -> list[Check]:
    """Check everything; never raises for what it finds.

    llama.cpp is tried in a child process (`trial_command` replaces its command line), so that a build
    that crashes is a line of the result. `store` is a store's folder, by default the commands' own.
    """
    checks = [_python(), _build(trial_command)]
    works = checks[-1].state == "ok"
    checks += [_model(model) for model in CATALOGUE]
    checks += [_embedder(works), _store(store), _disk()]
    return checks


def _python() -> Check:
    found = f"Python {platform.python_version()}, {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", "ok", found)
    return Check("python", "wrong", found, "use Python 3.11, 3.12 or 3.13: make clean && make setup")


def _build(command: Sequence[str] | None) -> Check:
    try:
        found = version("llama-cpp-python")
    except PackageNotFoundError:
        return Check("llama.cpp", "wrong", "llama-cpp-python is not installed", "run: zhengce setup --build")
    if found != LLAMA_CPP_VERSION:
        wrong = f"llama-cpp-python is {found}; this toolkit is made for {LLAMA_CPP_VERSION}"
        return Check("llama.cpp", "wrong", wrong, "run: zhengce setup --build")
    try:
        result = probe_build(again=True, command=command)
    except ToolkitError as error:
        return Check("llama.cpp", "wrong", f"{found}, not tried: {error}", _SETUP)
    if result.ok:
        return Check("llama.cpp", "ok", f"{found}, build {result.build}, decodes a prompt")
    mend = f"{result.mend} (in a checkout: make clean && make setup)" if result.mend == MEND else result.mend
    return Check("llama.cpp", "wrong", f"{found}, {result.reason}", mend)


def _model(model: CatalogueModel) -> Check:
    subject, path = f"model {model.name}", model_folder(model.name) / model.filename
    mend = f"{_SETUP} --model {model.name}"
    try:
        if not path.exists():
            chosen = find(os.environ.get("ZHENGCE_MODEL") or DEFAULT_MODEL)
            needed = model is chosen or model.name == EMBEDDING_MODEL
            return Check(subject, "wrong" if needed else "note", "not installed", mend)
        if path.stat().st_size != model.size or file_sha256(path) != model.sha256:
            return Check(subject, "wrong", f"{path} is not the pinned file (SHA-256 differs)", mend)
    except OSError as error:
        return Check(subject, "wrong", f"{path} cannot be read: {error.strerror}", mend)
    used = prepared_path(path) if model.is_language_model else path
    form = AS_DOWNLOADED if used == path else f"prepared for this machine: {used.name}"
    return Check(subject, "ok", f"{path}, SHA-256 as pinned, {form}")


def _embedder(works: bool) -> Check:
    if not works:
        return Check("embedder", "note", "not tried, because llama.cpp does not run")
    from toolkit.embed import load_embedder

    try:
        with load_embedder() as embedder:
            vectors = embedder.embed(["研发费用补助"], kind="query")
            return Check("embedder", "ok", f"{embedder.name}, {vectors.shape[1]} dimensions")
    except ToolkitError as error:
        return Check("embedder", "wrong", str(error), _SETUP)


def _store(path: str | Path | None) -> Check:
    from toolkit.store import Store, default_store_path

    folder = Path(path) if path is not None else default_store_path()
    if path is None and not folder.exists():
        return Check("store", "note", f"none yet at {folder}", "run: zhengce ingest PATH")
    try:
        with Store.open(folder) as store:
            counts = store.manifest.counts
            return Check("store", "ok", f"{folder}: {counts.documents} policies, {counts.clauses} clauses")
    except ToolkitError as error:
        return Check("store", "wrong", str(error), f"run: zhengce ingest PATH --store {folder}")


def _disk() -> Check:
    folder = cache_folder()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    found = f"{free / 1e9:,.1f} GB free for {folder}"
    if free < _LITTLE_DISK:
        return Check("disk", "note", found, "free some space, or set ZHENGCE_CACHE to a larger disk")
    return Check("disk", "ok", found)
