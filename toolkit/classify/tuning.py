"""The second stage at its best: the embedding model's upper layers fitted to the codes.

In: each clause's hidden states at the layer below (from llama.cpp, which keeps its weights as they are) and
the truth. Out: `Tuned`, the fitted upper layers with `Attention` over what they give. The same numpy code
computes margins in fitting and in use. A batch is parted among the cores; on as many cores a fit repeats
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.attention import Attention, Noise, Recipe, States, gradients, moments, start
from toolkit.classify.descent import Adam, batches, pad
from toolkit.classify.layers import PARTS, Layers, Shape
from toolkit.embed import usable_cores

__all__ = ["Tuned", "TuningRecipe", "fit_tuned", "pack", "unpack"]

Floats = NDArray[np.floating[Any]]
Progress = Callable[[int, int], None]

_ROWS = 1024  # tokens computed at once, padding included


@dataclass(frozen=True)
class TuningRecipe:
    """How the upper layers are fitted: `rate` is theirs, `head.rate` that of the attention over them."""

    epochs: int = 4
    rate: float = 2e-4
    decay: float = 0.01
    head: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class Tuned:
    """Upper layers and the attention that reads codes off their last hidden states."""

    layers: Layers
    head: Attention

    def margins(self, states: States) -> NDArray[np.float64]:
        """Give (clauses, codes) of log-odds from the hidden states of the layer below."""
        found = np.empty((len(states), len(self.head.offsets)))
        groups = list(_alike([len(one) for one in states]))

        def compute(rows: list[int]) -> None:
            tokens, mask = pad([states[row] for row in rows])
            last = self.layers.forward(tokens, mask).states
            found[rows] = self.head.margins([last[at, : len(states[row])] for at, row in enumerate(rows)])

        with _pool() as pool:
            list(pool.map(compute, groups))
        return found


def fit_tuned(
    base: Layers,
    states: States,
    truth: NDArray[np.int8],
    recipe: TuningRecipe | None = None,
    *,
    progress: Progress | None = None,
) -> Tuned:
    """Fit copies of the `base` layers, and attention over them, to clauses' states and truth.

    `truth` is (clauses, codes). `progress` gets the batches done and how many there will be.
    """
    recipe = recipe or TuningRecipe()
    rng = np.random.default_rng(recipe.head.seed)
    weights = {name: value.copy() for name, value in base.weights.items()}
    layers = Layers(base.count, base.shape, weights)
    mean, scale = moments(_sample(base, states))
    head = start(truth, len(mean), rng)
    lengths = np.array([len(one) for one in states])
    steps = recipe.epochs * len(batches(lengths, np.random.default_rng(0)))
    adam = Adam(
        {**weights, **head},
        {**dict.fromkeys(weights, recipe.rate), **dict.fromkeys(head, recipe.head.rate)},
        steps=steps,
        decay=recipe.decay,
    )
    done = 0
    with _pool() as pool:
        for _ in range(recipe.epochs):
            for rows in batches(lengths, rng):
                tokens, mask = pad([states[row] for row in rows])
                noise = Noise.draw(mask, head["weights"].shape, recipe.head, rng)
                batch = _Batch(tokens, mask, truth[rows].astype(np.float32), noise)
                shards = [
                    pool.submit(_differentiate, layers, head, mean, scale, batch, shard)
                    for shard in _shards(len(rows))
                ]
                adam.step(_sum([shard.result() for shard in shards], pool), pool=pool)
                done += 1
                if progress is not None:
                    progress(done, steps)
    return Tuned(layers, Attention(mean=mean, scale=scale, **head))


@dataclass(frozen=True)
class _Batch:
    tokens: Floats
    mask: NDArray[np.bool_]
    truth: Floats
    noise: Noise


def _differentiate(
    layers: Layers, head: dict[str, Floats], mean: Floats, scale: Floats, batch: _Batch, rows: slice
) -> dict[str, Floats]:
    """Give all gradients that a few clauses of a batch contribute."""
    mask = batch.mask[rows]
    longest = int(mask.sum(axis=1).max())
    mask = mask[:, :longest]
    done = layers.forward(batch.tokens[rows, :longest], mask)
    noise = batch.noise.take(rows)
    noise = Noise(noise.kept[:, :longest], noise.seen, noise.mean, noise.peaks)
    tokens = np.asarray((done.states - mean) * scale, dtype=np.float32)
    found = gradients(head, tokens, batch.truth[rows], noise, total=len(batch.mask), of_tokens=True)
    assert found.tokens is not None
    return {**found.parameters, **layers.backward(done, found.tokens * scale)}


def _sum(parts: list[dict[str, Floats]], pool: ThreadPoolExecutor) -> dict[str, Floats]:
    total = parts[0]

    def add(name: str) -> None:
        for part in parts[1:]:
            total[name] += part[name]

    list(pool.map(add, total))
    return total


def _sample(base: Layers, states: States) -> list[Floats]:
    """Give what the unfitted layers make of some of the clauses, to scale the head's input by."""
    chosen = [states[row] for row in range(0, len(states), max(1, len(states) // 256))]
    found: list[Floats] = []
    for rows in _alike([len(one) for one in chosen]):
        tokens, mask = pad([chosen[row] for row in rows])
        last = base.forward(tokens, mask).states
        found += [last[at, : len(chosen[row])].astype(np.float16) for at, row in enumerate(rows)]
    return found


def _alike(lengths: list[int]) -> Iterator[list[int]]:
    """Part clauses into groups of like length, each of at most `_ROWS` tokens with its padding."""
    group: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        if group and (len(group) + 1) * lengths[row] > _ROWS:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _shards(count: int) -> list[slice]:
    """Part a batch among the cores, every other clause to another one: they stand in order of length."""
    parts = min(count, usable_cores())
    return [slice(part, None, parts) for part in range(parts)]


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Give a thread a core, with numpy's own threads off: its small products gain nothing from them."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(usable_cores()) as pool:
        yield pool


def pack(layers: Layers) -> dict[str, NDArray[Any]]:
    """Give the layers' arrays for a file: matrices as int8 with a scale a row, the rest as float16."""
    found: dict[str, NDArray[Any]] = {}
    for name, value in layers.weights.items():
        if value.ndim == 1:
            found[name] = value.astype(np.float16)
        else:
            scale = np.abs(value).max(axis=1, keepdims=True) / 127 + 1e-12
            found[name] = np.round(value / scale).astype(np.int8)
            found[f"{name}.scale"] = scale.astype(np.float32)
    return found


def unpack(arrays: Mapping[str, NDArray[Any]], *, count: int, shape: Shape) -> Layers:
    """Give the layers of `pack`'s arrays; KeyError where one is not there."""
    weights: dict[str, Floats] = {}
    for name in (f"{layer}.{part}" for layer in range(count) for part in PARTS):
        weights[name] = arrays[name].astype(np.float32)
        if weights[name].ndim == 2:
            weights[name] *= arrays[f"{name}.scale"].astype(np.float32)
    return Layers(count, shape, weights)
