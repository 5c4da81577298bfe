"""How well questions are answered: retrieval, answers by kind, refusals, faithful numbers.

In: rows of answers against gold rows. Out: `AskScores`. An answer is right where it holds one string of
each list of `must` and has at most 600 characters; white space is ignored throughout. A number is
faithful where it stands in a passage, a citation or the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from toolkit.records import Record

__all__ = ["AskScores", "Verdict", "command", "evaluate", "score_answers"]

Row = Mapping[str, Any]
LONGEST = 600
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s*(?:%|％|亿元|万元|元|亿|万|年|个月|日|天|人|家|项|平方米)")
_RANKS = (1, 3, 5, 10)
_BUDGETS = (1000, 2000, 4000)


class Verdict(Record):
    """One question's outcome: "right", "wrong" or "refused"; what was wanted and said."""

    id: str
    question: str
    kind: str
    answerable: bool
    outcome: str
    answer: str
    must: tuple[tuple[str, ...], ...] = ()


class AskScores(Record):
    """The figures of one comparison; shares are fractions, `seconds` is the mean."""

    questions: int
    answered: int
    recall_at: dict[int, float]
    recall_within: dict[int, float]
    right: float | None
    by_kind: dict[str, float]
    refusal_recall: float | None
    false_refusal: float | None
    characters: float | None
    number_fidelity: float | None
    cited: float | None
    seconds: float | None
    verdicts: tuple[Verdict, ...] = ()


def score_answers(gold: Sequence[Row], predicted: Sequence[Row]) -> AskScores:
    """Compare the answer of every gold question with what was said under its id."""
    said = {str(row["id"]): row for row in predicted}
    pairs = [(row, said.get(str(row["id"])) or {}) for row in gold]
    verdicts = [_verdict(row, told) for row, told in pairs]
    wanted = [v for v in verdicts if v.answerable]
    lacking = [v for v in verdicts if not v.answerable]
    given = [(row, told) for row, told in pairs if told.get("answerable") and _bare(told.get("answer"))]
    kinds = dict.fromkeys(v.kind for v in wanted)
    numbers = [found for row, told in given for found in _faithful(row, told)]
    open_rows = [(row, told) for row, told in pairs if row["answerable"]]
    return AskScores(
        questions=len(gold),
        answered=sum(str(row["id"]) in said for row in gold),
        recall_at={
            k: _mean([_recall(row, _passages(told)[:k]) for row, told in open_rows]) or 0.0 for k in _RANKS
        },
        recall_within={
            b: _mean([_recall(row, _within(_passages(told), b)) for row, told in open_rows]) or 0.0
            for b in _BUDGETS
        },
        right=_mean([v.outcome == "right" for v in wanted]),
        by_kind={k: _mean([v.outcome == "right" for v in wanted if v.kind == k]) or 0.0 for k in kinds},
        refusal_recall=_mean([v.outcome == "refused" for v in lacking]),
        false_refusal=_mean([v.outcome == "refused" for v in wanted]),
        characters=_mean([len(_bare(told.get("answer"))) for _, told in given]),
        number_fidelity=_mean(numbers),
        cited=_mean([bool(_quotes(told)) for _, told in given]),
        seconds=_mean([float(told.get("seconds") or 0) for _, told in pairs]),
        verdicts=tuple(verdicts),
    )


def _verdict(row: Row, told: Row) -> Verdict:
    answer = _bare(told.get("answer"))
    must = tuple(tuple(alternatives) for alternatives in row.get("must") or ())
    if not told.get("answerable", False):
        outcome = "refused"
    elif not row["answerable"]:
        outcome = "wrong"
    else:
        held = len(answer) <= LONGEST and all(any(_holds(answer, a) for a in group) for group in must)
        outcome = "right" if held else "wrong"
    return Verdict(
        id=str(row["id"]),
        question=row["question"],
        kind=row.get("kind") or "?",
        answerable=row["answerable"],
        outcome=outcome,
        answer=told.get("answer") or "",
        must=must,
    )


def _bare(text: str | None) -> str:
    return "".join((text or "").split())


def _holds(text: str, words: str) -> bool:
    wanted = _bare(words)
    guard = r"(?<![\d.])" if wanted[:1].isdigit() else ""
    return re.search(guard + re.escape(wanted), text) is not None


def _passages(told: Row) -> list[str]:
    return [_bare(p["text"] if isinstance(p, Mapping) else p) for p in told.get("passages") or ()]


def _quotes(told: Row) -> str:
    return "".join(_bare(c if isinstance(c, str) else c.get("quote")) for c in told.get("citations") or ())


def _within(passages: Sequence[str], budget: int) -> list[str]:
    shown = []
    for passage in passages:
        if budget <= 0:
            break
        shown.append(passage[:budget])
        budget -= len(passage)
    return shown


def _recall(row: Row, shown: Sequence[str]) -> float:
    """The share of the evidence that stands in the passages; of long evidence one end is enough."""
    quotes = [_bare(quote) for quote in row.get("evidence") or ()]
    hits = [any(q in p or (len(q) > 60 and (q[:60] in p or q[-60:] in p)) for p in shown) for q in quotes]
    return sum(hits) / len(hits) if hits else 0.0


def _faithful(row: Row, told: Row) -> list[bool]:
    sources = [*_passages(told), _quotes(told), _bare(row["question"])]
    return [
        any(_holds(source, number) for source in sources)
        for number in _NUMBER.findall(_bare(told.get("answer")))
    ]


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def evaluate(
    gold: Path,
    predictions: Path | None = None,
    *,
    store: Path | None = None,
    model: str | None = None,
    gold_passages: bool = False,
) -> tuple[AskScores, list[dict[str, Any]]]:
    """Score answers, or what the toolkit answers now; gives the scores and the answers.

    With `gold_passages` each question is answered from the clauses that hold its evidence, so that
    reading and finding are told apart.
    """
    from toolkit.tables import read_jsonl

    rows = [row for _, row in read_jsonl(gold, needs=("id", "question"))]
    if predictions is not None:
        answers = [row for _, row in read_jsonl(predictions, needs=("id", "answer"))]
        return score_answers(rows, answers), answers
    from toolkit.ask import Asked, answer_rows, open_assistant

    asked = [Asked(id=str(row["id"]), question=row["question"]) for row in rows]
    with open_assistant(store=store, model=model) as assistant:
        given = assistant.clauses_with([row.get("evidence") or () for row in rows]) if gold_passages else None
        answers = list(answer_rows(asked, assistant.ask_many([a.question for a in asked], given=given)))
    return score_answers(rows, answers), answers


@click.command("ask")
@click.argument("predictions", type=click.Path(path_type=Path), required=False)
@click.option("--gold", type=click.Path(path_type=Path), required=True, help="A jsonl of gold questions.")
@click.option("--store", type=click.Path(path_type=Path), help="The store's folder [$ZHENGCE_STORE].")
@click.option("--model", help="The model that judges what is close.")
@click.option("--gold-passages", is_flag=True, help="Answer from the gold evidence's own clauses.")
@click.option("--report", type=click.Path(path_type=Path), help="Write an HTML page of every miss.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    predictions: Path | None,
    gold: Path,
    store: Path | None,
    model: str | None,
    gold_passages: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Score answers against gold; without PREDICTIONS the questions are answered now."""
    from toolkit.evaluate.ask_report import lines, write_report

    scores, answers = evaluate(gold, predictions, store=store, model=model, gold_passages=gold_passages)
    if report is not None:
        write_report(scores, answers, report)
    click.echo(scores.model_dump_json(indent=1) if as_json else "\n".join(lines(scores)))
