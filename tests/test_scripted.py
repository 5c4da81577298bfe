"""The scripted engine is an engine: it answers, fails and scores as it is told."""

from __future__ import annotations

import pytest

from toolkit.engine import Engine, ScriptedEngine
from toolkit.errors import ContextOverflow, ModelError, RemoteError
from toolkit.records import Message, Request, ScoreRequest

TURNS = (Message(role="user", content="有哪些补助？"),)


def ask(**settings: object) -> Request:
    return Request(messages=TURNS, **settings)  # type: ignore[arg-type]


def test_replies_come_from_the_queue_and_requests_are_kept() -> None:
    engine = ScriptedEngine(["一", "二"])
    assert isinstance(engine, Engine)
    assert [reply.text for reply in engine.generate([ask(), ask(seed=1)])] == ["一", "二"]
    assert engine.requests == [ask(), ask(seed=1)]
    with pytest.raises(ModelError, match="no reply left"):
        engine.generate([ask()])


def test_a_function_answers_by_the_request() -> None:
    engine = ScriptedEngine(lambda request: request.messages[-1].content[::-1])
    assert engine.generate([ask()])[0].text == "？助补些哪有"
    assert list(engine.stream(ask())) == list("？助补些哪有")


def test_an_exception_in_the_script_fails_its_request_alone() -> None:
    engine = ScriptedEngine(["一", RemoteError("gone"), "三"])
    found = dict(engine.generate_as_completed(iter([ask(), ask(), ask()])))
    assert isinstance(found[1], RemoteError)
    assert [found[0].text, found[2].text] == ["一", "三"]  # type: ignore[union-attr]
    with pytest.raises(RemoteError):
        ScriptedEngine([RemoteError("gone")]).generate([ask()])


def test_stop_strings_and_the_context_hold_as_with_a_model() -> None:
    assert ScriptedEngine(["答：一。完"]).generate([ask(stop=("完", "。"))])[0].text == "答：一"
    with pytest.raises(ContextOverflow) as error:
        ScriptedEngine(["一"], context=20).generate([ask(max_tokens=16)])
    assert (error.value.needed, error.value.available) == (22, 20)


def test_scores_come_from_the_scorer() -> None:
    request = ScoreRequest(messages=TURNS, labels=("奖励", "税"))
    assert ScriptedEngine().score([request])[0].logprobs == (-1.0, -1.0)
    engine = ScriptedEngine(scorer=lambda r: [-float(len(label)) for label in r.labels])
    assert engine.score([request])[0].model_dump() == {"logprobs": (-2.0, -1.0), "tokens": (2, 1)}
