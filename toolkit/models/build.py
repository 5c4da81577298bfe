"""Compiling llama.cpp for this machine: a pinned source archive in, a wheel in the user's cache out.

Two things make a plain `pip install` unfit. gcc 12 deletes the stores that set up the AMX tiles as dead
(llama.cpp pull request 26954), so that its code dies of SIGSEGV on a machine with AMX unless dead store
elimination is off; and pip takes a wheel that it compiled once with whatever flags for good. So the wheel
lies in a folder that is named by all that shapes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from toolkit.errors import ModelError
from toolkit.models.fetch import Progress, file_sha256, one_line_for_a_full_disk
from toolkit.models.places import cache_folder

__all__ = ["LLAMA_CPP_SHA256", "LLAMA_CPP_VERSION", "build_key", "built_wheel", "install_build"]

LLAMA_CPP_VERSION = "0.3.36"
LLAMA_CPP_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
"""Of the source archive `llama_cpp_python-<version>.tar.gz`."""

# The vision library, the tools' HTTPS and the warnings are of no use here and cost minutes.
_SWITCHES = ("-DLLAVA_BUILD=OFF", "-DLLAMA_OPENSSL=OFF", "-DLLAMA_ALL_WARNINGS=OFF", "-DGGML_CCACHE=OFF")
_NO_DEAD_STORE_ELIMINATION = "-DCMAKE_CXX_FLAGS=-fno-tree-dse -fno-dse"


def install_build(*, fresh: bool = False, progress: Progress | None = None) -> Path:
    """Install llama-cpp-python into this Python from the wheel compiled for this machine; give the wheel.

    Compiles it where the cache has none (5 to 10 minutes on 2 cores), or always if `fresh`.
    """
    wheel = built_wheel(fresh=fresh, progress=progress)
    if progress:
        progress("installing llama.cpp", 0, 0)
    _pip(["install", "--no-deps", "--no-index", "--force-reinstall", str(wheel)], what="install llama.cpp")
    return wheel


def built_wheel(*, fresh: bool = False, progress: Progress | None = None) -> Path:
    """Give the wheel for this machine out of the cache, compiled first where it is not there."""
    folder = cache_folder() / "wheels" / build_key()
    with one_line_for_a_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            found = None if fresh else _intact_wheel(folder)
            return found or _compile(folder, progress)


def build_key() -> str:
    """Name what shapes the compiled code: source, switches, compiler and this processor's features.

    Not the Python version: the bindings are plain Python over the libraries.
    """
    parts = (LLAMA_CPP_SHA256, *_cmake_arguments(), _compiler_version(), platform.machine(), processor())
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    return f"llama-cpp-python-{LLAMA_CPP_VERSION}-{digest}"


def processor() -> str:
    """Describe the processor: its model and the instruction sets that it has, as the system tells."""
    with contextlib.suppress(OSError):
        wanted = ("model name", "flags", "CPU part", "Features")
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        found = {line for line in lines if line.partition("\t")[0].strip(" :") in wanted}
        if found:
            return "\n".join(sorted(found))
    return f"{platform.machine()} {platform.processor()}"


def _compiler() -> str:
    return os.environ.get("CXX") or "c++"


def _compiler_version() -> str:
    try:
        run = subprocess.run(
            [*shlex.split(_compiler()), "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ModelError(
            f"there is no C++ compiler: {_compiler()} does not run",
            hint="install one (Debian: apt install g++; macOS: xcode-select --install)",
        ) from error
    return run.stdout.partition("\n")[0]


def _cmake_arguments() -> tuple[str, ...]:
    """List the switches: ours, then the user's own $CMAKE_ARGS."""
    ours = list(_SWITCHES)
    if platform.machine() in ("x86_64", "AMD64") and "clang" not in _compiler_version().lower():
        ours.append(_NO_DEAD_STORE_ELIMINATION)
    return (*ours, *shlex.split(os.environ.get("CMAKE_ARGS", "")))


def _intact_wheel(folder: Path) -> Path | None:
    for wheel in folder.glob("*.whl"):
        with contextlib.suppress(OSError):
            if (folder / "SHA256").read_text(encoding="ascii").strip() == file_sha256(wheel):
                return wheel
    return None


def _compile(folder: Path, progress: Progress | None) -> Path:
    if progress:
        progress("compiling llama.cpp for this machine (5 to 10 minutes on 2 cores)", 0, 0)
    for left in folder.glob("build-*/"):  # a process that was killed outright
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="build-") as temporary:
        work = Path(temporary)
        lock = work / "requirements.txt"
        lock.write_text(f"llama-cpp-python=={LLAMA_CPP_VERSION} --hash=sha256:{LLAMA_CPP_SHA256}\n")
        command = ["wheel", "--no-deps", "--no-cache-dir", "--no-binary=llama-cpp-python"]
        command += ["--require-hashes", f"--requirement={lock}", f"--wheel-dir={work}"]
        if importlib.util.find_spec("scikit_build_core"):
            command.append("--no-build-isolation")
        with _kept_log(folder / "build.log") as log:
            _pip(command, what="compile llama.cpp", log=log, environment=_build_environment())
        (built,) = work.glob("*.whl")
        (folder / "SHA256").unlink(missing_ok=True)
        target = folder / built.name
        os.replace(built, target)
    (folder / "SHA256").write_text(file_sha256(target) + "\n", encoding="ascii")
    return target


def _build_environment() -> dict[str, str]:
    environment = {**os.environ, "CMAKE_ARGS": shlex.join(_cmake_arguments())}
    environment.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    # ninja and cmake may have come with this Python's environment, which need not be on the path.
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return environment


@contextlib.contextmanager
def _kept_log(path: Path) -> Iterator[Path]:
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


def _pip(
    arguments: list[str], *, what: str, log: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"]
    if log is not None:
        command.append("--verbose")
    run = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    if run.returncode == 0:
        return
    if log is None:
        lines = run.stdout.strip().splitlines()
        raise ModelError(f"cannot {what}: {lines[-1] if lines else 'pip failed'}")
    with contextlib.suppress(OSError):
        log.write_text(run.stdout, encoding="utf-8")
    needs = "" if shutil.which("cmake", path=(environment or {}).get("PATH")) else " (cmake is missing)"
    raise ModelError(f"cannot {what}{needs}", hint=f"pip's whole output is in {log}")
