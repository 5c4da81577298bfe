"""Policies kept in tables: csv, tsv, xlsx.

In: a path's bytes. Out: rows of cells, and for a table with a title column the records in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from toolkit.documents.decode import decode
from toolkit.documents.formats import check_lines
from toolkit.documents.word import OLE, check_archive
from toolkit.errors import InputError

__all__ = ["LABELS", "read_rows", "record_lines"]

_TITLE = ("标题", "政策名称", "文件名称", "政策标题", "文件标题", "名称", "题名", "title")
_BODY = ("正文", "内容", "全文", "文本", "政策内容", "政策原文", "条款", "text", "content", "body")
# Columns whose cells go before the text as labelled lines, so that they are read as facts.
LABELS: dict[str, tuple[str, ...]] = {
    "发文字号": ("发文字号", "文号", "发文文号", "文件编号", "doc_number"),
    "发文机关": ("发文机关", "发布机构", "发文单位", "发布单位", "发布部门", "issuer", "issuers"),
    "成文日期": ("成文日期", "发文日期", "印发日期", "签发日期", "issued"),
    "施行日期": ("施行日期", "实施日期", "生效日期", "effective"),
    "有效期至": ("有效期至", "失效日期", "截止日期", "expires"),
}


def read_rows(data: bytes, name: str, *, kind: str) -> list[tuple[str, list[list[str]]]]:
    """Give each sheet's name and rows; a csv or tsv file is one sheet without a name."""
    if kind == ".xlsx":
        return _workbook(data, name)
    text = check_lines(decode(data, name=name), name)
    csv.field_size_limit(4_000_000)
    try:
        delimiter = "\t" if kind == ".tsv" else _delimiter(text)
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error as error:
        raise InputError(f"{name} is not a readable table: {error}") from error
    return [("", [row for row in rows if any(row)])]


def record_lines(rows: Sequence[Sequence[str]]) -> list[tuple[str, str]] | None:
    """Give (title, text) for each row of a table with title and body columns; None where it has none."""
    if len(rows) < 2:
        return None
    header = [cell.strip().lower() for cell in rows[0]]
    title = next((header.index(name) for name in _TITLE if name in header), None)
    body = next((header.index(name) for name in _BODY if name in header), None)
    if title is None or body is None:
        return None
    labelled = {
        label: next((header.index(name) for name in names if name in header), None)
        for label, names in LABELS.items()
    }
    records = []
    for row in rows[1:]:
        cells = [*row, *[""] * (len(header) - len(row))]
        lines = [f"{label}：{cells[at]}" for label, at in labelled.items() if at is not None and cells[at]]
        if cells[title].strip():
            records.append((cells[title].strip(), "\n".join([*lines, cells[body]])))
    return records


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(",;\t|，", key=first.count) if any(c in first for c in ",;\t|，") else ","


def _workbook(data: bytes, name: str) -> list[tuple[str, list[list[str]]]]:
    if data.startswith(OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in data
        said = "is locked with a password" if locked else "is in the old Excel format"
        raise InputError(
            f"{name} {said}", hint="save it as .xlsx without one" if locked else "save it as .xlsx"
        )
    check_archive(data, name)
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (InvalidFileException, KeyError, ValueError, OSError) as error:
        raise InputError(f"{name} is not a readable workbook: {' '.join(str(error).split())}") from error
    sheets = []
    for sheet in book.worksheets:
        rows = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        sheets.append((sheet.title, [row for row in rows if any(row)]))
    book.close()
    return sheets


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
