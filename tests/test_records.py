"""The data shapes: frozen, strict, and plain in JSON."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest
from pydantic import ValidationError

from toolkit.records import Clause, Document, Figure, Quote, Rate, Support, content_id


def test_a_support_is_written_as_the_format_says() -> None:
    support = Support(
        measure=Quote(quote="研发补助", start=0, end=4),
        support_type="grant",
        amounts=(Figure(quote="10万元", start=6, end=10, value=Decimal(100000)),),
        rates=(Rate(quote="30%", start=12, end=15, value=Decimal("0.3"), base="投资额"),),
    )
    written = json.loads(support.model_dump_json())
    assert written["amounts"][0]["value"] == 100000
    assert isinstance(written["amounts"][0]["value"], int)
    assert written["rates"][0]["value"] == 0.3
    assert written["beneficiary"] is None


def test_records_are_frozen_and_refuse_unknown_fields() -> None:
    quote = Quote(quote="甲", start=0, end=1)
    with pytest.raises(ValidationError):
        quote.start = 2
    with pytest.raises(ValidationError):
        Quote(quote="甲", start=0, end=1, page=3)


@pytest.mark.parametrize(
    ("fields", "on", "validity"),
    [
        ({"expires": date(2025, 12, 31)}, date(2025, 12, 31), "in_force"),
        ({"expires": date(2025, 12, 31)}, date(2026, 1, 1), "expired"),
        ({"effective": date(2026, 1, 1)}, date(2025, 12, 31), "pending"),
        ({"effective": date(2020, 1, 1)}, date(2025, 1, 1), "in_force"),
        ({"expires": date(2030, 1, 1), "status": "repealed"}, date(2025, 1, 1), "repealed"),
        ({}, date(2025, 1, 1), "unknown"),
    ],
)
def test_validity_follows_the_dates(fields: dict[str, object], on: date, validity: str) -> None:
    assert Document(id="d", title="t", source="s", **fields).validity(on) == validity


def test_the_heading_is_read_from_the_chapter_down() -> None:
    clause = Clause(id="c", document_id="d", heading_path=("第二章", "第六条"), text="x", start=0, end=1)
    assert clause.heading == "第二章 › 第六条"


def test_content_ids_see_the_borders_of_their_parts() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")
    assert content_id("政策") == content_id("政策")
    assert len(content_id("")) == 16
