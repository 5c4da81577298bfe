"""How well supports are read: predicted rows against gold rows, figures, supports, conditions, types.

In: rows of `{"id", "text", "supports"}`. Out: `ExtractScores`. Figures are the distinct (role, value)
pairs of a clause. A support is found where a prediction has the same figures and, in a clause of several,
shares three tenths of the character pairs of measure, beneficiary and conditions. White space is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from toolkit.records import Record

__all__ = ["ExtractScores", "Share", "command", "score_supports"]

_ROLES = {"amount": "amounts", "cap": "caps", "rate": "rates"}
_NEAR = 0.3
Row = Mapping[str, Any]
Figure = tuple[str, float]


class Share(Record):
    """Precision, recall and F1 of counts."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, right: int, wrong: int, missed: int) -> Share:
        """Work them out; 0 where nothing was said or nothing was wanted."""
        precision = right / (right + wrong) if right + wrong else 0.0
        recall = right / (right + missed) if right + missed else 0.0
        both = precision + recall
        f1 = 2 * precision * recall / both if both else 0.0
        return cls(precision=round(precision, 4), recall=round(recall, 4), f1=round(f1, 4))


class ExtractScores(Record):
    """The figures of one comparison; `grounded` is the share of quotes that stand in their clause."""

    clauses: int
    answered: int
    figures: Share
    by_role: dict[str, Share]
    supports: Share
    conditions: Share
    support_type: float | None
    grounded: float | None
    missed: tuple[str, ...] = ()


class _Tally:
    def __init__(self) -> None:
        self.right = self.wrong = self.missed = 0

    def add(self, wanted: set[Any], told: set[Any]) -> None:
        self.right += len(wanted & told)
        self.wrong += len(told - wanted)
        self.missed += len(wanted - told)

    def share(self) -> Share:
        return Share.of(self.right, self.wrong, self.missed)


def score_supports(gold: Sequence[Row], predicted: Sequence[Row]) -> ExtractScores:
    """Compare the supports of every gold clause with what was predicted for its id."""
    said = {row["id"]: row for row in predicted}
    figures, roles, conditions = _Tally(), {role: _Tally() for role in _ROLES}, _Tally()
    supports = _Tally()
    types: list[bool] = []
    quotes: list[bool] = []
    missed: list[str] = []
    for row in gold:
        text, wanted = _bare(row["text"]), row["supports"]
        told = (said.get(row["id"]) or {}).get("supports") or []
        one, other = _all_figures(wanted), _all_figures(told)
        figures.add(one, other)
        for role, tally in roles.items():
            tally.add({f for f in one if f[0] == role}, {f for f in other if f[0] == role})
        pairs = _pairs(wanted, told)
        supports.right += len(pairs)
        supports.missed += len(wanted) - len(pairs)
        supports.wrong += len(told) - len(pairs)
        missed += [row["id"]] * (len(wanted) > len(pairs))
        types += [a.get("support_type") == b.get("support_type") for a, b in pairs]
        conditions.add(_places(text, wanted), _places(text, told))
        quotes += [bool(q) and q in text for support in told for q in _quotes(support)]
    return ExtractScores(
        clauses=len(gold),
        answered=sum(row["id"] in said for row in gold),
        figures=figures.share(),
        by_role={role: tally.share() for role, tally in roles.items()},
        supports=supports.share(),
        conditions=conditions.share(),
        support_type=round(sum(types) / len(types), 4) if types else None,
        grounded=round(sum(quotes) / len(quotes), 4) if quotes else None,
        missed=tuple(missed),
    )


def _bare(text: str | None) -> str:
    return "".join((text or "").split())


def _quote(item: Any) -> str:
    return _bare(item if isinstance(item, str) else (item or {}).get("quote"))


def _figures(support: Row) -> set[Figure]:
    return {
        (role, round(float(f["value"]), 6)) for role, key in _ROLES.items() for f in support.get(key) or []
    }


def _all_figures(supports: Sequence[Row]) -> set[Figure]:
    return {figure for support in supports for figure in _figures(support)}


def _own_quotes(support: Row) -> list[str]:
    conditions = [c for c in support.get("conditions") or [] if not _elsewhere(c)]
    parts = [support.get("measure"), support.get("beneficiary"), *conditions]
    return [_quote(part) for part in parts if part]


def _elsewhere(quote: Any) -> bool:
    return isinstance(quote, Mapping) and bool(quote.get("clause_id"))


def _quotes(support: Row) -> list[str]:
    return _own_quotes(support) + [_quote(f) for key in _ROLES.values() for f in support.get(key) or []]


def _places(text: str, supports: Sequence[Row]) -> set[int]:
    found: set[int] = set()
    for support in supports:
        for condition in support.get("conditions") or []:
            words = _quote(condition)
            at = text.find(words) if words and not _elsewhere(condition) else -1
            found.update(range(at, at + len(words)) if at >= 0 else ())
    return found


def _near(one: Row, other: Row) -> float:
    a, b = ("".join(_own_quotes(s)) for s in (one, other))
    first, second = ({w[i : i + 2] for i in range(len(w) - 1)} for w in (a, b))
    return len(first & second) / len(first | second) if first | second else 0.0


def _pairs(wanted: Sequence[Row], told: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Match each wanted support to the nearest free one with the same figures."""
    free, pairs = list(told), []
    for support in wanted:
        same = [other for other in free if _figures(other) == _figures(support)]
        if not same:
            continue
        best = max(same, key=lambda other: _near(support, other))
        if len(wanted) == 1 or _near(support, best) >= _NEAR:
            free.remove(best)
            pairs.append((support, best))
    return pairs


@click.command("extract")
@click.argument("gold", type=click.Path(path_type=Path))
@click.argument("predictions", type=click.Path(path_type=Path), required=False)
@click.option("--model", help="Without PREDICTIONS: the model that extracts. Rules alone without it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(gold: Path, predictions: Path | None, model: str | None, as_json: bool) -> None:
    """Score extracted supports against GOLD; without PREDICTIONS its clauses are extracted now."""
    scores = evaluate(gold, predictions, model=model)
    if as_json:
        click.echo(scores.model_dump_json(indent=1))
        return
    click.echo(f"clauses     {scores.clauses}, answered {scores.answered}")
    shares = {
        "figures": scores.figures,
        **scores.by_role,
        "supports": scores.supports,
        "conditions": scores.conditions,
    }
    for name, share in shares.items():
        click.echo(
            f"{name:<11} precision {share.precision:.4f}  recall {share.recall:.4f}  F1 {share.f1:.4f}"
        )
    for name, part in (("type", scores.support_type), ("grounded", scores.grounded)):
        click.echo(f"{name:<11} {'-' if part is None else format(part, '.4f')}")
    for clause in scores.missed:
        click.echo(f"missed      {clause}")


def evaluate(gold: Path, predictions: Path | None = None, *, model: str | None = None) -> ExtractScores:
    """Score predictions, or what the toolkit extracts from the gold clauses now."""
    from toolkit.engine import load_engine
    from toolkit.extraction import extract
    from toolkit.records import Clause, Extraction
    from toolkit.tables import read_jsonl

    wanted = [row for _, row in read_jsonl(gold)]
    if predictions is not None:
        return score_supports(wanted, [row for _, row in read_jsonl(predictions, needs=("id",))])
    clauses = [
        Clause(id=row["id"], document_id=row["id"], text=row["text"], start=0, end=len(row["text"]))
        for row in wanted
    ]
    found = extract(clauses, engine=load_engine(model) if model else None)
    return score_supports(wanted, [f.model_dump(mode="json") for f in found if isinstance(f, Extraction)])
