"""One reply in the making: its tokens, its text, and when it ends."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

import numpy as np

from toolkit.engine.constraints import Constraint
from toolkit.engine.runtime import Run, Runtime, Tokens
from toolkit.engine.sampling import Logits, Sampler, log_total
from toolkit.engine.work import Work
from toolkit.records import Reply, Request

__all__ = ["Generation"]


class _Text:
    """Text out of token bytes, with stop strings; never a broken character."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""
        self.stopped = False

    def add(self, piece: bytes) -> None:
        """Append a token's bytes; at a stop string the text ends before it."""
        before = len(self.text)
        self.text += self._decoder.decode(piece)
        found = [at for stop in self._stops if (at := self.text.find(stop, max(0, before - len(stop)))) >= 0]
        if found:
            self.text = self.text[: min(found)]
            self.stopped = True

    def safe_length(self, *, done: bool) -> int:
        """Count the characters that no later token can take back."""
        if done:
            return len(self.text)
        open_end = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self.text)), open_end, -1):
                if self.text.endswith(stop[:size]):
                    open_end = size
                    break
        return len(self.text) - open_end


class Generation(Work[Reply]):
    """A request on its way to a `Reply`."""

    def __init__(self, request: Request, prompt: Sequence[int], constraint: Constraint | None) -> None:
        super().__init__(prompt)
        self.request = request
        self._first_constraint = constraint
        self.restart()

    def restart(self) -> None:
        """Begin anew: nothing is generated yet."""
        super().restart()
        self._constraint = self._first_constraint.copy() if self._first_constraint else None
        self._sampler = Sampler(self.request.temperature, self.request.seed)
        self._text = _Text(self.request.stop)
        self._new: list[int] = []
        self._free: list[float] = []

    @property
    def length(self) -> int:
        """Tokens that the prompt and the longest reply need."""
        return len(self.prompt) + self.request.max_tokens

    def plan(self, budget: int, outputs: int, spare: int = 0) -> list[Run]:
        """Give the tokens to compute next, `budget` at most."""
        held = self.held
        if held is None or budget < 1 or outputs < 1:
            return []
        todo = self._tokens_from(held.computed)[:budget]
        whole = held.computed + len(todo) == len(self.prompt) + len(self._new)
        return [Run(todo, held.computed, (held.sequence,), wanted=1 if whole else 0)]

    def _tokens_from(self, start: int) -> Sequence[int] | Tokens:
        size = len(self.prompt)
        if start >= size:
            return self._new[start - size :]
        return np.concatenate([self.prompt[start:], np.asarray(self._new, np.int32)])

    def take(self, logits: Sequence[Sequence[Logits]], runtime: Runtime) -> None:
        """Go on from the logits after its last token; none came where the prompt is not done."""
        if logits[0]:
            self._advance(logits[0][0], runtime)

    def _advance(self, row: Logits, runtime: Runtime) -> None:
        if self.request.max_tokens < 1:
            self._finish("length")
            return
        token = self._sampler.pick(row, self._constraint)
        self._free.append(float(row[token]) - log_total(row))
        if token in runtime.ends:
            self._finish("stop")
            return
        self._append([token], runtime)
        if self.result is None and self._constraint is not None:
            self._append(self._constraint.forced(), runtime)
        if self.result is None and self._constraint is not None and self._constraint.complete:
            self._finish("stop")

    def _append(self, tokens: Sequence[int], runtime: Runtime) -> None:
        for token in tokens:
            self._new.append(token)
            self._text.add(runtime.piece(token))
            if self._text.stopped:
                self._finish("stop")
            elif len(self._new) >= self.request.max_tokens:
                done = self._constraint is not None and self._constraint.complete
                self._finish("stop" if done and token == tokens[-1] else "length")
            if self.result is not None:
                return

    def _finish(self, why: str) -> None:
        self.result = Reply(
            text=self._text.text,
            finish="stop" if why == "stop" else "length",
            prompt_tokens=len(self.prompt),
            generated_tokens=len(self._new),
            logprob=float(np.mean(self._free)) if self._free else 0.0,
        )

    def text_from(self, start: int) -> str:
        """Give the text from a character on, as far as it is certain."""
        return self._text.text[start : self._text.safe_length(done=self.result is not None)]

    def known(self) -> Tokens:
        """Give all tokens: the prompt and what was generated."""
        return np.concatenate([self.prompt, np.asarray(self._new, np.int32)])
