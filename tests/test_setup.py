"""Setting up from a clone: what make, the lock and the wheel promise."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from toolkit.models.build import LLAMA_CPP_SHA256, LLAMA_CPP_VERSION, build_key


@pytest.fixture(scope="module")
def lock(root: Path) -> dict[str, list[str]]:
    """Package and version to its hashes in the lock."""
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (root / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z0-9]", line, re.IGNORECASE):
            entries[line.split(" ")[0]] = current = []
        elif "--hash=" in line:
            current.append(line.strip(" \\"))
    return entries


def test_every_locked_package_has_its_hash_and_no_address(root: Path, lock: dict[str, list[str]]) -> None:
    assert len(lock) > 100
    assert [name for name, hashes in lock.items() if not hashes] == []
    assert "://" not in (root / "requirements.lock").read_text(encoding="utf-8")


def test_the_lock_holds_what_the_project_asks_for(root: Path, lock: dict[str, list[str]]) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + extras["test"] + extras["build"] + extras["ollama"]
    names = {re.split(r"[\[<>=~! ;]", line, maxsplit=1)[0].lower().replace("_", "-") for line in wanted}
    assert names - {entry.partition("==")[0].lower() for entry in lock} == set(), "run: make lock"


def test_llama_cpp_is_one_version_everywhere(root: Path, lock: dict[str, list[str]]) -> None:
    assert lock[f"llama-cpp-python=={LLAMA_CPP_VERSION}"] == [f"--hash=sha256:{LLAMA_CPP_SHA256}"]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"llama-cpp-python=={LLAMA_CPP_VERSION}" in project["dependencies"]


def test_other_switches_make_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CMAKE_ARGS", raising=False)
    plain = build_key()
    monkeypatch.setenv("CMAKE_ARGS", "-DGGML_CUDA=on")
    assert build_key() != plain
    assert build_key().startswith(f"llama-cpp-python-{LLAMA_CPP_VERSION}-")


def test_a_machine_without_a_compiler_is_told_so(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "toolkit", "setup", "--build"],
        capture_output=True,
        text=True,
        env={**os.environ, "CXX": "/no/such/compiler", "ZHENGCE_CACHE": str(tmp_path)},
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1)
    assert "no C++ compiler" in run.stderr


def makefile_in(folder: Path, root: Path) -> Path:
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(root / name, folder)
    return folder


def test_make_works_in_a_folder_with_spaces_and_stops_without_a_python(root: Path, tmp_path: Path) -> None:
    folder = makefile_in(tmp_path / "a clone", root)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "touch"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    run = subprocess.run(
        ["make", "setup"], cwd=folder, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "No Python 3.11, 3.12 or 3.13 was found" in run.stderr
    assert not (folder / ".venv").exists()


def test_make_says_what_it_does_and_how_long_that_takes(root: Path, tmp_path: Path) -> None:
    folder = makefile_in(tmp_path / "a clone", root)
    # The tests themselves may run under make, whose variables a make of its own would not have.
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    run = subprocess.run(
        ["make", f"PYTHON={sys.executable}", ".venv/stamp-venv"],
        cwd=folder,
        env=outside,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert re.match(r"\[1/4\] A virtual environment in \.venv with Python 3\.\d+.* \(seconds\)", run.stdout)
    assert (folder / ".venv" / "bin" / "python").exists()


def test_continuous_integration_calls_make_test(root: Path) -> None:
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


def test_the_wheel_carries_the_prompts_and_the_types(root: Path, tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    run = subprocess.run([*pip, f"--wheel-dir={tmp_path}", str(root)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (wheel,) = tmp_path.glob("policy_toolkit-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (entry,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "zhengce = toolkit.cli:main" in archive.read(entry).decode()
    assert "toolkit/py.typed" in names
    prompts = {f"toolkit/prompts_data/{path.name}" for path in (root / "prompts").glob("*.yaml")}
    assert prompts
    assert prompts <= names
    assert not any(name.startswith("tests/") for name in names)
