"""Modules import only from layers below their own, and the heavy libraries stay behind one module each."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "toolkit"
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "records", "text", "figures", "places", "dates"}),
    frozenset({"documents", "clauses", "prompts"}),
    frozenset({"models", "engine", "remote", "embed", "store", "keywords", "tables"}),
    frozenset({"classify", "extraction", "retrieve", "ask", "ingestion"}),
    frozenset({"runs", "evaluate", "bench", "web", "cli", "langchain", "__main__"}),
)
ALONE = {"chromadb": {"store"}, "langchain_openai": {"remote"}, "ray": {"runs"}, "jieba": {"keywords"}}


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def top(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if name in names)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_from_below(path: Path) -> None:
    own = layer(top(path))
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "toolkit" and len(parts) > 1 and parts[1] not in {top(path), "__version__"}:
            above = layer(parts[1])
            assert above <= own, f"{path.name} (layer {own}) imports {name} (layer {above})"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_heavy_library_stays_behind_one_module(path: Path) -> None:
    for name in imported(path):
        owners = ALONE.get(name.split(".")[0])
        assert owners is None or top(path) in owners, f"{path} imports {name}"


@pytest.mark.parametrize("arguments", [["-c", "import toolkit"], ["-m", "toolkit", "--help"]])
def test_importing_and_help_load_nothing_heavy(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert not loaded & {
        "chromadb",
        "langchain",
        "langchain_core",
        "llama_cpp",
        "sklearn",
        "jieba",
        "pyarrow",
    }
