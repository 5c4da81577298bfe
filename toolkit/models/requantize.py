"""Writing a GGUF model in another quantization, in a process of its own: `python -m ... SOURCE TARGET TYPE`.

llama.cpp does the work and cannot be interrupted from Python; a child process can.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from toolkit.errors import ModelError

__all__ = ["requantize"]


def requantize(source: Path, target: Path, kind: str) -> None:
    """Write `source` as `target`, whole or not at all; `kind` is ggml's name of a type (`Q8_0`)."""
    temporary = target.with_name(target.name + ".partial")
    command = [sys.executable, "-m", __name__, str(source), str(temporary), kind]
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if run.returncode != 0:
            lines = run.stderr.strip().splitlines()
            raise ModelError(
                f"llama.cpp cannot requantize {source} to {kind}: {lines[-1] if lines else run.returncode}",
                hint="see that the disk has room for it, or run: zhengce setup --prepare never",
            )
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _write(source: str, target: str, kind: str) -> int:
    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    parameters.allow_requantize = True
    parameters.nthread = os.cpu_count() or 1
    return int(llama_cpp.llama_model_quantize(source.encode(), target.encode(), parameters))


if __name__ == "__main__":
    sys.exit(_write(*sys.argv[1:4]) != 0)
