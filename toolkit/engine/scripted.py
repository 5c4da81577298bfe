"""An engine without a model: replies come from a queue or a function. Public, for tests."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from toolkit.errors import ContextOverflow, ModelError
from toolkit.records import Reply, Request, ScoreRequest, Scores

__all__ = ["ScriptedEngine"]

Script = Sequence[str | Exception] | Callable[[Request], str | Exception]


class ScriptedEngine:
    """Answers from a script and keeps what it was asked in `requests`.

    `script` is a queue of replies or a function of the request; an Exception among them fails that
    request. Stop strings cut the reply, and a prompt that does not fit with its `max_tokens` fails as it
    does with a model. `scorer` gives the labels' log-probabilities (uniform without one). `delay` is the
    seconds a reply takes. Its tokens are characters.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        scorer: Callable[[ScoreRequest], Sequence[float]] | None = None,
        delay: float = 0.0,
        context: int = 32768,
        name: str = "scripted",
    ) -> None:
        self._script = script if callable(script) else deque(script)
        self._scorer = scorer
        self._delay = delay
        self._context = context
        self._name = name
        self.requests: list[Request | ScoreRequest] = []

    @property
    def name(self) -> str:
        """The name given."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """The name stands for the weights."""
        return f"scripted:{self._name}"

    @property
    def context_length(self) -> int:
        """The context given, in characters."""
        return self._context

    def count_tokens(self, text: str) -> int:
        """Count characters."""
        return len(text)

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """Reply to each; an Exception in the script is raised."""
        replies = []
        for request in requests:
            reply = self._reply(request)
            if isinstance(reply, Exception):
                raise reply
            replies.append(reply)
        return replies

    def generate_as_completed(self, requests: Iterable[Request]) -> Iterator[tuple[int, Reply | Exception]]:
        """Reply to each as it comes; an Exception in the script is yielded in its place."""
        for index, request in enumerate(requests):
            yield index, self._reply(request)

    def stream(self, request: Request) -> Iterator[str]:
        """Give the reply a character at a time; an Exception in the script is raised."""
        yield from self.generate([request])[0].text

    def score(self, requests: Sequence[ScoreRequest]) -> list[Scores]:
        """Score by the scorer given, or all labels alike."""
        self.requests.extend(requests)
        return [
            Scores(
                logprobs=tuple(self._scorer(r)) if self._scorer else (-1.0,) * len(r.labels),
                tokens=tuple(len(label) for label in r.labels),
            )
            for r in requests
        ]

    def close(self) -> None:
        """Nothing to free."""

    def _reply(self, request: Request) -> Reply | Exception:
        self.requests.append(request)
        prompt = len(request.prefill) + sum(len(m.content) for m in request.messages)
        if prompt + request.max_tokens > self._context:
            return ContextOverflow(needed=prompt + request.max_tokens, available=self._context)
        if self._delay:
            time.sleep(self._delay)
        if callable(self._script):
            said = self._script(request)
        elif self._script:
            said = self._script.popleft()
        else:
            said = ModelError("the scripted engine has no reply left")
        if isinstance(said, Exception):
            return said
        ends = [at for stop in request.stop if (at := said.find(stop)) >= 0]
        said = said[: min(ends)] if ends else said
        return Reply(text=said, finish="stop", prompt_tokens=prompt, generated_tokens=len(said))
