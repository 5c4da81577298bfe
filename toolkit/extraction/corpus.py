"""Extracting from files, clause lines or a store, and writing what was found.

In: paths, a file of `{"id", "text"}` lines, or a store. Out: a file in the format of its ending
(`.jsonl .csv .xlsx .parquet .html`) and a `Tally` in which every clause counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.clauses import split_clauses
from toolkit.documents import find_files, read_documents
from toolkit.engine import Engine
from toolkit.errors import InputError
from toolkit.extraction.query import clauses_where, supports_where
from toolkit.extraction.reading import extract_as_completed
from toolkit.extraction.report import write_report
from toolkit.extraction.rows import HEADINGS, flat_rows
from toolkit.extraction.workbook import write_workbook
from toolkit.records import Clause, Document, Extraction, Failure, Record, Support
from toolkit.store import Store
from toolkit.tables import ENDINGS, check_out, read_jsonl, write_rows

__all__ = ["Tally", "extract_corpus"]

Progress = Callable[[int, int, str], None]
Found = Extraction[Support] | Failure


class Tally(Record):
    """What became of every clause: `done` hold a support, `empty` hold none; `dropped` counts quotes."""

    clauses: int
    done: int
    empty: int
    failed: int
    supports: int
    dropped: int
    method: str
    failures: tuple[Failure, ...] = ()


@dataclass
class _Corpus:
    """Clauses, what is known of each, what could not be read, and the file's own supports."""

    clauses: list[Clause] = field(default_factory=list)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, clause: Clause, **known: Any) -> None:
        self.clauses.append(clause)
        self.about[clause.id] = {**known, "heading": clause.heading, "text": clause.text}


def extract_corpus(
    paths: Sequence[str | Path] = (),
    *,
    clauses: Path | None = None,
    store: Store | None = None,
    where: str | None = None,
    out: str | Path = "-",
    engine: Engine | Callable[[], Engine] | None = None,
    progress: Progress | None = None,
) -> Tally:
    """Extract from exactly one source and write the result.

    The source is `paths`, a file of `clauses`, or a `store`, whose clauses keep what is found in its
    facts; `where` is SQL over those facts and chooses what is written.
    """
    sources = [bool(paths), clauses is not None, store is not None]
    if sum(sources) != 1:
        raise InputError("name one source", hint="PATH…, --clauses FILE, or --store DIR")
    if where is not None and store is None:
        raise InputError("--where asks a store's facts", hint="name the store with --store DIR")
    if str(out) != "-":
        check_out(out, endings=(*ENDINGS, ".html"))
    if store is not None:
        corpus, found = _from_store(store, where, engine, progress)
    else:
        corpus = _from_lines(clauses) if clauses is not None else _from_files(paths)
        found = _read(corpus.clauses, engine, progress)
    _write(found, corpus, out)
    return _tally(found, corpus)


def _from_files(paths: Sequence[str | Path]) -> _Corpus:
    corpus = _Corpus()
    for path in find_files(paths):
        for found in read_documents(path):
            if isinstance(found, Failure):
                corpus.failures.append(found)
                continue
            for clause in split_clauses(found):
                corpus.add(clause, **_known(found))
    return corpus


def _from_lines(path: Path) -> _Corpus:
    corpus = _Corpus()
    for number, line in read_jsonl(path, errors="yield"):
        if isinstance(line, Failure):
            corpus.failures.append(line)
            continue
        text = line["text"]
        if not isinstance(text, str):
            reason = f"line {number}: text is not a string"
            corpus.failures.append(Failure(stage="read", input=str(line["id"]), reason=reason))
            continue
        known = {k: line[k] for k in ("policy", "region", "source") if isinstance(line.get(k), str)}
        id_ = str(line["id"])
        document = str(line.get("document_id") or known.get("policy") or id_)
        corpus.add(Clause(id=id_, document_id=document, text=text, start=0, end=len(text)), **known)
    return corpus


def _from_store(
    store: Store, where: str | None, engine: Engine | Callable[[], Engine] | None, progress: Progress | None
) -> tuple[_Corpus, list[Found]]:
    corpus = _Corpus()
    documents = {document.id: document for document in store.documents()}
    for clause in store.clauses():
        corpus.add(clause, **_known(documents[clause.document_id]))
    known = {c.id: store.supports(c.id) for c in corpus.clauses}
    fresh = corpus.clauses if where is None else [c for c in corpus.clauses if known[c.id] is None]
    found = _read(fresh, engine, progress)
    read = {_id(f): f for f in found}
    with store.writing():
        for one in found:
            if isinstance(one, Extraction):
                store.save_supports(one.id, one.supports)
    if where is None:
        return corpus, found
    kept = clauses_where(store.path, where)
    chosen = _Corpus(about=corpus.about, failures=corpus.failures)
    results: list[Found] = []
    for clause in corpus.clauses:
        failure = read.get(clause.id)
        if isinstance(failure, Failure):
            results.append(failure)
        elif clause.id in kept:
            supports = supports_where(store, clause.id, kept[clause.id])
            results.append(Extraction[Support](id=clause.id, text=clause.text, supports=supports))
        else:
            continue
        chosen.clauses.append(clause)
    return chosen, results


def _known(document: Document) -> dict[str, Any]:
    return {"policy": document.title, "region": document.region, "source": document.source}


def _read(
    clauses: list[Clause], engine: Engine | Callable[[], Engine] | None, progress: Progress | None
) -> list[Found]:
    found: list[Found] = []
    for _, one in extract_as_completed(clauses, engine=engine):
        found.append(one)
        if progress is not None:
            progress(len(found), len(clauses), "clauses")
    return found


def _write(found: list[Found], corpus: _Corpus, out: str | Path) -> None:
    ending = Path(out).suffix.lower() if str(out) != "-" else ".jsonl"
    everything = [*found, *corpus.failures]
    if ending == ".html":
        write_report(everything, Path(out), about=corpus.about)
    elif ending == ".xlsx":
        write_workbook(everything, Path(out), about=corpus.about)
    elif ending == ".jsonl":
        write_rows(_lines(everything, corpus), out)
    else:
        columns = {**HEADINGS} if ending == ".csv" else list(HEADINGS)
        write_rows(flat_rows(everything, about=corpus.about), out, columns=columns)


def _lines(found: Sequence[Found], corpus: _Corpus) -> Iterator[dict[str, Any]]:
    for one in found:
        about = {k: v for k, v in corpus.about.get(_id(one), {}).items() if v and k not in {"text", "source"}}
        if isinstance(one, Failure):
            yield {"id": one.input, "supports": [], "failure": one.reason, **about}
        else:
            told = one.model_dump(mode="json", exclude_defaults=False)
            notes = {"notes": told["notes"]} if told["notes"] else {}
            yield {
                "id": one.id,
                "text": one.text,
                "supports": told["supports"],
                "method": one.method,
                **notes,
                **about,
            }


def _id(found: Found) -> str:
    return found.input if isinstance(found, Failure) else found.id


def _tally(found: list[Found], corpus: _Corpus) -> Tally:
    read = [f for f in found if isinstance(f, Extraction)]
    failures = [*(f for f in found if isinstance(f, Failure)), *corpus.failures]
    done = sum(bool(f.supports) for f in read)
    return Tally(
        clauses=len(read) + len(failures),
        done=done,
        empty=len(read) - done,
        failed=len(failures),
        supports=sum(len(f.supports) for f in read),
        dropped=sum(f.dropped for f in read),
        method="; ".join(sorted({f.method for f in read})) or "rules",
        failures=tuple(failures),
    )
