"""From a file to its text: plain text, markdown, HTML, PDF, Word.

In: a file's bytes. Out: text with a line for each paragraph, cells of a table row parted by tabs, pages
by form feeds.
A file that cannot be read is an `InputError` that says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from toolkit.documents.decode import decode
from toolkit.documents.word import MAX_BYTES, OLE, read_docx
from toolkit.errors import InputError

__all__ = ["MAX_BYTES", "MAX_LINE", "READERS", "read_html", "read_markdown", "read_plain"]

MAX_LINE = 2_000_000  # characters; a longer line is a dump of data, not a policy
_DROPPED = frozenset(
    {"script", "style", "noscript", "template", "iframe", "svg", "canvas", "nav", "header", "footer", "aside"}
    | {"form", "button", "select", "option", "input", "textarea", "object", "embed", "head"}
)
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "h1",
    }
    | {
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
    }
    | {"td", "tfoot", "th", "thead", "tr", "ul"}
)
_CHROME = re.compile(
    r"(?:^|[-_\s])(?:nav|navbar|navigation|menu|breadcrumbs?|crumbs?|footer|foot|bottom|copyright|share|sidebar|side|aside|related|recommend"
    r"|pagination|pager|toolbar|topbar|banner|search|login|comment|comments|advert|ads?|qrcode|hot|links?|friendlink|weizhi|position)(?:$|[-_\s\d])",
    re.IGNORECASE,
)


def check_size(path: Path) -> bytes:
    """Read a file's bytes; raise InputError where it is empty or too large to be a policy."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"{path} has {size / 1e6:.0f} MB, more than any policy file", hint="split it first")
    data = path.read_bytes()
    if not data:
        raise InputError(f"{path} is empty")
    return data


def check_lines(text: str, name: str) -> str:
    """Refuse a text with a line that no policy has."""
    at = 0
    while len(text) - at > MAX_LINE:
        end = max(text.rfind("\n", at, at + MAX_LINE), text.rfind("\r", at, at + MAX_LINE))
        if end < 0:
            raise InputError(
                f"{name} has a line of more than {MAX_LINE:,} characters", hint="it is no policy text"
            )
        at = end + 1
    return text


# ------------------------------------------------------------------ text
def read_plain(data: bytes, name: str) -> str:
    """Decode a text file; a web page or another format under a text name is read as what it is."""
    for magic, kind in ((b"%PDF-", "pdf"), (b"PK\x03\x04", "zip"), (OLE, "Office")):
        if data.startswith(magic):
            raise InputError(f"{name} is not a text file but a {kind} file", hint="give it its own ending")
    text = check_lines(decode(data, name=name), name)
    if re.match(r"\s*(?:<!doctype html|<html|<\?xml[^>]*>\s*<html)", text[:500], re.IGNORECASE):
        return read_html(data, name)
    return text


