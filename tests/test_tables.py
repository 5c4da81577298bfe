"""Rows written in four formats and read back by the libraries people use."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from toolkit.errors import InputError
from toolkit.records import Failure, Quote
from toolkit.tables import read_jsonl, write_rows

ROWS = [
    {
        "id": "a",
        "金额": Decimal("100000"),
        "比例": Decimal("0.3"),
        "日期": date(2024, 5, 1),
        "注": "云岭市\n甲",
    },
    {"id": "b", "引文": Quote(quote="十万元", start=3, end=6), "条件": ["甲", "乙"], "注": '="bad"'},
]


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_jsonl_keeps_nesting_and_plain_numbers(tmp_path: Path) -> None:
    assert write_rows(ROWS, tmp_path / "o.jsonl") == 2
    first, second = [row for _, row in read_jsonl(tmp_path / "o.jsonl")]
    assert first == {"id": "a", "金额": 100000, "比例": 0.3, "日期": "2024-05-01", "注": "云岭市\n甲"}
    assert second["引文"]["quote"] == "十万元"
    assert second["条件"] == ["甲", "乙"]


def test_csv_opens_in_excel_with_chinese_and_without_formulas(tmp_path: Path) -> None:
    write_rows([*ROWS, {"id": "-5"}, {"id": "+cmd|x"}], tmp_path / "o.csv")
    assert (tmp_path / "o.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    rows = read_csv(tmp_path / "o.csv")
    assert list(rows[0]) == ["id", "金额", "比例", "日期", "注", "引文", "条件"]
    assert rows[0]["金额"] == "100000"
    assert rows[0]["注"] == "云岭市\n甲"
    assert rows[1]["注"] == '\'="bad"'
    assert json.loads(rows[1]["引文"])["start"] == 3
    assert [row["id"] for row in rows[2:]] == ["-5", "'+cmd|x"]


def test_xlsx_has_text_not_formulas_numbers_and_dates(tmp_path: Path) -> None:
    from openpyxl import load_workbook

    rows = [*ROWS, {"id": "坏\x0b字\x00", "注": "长" * 40_000}, {"id": "#N/A", "金额": 10**17}]
    write_rows(rows, tmp_path / "o.xlsx", sheet="结果/一")
    page = load_workbook(tmp_path / "o.xlsx").active
    cells = [[cell.value for cell in row] for row in page.iter_rows()]
    assert page.title == "结果 一"
    assert cells[1][1:3] == [100000, 0.3]
    assert cells[1][3].date() == date(2024, 5, 1)
    assert (page["E3"].value, page["E3"].data_type) == ('="bad"', "s")
    assert cells[3][0] == "坏字"
    assert len(cells[3][4]) < 32_768
    assert (page["A5"].data_type, page["B5"].value) == ("s", str(10**17))


def test_parquet_has_types_and_survives_mixed_columns(tmp_path: Path) -> None:
    import pyarrow.parquet

    write_rows([*ROWS, {"id": 7, "金额": 0.5}, {"id": "c", "比例": 2**70}], tmp_path / "o.parquet")
    table = pyarrow.parquet.read_table(tmp_path / "o.parquet").to_pydict()
    assert table["id"] == ["a", "b", "7", "c"]
    assert table["金额"] == [100000.0, None, 0.5, None]
    assert table["日期"][0] == date(2024, 5, 1)
    assert json.loads(table["条件"][1]) == ["甲", "乙"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_columns_choose_order_and_headings_and_no_rows_is_a_file(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"o.{ending}"
    assert write_rows([], out, columns={"注": "备注", "id": "编号"}) == 0
    empty = out.read_bytes()
    assert write_rows(ROWS, out, columns={"注": "备注", "id": "编号"}) == 2
    assert out.read_bytes() != empty
    if ending == "csv":
        assert list(read_csv(out)[0]) == ["备注", "编号"]
    if ending == "jsonl":
        assert [list(row) for _, row in read_jsonl(out)] == [["注", "id"]] * 2


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    for name in ("one", "two"):
        write_rows(ROWS, tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"o.{ending}"
    write_rows(ROWS, out)
    before = out.read_bytes()

    def rows():
        yield {"id": "x"}
        raise ValueError("the source broke")

    with pytest.raises(ValueError, match="the source broke"):
        write_rows(rows(), out, columns=["id"])
    assert out.read_bytes() == before
    assert os.listdir(tmp_path) == [out.name]


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from toolkit.tables import write_rows;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "write_rows(({'id': i, 'text': '字' * 50} for i in range(1000)), sys.argv[1])"
    )
    out = tmp_path / "o.jsonl"
    run = subprocess.run([sys.executable, "-c", code, str(out)], capture_output=True, text=True)
    assert "File too large" in run.stderr
    assert str(out) in run.stderr.splitlines()[-1]
    assert os.listdir(tmp_path) == []


def test_dash_is_jsonl_on_standard_output() -> None:
    code = "from toolkit.tables import write_rows; write_rows([{'市': '云岭'}], '-'); print('after')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert run.stdout.decode() == '{"市": "云岭"}\nafter\n'


@pytest.mark.parametrize("name", ["o.json", "o", "o.txt"])
def test_an_unknown_ending_names_the_four(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.jsonl, \.csv, \.xlsx or \.parquet"):
        write_rows(ROWS, tmp_path / name)


def test_missing_folders_are_made_and_a_folder_is_refused(tmp_path: Path) -> None:
    write_rows(ROWS, tmp_path / "new" / "deep" / "o.csv")
    assert len(read_csv(tmp_path / "new" / "deep" / "o.csv")) == 2
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        write_rows(ROWS, tmp_path / "d.csv")


BROKEN = (
    '\ufeff{"id": "1", "text": "甲"}\r\n\n{"id": 2\n'.encode()
    + b'{"id": "\xc4\xe3"}\n[1]\n{"id": 5, "text": "x"}\n'
    + b"[" * 200_000
    + b'\n{"id": "9", "text": "\xe4\xb9\x99"}'
)


def test_broken_lines_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "i.jsonl").write_bytes(BROKEN)
    read = list(read_jsonl(tmp_path / "i.jsonl", errors="yield", needs=("id", "text")))
    good = {number: row["text"] for number, row in read if not isinstance(row, Failure)}
    bad = {number: row.reason for number, row in read if isinstance(row, Failure)}
    assert good == {1: "甲", 8: "乙"}
    assert list(bad) == [3, 4, 5, 6, 7]
    assert "not JSON" in bad[3]
    assert "not UTF-8" in bad[4]
    assert "not an object" in bad[5]
    assert 'lacks the text field "id"' in bad[6]
    assert all(row.input.endswith(f"i.jsonl:{number}") for number, row in read if isinstance(row, Failure))


def test_a_broken_line_raises_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "i.jsonl").write_bytes(BROKEN)
    with pytest.raises(InputError, match=r"i\.jsonl: line 3 is not JSON"):
        list(read_jsonl(tmp_path / "i.jsonl"))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.jsonl: No such file"):
        list(read_jsonl(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match="is a folder"):
        list(read_jsonl(tmp_path))
