"""Reading files of every kind, and what a person is told of files that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.cli import main
from toolkit.documents import find_files, read_documents, read_text
from toolkit.errors import InputError
from toolkit.records import Document, Failure

TITLE = "湖州市竹产业扶持办法"
LINES = [
    TITLE,
    "湖政办发〔2023〕7号",
    "各区县人民政府，市直各单位：",
    "为振兴竹产业，帮助林农增收，制定本办法。",
    "第一条 林农新建竹材加工点的，补助3万元。",
    "第二条 竹制品企业参加展销会的，每次补助展位费的一半。",
    "第三条 本办法自2023年9月1日起施行，有效期三年。",
    "湖州市人民政府办公室",
    "2023年8月1日",
]
TEXT = "\n".join(LINES)


def one(path: Path) -> Document:
    [document] = read_documents(path)
    assert isinstance(document, Document), document
    return document


def reason(path: Path) -> str:
    [failure] = read_documents(path)
    assert isinstance(failure, Failure)
    assert "\n" not in failure.reason
    assert failure.input == str(path)
    return failure.reason


def check(document: Document) -> None:
    assert document.title == TITLE
    assert document.doc_number == "湖政办发〔2023〕7号"
    assert document.region == "湖州市"
    assert document.issued is not None
    assert document.effective is not None
    assert document.expires is not None
    assert [d.isoformat() for d in (document.issued, document.effective, document.expires)] == [
        "2023-08-01",
        "2023-09-01",
        "2026-08-31",
    ]
    assert "补助3万元" in document.text


# ------------------------------------------------------------------ kinds of files
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_text_in_any_encoding(tmp_path: Path, encoding: str, newline: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(newline.join(LINES).encode(encoding))
    check(one(path))


def test_text_in_big5(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("臺北市竹藝保存辦法\n第一條 為保存竹藝，市政府應當對從業者給予獎勵。\n".encode("big5"))
    assert "從業者給予獎勵" in read_text(path)


def test_a_broken_byte_does_not_make_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode() + b"\xff\n" + "第四条 其他事项另行通知。".encode())
    assert "其他事项另行通知" in one(path).text


def test_a_web_page_without_its_navigation(tmp_path: Path) -> None:
    rows = "".join(f"<p>{line}</p>" for line in LINES[1:])
    path = tmp_path / "a.html"
    path.write_text(
        f"""<!doctype html><html><head><meta charset="utf-8"><title>{TITLE}_湖州市人民政府</title>
        <script>var a = "<p>脚本</p>";</script></head><body>
        <div class="nav"><a href="/">首页</a><a href="/a">政务公开</a><a href="/b">办事服务</a></div>
        <h1>{TITLE}</h1><div id="content">{rows}
        <table><tr><th>档次</th><th>产值</th><th>补助</th></tr>
        <tr><td rowspan="2">甲</td><td>百万元</td><td>3万元</td></tr>
        <tr><td>两百万元</td><td>5万元</td></tr></table></div>
        <div class="footer">主办单位：市政府 <a>网站地图</a></div></body></html>""",
        encoding="utf-8",
    )
    document = one(path)
    check(document)
    assert "甲 | 两百万元 | 5万元" in document.text
    for gone in ("脚本", "政务公开", "网站地图"):
        assert gone not in document.text


def test_a_web_page_in_gbk_says_so_itself(tmp_path: Path) -> None:
    rows = "".join(f"<p>{line}</p>" for line in LINES)
    path = tmp_path / "a.htm"
    path.write_bytes(f'<html><head><meta charset="gb2312"></head><body>{rows}</body></html>'.encode("gbk"))
    check(one(path))


def test_markdown(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    table = "| 档次 | 补助 |\n| --- | --- |\n| 甲 | 3万元 |"
    path.write_text(
        f"# **{TITLE}**\n\n" + "\n\n".join(LINES[1:]) + f"\n\n附件\n\n{table}\n", encoding="utf-8"
    )
    document = one(path)
    check(document)
    assert "甲 | 3万元" in document.text
    assert "---" not in document.text


def test_word_with_a_table_between_its_paragraphs(tmp_path: Path) -> None:
    import docx

    file = docx.Document()
    for line in LINES[:5]:
        file.add_paragraph(line)
    table = file.add_table(2, 2)
    for cell, text in zip(table._cells, ["档次", "补助", "甲", "3万元"], strict=True):
        cell.text = text
    for line in LINES[5:]:
        file.add_paragraph(line)
    path = tmp_path / "a.docx"
    file.save(str(path))
    document = one(path)
    check(document)
    assert document.text.index("第一条") < document.text.index("甲 | 3万元") < document.text.index("第二条")


def test_numbers_that_word_draws_itself_are_in_the_text(tmp_path: Path) -> None:
    import docx
    from docx.oxml.ns import qn

    file = docx.Document()
    style = file.styles["List Number"]
    listed = style.element.pPr.numPr.numId.val
    numbering = file.part.numbering_part.element
    linked = next(n for n in numbering.iter(qn("w:num")) if n.get(qn("w:numId")) == str(listed))
    entry = linked.find(qn("w:abstractNumId")).get(qn("w:val"))
    for abstract in numbering.iter(qn("w:abstractNum")):
        if abstract.get(qn("w:abstractNumId")) == entry:
            level = abstract.find(qn("w:lvl"))
            level.find(qn("w:numFmt")).set(qn("w:val"), "chineseCounting")
            level.find(qn("w:lvlText")).set(qn("w:val"), "第%1条")
    file.add_paragraph(TITLE)
    for n in range(12):
        file.add_paragraph(f"竹农应当做好第{n}项工作。", style="List Number")
    path = tmp_path / "a.docx"
    file.save(str(path))
    text = one(path).text
    assert "第一条 竹农应当做好第0项工作。" in text
    assert "第十二条 竹农应当做好第11项工作。" in text


def pdf(lines: list[str]) -> bytes:
    """Build a PDF of Chinese text; the font is not in it, a form feed starts a page."""
    pages = "\n".join(lines).split("\f")
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", ""]
    objects[2] = (
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts "
        "[<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo "
        "<< /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> /DW 1000 >>] >>"
    )
    kids = []
    for page in pages:
        shown = "".join(
            f"1 0 0 1 60 {780 - 24 * n} Tm <{line.encode('utf-16-be').hex()}> Tj\n"
            for n, line in enumerate(page.splitlines())
        )
        stream = f"BT /F1 12 Tf\n{shown}ET" if page.strip() else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {len(objects)} 0 R >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, offsets = b"%PDF-1.4\n", []
    for n, body in enumerate(objects):
        offsets.append(len(out))
        out += f"{n + 1} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{at:010d} 00000 n \n" for at in offsets)
    tail = f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{tail}".encode()


def test_a_pdf_with_text(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(LINES))
    check(one(path))


def test_a_scanned_pdf_says_what_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf([""]))
    assert "scanned PDF" in reason(path)
    assert "OCR" in reason(path)


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".xlsx"])
def test_a_table_with_a_policy_in_each_row(tmp_path: Path, kind: str) -> None:
    rows = [
        ["标题", "发文字号", "正文"],
        [TITLE, "湖政办发〔2023〕7号", "\n".join(LINES[3:])],
        ["湖州市茶产业扶持办法", "", "第一条 茶农新建茶园的，每亩补助500元。"],
    ]
    path = write_table(tmp_path / f"a{kind}", rows)
    first, second = read_documents(path)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    check(first)
    assert (second.title, second.doc_number) == ("湖州市茶产业扶持办法", None)


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".xlsx"])
def test_another_table_is_one_document_of_rows(tmp_path: Path, kind: str) -> None:
    path = write_table(tmp_path / f"补助标准{kind}", [["档次", "补助"], ["甲", "3万元"], ["乙", "2万元"]])
    document = one(path)
    assert document.title == "补助标准"
    assert "甲 | 3万元" in document.text


def write_table(path: Path, rows: list[list[str]]) -> Path:
    if path.suffix == ".xlsx":
        from openpyxl import Workbook

        book = Workbook()
        assert book.active is not None
        for row in rows:
            book.active.append(row)
        book.save(path)
        return path
    import csv

    with path.open("w", encoding="gb18030", newline="") as file:
        csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows(rows)
    return path


def test_standard_input(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "toolkit", "documents", "-", "--json"],
        input=TEXT.encode(),
        capture_output=True,
        check=True,
    )
    row = json.loads(run.stdout)
    assert (row["source"], row["title"], row["expires"]) == ("-", TITLE, "2026-08-31")


# ------------------------------------------------------------------ files that cannot be read
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504
BAD: dict[str, tuple[bytes, str]] = {
    "zero.txt": (b"", "is empty"),
    "blank.txt": (b" \n\n\t\n", "holds no text"),
    "binary.txt": (bytes(range(256)) * 40, "not a text file"),
    "program.txt": (b"\x7fELF\x02\x01\x01" + b"\0" * 900, "not a text file"),
    "pdf.txt": (b"%PDF-1.7\n%\xe2\xe3\n", "a pdf file"),
    "broken.pdf": (b"%PDF-1.4 and nothing more", "not a readable PDF"),
    "broken.docx": (b"PK\x03\x04 and nothing more", "is broken"),
    "locked.docx": (OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 400, "locked with a password"),
    "old.docx": (OLE + b"\0" * 400, "old Word format"),
    "locked.xlsx": (OLE + "EncryptedPackage".encode("utf-16-le") + b"\0" * 400, "locked with a password"),
    "broken.xlsx": (b"no workbook", "is broken"),
    "empty.html": (b"<html><body><script>draw()</script></body></html>", "holds no text"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_failure_and_status_2(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, said = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    assert said in reason(path)
    out = tmp_path / "out.jsonl"
    assert main(["documents", str(path), "--out", str(out)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert name in lines[0]
    assert not out.exists()


def test_a_folder_with_bad_files_still_reads_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (data, _) in BAD.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good.txt").write_text(TEXT, encoding="utf-8")
    assert main(["documents", str(tmp_path), "--json"]) == 3
    said = capsys.readouterr()
    assert [json.loads(line)["title"] for line in said.out.splitlines()] == [TITLE]
    assert len(said.err.splitlines()) == len(BAD)


@pytest.mark.parametrize(
    "make", [lambda p: p.mkdir(), lambda p: None], ids=["an empty folder", "no such path"]
)
def test_nothing_to_read(
    tmp_path: Path, make: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "there")
    with pytest.raises(InputError):
        find_files([tmp_path / "there"])
    assert main(["documents", str(tmp_path / "there")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_without_rights(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        os.listdir(closed)
    except PermissionError:
        with pytest.raises(InputError, match="closed"):
            find_files([closed])
    else:
        pytest.skip("this user may read every folder")
    finally:
        closed.chmod(0o700)


def test_a_line_of_50_megabytes_is_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("竹" * 17_000_000, encoding="utf-8")
    began = time.perf_counter()
    assert "line of more than" in reason(path)
    assert time.perf_counter() - began < 10


def test_files_are_found_once_in_order_and_hidden_ones_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "sub/c.docx", ".hidden.txt", "~$c.docx", "picture.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    found = find_files([tmp_path, tmp_path / "b.txt"])
    assert [str(p.relative_to(tmp_path)) for p in found] == ["a.md", "b.txt", "sub/c.docx"]


# ------------------------------------------------------------------ the command
@pytest.mark.parametrize("ending", ["jsonl", "csv", "xlsx", "parquet"])
def test_the_command_writes_what_it_found(tmp_path: Path, ending: str) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    out = tmp_path / f"out.{ending}"
    assert main(["documents", str(tmp_path / "a.txt"), "--out", str(out)]) == 0
    assert out.stat().st_size > 50
    if ending == "jsonl":
        row = json.loads(out.read_text(encoding="utf-8"))
        assert row["source"] == str(tmp_path / "a.txt")
        assert row["issuers"] == ["湖州市人民政府办公室"]
        assert (row["effective"], row["effective_text"]) == ("2023-09-01", "自2023年9月1日起施行")
        assert row["clauses"] >= 3


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    assert main(["documents", str(tmp_path / "a.txt")]) == 0
    said = capsys.readouterr().out
    assert TITLE in said
    assert "2026-08-31" in said


def test_an_unknown_ending_is_told_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["documents", str(tmp_path), "--out", str(tmp_path / "a.doc")]) == 2
    assert "a.doc" in capsys.readouterr().err


# ------------------------------------------------------------------ figures
def test_eval_says_what_is_missed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    gold = tmp_path / "gold.jsonl"
    rows = [
        {"source": "a.txt", "title": TITLE, "doc_number": "湖政办发〔2023〕7号", "issued": "2023-08-01"},
        {"source": "a.txt", "title": "湖州市茶产业扶持办法"},
    ]
    gold.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    assert main(["eval", "documents", "--gold", str(gold), "--files", str(tmp_path / "a.txt"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["precision"], scores["recall"]) == (1.0, 0.5)
    assert scores["missed"] == ["湖州市茶产业扶持办法"]
    assert (scores["accuracy"]["issued"], scores["accuracy"]["region"]) == (1.0, 0.0)
    assert main(["eval", "documents", "--gold", str(gold)]) == 2


def test_the_real_files_reach_the_bars(shared_data: Path) -> None:
    from toolkit.evaluate.documents import evaluate

    began = time.perf_counter()
    scores = evaluate(shared_data / "gold" / "documents.jsonl", [str(shared_data / "policies")])
    assert time.perf_counter() - began < 10
    assert scores.f1 >= 0.97
    assert all(share is not None and share >= 0.95 for share in scores.accuracy.values()), scores.accuracy


def test_our_figures_are_those_of_the_shared_scorer(tmp_path: Path, shared_data: Path) -> None:
    scorer = shared_data.parent / "tools" / "score.py"
    if not scorer.is_file():
        pytest.skip("the shared scorer is not here")
    from toolkit.evaluate.documents import evaluate

    gold = shared_data / "gold" / "documents.jsonl"
    rows = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines()]
    for n, row in enumerate(rows):  # spoil some
        row["title"] = row["title"][: None if n % 5 else 6] + ("补充" if n % 7 == 0 else "")
        row["issued"] = None if n % 3 == 0 else row["issued"]
        row["region"] = f" {row['region']}" if n % 2 else row["region"]
    said = tmp_path / "said.jsonl"
    said.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows[4:]), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(scorer), "documents", str(gold), str(said)], capture_output=True, check=True
    )
    theirs = json.loads(run.stdout)
    ours = evaluate(gold, [], said)
    assert (ours.precision, ours.recall, ours.f1) == (theirs["p"], theirs["r"], theirs["f1"])
    assert ours.accuracy == theirs["accuracy"]
    assert ours.documents == theirs["documents"]
