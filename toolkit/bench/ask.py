"""`zhengce bench ask`: seconds a question beside the plain recipe, and many questions beside one by one.

The plain recipe: chunks of 400 characters, E5 and BM25 fused by reciprocal rank, the top four chunks in
one prompt to the same model. Both answer the same questions over the same store in one run; what the
recipe's index costs is left out of its time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from toolkit.ask import Assistant, read_questions
from toolkit.bench import Figure, format_figures
from toolkit.embed import Embedder, Vectors, load_embedder
from toolkit.engine import Engine, load_engine
from toolkit.keywords import KeywordIndex, tokenize
from toolkit.models import cache_folder
from toolkit.records import Answer, Message, Request
from toolkit.retrieve import Retriever
from toolkit.store import Store

__all__ = ["PlainRecipe", "Timing", "command", "compare"]

CHUNK = 400
SHOWN = 4
_RRF = 60
_DEPTH = 50
_SYSTEM = "你是政策问答助手。只根据给出的资料回答问题，资料中没有就说没有。回答要简短。"


@dataclass(frozen=True)
class Timing:
    """Seconds to the whole answer and to its first word."""

    whole: float
    first: float


class PlainRecipe:
    """Blind chunks, hybrid retrieval, one prompt: the baseline."""

    def __init__(self, store: Store, embedder: Embedder, engine: Engine) -> None:
        texts = [(document.title, document.text) for document in store.documents()]
        self._chunks = [text[at : at + CHUNK] for _, text in texts for at in range(0, len(text), CHUNK)]
        self._embedder, self._engine = embedder, engine
        self._vectors = _kept_vectors(store.fingerprint, self._chunks, embedder)
        ids = [str(at) for at in range(len(self._chunks))]
        bodies = [tokenize(chunk) for chunk in self._chunks]
        self._words = KeywordIndex.build(ids, {"heading": [[] for _ in ids], "body": bodies})

    def ask(self, question: str, *, max_tokens: int = 200) -> tuple[str, Timing]:
        """Answer a question; gives the text and the time it took."""
        began = time.perf_counter()
        passages = "\n\n".join(self._chunks[at] for at in self._best(question))
        request = Request(
            messages=(
                Message(role="system", content=_SYSTEM),
                Message(role="user", content=f"资料：\n{passages}\n\n问题：{question}"),
            ),
            max_tokens=max_tokens,
        )
        text, first = "", 0.0
        for piece in self._engine.stream(request):
            first = first or time.perf_counter() - began
            text += piece
        whole = time.perf_counter() - began
        return text, Timing(whole=whole, first=first or whole)

    def _best(self, question: str) -> list[int]:
        asked = self._embedder.embed([question], kind="query")[0]
        near = np.argsort(-(self._vectors @ asked), kind="stable")[:_DEPTH]
        scores = self._words.scores(tokenize(question))
        words = [int(at) for at in np.argsort(-scores, kind="stable")[:_DEPTH] if scores[at] > 0]
        fused: dict[int, float] = {}
        for ranking in ([int(at) for at in near], words):
            for rank, at in enumerate(ranking):
                fused[at] = fused.get(at, 0.0) + 1 / (_RRF + rank + 1)
        return sorted(fused, key=lambda at: -fused[at])[:SHOWN]


def _kept_vectors(fingerprint: str, chunks: Sequence[str], embedder: Embedder) -> Vectors:
    """Embed the chunks once for a store and keep them in the cache."""
    path = cache_folder() / "bench" / f"chunks-{fingerprint}.npy"
    if path.exists():
        kept: Vectors = np.load(path)
        return kept
    vectors = embedder.embed(list(chunks), kind="passage")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors


def timed(assistant: Assistant, question: str) -> tuple[Answer, Timing]:
    """Ask the assistant and time its first piece and its whole answer."""
    began = time.perf_counter()
    first = 0.0
    for piece in assistant.stream(question):
        first = first or time.perf_counter() - began
        if isinstance(piece, Answer):
            return piece, Timing(whole=time.perf_counter() - began, first=first)
    raise RuntimeError("the assistant gave no answer")


def compare(
    questions: Sequence[str], assistant: Assistant, plain: PlainRecipe | None, *, fresh: Assistant
) -> list[Figure]:
    """Time every question with both, in turn, then all of them at once; gives the figures.

    `fresh` answers them at once: an assistant of the same kind that remembers none of their vectors.
    """
    ours, theirs = [], []
    timed(assistant, questions[0])
    for question in questions:
        ours.append(timed(assistant, question)[1])
        if plain is not None:
            theirs.append(plain.ask(question)[1])
    fresh.ask(questions[0])
    began = time.perf_counter()
    fresh.ask_many(questions)
    together = time.perf_counter() - began
    alone = sum(timing.whole for timing in ours)
    figures = []
    for what, index in (("questions a minute", "whole"), ("first words a minute", "first")):
        own = statistics.mean(getattr(timing, index) for timing in ours)
        if theirs:
            other = statistics.mean(getattr(timing, index) for timing in theirs)
            figures.append(Figure(what, 60 / own, "a minute", "plain recipe", 60 / other, bar=1 / 0.6))
        else:
            figures.append(Figure(what, 60 / own, "a minute"))
    many = len(questions) * 60
    figures.append(Figure("--questions", many / together, "a minute", "one by one", many / alone, bar=1.4))
    return figures


@click.command("ask")
@click.option("--questions", type=click.Path(path_type=Path), required=True, help="A jsonl of questions.")
@click.option("--store", type=click.Path(path_type=Path), help="The store's folder [$ZHENGCE_STORE].")
@click.option("--model", help="The model for both.")
@click.option("--limit", type=click.IntRange(1), default=12, show_default=True, help="How many questions.")
@click.option("--plain/--no-plain", default=True, help="Whether the plain recipe runs too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    questions: Path, store: Path | None, model: str | None, limit: int, plain: bool, as_json: bool
) -> int:
    """Time answers beside the plain recipe with the same model, and many at once beside one by one."""
    rows = read_questions(questions)
    step = max(1, len(rows) // limit)
    asked = [row.question for row in rows[::step][:limit]]
    with Store.open(store) as opened, load_embedder() as embedder, load_embedder() as other:
        engine = load_engine(model)
        try:
            recipe = PlainRecipe(opened, embedder, engine) if plain else None
            assistant = Assistant(opened, Retriever(opened, embedder), engine)
            fresh = Assistant(opened, Retriever(opened, other), engine)
            figures = compare(asked, assistant, recipe, fresh=fresh)
        finally:
            engine.close()
    click.echo(format_figures(figures, as_json=as_json))
    return 0 if all(figure.met for figure in figures) else 1
