"""The toolkit for LangChain users: chat model, embeddings, retriever, vector store, and the chain of them.

Each is the standard interface over the toolkit's own part, so that either can be swapped: the chain
takes any retriever and any chat model, and a store's retriever fits any chain.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Self

import numpy as np
from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangDocument
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, PrivateAttr

from toolkit.embed import Embedder, load_embedder
from toolkit.engine import Engine, load_engine
from toolkit.errors import InputError, StoreError
from toolkit.prompts import load_prompt
from toolkit.records import Answer, Citation, Message, Passage, Request
from toolkit.retrieve import Retriever
from toolkit.store import Store
from toolkit.text import fold, locate

__all__ = [
    "PolicyChatModel",
    "PolicyEmbeddings",
    "PolicyRetriever",
    "PolicyVectorStore",
    "answer_chain",
]

NOT_FOUND = "资料中未找到"
_ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "user", "function": "user"}
_FIGURE = re.compile(
    r"\d+(?:[.,]\d+)*(?:[%％]|[亿万千百]?元|[亿万]|个月|[年月日天人家项倍])?|[百千]分之[一二三四五六七八九十百点]+"
)


# ------------------------------------------------------------------ chat model
class PolicyChatModel(BaseChatModel):
    """A chat model over an `Engine`; without one it loads `model` (a name, path or URL) when first asked.

    `with_structured_output` binds the schema to the decoding, so a reply always parses unless
    `max_tokens` cuts it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)
    model: str | None = None
    temperature: float = 0.0
    max_tokens: int = 512
    seed: int = 0
    stop: list[str] | None = None
    engine: Any = None

    @property
    def _llm_type(self) -> str:
        return "policy-toolkit"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        known = super()._get_ls_params(stop=stop, **kwargs)
        known["ls_provider"] = "policytoolkit"
        known["ls_model_name"] = (
            kwargs.get("model") or self.model or (self.engine.name if self.engine is not None else "default")
        )
        return known

    def _loaded(self) -> Engine:
        if self.engine is None:
            self.engine = load_engine(self.model)
        engine: Engine = self.engine
        return engine

    def _request(self, messages: Sequence[BaseMessage], stop: Sequence[str] | None, options: Any) -> Request:
        return Request(
            messages=tuple(_message(message) for message in messages),
            json_schema=options.get("json_schema"),
            stop=tuple(stop or self.stop or ()),
            max_tokens=options.get("max_tokens", self.max_tokens),
            temperature=options.get("temperature", self.temperature),
            seed=options.get("seed", self.seed),
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        engine = self._loaded()
        reply = engine.generate([self._request(messages, stop, kwargs)])[0]
        message = AIMessage(
            content=reply.text,
            response_metadata={"model_name": engine.name, "finish_reason": reply.finish},
            usage_metadata=_usage(reply.prompt_tokens, reply.generated_tokens),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        engine = self._loaded()
        request = self._request(messages, stop, kwargs)
        whole = ""
        for piece in engine.stream(request):
            whole += piece
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        asked = sum(engine.count_tokens(message.content) for message in request.messages)
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata={"model_name": engine.name},
                usage_metadata=_usage(asked, engine.count_tokens(whole)),
                chunk_position="last",
            )
        )

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Give a runnable whose replies follow a JSON schema or a pydantic class, decoded under it."""
        shape = convert_to_json_schema(schema)
        bound = self.bind(
            json_schema=shape,
            ls_structured_output_format={"kwargs": {"method": "json_schema"}, "schema": shape},
            **kwargs,
        )
        parser: Runnable[Any, Any] = JsonOutputParser()
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            parser = PydanticOutputParser(pydantic_object=schema)
        if not include_raw:
            return bound | parser
        parsed: Runnable[Any, Any] = RunnablePassthrough.assign(
            parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
        )
        failed: Runnable[Any, Any] = RunnablePassthrough.assign(parsed=lambda _: None)
        return {"raw": bound} | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _message(message: BaseMessage) -> Message:
    role = _ROLES.get(message.type)
    if role is None:
        raise InputError(f"a message of type {message.type} cannot be given to the model")
    return Message(role=role, content=message.text)  # type: ignore[arg-type]


def _usage(asked: int, written: int) -> UsageMetadata:
    return UsageMetadata(input_tokens=asked, output_tokens=written, total_tokens=asked + written)


# ------------------------------------------------------------------ embeddings
class PolicyEmbeddings(Embeddings):
    """LangChain's embeddings over the toolkit's embedder; without one the installed one is loaded."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self.embedder = embedder or load_embedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages."""
        return [[float(x) for x in vector] for vector in self.embedder.embed(texts, kind="passage")]

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return [float(x) for x in self.embedder.embed([text], kind="query")[0]]


