"""Supports in a table whose header says what its figures are: `称号 | 一次性奖励 | 贴息上限`.

In: a clause with rows of cells parted by `|`. Out: one support for each figure of a column that names a
payment, and which figures were used. A row without a header above it in the clause is left to the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from toolkit.extraction.kinds import support_type
from toolkit.extraction.phrases import is_recipient
from toolkit.figures.cues import CAP_CUE
from toolkit.figures.expressions import Placed
from toolkit.records import Figure, Quote, Rate, Support

__all__ = ["read_tables"]

_PAYMENT = re.compile(r"奖|补贴|补助|资助|津贴|贴息|金额|支持标准|支持力度|限额|上限|额度|安家费|经费")
_NOTE = re.compile(r"说明|备注|依据|文号|政策|序号|部门|单位$|时间|期限|材料")
_EMPTY = re.compile(r"[—\-/\s]*")
_SLACK = 8  # characters that a cell may have besides its figure


@dataclass(frozen=True)
class _Cell:
    start: int
    end: int
    words: str


def read_tables(text: str, figures: Sequence[Placed]) -> tuple[list[Support], set[int]]:
    """Read the tables of a clause; also give the source offsets of the figures that they took."""
    supports: list[Support] = []
    taken: set[int] = set()
    header: list[_Cell] | None = None
    for row in _rows(text):
        inside = [f for f in figures if row[0].start <= f.expression.start < row[-1].end]
        if not inside:
            header = row if any(_PAYMENT.search(cell.words) for cell in row) else header
        elif header is not None and len(row) == len(header):
            for support, used in _read_row(header, row, inside):
                supports.append(support)
                taken.add(used)
    return supports, taken


def _rows(text: str) -> Iterator[list[_Cell]]:
    at = 0
    for line in text.split("\n"):
        if line.count("|") >= 1:
            cells, start = [], at
            for words in line.split("|"):
                lead = len(words) - len(words.lstrip())
                cells.append(_Cell(start + lead, start + lead + len(words.strip()), words.strip()))
                start += len(words) + 1
            yield cells
        at += len(line) + 1


def _read_row(header: list[_Cell], row: list[_Cell], figures: list[Placed]) -> Iterator[tuple[Support, int]]:
    names = [
        c
        for h, c in zip(header, row, strict=True)
        if not _PAYMENT.search(h.words) and not _NOTE.search(h.words)
    ]
    told = [c for c in names if not _EMPTY.fullmatch(c.words)]
    who = next((c for c in told if is_recipient(c.words)), None)
    for head, cell in zip(header, row, strict=True):
        mine = [f for f in figures if cell.start <= f.expression.start < cell.end]
        if len(mine) != 1 or not _PAYMENT.search(head.words):
            continue
        figure = mine[0].expression
        if len(cell.words) - len(figure.quote) > _SLACK or figure.currency != "CNY":
            continue
        yield _support(head, cell, who, [c for c in told if c is not who], mine[0]), figure.start


def _support(head: _Cell, cell: _Cell, who: _Cell | None, conditions: list[_Cell], placed: Placed) -> Support:
    figure = placed.expression
    place = {"quote": figure.quote, "start": figure.start, "end": figure.end, "value": figure.value}
    money = figure.kind == "money"
    capped = bool(re.search(CAP_CUE, head.words + cell.words))
    per = re.search(r"每[^)）]{1,4}", head.words)
    return Support(
        measure=_quote(head),
        support_type=support_type(head.words, head.words, head.words),
        beneficiary=_quote(who) if who else None,
        conditions=tuple(_quote(c) for c in conditions),
        amounts=(Figure.model_validate(place),) if money and not capped else (),
        caps=(Figure.model_validate(place),) if money and capped else (),
        rates=() if money else (Rate.model_validate(place),),
        per=per.group() if per else figure.unit,
    )


def _quote(cell: _Cell) -> Quote:
    return Quote(quote=cell.words, start=cell.start, end=cell.end)
