"""The engine at the other end of a wire: a server's model through LangChain's `init_chat_model`.

In: an OpenAI-compatible URL (llama-server, vLLM), or a LangChain name (`ollama:qwen3`). Out: the same
replies and errors as the local engine gives. Requests run side by side, `concurrency` at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.engine.constraints import bounded
from toolkit.engine.order import in_order
from toolkit.errors import ContextOverflow, InputError, RemoteError, ToolkitError
from toolkit.records import Message, Reply, Request, ScoreRequest, Scores

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

__all__ = ["RemoteEngine"]

_CONTEXT = 32768
_TOO_LONG = re.compile(r"context.{0,12}(length|size|window)|too many tokens|prompt is too long|n_ctx", re.I)
_NUMBER = re.compile(r"\d{2,}")
_STATUS = re.compile(r"code\W{1,4}\d{3}")
Asked = TypeVar("Asked")
Found = TypeVar("Found")


class RemoteEngine:
    """A server's model.

    `url` is the address of an OpenAI-compatible API (`http://host:8000/v1`); without one, `model` is a
    LangChain name, provider and colon first. An empty `model` takes the first that the server lists.
    A key is read from $OPENAI_API_KEY, most local servers want none. `timeout` is in seconds.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        model: str = "",
        concurrency: int = 8,
        timeout: float = 600.0,
        retries: int = 2,
        context: int | None = None,
    ) -> None:
        self._url = url.rstrip("/") if url else None
        self._own_server = self._url is not None and "openai.com" not in self._url
        self._timeout = timeout
        self._concurrency = max(1, concurrency)
        listed = self._list_model(model) if self._url else {}
        self._model = str(listed.get("id") or model)
        meta = listed.get("meta") or {}
        self._context = context or listed.get("max_model_len") or meta.get("n_ctx") or _CONTEXT
        self._chat = self._connect(retries)

    def _list_model(self, model: str) -> dict[str, Any]:
        """Find the model in the server's list; a server without a list needs a name."""
        import httpx

        try:
            answer = httpx.get(f"{self._url}/models", timeout=min(30.0, self._timeout), headers=_headers())
            models = answer.json()["data"] if answer.is_success else []
            found = [m for m in models if not model or m["id"] == model]
        except httpx.HTTPError as error:
            raise RemoteError(
                f"no model server answers at {self._url}: {_one_line(error)}",
                hint="start it, or mend the address",
            ) from error
        except (ValueError, KeyError, TypeError):
            found = []
        if not found and not model:
            raise RemoteError(f"the server {self._url} lists no model", hint="name one: URL#model")
        return dict(found[0]) if found else {}

    def _connect(self, retries: int) -> BaseChatModel:
        from langchain.chat_models import init_chat_model

        try:
            if self._url is None:
                return init_chat_model(self._model)
            return init_chat_model(
                self._model,
                model_provider="openai",
                base_url=self._url,
                api_key=os.environ.get("OPENAI_API_KEY") or "none",
                timeout=self._timeout,
                max_retries=retries,
            )
        except (ImportError, ValueError) as error:
            raise InputError(f"cannot use the model {self._model}: {_one_line(error)}") from error

    # -------------------------------------------------------------- what it is
    @property
    def name(self) -> str:
        """The model's name at the server."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """The server's address and the model's name: its weights cannot be seen from here."""
        return f"remote:{self._url or 'langchain'}#{self._model}"

    @property
    def context_length(self) -> int:
        """Tokens of context as the server states them, or 32768 where it does not."""
        return int(self._context)

    def count_tokens(self, text: str) -> int:
        """Estimate a text's tokens, rather too many: one a Chinese character, one for three others."""
        wide = sum(character >= "\u2e80" for character in text)
        return wide + (len(text) - wide + 2) // 3

    # -------------------------------------------------------------- the verbs
    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer all requests, in their order; raises ContextOverflow, InputError or RemoteError."""
        return in_order(self._together(requests, self._reply), len(requests))

    def generate_as_completed(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply | Exception]]:
        """Answer a lazily read stream, each (index, reply) as it comes back."""
        yield from self._together(requests, self._reply)

    def stream(self, request: Request) -> Iterator[str]:
        """Give the pieces of one reply as the server sends them."""
        unsent = request.prefill
        try:
            for chunk in self._chat.stream(
                self._turns(request.messages, request.prefill), **self._ask(request)
            ):
                piece = chunk.text
                if unsent and unsent.startswith(piece):
                    unsent = unsent[len(piece) :]
                elif piece:
                    yield piece.removeprefix(unsent)
                    unsent = ""
        except Exception as error:
            raise self._translated(error, request.messages, request.max_tokens) from error

    def score(self, requests: Sequence[ScoreRequest]) -> list[Scores]:
        """Give each label's log-probability, where the server can say it.

        That takes `prompt_logprobs` in chat completions, which vLLM has; another server's is a
        RemoteError that says so. Each label is a request of its own.
        """
        return in_order(self._together(requests, self._scores), len(requests))

    def close(self) -> None:
        """Nothing to free: connections close with the process."""

    # -------------------------------------------------------------- one request
    def _together(
        self, requests: Iterable[Asked], work: Callable[[Asked], Found]
    ) -> Generator[tuple[int, Found | Exception], None, None]:
        """Work on a lazily read stream, `concurrency` at once; an error comes in its result's place."""
        pending: dict[Future[Found], int] = {}
        source = enumerate(requests)
        pool = ThreadPoolExecutor(self._concurrency)
        try:
            while True:
                while len(pending) < self._concurrency and (item := next(source, None)) is not None:
                    pending[pool.submit(work, item[1])] = item[0]
                if not pending:
                    return
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    index, error = pending.pop(future), future.exception()
                    if error is not None and not isinstance(error, ToolkitError):
                        raise error
                    yield index, future.result() if error is None else error
        finally:
            # Not waiting: a generator that nobody closes ends in the garbage collector, in any thread.
            pool.shutdown(wait=False, cancel_futures=True)

    def _reply(self, request: Request) -> Reply:
        try:
            said = self._chat.invoke(self._turns(request.messages, request.prefill), **self._ask(request))
        except Exception as error:
            raise self._translated(error, request.messages, request.max_tokens) from error
        finish = said.response_metadata.get("finish_reason") or said.response_metadata.get("done_reason")
        usage = said.usage_metadata
        text = said.text.removeprefix(request.prefill)
        if request.json_schema is not None and finish != "length":
            self._check_json(request.prefill + text)
        return Reply(
            text=text,
            finish="length" if finish == "length" else "stop",
            prompt_tokens=usage["input_tokens"] if usage else 0,
            generated_tokens=usage["output_tokens"] if usage else 0,
            logprob=_mean_logprob(said),
        )

    def _check_json(self, text: str) -> None:
        try:
            json.loads(text)
        except ValueError as error:
            raise RemoteError(
                f"the model {self._model} did not keep to the JSON schema: {text[:60]!r}",
                hint="use a server that supports response_format json_schema",
            ) from error

    @staticmethod
    def _turns(messages: Sequence[Message], prefill: str) -> list[dict[str, str]]:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        return [*turns, {"role": "assistant", "content": prefill}] if prefill else turns

    def _ask(self, request: Request) -> dict[str, Any]:
        """Say a request's settings in the server's words."""
        if request.json_schema is not None and request.grammar is not None:
            raise InputError("a request has both a JSON schema and a grammar", hint="give one of them")
        if self._model.startswith("ollama:"):
            return self._ask_ollama(request)
        asked: dict[str, Any] = {"max_tokens": request.max_tokens, "temperature": request.temperature}
        if request.stop:
            asked["stop"] = list(request.stop)
        if request.temperature > 0 and self._own_server:
            asked["seed"] = request.seed
        if request.json_schema is not None:
            schema = {"name": "reply", "schema": bounded(request.json_schema), "strict": True}
            asked["response_format"] = {"type": "json_schema", "json_schema": schema}
        extra: dict[str, Any] = {}
        if self._own_server:
            extra["max_tokens"] = request.max_tokens  # LangChain sends the newer max_completion_tokens
        if request.grammar is not None:
            if not self._own_server:
                raise InputError(f"{self._model} takes no grammar", hint="give a JSON schema")
            extra["grammar"] = request.grammar
        if request.prefill and self._own_server:
            extra |= {"add_generation_prompt": False, "continue_final_message": True}
        return asked | ({"extra_body": extra} if extra else {})

    def _ask_ollama(self, request: Request) -> dict[str, Any]:
        if request.grammar is not None:
            raise InputError(f"{self._model} takes no grammar", hint="give a JSON schema")
        options = {
            "num_predict": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "num_ctx": self.context_length,
        }
        asked: dict[str, Any] = {"options": options, "stop": list(request.stop) or None}
        if request.json_schema is not None:
            asked["format"] = bounded(request.json_schema)
        return asked

    # -------------------------------------------------------------- scoring
    def _scores(self, request: ScoreRequest) -> Scores:
        before = self._prompt_logprobs(request, "")
        found = [self._prompt_logprobs(request, label)[len(before) :] for label in request.labels]
        return Scores(logprobs=tuple(map(sum, found)), tokens=tuple(map(len, found)))

    def _prompt_logprobs(self, request: ScoreRequest, label: str) -> list[float]:
        """Give the log-probability of each token of the prompt with the reply's beginning."""
        import httpx

        cannot = RemoteError(
            f"the server {self._url or self._model} does not score labels",
            hint="use a local model for this, or vLLM (prompt_logprobs)",
        )
        if self._url is None:
            raise cannot
        begun = request.prefill + label
        body = {
            "model": self._model,
            "messages": self._turns(request.messages, begun),
            "max_tokens": 1,
            "temperature": 0,
            "prompt_logprobs": 0,
            "add_generation_prompt": not begun,
            "continue_final_message": bool(begun),
        }
        try:
            answer = httpx.post(
                f"{self._url}/chat/completions", json=body, timeout=self._timeout, headers=_headers()
            )
            answer.raise_for_status()
            listed = answer.json().get("prompt_logprobs")
        except (httpx.HTTPError, ValueError) as error:
            raise self._translated(error, request.messages, 1) from error
        if not isinstance(listed, list):
            raise cannot
        return [next(iter(entry.values()))["logprob"] if entry else 0.0 for entry in listed]

    # -------------------------------------------------------------- errors
    def _translated(self, error: Exception, messages: Sequence[Message], reply: int) -> Exception:
        """Give a server's failure as one of the toolkit's errors; a bug stays what it is."""
        import httpx
        from langchain_core import exceptions
        from openai import APIError

        if isinstance(error, ToolkitError):
            return error
        status = getattr(error, "status_code", None)
        said = _one_line(error)
        if isinstance(error, httpx.HTTPStatusError):
            status, said = error.response.status_code, _one_line(error.response.text)
        long = isinstance(error, exceptions.ContextOverflowError)
        if long or (status in {400, 413, 422} and _TOO_LONG.search(said)):
            return self._overflow(said, messages, reply)
        where = self._url or self._model
        if status is not None:
            return RemoteError(f"the server {where} answered {status}: {said}")
        foreign = type(error).__module__.split(".")[0] in {"openai", "ollama", "httpx", "anthropic", "google"}
        if foreign or isinstance(error, exceptions.ModelError | APIError | OSError):
            return RemoteError(f"the server {where} does not answer: {said}", hint="check that it runs")
        if isinstance(error, ValueError | KeyError) or "null value for" in said:
            return RemoteError(f"the server {where} gave no valid reply: {said}")
        return error

    def _overflow(self, said: str, messages: Sequence[Message], reply: int) -> ContextOverflow:
        """Read both lengths off the server's message, else estimate what was needed."""
        numbers = sorted({int(number) for number in _NUMBER.findall(_STATUS.sub("", said))})
        limit = numbers[0] if numbers else self.context_length
        longer = [number for number in numbers if number > limit]
        needed = longer[-1] if longer else sum(self.count_tokens(m.content) for m in messages) + reply
        return ContextOverflow(needed=needed, available=limit)


def _mean_logprob(said: AIMessage) -> float:
    tokens = (said.response_metadata.get("logprobs") or {}).get("content") or []
    return sum(token["logprob"] for token in tokens) / len(tokens) if tokens else 0.0


def _headers() -> dict[str, str]:
    key = os.environ.get("OPENAI_API_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:300]
