"""A sum is shown with the tiers that the question does not tell apart, and without other awards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from toolkit.ask import Assistant
from toolkit.embed import Embedder
from toolkit.ingestion import ingest
from toolkit.retrieve import Retriever
from toolkit.store import Store

POLICY = """白河市雕刻工艺扶持办法

第一条【作坊改造】支持雕刻作坊添置除尘设备。对设备花费超过6万元的，按花费的35%给予补助，最高9万元；列入市级老字号的，最高14万元。
第二条【贷款贴息】（一）贴息。对符合条件的作坊，按贷款利息的一半给予贴息，每户每年不超过4万元。
（二）女工过半的雕刻作坊申请贷款的，每户每年贴息不超过7万元。
（三）保费。投保火灾险的，按保费的60%给予补贴，每户每年最高1万元。
第三条【集市】每年办两次雕刻集市，每次给予承办的商会8万元补助。今后三年，全市雕刻作坊除尘设备普及率达到95%。
第四条【师傅】到作坊任教的师傅，省级大师每人每月补贴2600元；市级大师每人每月补贴1700元。
"""


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Assistant]:
    folder = tmp_path_factory.mktemp("tiers")
    (folder / "白河.txt").write_text(POLICY, encoding="utf-8")
    with Store.open(folder / "store", create=True) as store:
        ingest([folder / "白河.txt"], store, embedder)
        yield Assistant(store, Retriever(store, embedder))


@pytest.mark.parametrize(
    ("question", "held", "absent"),
    [
        ("白河市雕刻作坊买除尘设备最多补多少钱？", ["9万元", "14万元"], ["8万元", "95%"]),
        ("白河市雕刻作坊贷款贴息，一年最多多少钱？", ["4万元", "7万元"], ["8万元", "2600元"]),
        ("白河市请市级大师到作坊任教，每月补贴多少钱？", ["1700元"], ["8万元", "9万元"]),
    ],
)
def test_the_general_tier_is_never_left_out(
    assistant: Assistant, question: str, held: list[str], absent: list[str]
) -> None:
    answer = assistant.ask(question)
    assert answer.answerable
    assert all(words in answer.answer for words in held), answer.answer
    assert not any(words in answer.answer for words in absent), answer.answer


def test_the_number_of_the_article_stands_in_the_citation_alone(assistant: Assistant) -> None:
    answer = assistant.ask("白河市雕刻作坊买除尘设备最多补多少钱？")
    assert answer.answer.startswith("支持雕刻作坊添置除尘设备")
    assert "第一条" in answer.citations[0].heading