# ------------------------------------------------------------------ retriever
class PolicyRetriever(BaseRetriever):
    """A store's hybrid retrieval; documents carry the clause's place and scores in their metadata."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    store: Any
    embedder: Any = None
    k: int = 5
    region: str | None = None
    _retriever: Retriever | None = PrivateAttr(default=None)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[LangDocument]:
        if self._retriever is None:
            store = self.store if isinstance(self.store, Store) else Store.open(self.store)
            self._retriever = Retriever(store, self.embedder or load_embedder())
        k, region = kwargs.get("k", self.k), kwargs.get("region", self.region)
        return [_document(passage) for passage in self._retriever.retrieve(query, k=k, region=region)]


def _document(passage: Passage) -> LangDocument:
    metadata = passage.model_dump(mode="json", exclude={"text"})
    return LangDocument(page_content=passage.text, metadata=metadata, id=passage.clause_id)


# ------------------------------------------------------------------ vector store
class PolicyVectorStore(VectorStore):
    """Texts in a store's Chroma: a collection of the user's own, or (`clauses`) the policies', read-only.

    Metadata values are strings, numbers or booleans; others are refused by name.
    """

    def __init__(self, store: Store, embedding: Embeddings, *, collection: str = "clauses") -> None:
        self._store = store
        self._embedding = embedding
        self._read_only = collection == "clauses"
        self._index = store.collection(collection)

    @property
    def embeddings(self) -> Embeddings:
        """The embeddings given."""
        return self._embedding

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[Any, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts, replacing those of the same id; gives their ids."""
        self._require_own()
        given = list(texts)
        names = [i or str(uuid.uuid4()) for i in ids] if ids else [str(uuid.uuid4()) for _ in given]
        kept = [_flat(metadata) for metadata in metadatas or [{}] * len(given)]
        if given:
            vectors = np.asarray(self._embedding.embed_documents(given), dtype=np.float32)
            last = {name: at for at, name in enumerate(names)}  # of a repeated id the last counts
            chosen = sorted(last.values())
            self._index.add(
                [names[i] for i in chosen],
                vectors[chosen],
                texts=[given[i] for i in chosen],
                metadatas=[kept[i] for i in chosen],
            )
        return names

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Drop texts by their ids; unknown ones are no error."""
        self._require_own()
        self._index.delete(ids or [])
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[LangDocument]:
        """Give texts by their ids; unknown ones are left out."""
        held = self._index.get(ids)
        return [LangDocument(id=i, page_content=held[i][0], metadata=held[i][1]) for i in ids if i in held]

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        filter: dict[str, Any] | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[LangDocument]:
        """Give the k nearest texts, best first; `filter` is Chroma's over the metadata."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        filter: dict[str, Any] | None = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[tuple[LangDocument, float]]:
        """Give the k nearest texts with their cosine similarity, best first."""
        vector = np.asarray(self._embedding.embed_query(query), dtype=np.float32)
        hits = self._index.search(vector, k, filter)
        documents = {document.id: document for document in self.get_by_ids([i for i, _ in hits])}
        return [(documents[i], score) for i, score in hits if i in documents]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda similarity: (1.0 + similarity) / 2

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[Any, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        store: Store | None = None,
        collection: str = "texts",
        **kwargs: Any,
    ) -> Self:
        """Put texts into a collection of a store."""
        if store is None:
            raise InputError("from_texts needs a store", hint="pass store=Store.open(path, create=True)")
        made = cls(store, embedding, collection=collection)
        made.add_texts(texts, metadatas, ids=ids)
        return made

    def _require_own(self) -> None:
        if self._read_only:
            raise StoreError(
                "the policies' own vectors are kept by zhengce ingest",
                hint="name a collection of your own: PolicyVectorStore(store, embedding, collection='mine')",
            )


