"""Supports as one HTML page: each record beside its clause, with its words marked in it.

In: extractions and what is known of their clauses. Out: a self-contained page without scripts, readable
on a phone and in print.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from toolkit.extraction.rows import BINDING_NAMES, TYPE_NAMES, money_text, share_text
from toolkit.records import Extraction, Failure, Quote, Support
from toolkit.tables import replacing

__all__ = ["render_report", "write_report"]

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.7 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;margin:0 auto;
padding:1rem;max-width:60rem;overflow-wrap:anywhere}
h1{font-size:1.3rem}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
article{border:1px solid #8886;border-radius:.6rem;padding:.6rem .9rem;margin:.8rem 0}
.clause{background:#8881;border-radius:.4rem;padding:.5rem .7rem}
dl{display:grid;grid-template-columns:5.5rem 1fr;gap:.15rem .6rem;margin:.6rem 0 0}
dt{color:#777}dd{margin:0}.sum{font-weight:600}
mark{border-radius:.2rem;padding:0 .1rem;color:inherit}
mark.measure{background:#ffd54f99}mark.beneficiary{background:#81c78499}mark.condition{background:#64b5f666}
mark.figure{background:#ff8a6599;font-weight:600}
.legend mark{margin-right:.6rem}.failed{color:#c62828}
@media(max-width:34rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}}
@media print{article{break-inside:avoid}}
"""
_LEGEND = (("measure", "支持事项"), ("beneficiary", "对象"), ("condition", "条件"), ("figure", "金额与比例"))
Known = Mapping[str, Mapping[str, Any]]


def write_report(found: Sequence[Extraction[Support] | Failure], out: Path, *, about: Known) -> int:
    """Write the page and give its number of supports."""
    with replacing(out) as partial:
        partial.write_text(render_report(found, about=about), encoding="utf-8", errors="replace")
    return sum(len(f.supports) for f in found if isinstance(f, Extraction))


def render_report(found: Sequence[Extraction[Support] | Failure], *, about: Known) -> str:
    """Make the page; clauses without a support are counted and not shown."""
    done = [f for f in found if isinstance(f, Extraction) and f.supports]
    failed = [f for f in found if isinstance(f, Failure)]
    empty = len(found) - len(done) - len(failed)
    number = sum(len(f.supports) for f in done)
    legend = "".join(f'<mark class="{kind}">{name}</mark>' for kind, name in _LEGEND)
    counts = f"{len(found)} 条原文：{len(done)} 条含支持事项（共 {number} 项），"
    counts += f"{empty} 条没有，{len(failed)} 条未完成"
    body = "".join(_clause(f, about.get(f.id, {})) for f in done)
    missed = "".join(f'<p class="failed">{escape(f.input)}：{escape(f.reason)}</p>' for f in failed)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>支持事项</title><style>{_STYLE}</style></head><body><h1>支持事项</h1>"
        f'<p>{counts}</p><p class="legend">{legend}</p>{body}'
        f"{'<h2>未完成</h2>' + missed if missed else ''}</body></html>\n"
    )


def _clause(found: Extraction[Support], known: Mapping[str, Any]) -> str:
    title = "　".join(str(known[k]) for k in ("policy", "region", "heading") if known.get(k))
    heading = f"<h2>{escape(title or found.id)}</h2>"
    return heading + "".join(_support(found.text, support) for support in found.supports)


def _support(text: str, support: Support) -> str:
    rows = "".join(f"<dt>{name}</dt><dd{style}>{value}</dd>" for name, value, style in _facts(support))
    return f'<article><div class="clause">{_marked(text, support)}</div><dl>{rows}</dl></article>'


def _facts(support: Support) -> Iterator[tuple[str, str, str]]:
    yield "支持事项", escape(support.measure.quote), ""
    yield "方式", f"{TYPE_NAMES[support.support_type]}（{BINDING_NAMES[support.bindingness]}）", ""
    if support.beneficiary:
        yield "对象", escape(support.beneficiary.quote), ""
    for name, figures in (("金额", support.amounts), ("上限", support.caps)):
        if figures:
            yield name, "；".join(money_text(f.value) for f in figures), ' class="sum"'
    if support.rates:
        told = "；".join(f"{escape(r.base or '')}{share_text(r.value)}" for r in support.rates)
        yield "比例", told, ' class="sum"'
    if support.per:
        yield "计量", escape(support.per), ""
    if support.conditions:
        yield "条件", "<br>".join(_condition(c) for c in support.conditions), ""
    if support.rules:
        yield "限制", "<br>".join(escape(r.quote) for r in support.rules), ""
    if support.notes:
        yield "说明", "<br>".join(escape(n) for n in support.notes), ""


def _condition(condition: Quote) -> str:
    said = escape(condition.quote)
    return f"{said}（见 {escape(condition.clause_id)}）" if condition.clause_id else said


def _marked(text: str, support: Support) -> str:
    """Mark the record's words in its clause; where two overlap, the figure, then the shorter one, shows."""
    kinds: list[str | None] = [None] * len(text)
    parts: list[tuple[str, Quote]] = [("condition", c) for c in support.conditions if c.clause_id is None]
    parts += [("measure", support.measure)]
    parts += [("beneficiary", support.beneficiary)] if support.beneficiary else []
    parts.sort(key=lambda part: part[1].start - part[1].end)
    parts += [("figure", f) for f in (*support.amounts, *support.caps, *support.rates)]
    for kind, quote in parts:
        kinds[quote.start : quote.end] = [kind] * (quote.end - quote.start)
    shown, start = [], 0
    for at in range(1, len(text) + 1):
        if at == len(text) or kinds[at] != kinds[start]:
            words = escape(text[start:at])
            shown.append(f'<mark class="{kinds[start]}">{words}</mark>' if kinds[start] else words)
            start = at
    return "".join(shown)
