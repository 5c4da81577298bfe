"""The scores of answers for a person: lines for a terminal, and a page in which each miss can be read.

In: `AskScores` and the answers. Out: lines; an HTML page with every wrong or refused question, its
answer, what was wanted and its passages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from toolkit.evaluate.ask import AskScores, Verdict
from toolkit.tables import replacing

__all__ = ["lines", "write_report"]

_STYLE = (
    "body{font:16px/1.6 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2em .7em;text-align:left}"
    "article{border-left:4px solid #c33;padding:0 1em;margin:1.5em 0;background:#faf7f7}"
    "article.refused{border-color:#c90}blockquote{margin:.3em 0;padding-left:1em;border-left:2px solid #bbb}"
)
_OUTCOMES = {"right": "答对", "wrong": "答错", "refused": "未答"}


def lines(scores: AskScores) -> Iterator[str]:
    """Tell the figures, then right, wrong and refused by kind with an example of each miss."""
    yield f"questions       {scores.questions}, answered {scores.answered}"
    yield "recall at       " + "  ".join(f"{k}: {v:.4f}" for k, v in scores.recall_at.items())
    yield "recall within   " + "  ".join(f"{k}: {v:.4f}" for k, v in scores.recall_within.items())
    for name, value in _figures(scores).items():
        yield f"{name:<16}{'-' if value is None else format(value, '.4f')}"
    for kind, verdicts in _by_kind(scores).items():
        counts = "  ".join(f"{o} {sum(v.outcome == o for v in verdicts)}" for o in _OUTCOMES)
        yield f"{kind:<16}{counts}"
        for outcome in ("wrong", "refused"):
            example = next((v for v in verdicts if v.outcome == outcome and _missed(v)), None)
            if example is not None:
                yield f"  {outcome}: {example.id} {example.question} → {example.answer[:80]}"


def write_report(scores: AskScores, answers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the page, whole or not at all."""
    said = {str(row["id"]): row for row in answers}
    figures = "".join(
        f"<tr><th>{escape(name)}</th><td>{'-' if value is None else format(value, '.4f')}</td></tr>"
        for name, value in _figures(scores).items()
    )
    kinds = "".join(
        f"<tr><th>{escape(kind)}</th>"
        + "".join(f"<td>{sum(v.outcome == o for v in verdicts)}</td>" for o in _OUTCOMES)
        + "</tr>"
        for kind, verdicts in _by_kind(scores).items()
    )
    heads = "".join(f"<th>{name}</th>" for name in _OUTCOMES.values())
    misses = "".join(_article(v, said.get(v.id) or {}) for v in scores.verdicts if _missed(v))
    page = (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>问答评测</title><style>{_STYLE}</style>'
        f"<h1>问答评测</h1><table>{figures}</table><h2>按种类</h2><table><tr><th>种类</th>{heads}</tr>{kinds}</table>"
        f"<h2>答错与未答</h2>{misses or '<p>没有。</p>'}</html>"
    )
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")


def _figures(scores: AskScores) -> dict[str, float | None]:
    return {
        "right": scores.right,
        "refusal recall": scores.refusal_recall,
        "false refusal": scores.false_refusal,
        "number fidelity": scores.number_fidelity,
        "cited": scores.cited,
        "characters": scores.characters,
        "seconds": scores.seconds,
    }


def _by_kind(scores: AskScores) -> dict[str, list[Verdict]]:
    kinds: dict[str, list[Verdict]] = {}
    for verdict in scores.verdicts:
        kinds.setdefault(verdict.kind if verdict.answerable else "not answerable", []).append(verdict)
    return kinds


def _missed(verdict: Verdict) -> bool:
    return verdict.outcome != ("right" if verdict.answerable else "refused")


def _article(verdict: Verdict, answer: Mapping[str, Any]) -> str:
    wanted = (
        "；".join(" / ".join(group) for group in verdict.must)
        if verdict.answerable
        else "资料中没有，应当说明"
    )
    passages = "".join(
        f"<li>《{escape(p['policy'])}》{escape(p.get('heading') or '')}"
        f"<blockquote>{escape(p['text'])}</blockquote></li>"
        for p in answer.get("passages") or ()
    )
    return (
        f'<article class="{verdict.outcome}"><h3>{escape(verdict.id)} {escape(verdict.question)}</h3>'
        f"<p>{_OUTCOMES[verdict.outcome]}：{escape(verdict.answer)}</p><p>应含：{escape(wanted)}</p>"
        f"<details><summary>检索到的条文</summary><ol>{passages}</ol></details></article>"
    )
