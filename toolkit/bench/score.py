"""`zhengce bench score`: label scores beside the bare rate at which the model reads a prompt."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import numpy as np

from toolkit.bench import Figure, format_figures
from toolkit.engine.local import LocalEngine
from toolkit.engine.runtime import Run, Runtime
from toolkit.records import Message, ScoreRequest

__all__ = ["command", "measure"]

_LABELS = (
    "政府采购",
    "基础设施",
    "目标规划",
    "公共服务",
    "成果转化",
    "平台载体",
    "金融支持",
    "人才培养",
    "人才引进",
    "对外贸易",
    "税收优惠",
    "知识产权",
    "科技研发",
    "财政资金",
    "示范应用",
)
_CLAUSE = (
    "对在本园区设立的第{}类企业，按照其设备投入的一定比例给予补助，分年度拨付，"
    "并在用地、用能、人员落户和子女入学等方面提供便利，具体办法由园区管理机构另行制定并向社会公布。"
    "已经享受同类支持的项目不重复支持，企业应当建立专账，接受审计和绩效评价，"
    "发现弄虚作假的，收回资金并记入信用档案。"
)


def measure(model: str | None, *, clauses: int) -> list[Figure]:
    """Score fifteen labels for each clause; tokens are those read, labels' included."""
    from toolkit.models import resolve

    engine = LocalEngine(resolve(model).path)
    requests = [
        ScoreRequest(
            messages=(
                Message(role="system", content="判断条款用的是哪一种政策手段，只写名称。"),
                Message(role="user", content=_CLAUSE.format(n)),
            ),
            labels=_LABELS,
        )
        for n in range(clauses)
    ]
    own, labels = engine.count_tokens(requests[0].messages[-1].content), _inner_tokens(engine)
    engine.score(requests[:1])
    half = max(1, clauses // 2)
    bare = _bare_seconds(engine.runtime, own + labels, half)
    start = time.perf_counter()
    engine.score(requests)
    seconds = time.perf_counter() - start
    bare += _bare_seconds(engine.runtime, own + labels, half)
    engine.close()
    read = (own + labels) * clauses
    return [
        Figure("15 labels for a clause", clauses / seconds, "clauses/s"),
        Figure(
            "tokens read",
            read / seconds,
            "tokens/s",
            "bare prefill",
            (own + labels) * 2 * half / bare,
            0.9,
        ),
    ]


def _inner_tokens(engine: LocalEngine) -> int:
    """Count the label tokens that must be computed: all but the last of each, common ones once."""
    stems = {tuple(engine.runtime.tokenize(label)[:-1]) for label in _LABELS}
    return len({stem[: i + 1] for stem in stems for i in range(len(stem))})


def _bare_seconds(runtime: Runtime, size: int, times: int) -> float:
    """Time the reading of so many random tokens as one sequence, `times` over; no logits but the last."""
    sequence = runtime.settings.sequences - 1
    tokens: Sequence[int] = np.random.default_rng(0).integers(1000, 30000, size).tolist()
    start = time.perf_counter()
    for _ in range(times):
        runtime.decode([Run(tokens, 0, (sequence,))])
        runtime.trim(sequence, 0)
    return time.perf_counter() - start


@click.command()
@click.option("--model", default=None, help="Catalogue name or GGUF path.")
@click.option("--clauses", default=24, show_default=True, type=click.IntRange(2))
@click.option("--quick", is_flag=True, help="8 clauses.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(model: str | None, clauses: int, quick: bool, as_json: bool) -> None:
    """Measure label scores against the rate at which the model reads a prompt."""
    click.echo(format_figures(measure(model, clauses=8 if quick else clauses), as_json=as_json))
