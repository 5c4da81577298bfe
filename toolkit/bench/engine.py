"""`zhengce bench engine`: replies a second, beside llama-cpp-python's own class and a bare loop.

Three ways with the same model file, prompts and greedy choice, one after the other in the same run:
the engine; the high-level `Llama` class, one prompt after the other (on some of the prompts: it takes
them singly, more of them say nothing new); the least that batched decoding needs, without text,
scheduling or error handling.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from toolkit.bench import Figure, format_figures
from toolkit.engine.local import PARALLEL, LocalEngine
from toolkit.engine.runtime import Run, Runtime, Settings
from toolkit.records import Message, Request

__all__ = ["Load", "bare_rate", "command", "high_level_rate", "loads", "measure"]

_SYSTEM = "你是政策研究员。请根据用户给出的题目写一篇完整的说明文章，语言平实，分段叙述，不少于八百字。"
_PLACES = ["东临港", "西岭口", "南浦桥", "北原仓", "云栖谷", "石桥镇", "青禾湾", "长汀渡"]
_TOPICS = ["仓储物流", "数字车间", "海水养殖", "风电运维", "康复器械", "冷链运输", "古建修缮", "林下种植"]
_FILLER = (
    "企业应当在规定的时间内提交材料，由主管部门会同有关单位审核，审核结果在网站上公示，无异议的予以确认。"
)
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "主题": {"type": "string", "maxLength": 40},
        "对象": {"type": "string", "maxLength": 60},
        "程序": {"type": "array", "minItems": 6, "maxItems": 8, "items": {"type": "string", "maxLength": 60}},
    },
    "required": ["主题", "对象", "程序"],
}


@dataclass(frozen=True)
class Load:
    """What is asked: so many prompts, the own part of each in tokens, and so many tokens to generate."""

    what: str
    own: int
    generated: int
    bar: float
    schema: dict[str, Any] | None = None

    def requests(self, engine: LocalEngine, count: int) -> list[Request]:
        """Write the prompts; they share the system's turn, and differ from the first word on."""
        return [
            Request(
                messages=(
                    Message(role="system", content=_SYSTEM),
                    Message(role="user", content=self._own_part(engine, n)),
                ),
                json_schema=self.schema,
                max_tokens=self.generated,
            )
            for n in range(count)
        ]

    def _own_part(self, engine: LocalEngine, number: int) -> str:
        place, topic = _PLACES[number % len(_PLACES)], _TOPICS[number // len(_PLACES) % len(_TOPICS)]
        text = f"题目：{place}的{topic}（第{number}稿）"
        fillers = _FILLER * 8 if self.own > 40 else ""
        while fillers and engine.count_tokens(text + fillers) > self.own - 8:
            fillers = fillers[:-4]
        return text + fillers


loads = (
    Load("short prompts, free text", own=24, generated=48, bar=6.0),
    Load("prompts of 160 tokens, JSON schema", own=160, generated=96, bar=3.5, schema=_SCHEMA),
)


def measure(model: str | None, *, prompts: int, alone: int, say: Callable[[str], None]) -> list[Figure]:
    """Measure all loads on a model; `alone` prompts go through the high-level class."""
    from toolkit.models import resolve

    path = resolve(model).path
    figures = []
    for load in loads:
        engine = LocalEngine(path)
        requests = load.requests(engine, prompts)
        tokens = [engine.prompt_tokens(request) for request in requests]
        engine.generate(requests[:1])
        say(f"{load.what}: one by one ...")
        first = high_level_rate(path, tokens[: alone // 2], load)
        say(f"{load.what}: engine ...")
        ours = _rate(engine, requests)
        engine.close()
        say(f"{load.what}: bare loop ...")
        bare = bare_rate(path, tokens, load.generated)
        say(f"{load.what}: one by one ...")
        second = high_level_rate(path, tokens[alone // 2 : alone], load)
        single = 2 / (1 / first + 1 / second)
        figures.append(Figure(load.what, ours, "tokens/s", "Llama one by one", single, load.bar))
        if load.schema is None:
            figures.append(Figure(load.what, ours, "tokens/s", "bare batch loop", bare, 0.85))
        else:
            figures.append(Figure(load.what, ours, "tokens/s", "bare batch loop, no schema", bare))
    return figures


def _rate(engine: LocalEngine, requests: Sequence[Request]) -> float:
    start = time.perf_counter()
    replies = engine.generate(requests)
    return sum(reply.generated_tokens for reply in replies) / (time.perf_counter() - start)


def high_level_rate(path: Path, prompts: Sequence[Sequence[int]], load: Load) -> float:
    """Generate with `llama_cpp.Llama`, one after the other; it keeps the common prefix itself."""
    import json

    from llama_cpp import Llama, LlamaGrammar

    from toolkit.engine.runtime import physical_cores

    threads = physical_cores()
    model = Llama(str(path), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
    grammar = LlamaGrammar.from_json_schema(json.dumps(load.schema), verbose=False) if load.schema else None
    model.create_completion(list(prompts[0]), max_tokens=1, temperature=0.0)
    tokens, start = 0, time.perf_counter()
    for prompt in prompts:
        said: Any = model.create_completion(
            list(prompt), max_tokens=load.generated, temperature=0.0, grammar=grammar
        )
        tokens += said["usage"]["completion_tokens"]
    seconds = time.perf_counter() - start
    model.close()
    return tokens / seconds


def bare_rate(path: Path, prompts: Sequence[Sequence[int]], generated: int) -> float:
    """Generate greedily in waves of one batch: shared prefix once, own parts, then steps."""
    runtime = Runtime(path, Settings(context=16384))
    arrays = [np.asarray(prompt, np.int32) for prompt in prompts]
    shortest = min(map(len, arrays))
    heads = np.stack([array[:shortest] for array in arrays])
    same = (heads == heads[0]).all(axis=0)
    prefix = shortest if same.all() else int(np.argmin(same))
    runtime.decode([Run(arrays[0][:prefix], 0, (0,), wanted=0)])
    start = time.perf_counter()
    for first in range(0, len(arrays), PARALLEL):
        _bare_wave(runtime, arrays[first : first + PARALLEL], prefix, generated)
    seconds = time.perf_counter() - start
    runtime.close()
    return len(arrays) * generated / seconds


def _bare_wave(runtime: Runtime, prompts: Sequence[Any], prefix: int, generated: int) -> None:
    tokens: list[int] = []
    for sequence in range(1, len(prompts) + 1):
        runtime.trim(sequence, 0)
        runtime.copy(0, sequence, prefix)
    batch = runtime.settings.batch
    waiting: list[Run] = []
    for sequence, prompt in enumerate(prompts, 1):
        if sum(len(run.tokens) for run in waiting) + len(prompt) - prefix > batch:
            tokens += [int(rows[0].argmax()) for rows in runtime.decode(waiting)]
            waiting = []
        waiting.append(Run(prompt[prefix:], prefix, (sequence,)))
    tokens += [int(rows[0].argmax()) for rows in runtime.decode(waiting)]
    for step in range(generated - 1):
        runs = [
            Run([t], len(p) + step, (s,)) for s, (t, p) in enumerate(zip(tokens, prompts, strict=True), 1)
        ]
        tokens = [int(rows[0].argmax()) for rows in runtime.decode(runs)]


@click.command()
@click.option("--model", default=None, help="Catalogue name or GGUF path.")
@click.option(
    "--prompts", default=64, show_default=True, type=click.IntRange(8), help="Prompts taken together."
)
@click.option(
    "--alone", default=8, show_default=True, type=click.IntRange(2), help="Prompts taken one by one."
)
@click.option("--quick", is_flag=True, help="32 prompts, 4 of them one by one.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(model: str | None, prompts: int, alone: int, quick: bool, as_json: bool) -> None:
    """Measure replies a second against llama-cpp-python's own class and a bare batch loop."""
    count, singly = (32, 4) if quick else (prompts, alone)
    figures = measure(model, prompts=count, alone=singly, say=lambda line: click.echo(line, err=True))
    click.echo(format_figures(figures, as_json=as_json))
