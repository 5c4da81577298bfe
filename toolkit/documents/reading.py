"""The files that paths name, and the documents of each.

In: paths (`-` is standard input). Out: `Document`s in the order in which they stand in the file, and one
`Failure` for a file that cannot be read.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.documents.facts import describe
from toolkit.documents.formats import READERS, check_size, read_plain
from toolkit.documents.lines import Paragraph, paragraphs
from toolkit.documents.listing import records, unfold
from toolkit.documents.marks import looks_like_title
from toolkit.documents.split import Draft, Head, split, tidy_title
from toolkit.documents.tables import read_rows, record_lines
from toolkit.documents.web import trim
from toolkit.errors import InputError
from toolkit.records import Document, Failure

__all__ = ["FORMATS", "find_files", "read_documents", "read_text"]

_TABLES = (".csv", ".tsv", ".xlsx")
FORMATS = frozenset({*READERS, *_TABLES})
STDIN = Path("-")


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """List the files that the paths name, folders searched, in a stable order and each once.

    Raises InputError for a path that does not exist, a folder that may not be read, and where a folder
    holds no file of a kind that can be read.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if str(given) == "-" or path.is_file():
            found[path] = None
        elif path.is_dir():
            inside = sorted(_walk(path))
            if not inside:
                kinds = " ".join(sorted(kind[1:] for kind in FORMATS))
                raise InputError(
                    f"{path} holds no file to read", hint=f"files of these kinds are read: {kinds}"
                )
            found.update(dict.fromkeys(inside))
        elif path.exists():
            raise InputError(f"{path} is neither a file nor a folder")
        else:
            raise InputError(f"{path} does not exist")
    return list(found)


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read the folder {error.filename}: {error.strerror}")

    for root, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith((".", "~$")) and Path(name).suffix.lower() in FORMATS:
                yield Path(root) / name


def read_text(path: str | Path) -> str:
    """Read a file's text; raise InputError where it has none or cannot be read."""
    path = Path(path)
    data, kind = _bytes(path)
    if kind in _TABLES:
        sheets = read_rows(data, str(path), kind=kind)
        return "\n".join("\t".join(row) for _, rows in sheets for row in rows)
    reader = READERS.get(kind)
    if reader is None:
        raise InputError(
            f"{path} is of no kind that can be read", hint="convert it to txt, docx, pdf or html"
        )
    return reader(data, str(path))


def read_documents(path: str | Path) -> Iterator[Document | Failure]:
    """Read the documents of a file; a file that cannot be read gives one Failure."""
    path = Path(path)
    try:
        found = _read(path)
    except InputError as error:
        yield Failure(stage="read", input=str(path), reason=str(error))
        return
    except OSError as error:
        yield Failure(
            stage="read", input=str(path), reason=f"{path} cannot be read: {error.strerror or error}"
        )
        return
    yield from found


def _bytes(path: Path) -> tuple[bytes, str]:
    if path == STDIN:
        data = sys.stdin.buffer.read()
        if not data.strip():
            raise InputError("standard input is empty")
        return data, _kind_of(data)
    return check_size(path), path.suffix.lower()


def _kind_of(data: bytes) -> str:
    """Tell the kind of a file that has no name by its first bytes."""
    if data.startswith(b"%PDF-"):
        return ".pdf"
    if data.startswith(b"PK\x03\x04"):
        return ".xlsx" if b"xl/" in data[:4000] else ".docx"
    return ".txt"


def _read(path: Path) -> list[Document]:
    data, kind = _bytes(path)
    if kind in _TABLES:
        drafts = _from_tables(data, path, kind)
    else:
        reader = READERS.get(kind, read_plain)
        drafts = _from_text(reader(data, str(path)), path)
    if not drafts:
        raise InputError(f"{path} holds no text")

    return [describe(draft, source=str(path)) for draft in drafts]


def _from_text(text: str, path: Path) -> list[Draft]:
    lines = paragraphs(text)
    if not lines:
        return []
    listed = records(lines)
    if listed is not None:
        return listed
    lines = trim(lines) or lines
    drafts = split(lines) or [_untitled(lines, path)]
    for draft in drafts:
        draft.paragraphs = [
            piece for p in draft.paragraphs for piece in (unfold(p) if len(p.text) > 600 else [p])
        ]
    return drafts


def _untitled(lines: list[Paragraph], path: Path) -> Draft:
    """One document without a heading that is known as a title: its first short line, or the file's name."""
    named = next((line.text for line in lines[:10] if looks_like_title(line.text)), None)
    if named is not None:
        return Draft(tidy_title(named), [Head(0, 1, named)], lines)
    first = lines[0].text
    short = len(first) <= 60 and len(lines) > 1 and not first.endswith(("。", "；", "：", "，"))
    title = first if short else (path.stem if path != STDIN else first[:30])
    return Draft(title, [Head(0, 1, title)], lines)


def _from_tables(data: bytes, path: Path, kind: str) -> list[Draft]:
    drafts: list[Draft] = []
    for sheet, rows in read_rows(data, str(path), kind=kind):
        if not rows:
            continue
        listed = record_lines(rows)
        if listed is not None:
            for title, text in listed:
                body = [piece for p in paragraphs(text) for piece in unfold(p)]
                drafts.append(Draft(title, [Head(0, 1, title)], [Paragraph(title, 0), *body]))
            continue
        title = sheet if sheet and not sheet.lower().startswith("sheet") else path.stem
        body = [Paragraph(" | ".join(" ".join(cell.split()) for cell in row), 0) for row in rows]
        drafts.append(Draft(title, [Head(0, 1, title)], [Paragraph(title, 0), *body]))
    counted = Counter(draft.title for draft in drafts)
    return [draft for draft in drafts if counted[draft.title]]
