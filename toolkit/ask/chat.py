"""A chat that keeps the thread: place, scheme and the asker's own figures go on to the next question.

In: one line after another. Out: answers; 那海淀呢？ asks the last question of another place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from toolkit.ask.question import Question, understand
from toolkit.places import find_places
from toolkit.records import Answer

if TYPE_CHECKING:
    from toolkit.ask.assistant import Assistant

__all__ = ["Chat"]

_OPENING = re.compile(r"^(?:那么?|还有|另外|如果是?|换成|换到|要是)?")
_ENDING = re.compile(r"(?:呢|怎么样|又?如何|的话)?[？?。！!，,\s]*$")
_FACT = re.compile(r"^(?:我们?|我司|我们公司|本公司|公司|企业)[^？?]*$")


class Chat:
    """A conversation with an assistant; what was said before completes what is asked now."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._last: str | None = None
        self._facts: list[str] = []

    def ask(self, line: str) -> Answer:
        """Answer a line in the light of those before it."""
        *_, answer = self.stream(line)
        assert isinstance(answer, Answer)
        return answer

    def stream(self, line: str) -> Iterator[str | Answer]:
        """Answer a line in pieces, then whole."""
        said = line.strip()
        if self._is_fact(said):
            self._facts.append(said.rstrip("。.！! "))
            reply = "好的，已记下。请接着提问。"
            yield reply
            yield Answer(question=said, answer=reply, answerable=False)
            return
        full = self._complete(said)
        self._last = full
        for piece in self._assistant.stream(full):
            yield piece.model_copy(update={"question": said}) if isinstance(piece, Answer) else piece

    def _is_fact(self, line: str) -> bool:
        """Whether a line tells of the asker and asks nothing."""
        asked = self._understood(line)
        return bool(_FACT.match(line)) and not asked.wants and not line.endswith(("吗", "呢", "?", "？"))

    def _complete(self, line: str) -> str:
        """Fill what a line leaves out from the question before it and the facts told."""
        if self._last is None:
            return "，".join([*self._facts, line])
        now, before = self._understood(line), self._understood(self._last)
        bare = _ENDING.sub("", _OPENING.sub("", line))
        if now.wants and (now.terms or now.places):
            if now.places or not before.places or len(now.terms) < 1:
                return "，".join([*self._facts, line])
            return f"{before.places[0].name}，{line}"
        if now.places and not now.terms:
            return self._replaced(before, bare, now)
        if now.wants:
            return f"{self._stem(before)}，{line}"
        if now.terms:
            return f"{self._last.rstrip('？?。')}，{bare}？"
        return line

    def _replaced(self, before: Question, bare: str, now: Question) -> str:
        """The question before, of another place."""
        text = before.text
        places = find_places(text)
        names = sorted({p.name for p in before.places} | {p.name for p in places}, key=len, reverse=True)
        for name in names:
            if name in text:
                head, tail = text.split(name, 1)
                for other in names:
                    head, tail = head.replace(other, ""), tail.replace(other, "")
                return f"{head}{now.places[-1].name}{tail}"
        return f"{bare}，{text}"

    def _stem(self, before: Question) -> str:
        """The place and the words of the question before."""
        return "".join([*(p.name for p in before.places[:1]), *(t.word for t in before.terms)])

    def _understood(self, line: str) -> Question:
        return understand(line, regions=self._assistant.regions)
