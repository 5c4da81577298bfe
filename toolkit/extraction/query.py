"""Choosing supports by SQL over a store's facts.

In: a condition such as `region = '杭州市' and cap >= 1000000`. Out: which supports of which clauses meet
it. The database is opened for reading only.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from toolkit.errors import InputError
from toolkit.records import Support
from toolkit.store import Store

__all__ = ["COLUMNS", "clauses_where", "supports_where"]

_FIGURE = "(SELECT max(f.value) FROM figures f WHERE f.support_id = s.id AND f.role = '{role}')"
_SELECT = f"""
SELECT s.clause_id AS clause_id, s.n AS n, d.title AS policy, d.region AS region, d.doc_number AS doc_number,
       d.issued AS issued, d.effective AS effective, d.expires AS expires, d.source AS source,
       c.heading AS heading, c.text AS text, s.measure AS measure, s.support_type AS support_type,
       s.beneficiary AS beneficiary, s.conditions AS conditions, s.per AS per, s.bindingness AS bindingness,
       {_FIGURE.format(role="amount")} AS amount, {_FIGURE.format(role="cap")} AS cap,
       {_FIGURE.format(role="rate")} AS rate
FROM supports s JOIN clauses c ON c.id = s.clause_id JOIN documents d ON d.id = c.document_id
"""
COLUMNS = (
    "policy, region, doc_number, issued, effective, expires, source, heading, text, measure, support_type, "
    "beneficiary, conditions, per, bindingness, amount, cap, rate"
)


def clauses_where(store: Path, where: str) -> dict[str, set[int]]:
    """Give, by clause, the numbers of its supports that meet a condition.

    Raises InputError for a condition that SQLite does not take, with the names it may use.
    """
    database = (store / "facts.sqlite").resolve()
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        connection.execute("PRAGMA query_only = ON")
        query = f"SELECT clause_id, n FROM ({_SELECT}) WHERE ({where}\n)"
        kept: dict[str, set[int]] = {}
        for clause_id, number in connection.execute(query):
            kept.setdefault(clause_id, set()).add(number)
        return kept
    except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
        raise InputError(f"--where {where}: {error}", hint=f"it may use {COLUMNS}") from error
    finally:
        connection.close()


def supports_where(store: Store, clause_id: str, numbers: set[int]) -> tuple[Support, ...]:
    """Give the numbered supports of a clause."""
    return tuple(s for n, s in enumerate(store.supports(clause_id) or ()) if n in numbers)
