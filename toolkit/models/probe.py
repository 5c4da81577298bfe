"""Whether the installed llama.cpp runs here: tried once a build and processor, in a child process."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from toolkit.errors import ModelError
from toolkit.models.build import processor
from toolkit.models.catalogue import CATALOGUE
from toolkit.models.places import cache_folder, model_folder
from toolkit.models.trial import TrialFailed, run_trial

__all__ = ["ProbeResult", "build_fingerprint", "probe_build", "require_working_build"]

MEND = "run: zhengce setup --build fresh"


@dataclass(frozen=True)
class ProbeResult:
    """What the trial of a build showed; `reason` and `mend` are empty where `ok`."""

    ok: bool
    build: str
    reason: str = ""
    mend: str = ""


def probe_build(
    model: Path | None = None, *, again: bool = False, command: Sequence[str] | None = None
) -> ProbeResult:
    """Decode a short prompt in a child process, so that a crashing build is told and not suffered.

    Uses the smallest installed language model unless `model` names a GGUF file. A build that passed is
    remembered for this processor and tried again only if `again`; one that failed is always tried
    again. `command` replaces the child's command line, and nothing is remembered. Raises ModelError
    only where there is no model to try.
    """
    try:
        build = build_fingerprint()
    except ModelError as error:
        return ProbeResult(ok=False, build="", reason=str(error), mend=MEND)
    passed = cache_folder() / "probes" / f"{build}.json"
    if passed.exists() and not again and command is None:
        return ProbeResult(ok=True, build=build)
    tried = model or _smallest_installed()
    try:
        run_trial(tried, command=command)
    except TrialFailed as error:
        if command is None:
            passed.unlink(missing_ok=True)
        mend = MEND if error.crashed else "run: zhengce setup"
        return ProbeResult(ok=False, build=build, reason=f"trying {tried}: {error}", mend=mend)
    if command is None:
        with contextlib.suppress(OSError):
            passed.parent.mkdir(parents=True, exist_ok=True)
            temporary = passed.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps({"tried": str(tried)}), encoding="utf-8")
            os.replace(temporary, passed)
    return ProbeResult(ok=True, build=build)


def require_working_build(model: Path | None = None) -> None:
    """Raise ModelError with its mend where the installed llama.cpp does not run here."""
    result = probe_build(model)
    if not result.ok:
        raise ModelError(f"the installed llama.cpp does not run here: {result.reason}", hint=result.mend)


@cache
def build_fingerprint() -> str:
    """Hash llama.cpp's libraries and this processor's description to 16 hexadecimal characters.

    Raises ModelError where llama-cpp-python is not installed. Imports nothing of it.
    """
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        raise ModelError("llama-cpp-python is not installed")
    digest = hashlib.sha256(processor().encode())
    # A library lies there thrice, under versioned names; one copy tells.
    for library in sorted(Path(found.origin).parent.joinpath("lib").glob("lib*")):
        if library.suffix in (".so", ".dylib", ".dll"):
            digest.update(library.name.encode() + library.read_bytes())
    return digest.hexdigest()[:16]


def _smallest_installed() -> Path:
    for model in sorted(CATALOGUE, key=lambda known: known.size):
        path = model_folder(model.name) / model.filename
        if model.is_language_model and path.exists():
            return path
    raise ModelError("no model is installed to try llama.cpp with", hint="run: zhengce setup")
