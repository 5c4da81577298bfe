"""A question finds the clause that bears on it: by meaning, by words, by place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from toolkit.cli import main
from toolkit.embed import Embedder
from toolkit.errors import InputError
from toolkit.ingestion import ingest
from toolkit.retrieve import Retriever
from toolkit.retrieve.excerpt import excerpt
from toolkit.retrieve.question import read_question
from toolkit.store import Store

QINGDAO = """青岛市海洋装备产业扶持办法

第一条 为壮大海洋装备产业，制定本办法。
第二条 对首次投产的深海网箱企业，一次性奖励60万元。
第三条 海洋装备企业租用厂房的，按年租金的25%给予补贴，每年不超过40万元。
第四条 申请材料包括营业执照、投产证明和审计报告。
第五条 本办法自2019年1月1日起施行，有效期至2021年12月31日。
"""
XIAMEN = """厦门市海洋装备产业扶持办法

第一条 为壮大海洋装备产业，制定本办法。
第二条 对首次投产的深海网箱企业，一次性奖励90万元。
第三条 海洋装备企业租用厂房的，按年租金的35%给予补贴，每年不超过70万元。
第四条 申请材料包括营业执照和投产证明。
第五条 本办法自2019年1月1日起施行。
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("retrieve")
    (folder / "q.txt").write_text(QINGDAO, encoding="utf-8")
    (folder / "x.txt").write_text(XIAMEN, encoding="utf-8")
    with Store.open(folder / "store", create=True) as opened:
        ingest([folder / "q.txt", folder / "x.txt"], opened, embedder)
        yield opened


@pytest.fixture(scope="module")
def retriever(store: Store, embedder: Embedder) -> Retriever:
    return Retriever(store, embedder)


def test_the_clause_that_answers_comes_first(retriever: Retriever) -> None:
    found = retriever.retrieve("在青岛租厂房造海洋装备，租金补几成")
    assert "25%" in found[0].text
    assert found[0].policy == "青岛市海洋装备产业扶持办法"


@pytest.mark.parametrize(("city", "sum_"), [("青岛", "60万元"), ("厦门", "90万元")])
def test_the_place_in_the_question_settles_between_like_policies(
    retriever: Retriever, city: str, sum_: str
) -> None:
    found = retriever.retrieve(f"{city}的深海网箱企业首次投产奖多少")
    assert sum_ in found[0].text


def test_a_region_narrows_the_search(retriever: Retriever) -> None:
    found = retriever.retrieve("深海网箱奖励", region="厦门市")
    assert {passage.region for passage in found} == {"厦门市"}


def test_a_region_that_is_no_place_is_the_users_mistake(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="no place that the gazetteer knows"):
        retriever.retrieve("奖励", region="月球")


def test_never_more_than_asked_and_never_the_same_words_twice(retriever: Retriever) -> None:
    found = retriever.retrieve("海洋装备", k=10)
    assert len(found) <= 10
    texts = [passage.text for passage in found]
    assert len(set(texts)) == len(texts)
    assert len(retriever.retrieve("海洋装备", k=2)) == 2


def test_a_passage_is_a_stretch_of_its_clause_and_says_where_it_stands(
    retriever: Retriever, store: Store
) -> None:
    for passage in retriever.retrieve("申请要交哪些材料"):
        clause = store.clause(passage.clause_id)
        assert clause is not None
        assert passage.text in clause.text
        assert passage.heading == clause.heading
        assert passage.scores["fused"] > 0


def test_validity_is_told_for_the_day_asked(retriever: Retriever) -> None:
    def validity(on: date) -> set[str]:
        return {p.validity for p in retriever.retrieve("深海网箱奖励", region="青岛市", on=on)}

    assert validity(date(2020, 6, 1)) == {"in_force"}
    assert validity(date(2024, 6, 1)) == {"expired"}


def test_many_questions_give_what_each_gives_alone(retriever: Retriever) -> None:
    questions = ["青岛网箱奖励", "厦门租金补贴", "青岛网箱奖励"]
    together = retriever.retrieve_many(questions, k=3)
    assert together == [retriever.retrieve(question, k=3) for question in questions]


def test_an_empty_question_is_the_users_mistake(retriever: Retriever) -> None:
    with pytest.raises(InputError, match="empty"):
        retriever.retrieve("  ")


@pytest.mark.parametrize("query", ["？？？", "zzzz qqqq", "青" * 5000, "青岛", "' OR 1=1 --"])
def test_strange_questions_do_no_harm(retriever: Retriever, query: str) -> None:
    assert len(retriever.retrieve(query)) <= 10


def test_a_store_that_grows_is_searched_anew(tmp_path: Path, embedder: Embedder) -> None:
    file = tmp_path / "p.txt"
    file.write_text(QINGDAO, encoding="utf-8")
    with Store.open(tmp_path / "s", create=True) as store:
        retriever = Retriever(store, embedder)
        assert retriever.retrieve("网箱") == []
        ingest([file], store, embedder)
        assert retriever.retrieve("网箱")


def test_everyday_words_bring_the_policies_own() -> None:
    question = read_question("高企补多少")
    assert "高新技术企业" in question.bridged
    assert not set(question.bridged) & set(question.tokens)


def test_an_excerpt_is_whole_sentences_with_the_words_asked_for() -> None:
    text = (
        "".join(f"第{n}款规定一般事项，由各部门落实。" for n in range(30))
        + "网箱企业奖励六十万元。"
        + "其他。" * 50
    )
    start, end = excerpt(text, ["网箱", "奖励"], limit=120)
    assert "网箱企业奖励六十万元。" in text[start:end]
    assert end - start <= 120
    assert text[end - 1] == "。"


def test_an_excerpt_of_one_endless_sentence_is_all_of_it() -> None:
    assert excerpt("长" * 900, ["长"], limit=100) == (0, 900)


# ------------------------------------------------------------------ the command
def test_search_prints_passages_and_marks_what_has_expired(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["search", "青岛深海网箱奖励", "--store", str(store.path), "-k", "1", "--explain"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "青岛市海洋装备产业扶持办法（已过有效期）" in said
    assert "60万元" in said
    assert "places: 山东省青岛市" in said


def test_search_gives_json_lines(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "网箱", "--store", str(store.path), "--json", "-k", "2"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 2
    assert {"clause_id", "policy", "text", "scores", "validity"} <= rows[0].keys()


def test_search_without_a_store_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", "网箱", "--store", str(tmp_path / "none")]) == 2
    assert "run: zhengce ingest" in capsys.readouterr().err
