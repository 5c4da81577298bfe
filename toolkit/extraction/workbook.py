"""Supports as an Excel workbook: one sheet of supports, one of what could not be done.

In: extractions and what is known of their clauses. Out: an .xlsx with Chinese headings, thousands
separators, frozen headings, and links back to the policy's file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.extraction.rows import FAILURE_HEADINGS, HEADINGS, flat_rows
from toolkit.records import Extraction, Failure, Support
from toolkit.tables import replacing

__all__ = ["write_workbook"]

_WIDTHS = {
    "policy": 34,
    "heading": 24,
    "measure": 26,
    "beneficiary": 28,
    "conditions": 44,
    "text": 60,
    "rules": 28,
}
_FORMATS = {"amount": "#,##0.##", "cap": "#,##0.##", "rate": "0.00%"}
_CELL = 32_767
_CONTROL = {code: None for code in range(32) if code not in (9, 10, 13)}


def write_workbook(
    found: Sequence[Extraction[Support] | Failure],
    out: Path,
    *,
    about: Mapping[str, Mapping[str, Any]],
) -> int:
    """Write the workbook and give its number of supports; text is never taken for a formula."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "支持事项"
    count = _fill(sheet, flat_rows(found, about=about), HEADINGS)
    texts = {id_: str(known.get("text", "")) for id_, known in about.items()}
    failed = [
        {"id": f.input, "reason": f.reason, "text": texts.get(f.input)}
        for f in found
        if isinstance(f, Failure)
    ]
    _fill(book.create_sheet("未完成"), failed, FAILURE_HEADINGS)
    with replacing(out) as partial:
        book.save(partial)
    return count


def _fill(sheet: Any, rows: Iterable[Mapping[str, Any]], headings: Mapping[str, str]) -> int:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    for column, (field, heading) in enumerate(headings.items(), 1):
        sheet.cell(1, column, heading).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = _WIDTHS.get(field, 14)
    sheet.freeze_panes = "A2"
    count = 0
    for count, row in enumerate(rows, 1):
        for column, field in enumerate(headings, 1):
            cell = sheet.cell(count + 1, column)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            _set(cell, row.get(field), field)
            source = row.get("source")
            if field in {"policy", "heading"} and source and cell.value:
                cell.hyperlink = Path(str(source)).resolve().as_uri()
                cell.font = Font(color="0563C1", underline="single")
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(headings))}{count + 1}"
    return count


def _set(cell: Any, value: Any, field: str) -> None:
    if value is None:
        return
    if field in _FORMATS:
        cell.value, cell.number_format = float(value), _FORMATS[field]
        return
    cell.value = str(value).translate(_CONTROL)[:_CELL]
    cell.data_type = "s"
