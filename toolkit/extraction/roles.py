"""Asking the model which role an unclear figure has: a choice between words, nothing is generated.

In: readings of figures. Out: the same readings, the unclear ones decided by the model. Its answer
counts against what the wording alone would make it say, measured on the same question without text.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.engine import Engine
from toolkit.figures.expressions import Placed
from toolkit.prompts import load_prompt
from toolkit.records import FigureReading, FigureRole, ScoreRequest

__all__ = ["UNCLEAR", "settle_roles"]

UNCLEAR = 0.6  # confidence below which the model is asked
_AROUND = 160  # characters shown on each side of the figure
_MONEY: dict[str, FigureRole] = {"补助金额": "amount", "补助上限": "cap", "其他数字": "distractor"}
_SHARE: dict[str, FigureRole] = {"补助比例": "rate", "其他数字": "distractor"}


def settle_roles(
    texts: list[str],
    figures: list[list[Placed]],
    readings: list[list[FigureReading]],
    *,
    engine: Engine | Callable[[], Engine],
) -> tuple[list[list[FigureReading]], list[str]]:
    """Decide the unclear figures of several clauses in one batch; a function loads the engine if asked.

    Also name, for each clause, what decided: "rules", or the rules and the model.
    """
    methods = ["rules"] * len(texts)
    asked: list[tuple[int, int, dict[str, FigureRole]]] = []
    requests: list[ScoreRequest] = []
    for index, (text, placed, told) in enumerate(zip(texts, figures, readings, strict=True)):
        for at, (figure, reading) in enumerate(zip(placed, told, strict=True)):
            if reading.confidence < UNCLEAR and figure.expression.currency == "CNY":
                choices = _MONEY if figure.expression.kind == "money" else _SHARE
                asked.append((index, at, choices))
                requests.append(_question(text, figure, choices))
    if not requests:
        return readings, methods
    engine = engine() if callable(engine) else engine
    settled = [list(told) for told in readings]
    neutral = {id(c): _neutral(engine, c) for c in (_MONEY, _SHARE) if any(a[2] is c for a in asked)}
    for (index, at, choices), scores in zip(asked, engine.score(requests), strict=True):
        gains = [s - n for s, n in zip(scores.logprobs, neutral[id(choices)], strict=True)]
        word = list(choices)[max(range(len(gains)), key=gains.__getitem__)]
        settled[index][at] = settled[index][at].model_copy(
            update={"role": choices[word], "words": word, "confidence": UNCLEAR}
        )
        methods[index] = f"rules and {engine.name}"
    return settled, methods


def _question(text: str, figure: Placed, choices: dict[str, FigureRole]) -> ScoreRequest:
    before = text[max(0, figure.start - _AROUND) : figure.start]
    shown = f"{before}【{text[figure.start : figure.end]}】{text[figure.end : figure.end + _AROUND]}"
    return _request(shown, choices)


def _request(shown: str, choices: dict[str, FigureRole]) -> ScoreRequest:
    prompt = load_prompt("extract_role")
    messages = prompt.messages(text=shown, choices="、".join(choices))
    return ScoreRequest(messages=messages, labels=tuple(choices), prefill=prompt.prefill)


def _neutral(engine: Engine, choices: dict[str, FigureRole]) -> tuple[float, ...]:
    return engine.score([_request("【若干】", choices)])[0].logprobs
