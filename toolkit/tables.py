"""Rows to files and back: `.jsonl`, `.csv`, `.xlsx`, `.parquet`.

In: mappings or records. Out: a file that is either whole or not there: rows go to a hidden file beside
it (`.NAME.….partial`), which takes its place at the end. The same rows give the same bytes.

In the flat formats (all but jsonl) nested values stand as JSON text. A spreadsheet program takes a cell
that starts with `=`, `+`, `-` or `@` for a formula: csv gets an apostrophe before it, xlsx stores text.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Literal, overload

from pydantic import BaseModel

from toolkit.errors import InputError
from toolkit.records import Failure

__all__ = ["ENDINGS", "Columns", "Row", "check_out", "read_jsonl", "replacing", "write_rows"]

ENDINGS = (".jsonl", ".csv", ".xlsx", ".parquet")
Row = Mapping[str, Any] | BaseModel
Columns = Sequence[str] | Mapping[str, str]

LONGEST_LINE = 64 * 1024 * 1024
_XLSX_ROWS, _XLSX_CELL = 1_048_576, 32_767
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# ------------------------------------------------------------------ writing
def write_rows(
    rows: Iterable[Row], out: str | Path, columns: Columns | None = None, sheet: str | None = None
) -> int:
    """Write rows in the format that the ending of `out` names and give their number.

    "-" is jsonl on standard output. `columns` chooses and orders the fields; as a mapping it also
    gives csv and xlsx their headings. Without it a flat file has every field that occurs, in the
    order in which they first do, and all rows are held in memory. `sheet` names an xlsx sheet.
    """
    if str(out) == "-":
        text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="replace", newline="\n")
        try:
            return _write_lines(_mappings(rows), text, columns)
        finally:
            text.flush()
            text.detach()
    path = check_out(out)
    kind, plain = path.suffix.lower(), _mappings(rows)
    if columns is None and kind != ".jsonl":
        held = list(plain)
        columns, plain = list(dict.fromkeys(chain.from_iterable(held))), iter(held)
    with replacing(path) as partial:
        if kind == ".jsonl":
            with open(partial, "w", encoding="utf-8", errors="replace", newline="\n") as lines:
                return _write_lines(plain, lines, columns)
        assert columns is not None
        writers: dict[str, Callable[[], int]] = {
            ".csv": lambda: _write_csv(plain, partial, columns),
            ".xlsx": lambda: _write_xlsx(plain, partial, columns, sheet or "Sheet1"),
            ".parquet": lambda: _write_parquet(plain, partial, columns),
        }
        return writers[kind]()


def check_out(out: str | Path, *, endings: Sequence[str] = ENDINGS) -> Path:
    """Give the path to write to; an unknown ending or a folder is an InputError."""
    path = Path(out)
    if path.suffix.lower() not in endings:
        names = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise InputError(f"cannot tell the format of {path} from its ending", hint=f"name a file {names}")
    if path.is_dir():
        raise InputError(f"{path} is a folder", hint="name a file in it")
    return path


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Give a path to write to, which takes the place of `out` when the block ends without an error.

    Missing folders are made. An OSError names `out`, so that a full disk says which file it hit.
    """
    target = out.resolve()
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb+") as written:
            os.fsync(written.fileno())
        if target.exists():
            os.chmod(partial, target.stat().st_mode & 0o7777)
        os.replace(partial, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from error
    finally:
        partial.unlink(missing_ok=True)


def _mappings(rows: Iterable[Row]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        yield row.model_dump(mode="json") if isinstance(row, BaseModel) else row


def _jsonable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"no JSON for {type(value).__name__}")


def _flat(value: Any) -> Any:
    """Make one cell: text, number, truth value, date or None."""
    if value is None or isinstance(value, str | bool | int | float | date):
        return value
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_jsonable)
    value = _jsonable(value)
    return value if isinstance(value, str | bool | int | float) else _flat(value)


def _headings(columns: Columns) -> list[str]:
    return list(columns.values()) if isinstance(columns, Mapping) else list(columns)


def _write_lines(rows: Iterable[Mapping[str, Any]], lines: IO[str], columns: Columns | None) -> int:
    count = 0
    for row in rows:
        count += 1
        chosen = row if columns is None else {name: row.get(name) for name in columns}
        lines.write(json.dumps(dict(chosen), ensure_ascii=False, default=_jsonable) + "\n")
    return count


