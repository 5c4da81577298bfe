"""Use the toolkit's parts in LangChain: its retriever with any chat model, under both locks.

    python examples/langchain_answers.py

`PolicyChatModel` may be any LangChain chat model, and `PolicyRetriever` any retriever.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from toolkit import Store, ingest, load_embedder
from toolkit.langchain import PolicyChatModel, PolicyRetriever, answer_chain


def main() -> None:
    folder = Path(tempfile.mkdtemp()) / "store"
    with load_embedder() as embedder, Store.open(folder, create=True) as store:
        ingest([Path(__file__).parent / "policies"], store, embedder)
        retriever = PolicyRetriever(store=store, embedder=embedder, k=2)
        chain = answer_chain(retriever, PolicyChatModel(model="small"))
        for passage in retriever.invoke("数字化改造补助"):
            print(passage.metadata["policy"], passage.metadata["heading"])
        answer = chain.invoke("云岭市首次认定的高新技术企业奖励多少？")
        print(answer.answer)
        for citation in answer.citations:
            print(f"  《{citation.policy}》{citation.heading}：{citation.quote}")


if __name__ == "__main__":
    main()
