"""The embedding model parted in two, kept fits, and a classifier whose upper layers were fitted."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.classify import Classifier
from toolkit.classify.descent import pad
from toolkit.classify.encoder import FITTED, Encoder, Fits, load_encoder
from toolkit.classify.tuning import TuningRecipe
from toolkit.cli import main
from toolkit.embed.states import TokenStates
from toolkit.errors import InputError

pytestmark = pytest.mark.model

TAXONOMY = """
name: 两类
codes:
  - {id: 1, name: 资金, definition: 给企业钱。, examples: [补贴企业设备投入。]}
  - {id: 2, name: 人才, definition: 引进和培养人。, examples: [引进高层次人才。]}
"""
MONEY = ("研发", "设备", "厂房", "贷款", "展会", "认证")
PEOPLE = ("博士", "工匠", "教师", "医生", "专家", "学徒")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    lines = [f"对企业的{what}投入，按比例给予补助。\t1" for what in MONEY]
    lines += [f"面向全球招聘{who}，并安排其子女入学。\t2" for who in PEOPLE]
    (tmp_path / "codes.yaml").write_text(TAXONOMY, encoding="utf-8")
    path = tmp_path / "labels.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own that has the models, so that kept fits begin empty."""
    from toolkit.models import cache_folder

    theirs, mine = cache_folder(), tmp_path / "cache"
    mine.mkdir()
    for name in ("models", "probes"):
        if (theirs / name).exists():
            (mine / name).symlink_to(theirs / name)
    monkeypatch.setenv("ZHENGCE_CACHE", str(mine))
    return mine


def test_the_two_halves_give_what_the_whole_model_gives(encoder: Encoder) -> None:
    texts = [
        "支持企业建设研发中心，给予一次性奖励。",
        "落实税收优惠。",
        "为引进的人才提供住房补贴，解决配偶就业。",
    ]
    whole = TokenStates().states(texts)
    assert encoder.upper.count == FITTED
    above = encoder.upper.forward(*pad(encoder.reader.states(texts))).states
    for row, wanted in enumerate(whole):
        found = above[row, 1 : len(wanted) + 1]
        likeness = (found * wanted).sum(axis=1)
        likeness /= np.linalg.norm(found, axis=1) * np.linalg.norm(wanted.astype(np.float32), axis=1)
        assert likeness.min() > 0.998


def test_a_finished_fit_is_kept_and_another_is_not_taken_for_it(encoder: Encoder, tmp_path: Path) -> None:
    texts = [f"对{what}给予补助。" for what in MONEY + PEOPLE]
    states = encoder.reader.states(texts)
    truth = np.eye(2, dtype=np.int8)[[0] * 6 + [1] * 6]
    recipe = TuningRecipe(epochs=1)
    told: list[tuple[int, int]] = []

    def fit(truth: np.ndarray) -> np.ndarray:
        fits = Fits(tmp_path)
        tuned = fits.fit(encoder, texts, states, truth, recipe, progress=lambda *at: told.append(at))
        return tuned.margins(states)

    first = fit(truth)
    assert told == [(1, 1)]
    assert np.array_equal(fit(truth), first)
    assert len(told) == 1
    assert not np.array_equal(fit(truth[::-1].copy()), first)
    assert len(told) == 2
    for path in tmp_path.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:1000])
    assert np.array_equal(fit(truth), first)
    assert len(told) == 3
    old = next(tmp_path.glob("*.npz"))
    os.utime(old, (0, 0))
    fit(np.ones_like(truth))
    assert not old.exists()


def test_train_tune_makes_one_file_that_classify_uses(
    labels: Path, tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "mine.npz"
    wanted = ["train", str(labels), "--taxonomy", str(labels.with_name("codes.yaml")), "--tune"]
    assert main([*wanted, "--out", str(made)]) == 0
    assert f"classifier: {made}" in capsys.readouterr().out
    assert made.stat().st_size < 25_000_000
    kept = {path: path.stat().st_mtime_ns for path in (own_cache / "tuning").iterdir()}
    assert kept
    again = tmp_path / "again.npz"
    assert main([*wanted, "--out", str(again)]) == 0
    assert {path: path.stat().st_mtime_ns for path in (own_cache / "tuning").iterdir()} == kept
    clauses = tmp_path / "clauses.jsonl"
    texts = {"m": "对企业的实验室投入，按比例给予补助。", "p": "面向全国招聘教授，并安排其子女入学。"}
    clauses.write_text(
        "\n".join(json.dumps({"id": name, "text": text}) for name, text in texts.items()), encoding="utf-8"
    )
    out = tmp_path / "codes.jsonl"
    assert main(["classify", "--clauses", str(clauses), "--classifier", str(again), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], row["labels"], row["stage"]) for row in rows] == [
        ("m", [1], "encoder"),
        ("p", [2], "encoder"),
    ]


def test_a_classifier_fitted_to_another_model_says_so(
    labels: Path, tmp_path: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "mine.npz"
    taxonomy = str(labels.with_name("codes.yaml"))
    assert main(["train", str(labels), "--taxonomy", taxonomy, "--tune", "--out", str(made)]) == 0
    found = Classifier.load(made)
    assert found.encoder is not None
    replace(found, encoder=found.encoder.model_copy(update={"model": "0" * 64})).save(made)
    with pytest.raises(InputError, match="another embedding model"):
        Classifier.load(made)
    assert Classifier.load(made, fast=True).stage == "linear"
    capsys.readouterr()
    assert main(["train", str(labels), "--fast", "--tune", "--out", str(made)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
