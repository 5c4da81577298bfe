"""What `zhengce extract` writes: lines, tables, a workbook, a page, and a store's facts asked in SQL."""

from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.extraction.corpus import extract_corpus
from toolkit.extraction.report import render_report
from toolkit.extraction.rows import money_text, share_text
from toolkit.records import Clause, Document, Extraction, Failure
from toolkit.store import Store

LINES = [
    {
        "id": "a",
        "text": "对首次通过评定的民宿企业，按装修费用的20%给予补助，最高30万元。",
        "policy": "示范办法",
    },
    {"id": "b", "text": "支持开展培训。"},
    {"id": "c", "text": "对获奖的农场<b>，给予5万元奖励；对放贷银行，给予最高200万元补偿。"},
]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "clauses.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in LINES), encoding="utf-8")
    return path


def run(*arguments: object) -> int:
    return main(["extract", "--no-model", *(str(a) for a in arguments)])


# ------------------------------------------------------------------ formats
def test_lines_keep_every_clause(lines: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert run("--clauses", lines, "--out", out) == 0
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert [len(row["supports"]) for row in rows] == [1, 0, 2]
    assert rows[0]["method"] == "rules"
    support = rows[0]["supports"][0]
    assert support["caps"][0] == {
        "quote": "最高30万元",
        "start": 27,
        "end": 33,
        "clause_id": None,
        "value": 300000,
    }
    assert support["rates"][0]["value"] == 0.2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_have_a_row_a_support(lines: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    assert run("--clauses", lines, "--out", out) == 0
    if ending == "csv":
        head, *rows = out.read_text(encoding="utf-8-sig").splitlines()
        assert head.startswith("政策,地区,条款,支持事项")
        assert len(rows) == 3
    else:
        import pyarrow.parquet

        assert pyarrow.parquet.read_table(out).num_rows == 3


def test_the_workbook_has_supports_and_what_failed(tmp_path: Path, lines: Path) -> None:
    import openpyxl

    with lines.open("a", encoding="utf-8") as more:
        more.write('\n{"id": "d", "text": 5}\n')
    out = tmp_path / "out.xlsx"
    assert run("--clauses", lines, "--out", out) == 3
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["支持事项", "未完成"]
    sheet = book["支持事项"]
    head = [cell.value for cell in sheet[1]]
    cap = sheet.cell(2, head.index("上限（元）") + 1)
    assert cap.value == 300000
    assert cap.number_format.startswith("#,##0")
    assert sheet.freeze_panes == "A2"
    assert sheet.max_row == 4
    assert book["未完成"].max_row == 2


def test_the_workbook_links_back_to_the_policy_s_file(tmp_path: Path, root: Path) -> None:
    import openpyxl

    out = tmp_path / "out.xlsx"
    assert run(root / "examples" / "policies", "--out", out) == 0
    sheet = openpyxl.load_workbook(out)["支持事项"]
    assert sheet.cell(2, 1).hyperlink.target.startswith("file:///")
    assert sheet.cell(2, 3).value


def test_every_clause_counts_once(tmp_path: Path, root: Path) -> None:
    tally = extract_corpus([root / "examples" / "policies"], out=tmp_path / "out.jsonl")
    assert tally.clauses == tally.done + tally.empty + tally.failed > 50
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == tally.clauses
    assert tally.method == "rules"


# ------------------------------------------------------------------ the page
class Marks(HTMLParser):
    """Collects what stands in each kind of mark."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.marks: list[tuple[str, str]] = []
        self._kind: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in {"script", "img", "link", "iframe"}, "the page must stand alone"
        self._kind = dict(attrs).get("class") if tag == "mark" else self._kind

    def handle_endtag(self, tag: str) -> None:
        self._kind = None if tag == "mark" else self._kind

    def handle_data(self, data: str) -> None:
        if self._kind:
            self.marks.append((self._kind, data))


def page_of(lines: Path, tmp_path: Path) -> str:
    out = tmp_path / "out.html"
    assert run("--clauses", lines, "--out", out) == 0
    return out.read_text(encoding="utf-8")


def test_the_page_marks_each_record_s_words(lines: Path, tmp_path: Path) -> None:
    marks = Marks(page_of(lines, tmp_path)).marks
    assert ("figure", "最高30万元") in marks
    assert ("beneficiary", "民宿企业") in marks
    assert ("condition", "首次通过评定") in marks or ("measure", "首次通过评定") in marks


def test_the_page_shows_the_source_s_signs_as_text(lines: Path, tmp_path: Path) -> None:
    page = page_of(lines, tmp_path)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "3 条原文：2 条含支持事项（共 3 项），1 条没有，0 条未完成" in page


def test_the_page_names_what_failed() -> None:
    page = render_report([Failure(stage="extract", input="x<1>", reason="太长")], about={})
    assert "x&lt;1&gt;：太长" in page
    assert "未完成" in page


def test_the_page_fits_a_phone(lines: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium here: the page's layout is not checked")
    page = tmp_path / "out.html"
    page_of(lines, tmp_path)
    probe = (
        "<script>document.title=document.documentElement.scrollWidth<=innerWidth?'fits':'too wide'</script>"
    )
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", probe + "</body>"), encoding="utf-8")
    shown = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--window-size=500,900",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert "<title>fits</title>" in shown


# ------------------------------------------------------------------ a store
@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store.open(tmp_path / "store", create=True)
    for number, region in enumerate(("甲市", "乙市")):
        texts = [f"对达标的农场，给予最高{10 * (number + 1)}万元奖励。", "本办法自发布之日起施行。"]
        text = "".join(texts)
        document = Document(id=f"d{number}", title=f"{region}办法", source="x.txt", region=region, text=text)
        spans = [(0, len(texts[0])), (len(texts[0]), len(text))]
        clauses = [
            Clause(id=f"d{number}:{n}", document_id=document.id, text=text[a:b], start=a, end=b)
            for n, (a, b) in enumerate(spans)
        ]
        opened.add(document, clauses, np.eye(2, 4, dtype=np.float32))
    return opened


def test_a_store_keeps_what_was_found(store: Store, tmp_path: Path) -> None:
    tally = extract_corpus(store=store, out=tmp_path / "all.jsonl")
    assert (tally.clauses, tally.done, tally.empty) == (4, 2, 2)
    kept = store.supports("d1:0")
    assert kept is not None
    assert kept[0].caps[0].value == 200000
    assert store.supports("d1:1") == ()


def test_sql_over_the_facts_chooses_supports(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "some.jsonl"
    tally = extract_corpus(store=store, where="region = '乙市' and cap >= 150000", out=out)
    assert (tally.clauses, tally.supports) == (1, 1)
    (row,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert (row["id"], row["policy"], row["region"]) == ("d1:0", "乙市办法", "乙市")


@pytest.mark.parametrize("where", ["nonsense = 1", "1=1); drop table supports; --", "cap >", "(select 1"])
def test_sql_that_does_not_run_is_a_mistake_of_the_user_s(store: Store, tmp_path: Path, where: str) -> None:
    with pytest.raises(InputError, match="it may use policy, region"):
        extract_corpus(store=store, where=where, out=tmp_path / "x.jsonl")
    assert store.facts.execute("SELECT count(*) FROM supports").fetchone()[0] == 2


def test_the_command_asks_a_store(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--store", store.path, "--where", "region = '甲市'", "--out", tmp_path / "x.csv"]
    assert run(*arguments) == 0
    assert "1 clauses: 1 with 1 supports" in capsys.readouterr().out


# ------------------------------------------------------------------ mistakes
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to extract from"),
        (["--clauses", "missing.jsonl"], "missing.jsonl"),
        (["missing.txt"], "missing.txt"),
        (["--clauses", "x.jsonl", "--out", "x.docx"], "x.docx"),
        (["--where", "cap > 1", "--store", "nowhere"], "nowhere"),
        (["--model", "small", "--clauses", "x.jsonl"], "contradict"),
    ],
)
def test_a_mistake_gets_one_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    told = capsys.readouterr().err.strip().splitlines()
    assert said in told[-1]
    assert told[-1].startswith("zhengce: ")


def test_failures_are_named_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(
        '{"id": "a", "text": "对达标的农场，给予5万元奖励。"}\n{"id": "b", "text": 7}\n', encoding="utf-8"
    )
    assert run("--clauses", path, "--out", tmp_path / "o.jsonl") == 3
    assert "b" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [(5000000, "500万元"), (150000000, "1.5亿元"), (7000, "7,000元"), (12345, "12,345元"), (1.5, "1.5元")],
)
def test_sums_are_written_for_people(value: float, text: str) -> None:
    from decimal import Decimal

    assert money_text(Decimal(str(value))) == text


def test_shares_are_written_for_people() -> None:
    from decimal import Decimal

    assert [share_text(Decimal(v)) for v in ("0.3", "0.005", "1", "0.125")] == [
        "30%",
        "0.5%",
        "100%",
        "12.5%",
    ]


def test_an_extraction_survives_its_own_json() -> None:
    from toolkit.extraction import extract
    from toolkit.records import Support

    (found,) = extract([Clause(id="a", document_id="a", text=str(LINES[0]["text"]), start=0, end=40)])
    assert isinstance(found, Extraction)
    assert Extraction[Support].model_validate_json(found.model_dump_json()) == found
