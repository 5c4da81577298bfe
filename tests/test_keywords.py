"""Words of policy texts, and the index over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.keywords import KeywordIndex, tokenize

HEADINGS = ["云岭市 芯片 若干措施", "云岭市 芯片 若干措施", "星桥区 文旅 实施细则"]
BODIES = [
    "对首台套装备制造企业给予一次性奖励",
    "对芯片流片费用给予补助，最高500万元",
    "对民宿经营者发放装修补贴",
]


@pytest.fixture
def index() -> KeywordIndex:
    return KeywordIndex.build(
        ["a", "b", "c"],
        {"heading": [tokenize(t) for t in HEADINGS], "body": [tokenize(t) for t in BODIES]},
    )


def test_a_policy_term_stays_whole_and_its_parts_follow() -> None:
    words = tokenize("支持首台套和专精特新“小巨人”企业")
    assert "首台套" in words
    assert "专精特新" in words
    assert "小巨人" in words


def test_words_that_only_ask_are_left_out() -> None:
    assert tokenize("请问我们可以拿多少的？") == []


def test_full_width_figures_and_letters_read_as_half_width() -> None:
    assert tokenize("５００万元 ＡＩ") == tokenize("500万元 AI")


def test_the_clause_with_the_rarer_words_scores_best(index: KeywordIndex) -> None:
    assert int(np.argmax(index.scores(tokenize("芯片流片补助")))) == 1
    assert int(np.argmax(index.scores(tokenize("星桥区民宿")))) == 2


def test_a_title_alone_can_find_a_clause(index: KeywordIndex) -> None:
    scores = index.scores(tokenize("文旅"))
    assert scores[2] > 0
    assert scores[0] == scores[1] == 0


def test_words_that_stand_nowhere_score_nothing(index: KeywordIndex) -> None:
    assert not index.scores(tokenize("远洋捕捞")).any()
    assert index.weight("远洋捕捞") == 0


def test_a_rare_word_weighs_more_than_a_common_one(index: KeywordIndex) -> None:
    assert index.weight("流片") > index.weight("补贴") * 0.99
    assert index.weight("流片") > 0


def test_a_saved_index_gives_the_same_scores(index: KeywordIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "keywords" / "1")
    loaded = KeywordIndex.load(tmp_path / "keywords" / "1")
    words = tokenize("芯片流片补助")
    assert loaded.ids == index.ids
    np.testing.assert_allclose(loaded.scores(words), index.scores(words))
    assert [p.name for p in (tmp_path / "keywords").iterdir()] == ["1"]


def test_an_index_of_nothing_answers_nothing(tmp_path: Path) -> None:
    empty = KeywordIndex.build([], {"heading": [], "body": []})
    empty.save(tmp_path / "k")
    assert KeywordIndex.load(tmp_path / "k").scores(["芯片"]).shape == (0,)
