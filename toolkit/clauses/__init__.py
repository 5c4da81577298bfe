"""From a document to its clauses, along the text's own numbering.

In: a `Document`. Out: `Clause`s in order: every line that says something stands in exactly one of them;
title, number and signature, which the document's record holds, in none. A heading goes with the passage
under it, a lead-in with its first items. A clause is what a person cites (an article, a numbered passage);
short items stay together, a long one is split at its items or sentence ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from toolkit.clauses.tree import ENDS, Node, read_tree
from toolkit.dates import find_dates
from toolkit.documents.marks import (
    DATE_LINE,
    doc_numbers,
    is_addressee,
    is_bodies,
    is_note,
    looks_like_title,
)
from toolkit.records import Clause, ClauseKind, Document

__all__ = ["split_clauses"]

AIM = 450  # characters up to which a numbered passage with its items stays one clause
LIMIT = 560  # characters beyond which a passage without items is split at sentence ends
HEADING = 45  # characters; a numbered sentence this short with passages under it is their heading
SMALL = 150  # characters; items this short are kept together


@dataclass
class _Piece:
    """A clause in the making."""

    path: tuple[str, ...]
    kind: ClauseKind
    start: int
    end: int
    loose: bool = False  # may be joined with its neighbour of the same path or parent

    @property
    def size(self) -> int:
        return self.end - self.start


def split_clauses(document: Document) -> list[Clause]:
    """Split a document into its clauses, in order; empty where it has no text."""
    text = document.text
    root = read_tree(text, document.title)
    pieces = _whole(list(_pieces(root, (), text)), text, document.title)
    return [
        Clause(
            id=f"{document.id}:{n:04d}",
            document_id=document.id,
            heading_path=piece.path,
            kind=piece.kind,
            text=text[piece.start : piece.end],
            start=piece.start,
            end=piece.end,
        )
        for n, piece in enumerate(pieces)
    ]


def _pieces(node: Node, path: tuple[str, ...], text: str) -> Iterator[_Piece]:
    """Give a passage's clauses: whole where it is short, else its own text and its items."""
    own = (*path, node.heading) if node.heading else path
    kind: ClauseKind = "article" if node.kind == "条" else "item" if node.heading else "paragraph"
    if node.kind != "root" and _is_one(node):
        yield _Piece(own, kind, node.start, node.end, loose=node.kind not in ("条", "annex", "close"))
        return
    only = len(node.blocks) == 1 and bool(node.children)
    titled = only and (node.bare or (bool(node.heading) and node.blocks[0][1] - node.start <= HEADING))
    pieces = [] if titled else list(_own_pieces(node, own, kind, text))
    under = (*path, node.lead) if node.lead else path
    for child in node.children:
        under_child = list(_pieces(child, under, text))
        if pieces and under_child and _leads(pieces[-1], under_child[0], text):
            under_child[0] = _Piece(own, kind, pieces.pop().start, under_child[0].end, loose=True)
        pieces += under_child
    if titled:  # a heading goes with the first passage under it
        pieces[0].start = node.start
    yield from _grouped(pieces, AIM, same_path=node.kind == "root")


def _leads(lead: _Piece, item: _Piece, text: str) -> bool:
    """Whether a passage ends with a colon, so that it says nothing without what follows."""
    told = text[lead.start : lead.end].endswith(("：", ":"))
    return told and "table_row" not in (lead.kind, item.kind) and item.end - lead.start <= LIMIT


def _is_one(node: Node) -> bool:
    """Whether a passage with all its items is one clause."""
    size = node.end - node.start
    if size > AIM or node.kind in ("编", "章", "节", "annex") or any(b[2] for b in node.blocks):
        return False
    if not node.children or node.kind == "条":
        return True
    items = [(c.end - c.start, c.heading) for c in node.children if c.kind != "条"]
    return len(items) == len(node.children) and all(_is_small(n, heading) for n, heading in items)


