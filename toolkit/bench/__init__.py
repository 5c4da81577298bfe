"""`zhengce bench`: speeds, each beside the baseline that it is measured against in the same run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

__all__ = ["Figure", "format_figures"]


@dataclass(frozen=True)
class Figure:
    """A measured speed, beside its baseline; `bar` is the ratio that it should reach."""

    what: str
    speed: float
    unit: str
    baseline: str = ""
    baseline_speed: float = 0.0
    bar: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times the baseline's speed; 0 without a baseline."""
        return self.speed / self.baseline_speed if self.baseline_speed else 0.0

    @property
    def met(self) -> bool:
        """Whether the bar is reached."""
        return self.ratio >= self.bar


def format_figures(figures: Sequence[Figure], *, as_json: bool) -> str:
    """Write figures a line each, or as JSON."""
    if as_json:
        rows = [asdict(f) | {"ratio": round(f.ratio, 3), "met": f.met} for f in figures]
        return json.dumps(rows, ensure_ascii=False, indent=1)
    lines = []
    for f in figures:
        line = f"{f.what}: {f.speed:.1f} {f.unit}"
        if f.baseline_speed:
            line += f" · {f.baseline}: {f.baseline_speed:.1f} · {f.ratio:.2f} ×"
            line += f" (bar {f.bar:g} ×, {'reached' if f.met else 'missed'})" if f.bar else ""
        lines.append(line)
    return "\n".join(lines)
