"""A text's own order: numbered passages, each with its paragraphs and the passages under it.

In: a document's text. Out: the root `Node` of a tree whose blocks are spans of the text, in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from toolkit.dates import find_dates
from toolkit.documents.marks import doc_numbers, is_bodies, is_note, looks_like_title

__all__ = ["ENDS", "Node", "read_tree"]

LONG = 450  # characters; a longer line is searched for numbering inside it

_N = "[一二三四五六七八九十百零〇○]"
# Kinds of numbering; those of a book's order come first, the rest nest as they appear.
_ORDERED = ("annex", "编", "章", "节", "条")
_KINDS: tuple[tuple[str, str], ...] = (
    (
        "annex",
        r"附\s*件?\s*[-\d一二三四五六七八九十]{0,3}\s*[:：]?\s*$|附件\s*[\d一二三四五六七八九十]{1,3}(?!\d)",
    ),
    ("编", rf"第\s*(?:{_N}{{1,5}}|\d{{1,3}})\s*编"),
    ("章", rf"第\s*(?:{_N}{{1,5}}|\d{{1,3}})\s*章"),
    ("节", rf"第\s*(?:{_N}{{1,5}}|\d{{1,3}})\s*节"),
    ("条", rf"第\s*(?:{_N}{{1,6}}|\d{{1,3}})\s*条(?!规定|款|第|、|和|至)"),
    ("一、", rf"{_N}{{1,4}}\s*[、．.](?!{_N}\s*[、等])"),
    ("（一）", rf"[（(]\s*{_N}{{1,4}}\s*[）)]"),
    ("（1）", r"[（(]\s*\d{1,3}\s*[）)]"),
    ("1.1", r"\d{1,2}(?:\.\d{1,2}){1,3}(?:\s*[、．.]|(?=\s*[\u4e00-\u9fff]))"),
    ("1.", r"\d{1,3}\s*[.．、](?!\d)"),
    ("①", r"[①-⑳❶-❿]"),
    ("1)", r"\d{1,2}[)）]"),
    ("01", r"0\d(?=\s)"),
    ("一是", rf"{_N}{{1,2}}是(?=[\u4e00-\u9fff])"),
    ("·", r"[●■◆▲★•◎○□]\s|[-*]\s+(?=[\u4e00-\u9fff])"),
)
_MARK = re.compile("|".join(f"(?P<k{i}>{pattern})" for i, (_, pattern) in enumerate(_KINDS)))
_NOTED = re.compile(r"\s*[（(【\[][^（）()【】。；]{1,24}[）)】\]]")
_CLOSING = re.compile(r"(?:本|以上|此前|此)[^，。；]{1,16}?(?:自|从|由|适用|有效|所称|未尽|与|如遇|执行)")
ENDS = ("。", "；", "：", "！", "？", ";", ":", "…")
_INLINE_AT = re.compile(r"(?<=[。；;：:！？\s])\s*(?=[（(\d第①-⑳一二三四五六七八九十])")


@dataclass
class Node:
    """A numbered passage: its own blocks of text (start, end) and the passages under it."""

    kind: str
    heading: str = ""
    lead: str = ""  # the heading with its lead-in, for the paths of what stands under it
    bare: bool = False  # its first block is a heading and nothing else
    blocks: list[tuple[int, int, bool]] = field(default_factory=list)  # start, end, is a table row
    children: list[Node] = field(default_factory=list)

    @property
    def start(self) -> int:
        """Where its first paragraph starts in the text."""
        return min([b[0] for b in self.blocks[:1]] + [c.start for c in self.children[:1]])

    @property
    def end(self) -> int:
        """Where its last paragraph, or that of its last passage, ends."""
        return max([b[1] for b in self.blocks[-1:]] + [c.end for c in self.children[-1:]])


def read_tree(text: str, title: str) -> Node:
    """Read the tree of a text's passages; a line that repeats the title starts anew at the root."""
    root = Node("root")
    stack: list[Node] = [root]
    name = "".join(title.split())
    for start, end in _blocks(text):
        passage = text[start:end]
        row = " | " in passage
        match = None if row else _MARK.match(passage)
        if match is None:
            if "".join(passage.split()).strip("《》") == name:
                stack = [root]
                if root.children:
                    root.children.append(Node("text"))
                (root.children[-1] if root.children else root).blocks.append((start, end, False))
                continue
            stack = _place_unnumbered(stack, text, start, end, row=row)
            continue
        kind = _KINDS[int(str(match.lastgroup)[1:])][0]
        node = Node(kind, *_heading(passage, match.end()))
        node.blocks.append((start, end, False))
        _pop(stack, kind)
        stack[-1].children.append(node)
        stack.append(node)
    return root