def _flat(metadata: dict[Any, Any]) -> dict[str, str | int | float | bool]:
    for key, value in metadata.items():
        if not isinstance(value, str | int | float | bool):
            raise InputError(
                f"metadata {key} is a {type(value).__name__}", hint="give text, a number or a boolean"
            )
    return {str(key): value for key, value in metadata.items()}


# ------------------------------------------------------------------ the chain
def answer_chain(retriever: BaseRetriever, model: BaseChatModel) -> Runnable[str, Answer]:
    """Give a chain from a question to an `Answer`, over any retriever and any chat model.

    The model answers from the numbered passages and names those that it used; a reply without a named
    passage, or with a figure that stands in none of those that it named, is not given.
    """
    prompt = load_prompt("langchain_answer")

    def ask(held: dict[str, Any]) -> list[tuple[str, str]]:
        passages = "\n\n".join(_shown(n, d) for n, d in enumerate(held["documents"], start=1))
        messages = prompt.messages(question=held["question"], passages=passages)
        return [(message.role, message.content) for message in messages]

    def check(held: dict[str, Any]) -> Answer:
        return _checked(held["question"], held["documents"], held["reply"].text)

    gathered: Runnable[str, dict[str, Any]] = RunnableLambda(lambda question: {"question": question})
    found: Runnable[Any, Any] = RunnablePassthrough.assign(documents=itemgetter("question") | retriever)
    replied: Runnable[Any, Any] = RunnablePassthrough.assign(reply=RunnableLambda(ask) | model)
    return gathered | found | replied | RunnableLambda(check)


def _shown(number: int, document: LangDocument) -> str:
    title = document.metadata.get("policy") or document.metadata.get("title") or ""
    return f"[{number}] {title} {document.metadata.get('heading', '')}\n{document.page_content}"


def _checked(question: str, documents: Sequence[LangDocument], reply: str) -> Answer:
    passages = tuple(_passage(document) for document in documents)
    named = list(dict.fromkeys(int(n) for n in re.findall(r"\[(\d+)\]", reply)))
    used = [passages[n - 1] for n in named if 0 < n <= len(passages)]
    said = re.sub(r"\s*\[\d+\]", "", reply).strip()
    figures = _FIGURE.findall(fold(said))
    grounded = all(any(locate(p.text, figure) for p in used) for figure in figures)
    if not said or not used or not grounded or NOT_FOUND in said:
        return Answer(question=question, answer=NOT_FOUND, answerable=False, passages=passages)
    citations = tuple(_citation(passage, figures, said) for passage in used)
    return Answer(question=question, answer=said, answerable=True, citations=citations, passages=passages)


def _passage(document: LangDocument) -> Passage:
    known = {
        name: v for name, v in document.metadata.items() if name in Passage.model_fields and v is not None
    }
    start = {"clause_id": document.id or "", "document_id": "", "policy": "", "heading": ""}
    return Passage.model_validate({**start, **known, "text": document.page_content})


def _citation(passage: Passage, figures: Sequence[str], said: str) -> Citation:
    """Cite the sentence of the passage that holds most of the reply's figures and words."""
    sentences = [s.strip() for s in re.split(r"(?<=[。；;\n])", passage.text) if s.strip()] or [passage.text]
    pairs = {said[i : i + 2] for i in range(len(said) - 1)}
    best = max(
        sentences,
        key=lambda s: (sum(locate(s, f) is not None for f in figures), sum(p in s for p in pairs), -len(s)),
    )
    return Citation(
        policy=passage.policy,
        clause_id=passage.clause_id,
        heading=passage.heading,
        quote=best,
        validity=passage.validity,
    )
