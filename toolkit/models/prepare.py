"""Preparing a model for this machine: other quantizations where they are measured to be faster.

On a processor with AMX llama.cpp multiplies Q8_0 and Q4_0 blocks several times faster than Q4_K_M; on any
other it is slower with them. So requantizing is tried only where AMX is, and what a short measurement in a
child process says is kept beside the model, for this processor and build.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from toolkit.errors import ModelError
from toolkit.models.build import processor
from toolkit.models.fetch import Progress, one_line_for_a_full_disk
from toolkit.models.probe import build_fingerprint
from toolkit.models.requantize import requantize
from toolkit.models.trial import Speed, run_trial

__all__ = ["Prepared", "has_amx", "prepare", "prepared_path"]

When = Literal["auto", "always", "never"]

AS_DOWNLOADED = "as downloaded"
_CANDIDATES = ("Q8_0", "Q4_0")
# Q8_0 keeps the downloaded weights to within its rounding; Q4_0 rounds them again, so it must gain more.
_MUST_GAIN = {AS_DOWNLOADED: 1.0, "Q8_0": 1.1, "Q4_0": 1.6}
# A clause with its instructions, and the JSON that comes back.
_JOB = {"prompt": 800, "generated": 120}


@dataclass(frozen=True)
class Prepared:
    """Which form of a model is used here, and the speeds that decided it (empty: nothing was tried)."""

    path: Path
    choice: str
    speeds: Mapping[str, Speed]


def has_amx() -> bool:
    """Say whether the processor multiplies 8-bit matrices in AMX tiles."""
    return "amx_int8" in processor()


def prepare(
    model: Path,
    *,
    when: When = "auto",
    progress: Progress | None = None,
    measure: Callable[[Path], Speed] | None = None,
) -> Prepared:
    """Measure a model's quantizations on this machine and keep the fastest for it.

    "auto" does so only on a processor with AMX, "always" on any, "never" goes back to the file as it was
    downloaded. What was decided before for this processor and build stands. Takes a minute or two and
    as much disk as the model again.
    """
    decision = _decision_path(model)
    if when == "never":
        decision.unlink(missing_ok=True)
    if when == "never" or (when == "auto" and not has_amx()):
        return _read(decision, model) or Prepared(model, AS_DOWNLOADED, {})
    with FileLock(model.with_name(".prepare.lock")), one_line_for_a_full_disk(model.parent):
        known = _read(decision, model)
        if known is not None:
            return known
        speeds = {AS_DOWNLOADED: (measure or _measure)(model)}
        for kind in _CANDIDATES:
            if progress:
                progress(f"requantizing {model.parent.name} to {kind} and measuring it", 0, 0)
            requantize(model, _variant(model, kind), kind)
            speeds[kind] = (measure or _measure)(_variant(model, kind))
        choice = _fastest(speeds)
        _write(decision, model, choice, speeds)
        for kind in _CANDIDATES:
            if kind != choice:
                _variant(model, kind).unlink(missing_ok=True)
    return Prepared(_variant(model, choice), choice, speeds)


def prepared_path(model: Path) -> Path:
    """Give the form of an installed model that was decided for this machine, or the model as it is."""
    with contextlib.suppress(ModelError):
        known = _read(_decision_path(model), model)
        if known is not None:
            return known.path
    return model


def _fastest(speeds: Mapping[str, Speed]) -> str:
    seconds = {kind: speed.seconds(**_JOB) * _MUST_GAIN[kind] for kind, speed in speeds.items()}
    return min(seconds, key=seconds.__getitem__)


def _measure(model: Path) -> Speed:
    return run_trial(model, prompt=384, generate=24, rounds=3)


def _variant(model: Path, choice: str) -> Path:
    return (
        model if choice == AS_DOWNLOADED else model.with_name(f"{model.stem}-{choice.lower()}{model.suffix}")
    )


def _decision_path(model: Path) -> Path:
    return model.with_name(f"{model.name}.prepared.json")


def _read(decision: Path, model: Path) -> Prepared | None:
    """Read a decision of this processor and build whose file is whole."""
    try:
        content: dict[str, Any] = json.loads(decision.read_text(encoding="utf-8"))
        path = _variant(model, content["choice"])
        if content["machine"] != build_fingerprint() or content["size"] != path.stat().st_size:
            return None
        return Prepared(path, content["choice"], {k: Speed(**v) for k, v in content["speeds"].items()})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(decision: Path, model: Path, choice: str, speeds: Mapping[str, Speed]) -> None:
    content = {
        "machine": build_fingerprint(),
        "choice": choice,
        "size": _variant(model, choice).stat().st_size,
        "speeds": {kind: asdict(speed) for kind, speed in speeds.items()},
    }
    temporary = decision.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(temporary, decision)
