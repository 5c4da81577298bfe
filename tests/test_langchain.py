"""LangChain's standard suites hold for the adapters, and the chain keeps the two locks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangDocument
from langchain_core.language_models import FakeListChatModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests
from pydantic import BaseModel

from toolkit.embed import Embedder
from toolkit.engine import ScriptedEngine
from toolkit.errors import InputError, StoreError
from toolkit.ingestion import ingest
from toolkit.langchain import (
    PolicyChatModel,
    PolicyEmbeddings,
    PolicyRetriever,
    PolicyVectorStore,
    answer_chain,
)
from toolkit.records import Request
from toolkit.store import Store

POLICY = """清溪市民宿发展扶持办法

第一条 为促进民宿发展，制定本办法。
第二条 对新评为甲级民宿的经营者，一次性奖励8万元。
第三条 民宿贷款按利息的40%给予贴息，每家每年最高6万元。
第四条 申请由市文化和旅游局受理，每年四月申报。
第五条 本办法自2024年1月1日起施行，有效期至2026年12月31日。
"""


def reply(request: Request) -> str:
    """Answer as a model would that follows the schema or greets."""
    if request.json_schema is None:
        return "您好，hello world."
    shape = request.json_schema
    return json.dumps(
        {name: _value(field) for name, field in shape["properties"].items()}, ensure_ascii=False
    )


def _value(field: dict[str, Any]) -> Any:
    return {"integer": 1, "number": 1.0, "boolean": True}.get(field.get("type", ""), "话")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("langchain")
    (folder / "policy.txt").write_text(POLICY, encoding="utf-8")
    with Store.open(folder / "store", create=True) as opened:
        ingest([folder / "policy.txt"], opened, embedder)
        yield opened


# ------------------------------------------------------------------ chat model
class TestChatModelUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[PolicyChatModel]:
        return PolicyChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": ScriptedEngine(reply)}


class TestChatModel(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[PolicyChatModel]:
        return PolicyChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"engine": ScriptedEngine(reply)}


class Grade(BaseModel):
    """A grade of a guesthouse."""

    name: str
    rooms: int


def test_a_schema_reaches_the_engine_and_the_reply_is_its_object() -> None:
    engine = ScriptedEngine(['{"name": "甲级", "rooms": 12}'])
    found = PolicyChatModel(engine=engine).with_structured_output(Grade).invoke("甲级民宿有十二间房")
    assert found == Grade(name="甲级", rooms=12)
    assert engine.requests[0].json_schema["properties"].keys() == {"name", "rooms"}  # type: ignore[union-attr, index]


def test_a_reply_that_breaks_the_schema_can_be_had_raw() -> None:
    model = PolicyChatModel(engine=ScriptedEngine(["不是 JSON"]))
    found = model.with_structured_output(Grade, include_raw=True).invoke("甲级")
    assert found["parsed"] is None
    assert found["parsing_error"] is not None
    assert found["raw"].content == "不是 JSON"


@pytest.mark.model
def test_the_real_model_streams_and_follows_a_schema(small_engine: Any) -> None:
    model = PolicyChatModel(engine=small_engine, max_tokens=24)
    pieces = list(model.stream("用一个词说出天空的颜色。"))
    assert "".join(str(piece.content) for piece in pieces)
    found = model.with_structured_output(Grade).invoke("甲级民宿，12间房。给出名称和房间数。")
    assert isinstance(found, Grade)


# ------------------------------------------------------------------ embeddings
class TestEmbeddingsUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[PolicyEmbeddings]:
        return PolicyEmbeddings


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[PolicyEmbeddings]:
        return PolicyEmbeddings


# ------------------------------------------------------------------ retriever
class TestRetriever(RetrieversIntegrationTests):
    _given: dict[str, Any] = {}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _use(self, store: Store, embedder: Embedder) -> None:
        TestRetriever._given = {"store": store, "embedder": embedder}

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return PolicyRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self._given

    @property
    def retriever_query_example(self) -> str:
        return "民宿贷款贴息多少"


def test_a_retrieved_document_says_where_it_stands(store: Store, embedder: Embedder) -> None:
    found = PolicyRetriever(store=store, embedder=embedder, k=2).invoke("评为甲级民宿奖多少钱")
    assert "8万元" in found[0].page_content
    assert found[0].metadata["policy"] == "清溪市民宿发展扶持办法"
    assert store.clause(str(found[0].id)) is not None


# ------------------------------------------------------------------ vector store
class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:
        with Store.open(tmp_path / "store", create=True) as store:
            yield PolicyVectorStore(store, self.get_embeddings(), collection="texts")


def test_the_policies_vectors_can_be_searched_but_not_changed(store: Store, embedder: Embedder) -> None:
    vectors = PolicyVectorStore(store, PolicyEmbeddings(embedder))
    found, score = vectors.similarity_search_with_score("民宿找哪个部门申请", k=5)[0]
    assert 0.5 < score <= 1
    assert found.metadata["policy"] == "清溪市民宿发展扶持办法"
    with pytest.raises(StoreError, match="kept by zhengce ingest"):
        vectors.add_texts(["另一条"])


def test_metadata_that_chroma_cannot_hold_is_named(store: Store, embedder: Embedder) -> None:
    mine = PolicyVectorStore(store, PolicyEmbeddings(embedder), collection="mine")
    with pytest.raises(InputError, match="metadata tags is a list"):
        mine.add_texts(["一条"], [{"tags": ["a"]}])


# ------------------------------------------------------------------ the chain
class Shelf(BaseRetriever):
    """Another retriever than ours: always the same two texts."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangDocument]:
        return [
            LangDocument(
                page_content="甲级民宿一次性奖励8万元。乙级民宿奖励3万元。", metadata={"policy": "办法"}
            ),
            LangDocument(page_content="每年四月申报。"),
        ]


def test_another_retriever_and_another_model_make_a_cited_answer() -> None:
    model = FakeListChatModel(responses=["甲级民宿奖励8万元。[1]"])
    answer = answer_chain(Shelf(), model).invoke("甲级民宿奖多少？")
    assert answer.answerable
    assert answer.answer == "甲级民宿奖励8万元。"
    assert [citation.quote for citation in answer.citations] == ["甲级民宿一次性奖励8万元。"]


@pytest.mark.parametrize(
    "said",
    [
        "甲级民宿奖励9万元。[1]",
        "甲级民宿奖励8万元。",
        "甲级民宿奖励8万元。[2]",
        "甲级民宿奖励8万元。[7]",
        "资料中未找到",
        "",
        "奖励百分之五十。[1]",
    ],
)
def test_a_reply_that_its_passages_do_not_hold_is_not_given(said: str) -> None:
    answer = answer_chain(Shelf(), FakeListChatModel(responses=[said])).invoke("甲级民宿奖多少？")
    assert not answer.answerable
    assert answer.answer == "资料中未找到"
    assert len(answer.passages) == 2


def test_the_chain_runs_over_the_stores_own_parts(store: Store, embedder: Embedder) -> None:
    engine = ScriptedEngine(["每年四月申报，由市文化和旅游局受理。[1]"])
    retriever = PolicyRetriever(store=store, embedder=embedder, k=3)
    answer = answer_chain(retriever, PolicyChatModel(engine=engine)).invoke("民宿几月申报，谁受理")
    assert answer.answerable
    assert answer.citations[0].clause_id == answer.passages[0].clause_id
