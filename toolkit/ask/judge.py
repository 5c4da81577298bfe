"""The model as a judge: does this passage answer this question?

In: questions with passages. Out: for each pair the log-odds that it does, read off the model's own
probabilities of 能 and 不能; nothing is generated.
"""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.engine import Engine
from toolkit.prompts import load_prompt
from toolkit.records import ScoreRequest

__all__ = ["LABELS", "judge"]

LABELS = ("能", "不能")


def judge(engine: Engine, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Give the natural-log odds that each (question, passage) is a question and its answer, in order."""
    prompt = load_prompt("ask_judge")
    requests = [
        ScoreRequest(messages=prompt.messages(question=question, passage=passage), labels=LABELS)
        for question, passage in pairs
    ]
    return [scores.logprobs[0] - scores.logprobs[1] for scores in engine.score(requests)] if requests else []