def _defuse(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell.isoformat() if isinstance(cell, date) else cell
    cell = cell.replace("\x00", "")
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _write_csv(rows: Iterable[Mapping[str, Any]], out: Path, columns: Columns) -> int:
    """Write UTF-8 with a byte order mark, without which Excel shows Chinese as rubbish."""
    count = 0
    with open(out, "w", encoding="utf-8-sig", errors="replace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([_defuse(name) for name in _headings(columns)])
        for row in rows:
            count += 1
            writer.writerow([_defuse(_flat(row.get(name))) for name in columns])
    return count


def _write_xlsx(rows: Iterable[Mapping[str, Any]], out: Path, columns: Columns, sheet: str) -> int:
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    page = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", sheet)[:31])
    page.freeze_panes = "A2"

    supply, headings = iter(rows), _headings(columns)
    first = list(islice(supply, 50))
    for index, (name, heading) in enumerate(zip(columns, headings, strict=True), 1):
        longest = max([len(str(_flat(row.get(name)) or "")) for row in first] + [len(heading)])
        page.column_dimensions[get_column_letter(index)].width = min(60, 4 + 2 * longest)
    top = [_cell(page, heading) for heading in headings]
    for made in top:
        made.font = Font(bold=True)
    page.append(top)
    count = 0
    for count, row in enumerate(chain(first, supply), 1):
        if count >= _XLSX_ROWS:
            raise InputError(f"an xlsx sheet holds {_XLSX_ROWS - 1} rows at most", hint="write .csv instead")
        page.append([_cell(page, _flat(row.get(name))) for name in columns])
    book.save(out)
    _forget_when(out)
    return count


def _cell(page: Any, value: Any) -> Any:
    """Make an xlsx cell; text is never a formula or an error value."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment

    if isinstance(value, str):
        value = _NOT_IN_XML.sub("", value)
        if len(value) > _XLSX_CELL:
            value = value[: _XLSX_CELL - 8] + "…（以下截断）"
    elif isinstance(value, int) and abs(value) >= 10**15:
        value = str(value)  # Excel keeps fifteen digits
    made = WriteOnlyCell(page, value=value)
    if isinstance(value, str):
        made.data_type = "s"
        made.alignment = Alignment(wrap_text=True, vertical="top")
    return made


def _forget_when(workbook: Path) -> None:
    """Rewrite a workbook without the time of writing, so that the same rows give the same bytes."""
    fixed = workbook.with_name(workbook.name + ".fixed")
    try:
        with zipfile.ZipFile(workbook) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                same = zipfile.ZipInfo(entry.filename, date_time=(2000, 1, 1, 0, 0, 0))
                same.compress_type = zipfile.ZIP_DEFLATED
                if entry.filename == "docProps/core.xml":
                    said = old.read(entry).decode("utf-8")
                    new.writestr(same, re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "2000-01-01T00:00:00Z", said))
                    continue
                with old.open(entry) as source, new.open(same, "w", force_zip64=True) as target:
                    while block := source.read(1 << 20):
                        target.write(block)
        os.replace(fixed, workbook)
    finally:
        fixed.unlink(missing_ok=True)


def _write_parquet(rows: Iterable[Mapping[str, Any]], out: Path, columns: Columns) -> int:
    import pyarrow
    import pyarrow.parquet

    held: dict[str, list[Any]] = {name: [] for name in columns}
    count = 0
    for row in rows:
        count += 1
        for name, values in held.items():
            value = _flat(row.get(name))
            values.append(_NOT_IN_XML.sub("", value) if isinstance(value, str) else value)

    def array(values: list[Any]) -> Any:
        kinds = {type(value) for value in values if value is not None}
        if kinds == {int, float}:
            values = [None if value is None else float(value) for value in values]
        elif len(kinds) > 1 or any(isinstance(v, int) and abs(v) >= 2**63 for v in values):
            values = [None if value is None else _as_text(value) for value in values]
        return pyarrow.array(values)

    table = pyarrow.table({name: array(values) for name, values in held.items()})
    pyarrow.parquet.write_table(table, str(out))
    return count


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


# ------------------------------------------------------------------ reading
@overload
def read_jsonl(
    path: str | Path, *, errors: Literal["raise"] = "raise", needs: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, Any]]]: ...


@overload
def read_jsonl(
    path: str | Path, *, errors: Literal["yield"], needs: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, Any] | Failure]]: ...


def read_jsonl(
    path: str | Path, *, errors: Literal["raise", "yield"] = "raise", needs: Sequence[str] = ()
) -> Iterator[tuple[int, Any]]:
    """Read (line number, object) from a file of one JSON object a line; "-" is standard input.

    Empty lines are skipped. `needs` names fields that must be there as text. A line that is not such
    an object raises InputError, or with `errors="yield"` is given as a Failure and the rest goes on.
    Holds one line at a time; a line over 64 MiB counts as broken.
    """
    name = "standard input" if str(path) == "-" else str(path)
    with _open_lines(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                reason: str | None = f"is longer than {LONGEST_LINE >> 20} MiB"
                while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                value: Any = None
            else:
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if not line.strip():
                    continue
                value, reason = _parse_line(line, needs)
            if reason is None:
                yield number, value
            elif errors == "yield":
                yield number, Failure(stage="read", input=f"{name}:{number}", reason=f"the line {reason}")
            else:
                raise InputError(f"{name}: line {number} {reason}")


@contextmanager
def _open_lines(path: str | Path) -> Iterator[IO[bytes]]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    if Path(path).is_dir():
        raise InputError(f"{path} is a folder", hint="name a .jsonl file")
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below; the error is for opening alone
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with file:
        yield file


def _parse_line(line: bytes, needs: Sequence[str]) -> tuple[dict[str, Any] | None, str | None]:
    """Give the object, or what is wrong with the line as the rest of a sentence."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None, "is not UTF-8"
    except json.JSONDecodeError as error:
        return None, f"is not JSON: {error.msg} (column {error.colno})"
    except (ValueError, RecursionError):
        return None, "is not JSON that can be read: too deep, or a number too long"
    if not isinstance(value, dict):
        return None, f"is not an object but {type(value).__name__}"
    for name in needs:
        if not isinstance(value.get(name), str):
            return None, f'lacks the text field "{name}"'
    return value, None
