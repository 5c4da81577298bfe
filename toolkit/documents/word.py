"""Word files: paragraphs with the numbers that Word gives them, and tables, in their order.

In: a file's bytes. Out: text as the other readers give it. A locked, old or broken file is an `InputError`.
"""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from typing import Any

from toolkit.errors import InputError

__all__ = ["MAX_BYTES", "OLE", "check_archive", "read_docx"]

MAX_BYTES = 200_000_000
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HAN = "〇一二三四五六七八九"


def check_archive(data: bytes, name: str) -> None:
    """Refuse an archive that is broken or unpacks to more than any policy file has."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InputError(f"{name} is broken: {error}", hint="save it again") from error
    if size > 5 * MAX_BYTES:
        raise InputError(f"{name} unpacks to {size / 1e6:.0f} MB", hint="it is no policy file")


def read_docx(data: bytes, name: str) -> str:
    """Read a Word file's paragraphs and tables in their order."""
    if data.startswith(OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in data
        if locked:
            raise InputError(f"{name} is locked with a password", hint="save it without one")
        raise InputError(f"{name} is in the old Word format", hint="save it as .docx")
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    check_archive(data, name)
    try:
        document = docx.Document(BytesIO(data))
    except (PackageNotFoundError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{name} is not a readable Word file: {' '.join(str(error).split())}") from error
    counters = _Counters(document)
    lines: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines += _table_lines(block)
        else:
            lines += (counters.label(block) + block.text).split("\n") if block.text.strip() else [""]
    if not any(line.strip() for line in lines):
        hint = "if it holds pictures of pages, run text recognition (OCR) first"
        raise InputError(f"{name} holds no text", hint=hint)
    return "\n".join(lines)


def _table_lines(table: Any) -> list[str]:
    lines = []
    for row in table.rows:
        # A merged cell comes once for each column that it spans.
        own = [cell for i, cell in enumerate(row.cells) if i == 0 or cell._tc is not row.cells[i - 1]._tc]
        cells = [" ".join(cell.text.split()) for cell in own]
        if any(cells):
            lines.append("\t".join(cells) if len(cells) > 1 else cells[0])
    return lines


class _Counters:
    """The numbers of automatic lists, which Word draws and does not write: `第%1条`, `（%1）`, `%1.`."""

    def __init__(self, document: Any) -> None:
        self._levels: dict[tuple[str, str], tuple[str, str, int]] = {}  # list, level: format, text, start
        self._lists: dict[str, str] = {}
        self._counts: dict[tuple[str, int], int] = {}
        self._styled: dict[str, Any] = {}
        part = next(
            (r.target_part for r in document.part.rels.values() if r.reltype.endswith("/numbering")), None
        )
        if part is not None and hasattr(part, "element"):
            self._read(part.element)

    def _read(self, numbering: Any) -> None:
        from docx.oxml.ns import qn

        for entry in numbering.iter(qn("w:abstractNum")):
            for level in entry.iter(qn("w:lvl")):
                said = [level.find(qn(f"w:{tag}")) for tag in ("numFmt", "lvlText", "start")]
                kind, text, start = (x.get(qn("w:val")) if x is not None else None for x in said)
                key = (entry.get(qn("w:abstractNumId")), level.get(qn("w:ilvl")))
                self._levels[key] = (kind or "decimal", text or "", int(start or 1))
        for entry in numbering.iter(qn("w:num")):
            link = entry.find(qn("w:abstractNumId"))
            if link is not None:
                self._lists[entry.get(qn("w:numId"))] = link.get(qn("w:val"))

    def label(self, paragraph: Any) -> str:
        """Count a paragraph and give its number as Word shows it; empty where it is in no numbered list."""
        from docx.oxml.ns import qn

        if not self._lists:
            return ""
        own = paragraph._p.pPr.find(qn("w:numPr")) if paragraph._p.pPr is not None else None
        numbered = own if own is not None else self._of_style(paragraph)
        if numbered is None:
            return ""
        said = {tag: numbered.find(qn(f"w:{tag}")) for tag in ("numId", "ilvl")}
        listed = self._lists.get(said["numId"].get(qn("w:val"))) if said["numId"] is not None else None
        level = int(said["ilvl"].get(qn("w:val"))) if said["ilvl"] is not None else 0
        if listed is None or (listed, str(level)) not in self._levels:
            return ""
        return self._count(listed, level)

    def _of_style(self, paragraph: Any) -> Any:
        """The list of a paragraph's style or of those that it is based on; looked up once a style."""
        from docx.oxml.ns import qn

        link = paragraph._p.pPr.find(qn("w:pStyle")) if paragraph._p.pPr is not None else None
        name = link.get(qn("w:val")) if link is not None else ""
        if name not in self._styled:
            styles = _styles(paragraph)
            lists = (s.element.pPr.find(qn("w:numPr")) for s in styles if s.element.pPr is not None)
            self._styled[name] = next((found for found in lists if found is not None), None)
        return self._styled[name]

    def _count(self, listed: str, level: int) -> str:
        kind, text, start = self._levels[listed, str(level)]
        self._counts[listed, level] = self._counts.get((listed, level), start - 1) + 1
        for key in [k for k in self._counts if k[0] == listed and k[1] > level]:
            del self._counts[key]
        if kind in ("bullet", "none"):
            return ""

        def shown(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            own = self._levels.get((listed, str(at)), ("decimal", "", 1))
            return _write(self._counts.get((listed, at), own[2]), own[0])

        label = re.sub(r"%(\d)", shown, text)
        return f"{label} " if label.endswith(("条", "章", "节", "编")) else label


def _styles(paragraph: Any) -> list[Any]:
    styles: list[Any] = []
    style = paragraph.style
    while style is not None and len(styles) < 10:
        styles.append(style)
        style = style.base_style
    return styles


def _write(number: int, kind: str) -> str:
    if kind.startswith(("chinese", "japanese", "ideograph", "taiwanese")):
        tens, ones = divmod(number, 10)
        if number >= 100:
            return "".join(_HAN[int(c)] for c in str(number))
        return ("" if tens == 0 else "十" if tens == 1 else _HAN[tens] + "十") + (_HAN[ones] if ones else "")
    if kind == "decimalEnclosedCircle" and 1 <= number <= 20:
        return chr(0x2460 + number - 1)
    if kind in ("lowerLetter", "upperLetter") and 1 <= number <= 26:
        return chr((97 if kind == "lowerLetter" else 65) + number - 1)
    return str(number)
