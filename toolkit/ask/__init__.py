"""Questions over policies: understood, scoped, answered in the policy's own words or refused.

In: a question, a store, a retriever and a model. Out: an `Answer` whose figures all stand in its
citations; what the corpus lacks is said and never filled from a neighbour.
"""

from __future__ import annotations

from toolkit.ask.assistant import Assistant, open_assistant
from toolkit.ask.chat import Chat
from toolkit.ask.files import Asked, answer_rows, explanation, read_questions
from toolkit.ask.question import Question, understand

__all__ = [
    "Asked",
    "Assistant",
    "Chat",
    "Question",
    "answer_rows",
    "explanation",
    "open_assistant",
    "read_questions",
    "understand",
]
