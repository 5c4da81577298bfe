"""The second stage: codes read off token states."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.classify import Classifier, load_taxonomy, read_labels
from toolkit.classify.attention import Recipe, fit_attention
from toolkit.classify.training import fit
from toolkit.embed import Embedder
from toolkit.embed.states import MOST_TOKENS, TokenStates


class Characters:
    """A reader that gives each character a vector of its own: enough to learn words by."""

    def states(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> list:
        return [np.stack([self._vector(c) for c in text or "。"]).astype(np.float16) for text in texts]

    def _vector(self, character: str) -> np.ndarray:
        return np.random.default_rng(zlib.crc32(character.encode())).normal(size=24)


def planted(count: int, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Give noise in which one token tells the first code and another the second, or neither is there."""
    rng = np.random.default_rng(seed)
    signs = np.random.default_rng(7).normal(size=(2, 16)) * 2
    truth = (rng.random((count, 2)) < 0.5).astype(np.int8)
    states = []
    for row in truth:
        tokens = rng.normal(size=(int(rng.integers(20, 40)), 16))
        for code in np.flatnonzero(row):
            tokens[int(rng.integers(20))] = signs[code] + rng.normal(size=16) * 0.1
        states.append(tokens.astype(np.float16))
    return states, truth


def test_attention_finds_the_one_token_that_tells_a_code() -> None:
    states, truth = planted(400, 0)
    fitted = fit_attention(states, truth, Recipe(epochs=12, rate=1e-2))
    others, wanted = planted(200, 1)
    assert ((fitted.margins(others) > 0) == (wanted == 1)).mean() > 0.9
    shuffled = fit_attention(states, truth[np.random.default_rng(0).permutation(400)], Recipe(epochs=4))
    assert ((shuffled.margins(others) > 0) == (wanted == 1)).mean() < 0.65


def test_the_same_seed_fits_the_same() -> None:
    states, truth = planted(60, 0)
    one, other = (fit_attention(states, truth, Recipe(epochs=2, seed=5)) for _ in range(2))
    assert np.array_equal(one.queries, other.queries)
    assert not np.array_equal(one.queries, fit_attention(states, truth, Recipe(epochs=2, seed=6)).queries)


def test_a_classifier_of_two_stages_uses_each_and_keeps_both_in_its_file(root: Path, tmp_path: Path) -> None:
    coded = read_labels(root / "examples" / "labels_sample.tsv", load_taxonomy())
    reader = Characters()
    classifier, measures, _ = fit(coded, reader=reader)
    assert measures.micro_f1 > 0.8
    clause = "鼓励银行为光学仪器企业发放信用贷款，由担保公司增信。"
    full = classifier.classify([clause, " "])
    assert [(one.labels, one.stage) for one in full] == [((6,), "attention"), ((), "empty")]
    classifier.save(tmp_path / "two.npz")
    fast = Classifier.load(tmp_path / "two.npz", fast=True)
    assert fast.classify([clause])[0].stage == "linear"
    again = replace(fast, reader=reader)
    assert np.abs(again.judge([clause])[0] - classifier.judge([clause])[0]).max() < 0.03


@pytest.fixture(scope="module")
def token_states() -> Iterator[TokenStates]:
    reader = TokenStates()
    yield reader
    reader.close()


@pytest.mark.model
def test_token_states_average_to_the_text_s_vector(embedder: Embedder, token_states: TokenStates) -> None:
    texts = ["支持企业建设研发中心，给予一次性奖励。", "落实税收优惠。"]
    told: list[int] = []
    states = token_states.states(texts, progress=told.append)
    assert told == [2]
    for found, vector in zip(states, embedder.embed(texts, kind="passage"), strict=True):
        mean = found.astype(np.float32).mean(axis=0)
        assert float(mean @ vector) / float(np.linalg.norm(mean)) > 0.98


@pytest.mark.model
def test_long_and_empty_texts_have_states_too(token_states: TokenStates) -> None:
    long, empty = token_states.states(["补贴" * 5000, ""])
    assert long.shape == (MOST_TOKENS, 384)
    assert empty.shape[0] >= 1


@pytest.mark.model
def test_the_shipped_classifier_reads_with_the_embedding_model(embedder: Embedder) -> None:
    classifier = Classifier.load()
    found = classifier.classify(["为引进的高层次人才提供住房补贴，解决配偶就业和子女入学。"])[0]
    assert found.labels == (8,)
    assert found.stage == classifier.stage
