"""Ask a store questions: one, several at once, and a chat that keeps the thread.

    python examples/ask_questions.py [STORE]

The store is made of `examples/policies` where none is named.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from toolkit.ask import Assistant
from toolkit.embed import load_embedder
from toolkit.engine import load_engine
from toolkit.ingestion import ingest
from toolkit.retrieve import Retriever
from toolkit.store import Store

POLICIES = Path(__file__).parent / "policies"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()) / "store"
    with Store.open(folder, create=True) as store, load_embedder() as embedder:
        if not store.documents():
            ingest([POLICIES], store, embedder)
        engine = load_engine("small")
        assistant = Assistant(store, Retriever(store, embedder), engine)

        answer = assistant.ask("云岭市新引进的芯片设计企业，落户奖励最高多少？")
        print(answer.answer)
        for citation in answer.citations:
            print(f"  《{citation.policy}》{citation.heading}：{citation.quote}")

        questions = ["星桥区企业租用楼宇的房租怎么补？", "星桥区给生育三孩的家庭发多少钱？"]
        for reply in assistant.ask_many(questions):
            print(reply.answer if reply.answerable else f"未答：{reply.answer}")

        chat = assistant.chat()
        for line in ("云岭市首次认定高新技术企业奖励多少钱？", "那望川市呢？"):
            print(f"{line} → {chat.ask(line).answer}")
        engine.close()


if __name__ == "__main__":
    main()
