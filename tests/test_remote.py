"""A remote model gives the replies and the errors that a local one gives; the server is a real process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.engine import Engine, load_engine
from toolkit.errors import ContextOverflow, InputError, RemoteError
from toolkit.records import Message, Request, ScoreRequest
from toolkit.remote import RemoteEngine

SERVER = Path(__file__).with_name("model_server.py")
SCHEMA = {"type": "object", "properties": {"对象": {"type": "string"}}, "required": ["对象"]}


def ask(text: str, **settings: object) -> Request:
    return Request(messages=(Message(role="user", content=text),), **settings)  # type: ignore[arg-type]


def serve(*arguments: str) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(SERVER), *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    yield from serve()


@pytest.fixture
def engine(url: str) -> RemoteEngine:
    return RemoteEngine(url, retries=0, timeout=30.0)


def test_a_url_is_a_model_with_the_servers_first_model_and_its_context(url: str) -> None:
    engine = load_engine(url)
    assert isinstance(engine, Engine)
    assert (engine.name, engine.context_length) == ("echo", 4096)
    assert load_engine(f"{url}#other").name == "other"
    assert engine.fingerprint != load_engine(f"{url}#other").fingerprint


def test_replies_come_in_the_order_of_the_requests(engine: RemoteEngine) -> None:
    replies = engine.generate([ask(f"第{n}问") for n in range(20)])
    assert [reply.text for reply in replies] == [f"回声：第{n}问" for n in range(20)]
    assert replies[0].prompt_tokens == 7
    assert replies[0].finish == "stop"


def test_requests_run_side_by_side(url: str) -> None:
    def most() -> int:
        """Ask for the most requests that were open at once since this was last asked."""
        with urllib.request.urlopen(url.replace("/v1", "/most")) as answer:
            return int(json.load(answer)["most"])

    for concurrency in (1, 6):
        most()
        RemoteEngine(url, concurrency=concurrency).generate([ask("[wait]")] * 12)
        assert 0.5 * concurrency < most() <= concurrency


def test_a_stream_of_requests_is_read_as_replies_come(engine: RemoteEngine) -> None:
    read = []

    def requests() -> Iterator[Request]:
        for n in range(100):
            read.append(n)
            yield ask(str(n))

    replies = engine.generate_as_completed(requests())
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert len(read) <= 8


def test_a_limit_cuts_and_says_so(engine: RemoteEngine) -> None:
    assert engine.generate([ask("很长的问题", max_tokens=3)])[0].model_dump() | {"logprob": 0} == {
        "text": "回声：",
        "finish": "length",
        "prompt_tokens": 7,
        "generated_tokens": 3,
        "logprob": 0,
    }


def test_a_schema_and_a_grammar_reach_the_server(engine: RemoteEngine) -> None:
    said = engine.generate([ask("给出对象", json_schema=SCHEMA), ask("选", grammar='root ::= "是"')])
    assert json.loads(said[0].text) == {"对象": "<对象>"}
    assert said[1].text == 'grammar root ::= "是"'


def test_a_prefill_is_no_part_of_the_reply(engine: RemoteEngine) -> None:
    assert engine.generate([ask("写", prefill="开头")])[0].text == "还有下文"
    assert "".join(engine.stream(ask("写", prefill="开头"))) == "还有下文"


def test_a_server_that_ignores_the_schema_is_an_error(engine: RemoteEngine) -> None:
    with pytest.raises(RemoteError, match="schema"):
        engine.generate([ask("[plain]", json_schema=SCHEMA)])


def test_pieces_come_as_they_are_sent(engine: RemoteEngine) -> None:
    pieces = list(engine.stream(ask("一二三")))
    assert "".join(pieces) == "回声：一二三"
    assert len(pieces) > 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("[500]", "500: .*out of memory"),
        ("[slow]", "does not answer"),
        ("[garbage]", "no valid reply|does not"),
    ],
)
def test_a_failing_server_is_one_line(url: str, said: str, reason: str) -> None:
    engine = RemoteEngine(url, retries=0, timeout=1.5 if said == "[slow]" else 30.0)
    with pytest.raises(RemoteError, match=reason) as error:
        engine.generate([ask(said)])
    assert "\n" not in str(error.value)
    if said != "[garbage]":
        with pytest.raises(RemoteError, match=reason):
            list(engine.stream(ask(said)))


def test_a_prompt_too_long_for_the_server_names_both_lengths(engine: RemoteEngine) -> None:
    with pytest.raises(ContextOverflow) as error:
        engine.generate([ask("[long]")])
    assert (error.value.needed, error.value.available) == (5210, 4096)


def test_one_failed_request_leaves_the_others(engine: RemoteEngine) -> None:
    found = dict(engine.generate_as_completed(map(ask, ["一", "[500]", "二"])))
    assert isinstance(found[1], RemoteError)
    assert [found[i].text for i in (0, 2)] == ["回声：一", "回声：二"]  # type: ignore[union-attr]


def test_labels_are_scored_where_the_server_can(engine: RemoteEngine, url: str) -> None:
    request = ScoreRequest(messages=(Message(role="user", content="哪一类"),), labels=("金", "税收"))
    assert engine.score([request])[0].model_dump() == {"logprobs": (-1.0, -3.0), "tokens": (1, 2)}
    with pytest.raises(RemoteError, match="does not score"):
        RemoteEngine(url, model="other").score([request])


def test_no_server_is_said_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(RemoteError, match="no model server answers"):
        RemoteEngine("http://127.0.0.1:9/v1")
    assert time.monotonic() - started < 5


def test_a_provider_that_is_not_known_or_not_installed_is_said() -> None:
    with pytest.raises(InputError, match="nosuchprovider"):
        load_engine("nosuchprovider:model")


def test_two_constraints_are_refused(engine: RemoteEngine) -> None:
    with pytest.raises(InputError, match="both"):
        engine.generate([ask("选", json_schema=SCHEMA, grammar='root ::= "是"')])


@pytest.mark.model
def test_a_model_behind_a_server_answers_as_it_does_here(small_engine: Engine) -> None:
    request = ask("水的化学式是什么？", json_schema=SCHEMA, max_tokens=40)
    for url in serve("small"):
        far = RemoteEngine(url).generate([request])[0]
        assert json.loads(far.text).keys() == {"对象"}
        assert far.text == small_engine.generate([request])[0].text
