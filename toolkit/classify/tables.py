"""A training's figures as text for a terminal."""

from __future__ import annotations

import unicodedata

from toolkit.classify.measures import Measures, TrainingReport
from toolkit.classify.protocol import Protocol

__all__ = ["measures_text", "protocol_text", "training_text"]

_SHOWN = 10
_NAME = 22


def training_text(trained: TrainingReport) -> str:
    """Say what the training measured, and which codings deserve a second look."""
    lines = [*trained.warnings, measures_text(trained.measures)]
    if trained.doubts:
        lines.append(f"the most doubtful codings ({min(_SHOWN, len(trained.doubts))} of them):")
    for doubt in trained.doubts[:_SHOWN]:
        given, suggested = (",".join(map(str, codes)) for codes in (doubt.given, doubt.suggested))
        lines.append(f"  line {doubt.line}: {given} → {suggested}?  {doubt.doubt:.2f}  {doubt.text[:40]}")
    return "\n".join([*lines, f"{trained.clauses} clauses, {trained.seconds:.0f} s"])


def measures_text(measures: Measures) -> str:
    """Lay out the figures of held-out clauses, one code a line."""
    lines = [f"{'code':>4}  {_wide('name')}{'clauses':>8}{'precision':>11}{'recall':>8}{'F1':>7}"]
    lines += [
        f"{code.id:>4}  {_wide(code.name)}{code.clauses:>8}{code.precision:>11.2f}"
        f"{code.recall:>8.2f}{code.f1:>7.2f}"
        for code in measures.codes
    ]
    lines.append(
        f"micro-F1 {measures.micro_f1:.4f}, macro-F1 {measures.macro_f1:.4f} (codes of 10 clauses and more), "
        f"all codes right {measures.exact:.4f}"
    )
    lines.append(
        f"calibration error: first code {measures.ece:.4f}, chosen codes {measures.ece_chosen:.4f}, "
        f"all pairs {measures.ece_pairs:.4f}"
    )
    return "\n".join(lines)


def protocol_text(protocol: Protocol) -> str:
    """Say what the five folds measured."""
    lines = [measures_text(protocol.measures)]
    lines.append(
        f"review {protocol.asked:g}: {protocol.accepted:.4f} of the clauses accepted, "
        f"precision of their codes {protocol.precision:.4f}"
    )
    lines += [
        f"near-duplicates (cosine from {one.least:g}): {one.pairs} pairs, F1 of their codes {one.f1:.4f}, "
        f"the same codes {one.exact:.4f}"
        for one in protocol.agreement
    ]
    return "\n".join(lines)


def _wide(text: str) -> str:
    """Pad to the width of the column; a Chinese character is two wide."""
    width = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    return text + " " * max(1, _NAME - width)