def _place_unnumbered(stack: list[Node], text: str, start: int, end: int, *, row: bool) -> list[Node]:
    """Put a paragraph without a number where it belongs and give the stack that follows."""
    root, node = stack[0], stack[-1]
    passage = text[start:end]
    opened: Node | None = None
    if not row and _attaches(passage, stack, text[:start]):
        opened = Node("annex", " ".join(passage.split()), bare=True)
    elif not row and _is_unnumbered_heading(passage, stack, text, start, end):
        opened = Node("heading", passage, passage, bare=True)
    if opened is not None:
        opened.blocks.append((start, end, False))
        root.children.append(opened)
        return [root, opened]
    if len(stack) > 1 and _closes(node, passage, stack):
        stack, node = [root], Node("close")
        root.children.append(node)
    elif node.children:
        # Text after a passage's items is a passage of its own, so that the order is kept.
        child = Node("text")
        node.children.append(child)
        node = child
    node.blocks.append((start, end, row))
    return stack


def _closes(node: Node, passage: str, stack: Sequence[Node]) -> bool:
    """Whether an unnumbered paragraph speaks of the whole document again."""
    settled = not node.bare or len(node.blocks) > 1
    return settled and _CLOSING.match(passage) is not None and all(n.kind != "条" for n in stack)


def _attaches(passage: str, stack: Sequence[Node], before: str) -> bool:
    """Whether an unnumbered line is the title of a table or guide after the last article."""
    articles = any(node.kind == "条" for node in stack)
    return articles and looks_like_title(passage) and len(passage) <= 60 and before.rstrip().endswith("。")


def _is_unnumbered_heading(passage: str, stack: Sequence[Node], text: str, start: int, end: int) -> bool:
    """Whether a short line between paragraphs heads those after it, in a text that numbers nothing above."""
    if len(passage) > 25 or any(node.kind not in ("root", "heading", "text", "close") for node in stack):
        return False
    if (
        re.search(r"[。；：，、:;,!！?？]", passage)
        or is_bodies(passage)
        or is_note(passage)
        or find_dates(passage)
    ):
        return False
    if len(passage) > 10 and looks_like_title(passage):
        return False
    after = text[end : end + 60].lstrip()
    said = text[:start].rstrip()
    return said.endswith(("。", "！")) and len(passage) >= 3 and len(after) >= 30 and not doc_numbers(passage)


def _pop(stack: list[Node], kind: str) -> None:
    kinds = [node.kind for node in stack]
    if kind in kinds:
        del stack[kinds.index(kind) :]
    elif kind in _ORDERED:
        rank = _ORDERED.index(kind)
        higher = [i for i, k in enumerate(kinds) if k in _ORDERED and _ORDERED.index(k) > rank]
        if kind == "annex":
            del stack[1:]
        elif higher:
            del stack[higher[0] :]


def _heading(passage: str, after: int) -> tuple[str, str, bool]:
    """Give a numbered passage's heading, the same with its lead-in, and whether it is only a heading."""
    label, rest = passage[:after].strip(), passage[after:]
    whole = " ".join(passage.split())
    noted = _NOTED.match(rest)
    if noted:
        label, rest = label + noted.group().strip(), rest[noted.end() :]
        if not rest.strip():
            return label, label, True
    article = label.startswith("第")
    if len(passage) <= 70 and not passage.endswith(ENDS):
        return whole, whole, True
    if len(passage) <= 60 and passage.endswith(("：", ":")):
        return (label if article else whole), whole, not article
    if article:
        first = re.match(r"\s+([^。；：:;，,、\s]{2,14})\s+(?=\S{8})", rest)
    else:
        first = re.match(
            r"\s*([^。；：:;，,\s]{2,30})(?:[。：:]|\s(?=\S{12}))|\s*([^。；：:;\s]{2,40})。(?=.{8})", rest
        )
    if first is None:
        return label, label, False
    named = label + (" " if article or rest[:1].isspace() else "") + (first[1] or first[2])
    return named, named, False


# ------------------------------------------------------------------ blocks
def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Give the spans of the text's lines, a line with numbering inside it split there."""
    at = 0
    for line in text.split("\n"):
        start = at + len(line) - len(line.lstrip())
        end = at + len(line.rstrip())
        if end > start:
            yield from _inside(text, start, end)
        at += len(line) + 1


def _inside(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    line = text[start:end]
    if len(line) <= LONG or " | " in line:
        yield start, end
        return
    cuts = [0]
    kinds: list[str] = []
    for match in _INLINE_AT.finditer(line):
        mark = _MARK.match(line, match.end())
        if mark is not None and match.end() > 0:
            kind = _KINDS[int(str(mark.lastgroup)[1:])][0]
            if kind not in ("annex", "01", "·"):
                cuts.append(match.end())
                kinds.append(kind)
    if len(cuts) == 2 and not _MARK.match(line):
        cuts = [0]
    for a, b in zip(cuts, [*cuts[1:], len(line)], strict=True):
        piece = line[a:b]
        yield start + a, start + a + len(piece.rstrip())
