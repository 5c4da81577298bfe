"""Extract something else than supports: what to hand in and by when, in a schema of one's own.

    python examples/extract_own_schema.py [--model small]

Every field is a quote of the clause or a choice; what the model makes up is dropped and counted.
"""

from __future__ import annotations

import argparse
from typing import Literal

from pydantic import BaseModel, Field

from toolkit.engine import load_engine
from toolkit.extraction import extract
from toolkit.records import Clause, Extraction, Quote


class Application(BaseModel):
    """申报需要提交的材料和时间"""

    materials: list[Quote] = Field(description="要提交的材料，每种一项")
    deadline: Quote | None = Field(default=None, description="截止时间")
    channel: Literal["online", "paper", "unknown"] = Field(default="unknown", description="网上还是纸质")


TEXT = (
    "申报单位应于每年9月30日前登录市惠企平台提交营业执照、上年度审计报告和项目总结报告，"
    "逾期不予受理；纸质材料一式两份送区科技局存档。"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="small")
    engine = load_engine(parser.parse_args().model)
    clause = Clause(id="1", document_id="1", text=TEXT, start=0, end=len(TEXT))
    (found,) = extract([clause], engine=engine, schema=Application, task="申报材料和截止时间")
    if isinstance(found, Extraction):
        for record in found.supports:
            print(record.model_dump_json(indent=1))
        print(f"dropped: {found.dropped}")
    else:
        print(found.reason)
    engine.close()


if __name__ == "__main__":
    main()
