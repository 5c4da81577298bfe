"""Fitting the embedding model's upper layers: the mathematics, and that it learns what attention cannot."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from toolkit.classify.attention import Noise, Recipe, gradients, start
from toolkit.classify.descent import Adam, batches, pad
from toolkit.classify.layers import PARTS, Layers, Shape
from toolkit.classify.tuning import Tuned, TuningRecipe, fit_tuned, pack, unpack

WIDTH, INNER, HEADS = 12, 20, 3


def random_layers(count: int, seed: int = 0, kind: type = np.float32) -> Layers:
    rng = np.random.default_rng(seed)
    shapes = {
        **{"qkv.weight": (3 * WIDTH, WIDTH), "qkv.bias": (3 * WIDTH,), "out.weight": (WIDTH, WIDTH)},
        **{"up.weight": (INNER, WIDTH), "up.bias": (INNER,), "down.weight": (WIDTH, INNER)},
    }
    weights = {}
    for layer in range(count):
        for part in PARTS:
            value = rng.normal(0, 0.4, shapes.get(part, (WIDTH,)))
            if part in ("norm1.weight", "norm2.weight"):
                value = value + 1
            weights[f"{layer}.{part}"] = value.astype(kind)
    return Layers(count, Shape(HEADS, 1e-12), weights)


def masked(lengths: list[int], seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.arange(max(lengths))[None, :] < np.array(lengths)[:, None]
    return rng.normal(size=(*mask.shape, WIDTH)), mask


def slope(value: Callable[[], float], array: np.ndarray, at: tuple[int, ...]) -> object:
    """What the gradient at a place must be near: the difference that a small step there makes."""
    before = array[at]
    array[at] = before + 1e-5
    above = value()
    array[at] = before - 1e-5
    below = value()
    array[at] = before
    return pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-6)


def test_every_weight_has_the_gradient_that_differences_show() -> None:
    layers = random_layers(2, kind=np.float64)
    tokens, mask = masked([7, 4, 1])
    wanted = np.random.default_rng(2).normal(size=tokens.shape) * mask[..., None]

    def value() -> float:
        return float((layers.forward(tokens, mask).states * wanted).sum())

    found = layers.backward(layers.forward(tokens, mask), wanted)
    assert set(found) == set(layers.weights)
    rng = np.random.default_rng(3)
    for name, weight in layers.weights.items():
        for _ in range(3):
            at = tuple(int(rng.integers(size)) for size in weight.shape)
            assert found[name][at] == slope(value, weight, at), name


def test_the_head_s_gradients_are_those_that_differences_show() -> None:
    rng = np.random.default_rng(0)
    tokens, mask = masked([6, 3])
    truth = np.array([[1, 0, 0], [0, 1, 1]])
    parameters = {
        name: (value + rng.normal(0, 0.5, value.shape)).astype(np.float64)
        for name, value in start(truth.astype(np.int8), WIDTH, rng).items()
    }
    noise = Noise.draw(mask, parameters["weights"].shape, Recipe(), rng)

    def value() -> float:
        scores = 4.0 * tokens @ parameters["queries"].T
        scores[~noise.kept] = -1e9
        look = np.exp(scores - scores.max(axis=1, keepdims=True))
        look /= look.sum(axis=1, keepdims=True)
        seen = np.einsum("blc,bld->bcd", look, tokens) * noise.seen
        mean = np.stack([one[kept].mean(axis=0) for one, kept in zip(tokens, noise.kept, strict=True)])
        peaks = np.stack([one[kept].max(axis=0) for one, kept in zip(tokens, noise.kept, strict=True)])
        odds = (seen * parameters["weights"]).sum(axis=2) + parameters["offsets"]
        odds = (
            odds + (mean * noise.mean) @ parameters["plain"].T + (peaks * noise.peaks) @ parameters["peaks"].T
        )
        return float((np.log1p(np.exp(odds)) - truth * odds).sum() / 2)

    found = gradients(parameters, tokens, truth, noise, total=2, of_tokens=True)
    assert found.tokens is not None
    for name, array in (*parameters.items(), ("tokens", tokens)):
        gradient = found.tokens if name == "tokens" else found.parameters[name]
        for _ in range(6):
            at = tuple(int(rng.integers(size)) for size in array.shape)
            assert gradient[at] == slope(value, array, at), name


def test_padding_changes_no_state() -> None:
    layers = random_layers(2)
    tokens, mask = masked([9, 4])
    together = layers.forward(tokens.astype(np.float32), mask).states
    alone = layers.forward(tokens[1:, :4].astype(np.float32), mask[1:, :4]).states
    assert np.abs(together[1, :4] - alone[0]).max() < 1e-5


def ordered(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Clauses whose code is which of two tokens comes next to a third: only layers that mix tokens see it."""
    rng = np.random.default_rng(seed)
    signs = np.random.default_rng(9).normal(size=(3, WIDTH)) * 2
    states, truth = [], np.zeros((count, 2), np.int8)
    for row in range(count):
        tokens = rng.normal(0, 0.3, (10, WIDTH))
        code = int(rng.integers(2))
        tokens[2], tokens[7] = signs[code], signs[1 - code]
        tokens[2] += signs[2]
        truth[row, code] = 1
        states.append(tokens.astype(np.float16))
    return states, truth


def test_tuned_layers_learn_and_repeat_themselves() -> None:
    states, truth = ordered(300, 0)
    recipe = TuningRecipe(epochs=6, rate=3e-3, head=Recipe(rate=1e-2, drop=0.1, drop_tokens=0.0))
    told: list[tuple[int, int]] = []
    base = random_layers(1)
    before = {name: value.copy() for name, value in base.weights.items()}
    tuned = fit_tuned(base, states, truth, recipe, progress=lambda *at: told.append(at))
    assert told[-1] == (told[-1][1], told[-1][1]) == (len(told), len(told))
    assert all(np.array_equal(before[name], value) for name, value in base.weights.items())
    others, wanted = ordered(100, 1)
    assert ((tuned.margins(others) > 0) == (wanted == 1)).mean() > 0.95
    again = fit_tuned(base, states, truth, recipe)
    assert np.array_equal(again.head.weights, tuned.head.weights)
    stored = {name: np.asarray(value) for name, value in pack(tuned.layers).items()}
    short = Tuned(unpack(stored, count=1, shape=base.shape), tuned.head)
    assert np.abs(short.margins(others) - tuned.margins(others)).max() < 0.5


def test_adam_reaches_the_bottom_of_a_bowl() -> None:
    parameters = {"here": np.array([3.0, -2.0], np.float32)}
    adam = Adam(parameters, {"here": 0.2}, steps=200, decay=0.0)
    for _ in range(200):
        adam.step({"here": 2 * parameters["here"]})
    assert np.abs(parameters["here"]).max() < 0.05


def test_batches_hold_every_clause_once_and_padding_marks_what_is_there() -> None:
    lengths = np.array([3, 50, 4, 48, 5, 47] * 9)
    found = batches(lengths, np.random.default_rng(0), size=8)
    assert sorted(int(row) for batch in found for row in batch) == list(range(54))
    tokens, mask = pad([np.ones((2, 4), np.float16), np.ones((5, 4), np.float16)])
    assert tokens.shape == (2, 5, 4)
    assert mask.sum(axis=1).tolist() == [2, 5]
