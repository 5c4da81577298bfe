"""Grounding beside LangExtract's, on the same replies and clauses.

    python examples/extract_beside_langextract.py CLAUSES.jsonl [--model small] [--count 8]

Both get the same replies: every figure of a clause as it stands there, and once more with another number
(`500万元` becomes `507万元`). What counts is which quotes get a place in the text, and whether it is the
right one. With --model a real model writes the replies, once for each of the two, and the seconds count.
Needs: pip install langextract
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, Field

from toolkit.engine import ScriptedEngine, load_engine
from toolkit.extraction import extract
from toolkit.figures import find_figures
from toolkit.records import Clause, Extraction, Figure, Message, Quote, Rate, Request
from toolkit.tables import read_jsonl

TASK = "条款给予的支持金额、最高限额和补助比例，每个数字一项"


class Sum(BaseModel):
    """条款给予的支持金额、最高限额和补助比例，每个数字一项"""

    amount: Figure | None = Field(default=None, description="一个金额，如10万元")
    rate: Rate | None = Field(default=None, description="一个比例，如投资额的30%")


class Words(BaseModel):
    """One quote, whatever it says."""

    words: Quote


def altered(quote: str) -> str:
    """Give the quote with another number."""
    at = max(i for i, c in enumerate(quote) if c.isdigit())
    digit = "7" if quote[at] != "7" else "3"
    return quote[:at] + digit + quote[at + 1 :]


def probes(text: str) -> Iterator[tuple[str, bool, tuple[int, int]]]:
    """Give every figure with the words before it, whether that stands in the text, and where its words do."""
    for figure in find_figures(text):
        if any(c.isdigit() for c in figure.quote):
            start = max(figure.start - 6, *(text.rfind(c, 0, figure.start) + 1 for c in "，,。；;、（("))
            place = (start, figure.end)
            yield text[start : figure.end], True, place
            wrong = text[start : figure.start] + altered(figure.quote)
            if wrong not in text:
                yield wrong, False, place


def ours(clause: Clause, quotes: Sequence[str]) -> list[tuple[int, int] | None]:
    """Ground quotes with the toolkit, each as the reply of a model."""
    replies = [json.dumps({"records": [{"words": q}]}, ensure_ascii=False) for q in quotes]
    found = extract([clause] * len(quotes), engine=ScriptedEngine(replies), schema=Words)
    spans: list[tuple[int, int] | None] = []
    for one in found:
        said = one.supports if isinstance(one, Extraction) else ()
        spans.append((said[0].words.start, said[0].words.end) if said else None)
    return spans


def theirs(text: str, quotes: Sequence[str], tokenizer: Any) -> list[tuple[int, int] | None]:
    """Ground the same quotes with LangExtract, each as the reply of a model."""
    spans: list[tuple[int, int] | None] = []
    for quote in quotes:
        reply = json.dumps({"extractions": [{"figure": quote, "figure_attributes": {}}]}, ensure_ascii=False)
        document = run_langextract(text, lambda prompts, reply=reply: [reply] * len(prompts), tokenizer)
        places = [e.char_interval for e in document.extractions or [] if e.char_interval is not None]
        spans.append((places[0].start_pos, places[0].end_pos) if places else None)
    return spans


def run_langextract(text: str, answer: Any, tokenizer: Any) -> Any:
    """Run LangExtract on one text with a function as its model."""
    import langextract as lx
    from langextract.core import base_model, types

    class Model(base_model.BaseLanguageModel):
        def infer(self, batch_prompts: Sequence[str], **kwargs: Any) -> Iterator[Any]:
            for reply in answer(list(batch_prompts)):
                yield [types.ScoredOutput(score=1.0, output=reply)]

    example = lx.data.ExampleData(
        text="对新建冷库的农场，按造价的20%给予补助，最高30万元。",
        extractions=[
            lx.data.Extraction(extraction_class="figure", extraction_text="造价的20%"),
            lx.data.Extraction(extraction_class="figure", extraction_text="最高30万元"),
        ],
    )
    return lx.extract(
        text_or_documents=text,
        prompt_description=TASK,
        examples=[example],
        model=Model(),
        max_char_buffer=4000,
        use_schema_constraints=False,
        fence_output=False,
        show_progress=False,
        tokenizer=tokenizer,
    )


def compare_scripted(clauses: Sequence[Clause]) -> dict[str, dict[str, str]]:
    """Count, for each way, quotes placed rightly and altered numbers placed at all."""
    from langextract.core import tokenizer as lx_tokenizer

    ways = {
        "toolkit": lambda clause, quotes: ours(clause, quotes),
        "LangExtract, default tokenizer": lambda clause, quotes: theirs(clause.text, quotes, None),
        "LangExtract, UnicodeTokenizer": lambda clause, quotes: theirs(
            clause.text, quotes, lx_tokenizer.UnicodeTokenizer()
        ),
    }
    table = {}
    for name, way in ways.items():
        right = true = accepted = false = 0
        start = time.perf_counter()
        for clause in clauses:
            asked = list(probes(clause.text))
            for (quote, stands, _), span in zip(asked, way(clause, [q for q, _, _ in asked]), strict=True):
                if stands:
                    true += 1
                    right += span is not None and clause.text[span[0] : span[1]] == quote
                else:
                    false += 1
                    accepted += span is not None
        seconds = time.perf_counter() - start
        table[name] = {
            "quotes placed on their words": f"{right} of {true}",
            "wrong numbers accepted": f"{accepted} of {false}",
            "seconds": f"{seconds:.1f}",
        }
    return table


def compare_with_model(clauses: Sequence[Clause], model: str) -> dict[str, dict[str, str]]:
    """Let a model write the replies: quotes, how many stand in the text, figures that do not."""
    from langextract.core import tokenizer as lx_tokenizer

    engine = load_engine(model)
    start = time.perf_counter()
    found = extract(clauses, engine=engine, schema=Sum, task=TASK)
    seconds = time.perf_counter() - start
    kept = [s for f in found if isinstance(f, Extraction) for s in f.supports]
    dropped = sum(f.dropped for f in found if isinstance(f, Extraction))
    table = {
        "toolkit": {
            "kept": str(len(kept)),
            "dropped": str(dropped),
            "not in the text": "0",
            "seconds": f"{seconds:.1f}",
        }
    }

    def answer(prompts: Sequence[str]) -> list[str]:
        requests = [Request(messages=(Message(role="user", content=p),), max_tokens=400) for p in prompts]
        return [reply.text for reply in engine.generate(requests)]

    start = time.perf_counter()
    placed = total = wrong = failed = 0
    for clause in clauses:
        try:
            document = run_langextract(clause.text, answer, lx_tokenizer.UnicodeTokenizer())
        except Exception as error:
            logging.warning("%s: %s", clause.id, error)
            failed += 1
            continue
        for one in document.extractions or []:
            total += 1
            if one.char_interval is not None:
                placed += 1
                words = clause.text[one.char_interval.start_pos : one.char_interval.end_pos]
                wrong += [f.value for f in find_figures(words)] != [
                    f.value for f in find_figures(one.extraction_text)
                ]
    seconds = time.perf_counter() - start
    table["LangExtract, UnicodeTokenizer"] = {
        "kept": f"{placed} of {total}",
        "placed on other figures": str(wrong),
        "clauses failed": str(failed),
        "seconds": f"{seconds:.1f}",
    }
    return table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clauses")
    parser.add_argument("--model")
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    try:
        import langextract  # noqa: F401
    except ImportError:
        raise SystemExit("this comparison needs LangExtract: pip install langextract") from None
    logging.getLogger("absl").setLevel(logging.ERROR)
    clauses = [
        Clause(id=str(row["id"]), document_id=str(row["id"]), text=row["text"], start=0, end=len(row["text"]))
        for _, row in read_jsonl(options.clauses)
    ][: options.count]
    table = compare_with_model(clauses, options.model) if options.model else compare_scripted(clauses)
    print(json.dumps(table, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
