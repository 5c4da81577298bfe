"""A model's trial run in a process of its own: `python -m toolkit.models.trial MODEL PROMPT GENERATE ROUNDS`.

Decodes PROMPT tokens in one go, then GENERATE tokens one by one, ROUNDS times, and prints the best
speeds as JSON. A segmentation fault of the compiled code ends this process and not the caller's;
`run_trial` is the caller's side.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ModelError

if TYPE_CHECKING:
    from toolkit.engine.runtime import Runtime

__all__ = ["Speed", "TrialFailed", "run_trial"]

_TEXT = "为鼓励企业加大研发投入，对符合条件的企业按照年度研发费用的一定比例给予补助。"
_SECONDS = 300


@dataclass(frozen=True)
class Speed:
    """Tokens a second: of a prompt decoded in one go, and generated one by one."""

    prompt: float
    generated: float

    def seconds(self, *, prompt: int, generated: int) -> float:
        """How long a job of so many tokens takes."""
        return prompt / self.prompt + generated / self.generated


class TrialFailed(ModelError):
    """The trial's process did not come to its end; `crashed` where a signal killed it."""

    def __init__(self, message: str, *, crashed: bool) -> None:
        self.crashed = crashed
        super().__init__(message)


def run_trial(
    model: Path,
    *,
    prompt: int = 64,
    generate: int = 2,
    rounds: int = 1,
    command: Sequence[str] | None = None,
) -> Speed:
    """Run a model in a child process and give its speed; raises TrialFailed.

    `command` replaces `python -m toolkit.models.trial`.
    """
    arguments = [
        *(command or (sys.executable, "-m", __name__)),
        str(model),
        *map(str, (prompt, generate, rounds)),
    ]
    try:
        run = subprocess.run(arguments, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise TrialFailed(f"no reply within {_SECONDS} seconds", crashed=False) from error
    if run.returncode < 0:
        raise TrialFailed(f"it was killed by {_signal_name(-run.returncode)}", crashed=True)
    if run.returncode:
        lines = run.stderr.strip().splitlines()
        said = lines[-1] if lines else f"it ended with status {run.returncode}"
        raise TrialFailed(said.removeprefix("toolkit.errors.ModelError: "), crashed=False)
    speeds = json.loads(run.stdout.splitlines()[-1])
    return Speed(prompt=speeds["prompt"], generated=speeds["generated"])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _measure(model: Path, *, prompt: int, generate: int, rounds: int) -> Speed:
    from toolkit.engine.runtime import Run, Runtime, Settings

    settings = Settings(context=prompt + generate + 64, batch=max(prompt, 64), sequences=1, outputs=1)
    runtime = Runtime(model, settings)
    try:
        piece = runtime.tokenize(_TEXT)
        tokens = (piece * (prompt // len(piece) + 1))[:prompt]
        runtime.decode([Run(tokens[:16], 0, (0,))])  # touches the weights, so that reading them is not timed
        done = [_round(runtime, tokens, generate) for _ in range(rounds)]
        # Others' work only ever slows a round, so the best one is the machine's own.
        return Speed(prompt=max(r.prompt for r in done), generated=max(r.generated for r in done))
    finally:
        runtime.close()


def _round(runtime: Runtime, tokens: list[int], generate: int) -> Speed:
    from toolkit.engine.runtime import Run

    runtime.clear()
    begin = time.perf_counter()
    ((logits,),) = runtime.decode([Run(tokens, 0, (0,))])
    middle = time.perf_counter()
    for step in range(generate):
        ((logits,),) = runtime.decode([Run([int(logits.argmax())], len(tokens) + step, (0,))])
    end = time.perf_counter()
    return Speed(prompt=len(tokens) / (middle - begin), generated=generate / (end - middle))


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[2:5]]
    speed = _measure(Path(sys.argv[1]), prompt=numbers[0], generate=numbers[1], rounds=numbers[2])
    sys.stdout.write(json.dumps({"prompt": speed.prompt, "generated": speed.generated}) + "\n")
