"""Coded clauses: what a person teaches the classifier with.

In: a text file of lines `clause<TAB>6,11` (numbers or names of the taxonomy's codes). Out: `Coded`,
the clauses with their codes, and what was odd about the file, each with its line number.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.classify.taxonomy import Taxonomy
from toolkit.errors import InputError
from toolkit.text import squeeze

__all__ = ["FOLDS", "LONGEST", "Coded", "fold_of", "read_labels"]

FOLDS = 5
LONGEST = 10_000  # characters; a longer line is several clauses run together
FEWEST = 10

Truth = NDArray[np.int8]


@dataclass(frozen=True)
class Coded:
    """Clauses with their codes: `truth` is (clauses, codes) of 0 and 1, columns as in the taxonomy.

    `lines` are line numbers in the file, `warnings` one sentence each.
    """

    texts: tuple[str, ...]
    truth: Truth
    lines: tuple[int, ...]
    taxonomy: Taxonomy
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def folds(self) -> NDArray[np.int64]:
        """Each clause's fold, 0 to 4."""
        return np.array([fold_of(text) for text in self.texts], dtype=np.int64)

    def take(self, rows: NDArray[np.int64]) -> Coded:
        """Give some of the clauses."""
        return Coded(
            tuple(self.texts[i] for i in rows),
            self.truth[rows],
            tuple(self.lines[i] for i in rows),
            self.taxonomy,
        )


def fold_of(text: str) -> int:
    """Give a clause's fold: the MD5 of its UTF-8 bytes, as an integer, modulo 5."""
    return int(hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest(), 16) % FOLDS


def read_labels(path: str | Path, taxonomy: Taxonomy) -> Coded:
    """Read coded clauses; a mistake is an InputError that names the file and the line.

    A clause that stands twice is taken once; where its codes differ it gets all of them and a warning.
    """
    source = Path(path)
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the coded clauses {source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{source}, line {line}: not UTF-8", hint="save the file as UTF-8") from error
    places: dict[str, tuple[str, int, frozenset[int]]] = {}
    warnings: list[str] = []
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        clause, codes = _read_line(row.rstrip("\r"), f"{source}, line {number}", taxonomy)
        key = squeeze(unicodedata.normalize("NFKC", clause))
        before = places.get(key)
        if before is None:
            places[key] = (clause, number, codes)
        elif before[2] != codes:
            names = " and ".join(_listed(found) for found in (before[2], codes))
            warnings.append(f"line {number}: the clause of line {before[1]} again, coded otherwise: {names}")
            places[key] = (*before[:2], before[2] | codes)
        else:
            warnings.append(f"line {number}: the clause of line {before[1]} again")
    return _coded(source, list(places.values()), taxonomy, warnings)


def _read_line(line: str, place: str, taxonomy: Taxonomy) -> tuple[str, frozenset[int]]:
    if "\t" not in line:
        raise InputError(f"{place}: no tab", hint="write the clause, a tab and its codes, as in: …<TAB>6,11")
    clause, codes = line.rsplit("\t", 1)
    if "\t" in clause:
        raise InputError(f"{place}: more than one tab", hint="write the clause, one tab and its codes")
    if not clause.strip():
        raise InputError(f"{place}: the clause is empty", hint="remove the line")
    if len(clause) > LONGEST:
        raise InputError(
            f"{place}: the clause has {len(clause)} characters, more than {LONGEST}",
            hint="split it into clauses",
        )
    found: set[int] = set()
    for word in codes.replace("，", ",").split(","):
        if not word.strip():
            raise InputError(f"{place}: a code is missing", hint="write codes as in 6,11")
        code = taxonomy.code(word)
        if code is None:
            known = ", ".join(str(number) for number in taxonomy.ids)
            raise InputError(f"{place}: the taxonomy has no code {word.strip()}", hint=f"it has {known}")
        found.add(code.id)
    return clause.strip(), frozenset(found)


def _listed(codes: Iterable[int]) -> str:
    return ",".join(str(code) for code in sorted(codes))


def _coded(
    source: Path, rows: list[tuple[str, int, frozenset[int]]], taxonomy: Taxonomy, warnings: list[str]
) -> Coded:
    if len(rows) < FEWEST:
        raise InputError(
            f"{source} holds {len(rows)} different coded clauses", hint=f"code at least {FEWEST}"
        )
    counts = Counter(code for _, _, codes in rows for code in codes)
    if len(counts) < 2:
        first, last = rows[0][1], rows[-1][1]
        raise InputError(
            f"{source}, lines {first} to {last}: every clause has the code {next(iter(counts))} alone",
            hint="code clauses with at least two different codes",
        )
    ids = taxonomy.ids
    for code in ids:
        if counts[code] < FOLDS:
            warnings.append(
                f"code {code} has {counts[code]} clauses: it is known by its definition more than by examples"
            )
    truth = np.array([[code in codes for code in ids] for _, _, codes in rows], dtype=np.int8)
    return Coded(
        tuple(clause for clause, _, _ in rows),
        truth,
        tuple(line for _, line, _ in rows),
        taxonomy,
        tuple(warnings),
    )