def read_markdown(data: bytes, name: str) -> str:
    """Read markdown: heading marks, emphasis and links go, table rows keep their cells."""
    lines: list[str] = []
    for line in read_plain(data, name).splitlines():
        if re.fullmatch(r"\s*\|?[\s:|-]*-{2,}[\s:|-]*\|?\s*", line) and "|" in line:
            continue
        if line.strip().startswith("|"):
            line = "\t".join(cell.strip() for cell in line.strip().strip("|").split("|"))
        line = re.sub(r"^\s{0,3}#{1,6}\s+|^\s{0,3}>\s?", "", line)
        line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line)
        lines.append(re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", line))
    return "\n".join(lines)


# ------------------------------------------------------------------ web pages
def read_html(data: bytes, name: str) -> str:
    """Read a web page: its title and its text, without scripts, navigation and footers."""
    from lxml import etree, html

    declared = re.search(rb"charset\s*=\s*[\"']?\s*([\w-]+)", data[:4000])
    try:
        text = (
            data.decode(declared[1].decode().lower().replace("gb2312", "gb18030").replace("gbk", "gb18030"))
            if declared
            else None
        )
    except (LookupError, UnicodeDecodeError):
        text = None
    text = check_lines(text if text is not None else decode(data, name=name), name)
    try:
        page = html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except (etree.ParserError, ValueError) as error:
        raise InputError(f"{name} holds no web page: {error}") from error
    title = _page_title(page)
    _drop_chrome(page)
    body = page.find(".//body")
    lines = "".join(_walk(page if body is None else body)).splitlines()
    content = "\n".join(line.strip(" ") for line in lines)
    if title and "".join(title.split()) not in "".join(content.split()):
        content = f"{title}\n{content}"
    if not content.strip():
        raise InputError(
            f"{name} holds no text", hint="a page that a script fills must be saved from the browser"
        )
    return content


def _page_title(page: Any) -> str:
    for path in (".//meta[@name='ArticleTitle']", ".//meta[@property='og:title']"):
        found = page.find(path)
        if found is not None and found.get("content"):
            return str(found.get("content")).strip()
    found = page.find(".//h1")
    if found is None or not "".join(found.itertext()).strip():
        found = page.find(".//title")
    text = " ".join("".join(found.itertext()).split()) if found is not None else ""
    return re.split(r"\s*[_|]\s*|\s+[-–—]+\s+|--+", text)[0]


def _drop_chrome(page: Any) -> None:
    """Remove what is not the text: scripts, navigation, footers, blocks of links."""
    for element in list(page.iter()):
        parent = element.getparent()
        if parent is None or element.tag in ("body", "html"):
            continue
        if not isinstance(element.tag, str) or _is_chrome(element):
            element.drop_tree()


def _is_chrome(element: Any) -> bool:
    named = f"{element.get('class') or ''} {element.get('id') or ''}"
    hidden = "display:none" in (element.get("style") or "").replace(" ", "").lower()
    if element.tag in _DROPPED or hidden or (_CHROME.search(named) and _length(element) < 1500):
        return True
    return element.tag in ("ul", "ol", "div", "p", "td", "dl") and _is_links(element)


def _length(element: Any) -> int:
    return len("".join("".join(element.itertext()).split()))


def _is_links(element: Any) -> bool:
    links = element.findall(".//a")
    if len(links) < 3:
        return False
    total = _length(element)
    return total < 3000 and sum(_length(link) for link in links) > 0.7 * total


def _walk(element: Any) -> Iterator[str]:
    if element.tag == "table" and _is_data(element):
        yield "\n"
        yield from (row + "\n" for row in _rows(element))
    else:
        block = element.tag in _BLOCKS
        if block or element.tag == "br":
            yield "\n"
        yield " ".join((element.text or "").split()) if element.tag != "pre" else element.text or ""
        for child in element:
            yield from _walk(child)
            tail = child.tail or ""
            yield " ".join(tail.split()) if element.tag != "pre" else tail
        if block:
            yield "\n"


def _is_data(table: Any) -> bool:
    rows = table.findall(".//tr")
    cells = [
        len("".join(cell.itertext()).strip()) for row in rows for cell in row if cell.tag in ("td", "th")
    ]
    wide = sum(len([c for c in row if c.tag in ("td", "th")]) >= 2 for row in rows)
    return (
        table.find(".//table") is None
        and len(rows) >= 2
        and wide >= 0.5 * len(rows)
        and max(cells, default=0) < 1500
    )


def _rows(table: Any) -> Iterator[str]:
    """Give a table's rows; a cell that spans rows is repeated in each."""
    spanning: dict[int, tuple[int, str]] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        own = [cell for cell in row if cell.tag in ("td", "th")]
        while own or len(cells) in spanning:
            column = len(cells)
            if column in spanning:
                left, text = spanning.pop(column)
                cells.append(text)
                if left > 1:
                    spanning[column] = (left - 1, text)
                continue
            cell = own.pop(0)
            text = " ".join("".join(cell.itertext()).split())
            cells.append(text)
            if (rows := _span(cell, "rowspan")) > 1:
                spanning[column] = (rows - 1, text)
            cells += [""] * (_span(cell, "colspan") - 1)
        if any(cells):
            yield "\t".join(cells) if len(cells) > 1 else cells[0]


def _span(cell: Any, name: str) -> int:
    value = cell.get(name) or "1"
    return min(int(value), 50) if str(value).isdecimal() and int(value) else 1


# ------------------------------------------------------------------ pdf
def read_pdf(data: bytes, name: str) -> str:
    """Read a PDF's text layer, pages parted by form feeds; a scan without text is an InputError."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name} is locked with a password", hint="save it without one") from error
        raise InputError(f"{name} is not a readable PDF: {error}") from error
    try:
        pages = []
        for page in document:
            textpage = page.get_textpage()
            pages.append(textpage.get_text_range().replace("\ufffe", ""))
            textpage.close()
            page.close()
    finally:
        document.close()
    if not any(page.strip() for page in pages):
        raise InputError(
            f"{name} is a scanned PDF without a text layer", hint="run text recognition (OCR) on it first"
        )
    return check_lines("\f".join(pages), name)


READERS: dict[str, Callable[[bytes, str], str]] = {
    ".txt": read_plain,
    ".text": read_plain,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
}
