"""Rows as an html page that opens anywhere: one table, its own style, everything escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from toolkit.tables import replacing

__all__ = ["write_page"]

_PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body{{font:15px/1.6 "PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;margin:2em;color:#222}}
table{{border-collapse:collapse;width:100%}}
th,td{{border:1px solid #ccc;padding:.4em .6em;vertical-align:top;text-align:left;white-space:pre-line}}
th{{background:#f2f4f7;position:sticky;top:0}}tr:nth-child(even){{background:#fafafa}}
</style></head><body><h1>{title}</h1><table><thead><tr>{head}</tr></thead><tbody>
"""


def write_page(
    rows: Iterable[Mapping[str, Any]], out: Path, headings: Mapping[str, str], *, title: str
) -> int:
    """Write rows as a table and give their number; `headings` maps fields to column headings."""
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings.values())
    count = 0
    with replacing(out) as partial, open(partial, "w", encoding="utf-8", errors="replace") as page:
        page.write(_PAGE.format(title=html.escape(title), head=head))
        for row in rows:
            count += 1
            cells = "".join(f"<td>{html.escape(_shown(row.get(name)))}</td>" for name in headings)
            page.write(f"<tr>{cells}</tr>\n")
        page.write(f"</tbody></table><p>共 {count} 行</p></body></html>\n")
    return count


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():,f}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
