"""Pages with pictures: what a training measured, and what a corpus holds. Plain HTML with SVG, no script.

In: a `TrainingReport`, or labellings with region and year. Out: one file that opens anywhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

from toolkit.classify.corpus import Found
from toolkit.classify.measures import Measures, TrainingReport
from toolkit.classify.taxonomy import Taxonomy
from toolkit.errors import InputError
from toolkit.records import Labelling
from toolkit.tables import replacing

__all__ = ["check_page", "corpus_page", "training_page"]

_STYLE = """
body{font:15px/1.6 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;color:#1d2733;
max-width:1080px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em;border-bottom:1px solid #d7dee6}
table{border-collapse:collapse;font-size:.9em}td,th{padding:.2em .6em;border-bottom:1px solid #e6ebf0;
text-align:right}td.t,th.t{text-align:left}svg{max-width:100%;height:auto}text{font-size:12px;fill:#1d2733}
.note{color:#5b6b7c;font-size:.9em}
"""
_ROWS = 30  # regions shown; the others are one row


def check_page(path: str | Path) -> Path:
    """Give the path of a page; another ending than .html is an InputError."""
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm") or target.is_dir():
        raise InputError(f"{target} is no name for a page", hint="name a file .html")
    return target


def training_page(trained: TrainingReport, taxonomy: Taxonomy, out: str | Path) -> None:
    """Write the figures of a training: codes, reliability, confusion, doubtful codings."""
    measures = trained.measures
    labels = [f"{code.id} {code.name}" for code in taxonomy.codes]
    codes = "".join(
        f"<tr><td class=t>{escape(label)}</td><td>{code.clauses}</td><td>{code.precision:.2f}</td>"
        f"<td>{code.recall:.2f}</td><td>{code.f1:.2f}</td></tr>"
        for label, code in zip(labels, measures.codes, strict=True)
    )
    doubts = "".join(
        f"<tr><td>{doubt.line}</td><td>{_codes(doubt.given)}</td><td>{_codes(doubt.suggested)}</td>"
        f"<td>{doubt.doubt:.2f}</td><td class=t>{escape(doubt.text[:120])}</td></tr>"
        for doubt in trained.doubts
    )
    notes = "".join(f"<li>{escape(line)}</li>" for line in trained.warnings)
    body = [
        f"<p>{trained.clauses} 条已编码条款，五折交叉验证；下列数字均来自未参与训练的条款。</p>",
        f"<p>micro-F1 <b>{measures.micro_f1:.3f}</b> · macro-F1 <b>{measures.macro_f1:.3f}</b> · "
        f"完全一致 <b>{measures.exact:.3f}</b> · 校准误差 <b>{measures.ece:.3f}</b></p>",
        f"<h2>各类</h2><table><tr><th class=t>类别<th>条款<th>精确率<th>召回率<th>F1</tr>{codes}</table>",
        f"<h2>可靠性：给出的分数与实际正确率</h2>{_reliability(measures)}",
        f"<h2>混淆：行为原编码，列为预测的第一类</h2>{_heat(measures.confusion, labels, labels)}",
        "<h2>最值得复核的编码</h2>"
        f"<table><tr><th>行<th>原编码<th>建议<th>疑度<th class=t>条款</tr>{doubts}</table>",
        f"<h2>文件中的提示</h2><ul>{notes}</ul>" if notes else "",
    ]
    _write("分类器训练报告", body, check_page(out))


def corpus_page(
    labellings: Sequence[Labelling], found: Sequence[Found], taxonomy: Taxonomy, out: str | Path
) -> None:
    """Write the counts of a corpus: clauses a code, by region and by year."""
    labels = [f"{code.id} {code.name}" for code in taxonomy.codes]
    at = {code.id: index for index, code in enumerate(taxonomy.codes)}
    total: Counter[int] = Counter()
    regions: Counter[tuple[str, int]] = Counter()
    years: Counter[tuple[str, int]] = Counter()
    for labelling, clause in zip(labellings, found, strict=True):
        for code in labelling.labels:
            total[at[code]] += 1
            regions[clause.region or "未写明", at[code]] += 1
            years[str(clause.year) if clause.year else "未写明", at[code]] += 1
    empty = sum(not labelling.labels for labelling in labellings)
    body = [
        f"<p>{len(labellings)} 条条款，{sum(total.values())} 个编码；{empty} 条为空，没有编码。"
        "一条可有多个编码，逐一计入。</p>",
        f"<h2>各类条款数</h2>{_bars([total[index] for index in range(len(labels))], labels)}",
        f"<h2>按地区</h2>{_table(regions, labels, by_size=True)}",
        f"<h2>按年份</h2>{_table(years, labels, by_size=False)}",
        "<p class=note>年份取印发日期，无则取施行日期或文号中的年份。</p>",
    ]
    _write("政策工具分布", body, check_page(out))


# ------------------------------------------------------------------ pictures
def _table(counts: Counter[tuple[str, int]], labels: Sequence[str], *, by_size: bool) -> str:
    sizes: Counter[str] = Counter()
    for (name, _), count in counts.items():
        sizes[name] += count
    names = sorted(sizes, key=lambda name: (-sizes[name], name) if by_size else (0, name))
    shown, others = names[:_ROWS], names[_ROWS:]
    rows = [[counts[name, index] for index in range(len(labels))] for name in shown]
    if others:
        shown = [*shown, f"其他 {len(others)} 个"]
        rows.append([sum(counts[name, index] for name in others) for index in range(len(labels))])
    return _heat(rows, shown, labels) if rows else "<p>无</p>"


def _heat(rows: Sequence[Sequence[int]], names: Sequence[str], columns: Sequence[str]) -> str:
    """Draw counts as shaded cells; a row's shade is its share of the row."""
    cell, left, top = 40, 170, 130
    parts = []
    for x, column in enumerate(columns):
        parts.append(
            f'<text transform="translate({left + x * cell + 24},{top - 6}) rotate(-50)">'
            f"{escape(column)}</text>"
        )
    for y, (name, row) in enumerate(zip(names, rows, strict=True)):
        base, whole = top + y * 26, sum(row) or 1
        parts.append(f'<text x="{left - 6}" y="{base + 17}" text-anchor="end">{escape(name[:14])}</text>')
        for x, count in enumerate(row):
            if count:
                shade = 0.08 + 0.8 * count / whole
                parts.append(
                    f'<rect x="{left + x * cell}" y="{base}" width="{cell - 2}" height="24" fill="#1f6fb2" '
                    f'fill-opacity="{shade:.2f}"/><text x="{left + x * cell + 19}" y="{base + 17}" '
                    f'text-anchor="middle">{count}</text>'
                )
    return _svg(left + len(columns) * cell + 90, top + len(names) * 26 + 8, parts)


def _bars(counts: Sequence[int], labels: Sequence[str]) -> str:
    most, parts = max([*counts, 1]), []
    for y, (label, count) in enumerate(zip(labels, counts, strict=True)):
        width = 560 * count / most
        parts.append(
            f'<text x="164" y="{y * 26 + 18}" text-anchor="end">{escape(label[:14])}</text>'
            f'<rect x="170" y="{y * 26 + 3}" width="{width:.0f}" height="20" fill="#1f6fb2"/>'
            f'<text x="{176 + width:.0f}" y="{y * 26 + 18}">{count}</text>'
        )
    return _svg(800, len(labels) * 26 + 8, parts)


def _reliability(measures: Measures) -> str:
    """Draw the share right over the score; on the diagonal a score is what it says."""
    parts = ['<line x1="40" y1="310" x2="340" y2="10" stroke="#aab6c2" stroke-dasharray="4"/>']
    parts.append('<path d="M40 10V310H340" fill="none" stroke="#5b6b7c"/>')
    for share in (0, 0.5, 1):
        at = 300 * share
        parts.append(f'<text x="34" y="{314 - at:.0f}" text-anchor="end">{share}</text>')
        parts.append(f'<text x="{40 + at:.0f}" y="328" text-anchor="middle">{share}</text>')
    for one in measures.reliability:
        if one.count:
            x, y = 40 + 300 * one.score, 310 - 300 * one.right
            size = 2 + 12 * (one.count / measures.clauses) ** 0.5
            parts.append(
                f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{size:.1f}" fill="#1f6fb2" fill-opacity=".6">'
                f"<title>{one.count}: {one.score:.2f} → {one.right:.2f}</title></circle>"
            )
    return _svg(360, 340, parts, shown=360)


def _svg(width: int, height: int, parts: Sequence[str], *, shown: int | None = None) -> str:
    extra = f' width="{shown}"' if shown else ""
    return f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg"{extra}>{"".join(parts)}</svg>'


def _codes(codes: Sequence[int]) -> str:
    return ", ".join(map(str, codes)) or "—"


def _write(title: str, body: Sequence[str], out: Path) -> None:
    page = (
        f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{''.join(body)}</html>\n"
    )
    with replacing(out) as partial:
        partial.write_text(page, encoding="utf-8")