def _is_small(size: int, heading: str) -> bool:
    """Whether an item is too short to be cited alone; one with a heading of its own hardly ever is."""
    return size <= (SMALL if len(heading) <= 5 else SMALL // 2)


def _own_pieces(node: Node, path: tuple[str, ...], kind: ClauseKind, text: str) -> Iterator[_Piece]:
    """Clauses of a passage's own paragraphs: short ones together, long ones split at sentence ends."""
    header: tuple[str, ...] = ()
    group: _Piece | None = None
    for index, (start, end, row) in enumerate(node.blocks):
        if row:
            if group is not None and group.kind != "table_row":
                yield group
                group = None
            if not header:
                header = (" ".join(text[start:end].split()),)
                group = _Piece(path, "table_row", start, end, loose=True)
                continue
            if group is not None and group.path == path and group.size < 200:
                group = _Piece((*path, *header), "table_row", group.start, end, loose=True)
            elif group is not None and group.size < 60:
                group.end = end
            else:
                if group is not None:
                    yield group
                group = _Piece((*path, *header), "table_row", start, end, loose=True)
            continue
        header = ()
        if group is not None and group.kind != "table_row":
            bare = index == 1 and node.bare
            if bare or end - group.start <= AIM or end - start < 40:
                group.end = end
                continue
        if group is not None:
            yield from _cut(group, text)
        group = _Piece(path, kind, start, end, loose=True)
    if group is not None:
        yield from _cut(group, text)


def _cut(piece: _Piece, text: str) -> Iterator[_Piece]:
    """Split a long passage at sentence ends."""
    if piece.size <= LIMIT or piece.kind == "table_row":
        yield piece
        return
    parts = -(-piece.size // AIM)
    aim = piece.size // parts
    start = piece.start
    while piece.end - start > aim * 1.4:
        stops = [m.end() for m in re.finditer(r"[。；;！？\n]|[，,](?=.{200})", text[start : piece.end])]
        strong = [s for s in stops if text[start + s - 1] not in "，,"]
        near = [s for s in strong if 0.5 * aim <= s <= 1.5 * aim] or [
            s for s in stops if 0.5 * aim <= s <= 1.5 * aim
        ]
        size = min(near, key=lambda s: abs(s - aim)) if near else aim
        yield _Piece(piece.path, piece.kind, start, start + len(text[start : start + size].rstrip()))
        start += size + len(text[start + size : piece.end]) - len(text[start + size : piece.end].lstrip())
    yield _Piece(piece.path, piece.kind, start, piece.end)


def _grouped(pieces: Sequence[_Piece], aim: int, *, same_path: bool) -> Iterator[_Piece]:
    """Join short neighbours that read better together: a lead-in and its items, items of a list."""
    group: _Piece | None = None
    for piece in pieces:
        if (
            group is not None
            and _join_well(group, piece, same_path=same_path)
            and piece.end - group.start <= aim
        ):
            group = _Piece(_common(group, piece), group.kind, group.start, piece.end, loose=True)
            continue
        if group is not None:
            yield group
        group = piece
    if group is not None:
        yield group


def _join_well(group: _Piece, piece: _Piece, *, same_path: bool) -> bool:
    if not (group.loose and piece.loose) or "table_row" in (group.kind, piece.kind):
        return False
    if same_path:
        return group.path == piece.path and _is_small(piece.size, "")
    depth = len(piece.path) - len(group.path)
    if (
        depth not in (0, 1)
        or group.path[: len(piece.path) - 1] != piece.path[: len(group.path)][: len(piece.path) - 1]
    ):
        return False
    return _is_small(piece.size, piece.path[-1] if piece.path else "") and group.size <= 2 * SMALL


def _common(one: _Piece, other: _Piece) -> tuple[str, ...]:
    shared = [a for a, b in zip(one.path, other.path, strict=False) if a == b or b.startswith(a)]
    return tuple(shared) or one.path


def _whole(pieces: list[_Piece], text: str, title: str) -> list[_Piece]:
    """Drop what is a document's form, and give a heading that stands alone to the passage after it."""
    done: list[_Piece] = []
    carried: int | None = None
    formless = [
        piece
        for index, given in enumerate(pieces)
        if (piece := _substance(given, text, title, first=index == 0))
    ]
    for index, piece in enumerate(formless or pieces):
        last = index + 1 == len(formless or pieces)
        heading = _is_heading(piece, text[piece.start : piece.end])
        if heading and last and done and carried is None:
            done[-1].end = piece.end
            continue
        if heading and not last:
            carried = piece.start if carried is None else carried
            continue
        if carried is not None:
            piece.start, carried = carried, None
        done.append(piece)
    return done


def _is_heading(piece: _Piece, said: str) -> bool:
    """Whether a piece has no sentence in it."""
    if piece.kind == "table_row" or len(said) > 2 * HEADING:
        return False
    return not any(line.rstrip("”）)").endswith(ENDS) for line in said.split("\n")) and not find_dates(said)


def _substance(piece: _Piece, text: str, title: str, *, first: bool) -> _Piece | None:
    """Leave out title, number and signature, which the document's record holds; None where nothing remains.

    A notice's own letter, from its title to its date, stays whole.
    """
    if piece.kind == "table_row":
        return piece
    lines = [
        (m.start() + piece.start, m.group()) for m in re.finditer(r"[^\n]+", text[piece.start : piece.end])
    ]
    letter = any(is_addressee(line.strip()) for _, line in lines)
    front, back = 0, len(lines)
    while back and _is_formal(lines[back - 1][1], title, titles=not piece.path):
        back -= 1
    signed = any(DATE_LINE.fullmatch(line.strip()) or is_note(line.strip()) for _, line in lines[back:])
    if piece.path and not signed:
        back = len(lines)
    if letter:
        back = max(back, 1 + max(i for i, (_, line) in enumerate(lines) if is_addressee(line.strip())))
        while back < len(lines) and not _is_title(lines[back][1], title):
            back += 1
    elif not piece.path:
        numbered = [i for i, (_, line) in enumerate(lines[:8]) if doc_numbers(line.strip())] if first else []
        front = numbered[-1] + 1 if numbered else 0
        while front < back and _is_formal(lines[front][1], title, titles=True):
            front += 1
    if front >= back:
        return None
    end = lines[back - 1][0] + len(lines[back - 1][1].rstrip())
    return replace(piece, start=lines[front][0], end=end)


def _is_title(line: str, title: str) -> bool:
    bare = "".join(line.split()).strip("《》")
    return bare == "".join(title.split()) or (looks_like_title(line.strip()) and len(bare) > 8)


def _is_formal(line: str, title: str, *, titles: bool) -> bool:
    """Whether a line is a date, a note, bodies or a number, or (where asked) a title."""
    line = line.strip()
    formal = DATE_LINE.fullmatch(line) or is_note(line) or is_bodies(line) or doc_numbers(line)
    return bool(formal) or (titles and _is_title(line, title))
