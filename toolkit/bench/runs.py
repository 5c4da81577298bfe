"""`zhengce bench runs`: what a batch costs besides the model, and whether it survives kill -9.

The engine is scripted: it echoes, after a delay, what it was given, and notes every request in a file,
so that work done twice shows.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from toolkit.engine import Engine, ScriptedEngine
from toolkit.errors import InputError, ModelError, ToolkitError
from toolkit.prompts import prompts_folder
from toolkit.records import Clause, Message, Request
from toolkit.runs import Choice, Item, Outcome, Plan, Tools, Unit, Worker, load_plan, run
from toolkit.tables import read_jsonl, write_rows

__all__ = ["Check", "EchoTools", "command", "write_plan"]

_DELAY, _CALLS, _NONSENSE = "ZHENGCE_BENCH_DELAY", "ZHENGCE_BENCH_CALLS", "ZHENGCE_BENCH_FAIL"


class EchoTools(Tools):
    """Steps whose engine echoes; settings come from the environment, so that a child process has them.

    With `ZHENGCE_BENCH_FAIL=10` every tenth clause fails: by turns an exception, a timeout, nonsense.
    """

    def engine(self, model: str | None) -> ScriptedEngine:
        """Make the scripted engine."""
        return ScriptedEngine(_echo)

    def model_fingerprint(self, model: str | None) -> str:
        """Name the script; nothing is loaded."""
        return "echo"

    def worker(self, name: str) -> Worker:
        """Echo, whatever the step."""
        return _Echo(self, name)


class _Echo:
    unit: Unit = "clause"

    def __init__(self, tools: EchoTools, name: str) -> None:
        self._tools = tools
        self.fingerprint = f"echo {name}"

    def content(self, payload: dict[str, Any]) -> str:
        return str(payload["text"])

    def work(self, items: Iterable[Item]) -> Iterator[Outcome]:
        keys: dict[int, str] = {}

        def requests() -> Iterator[Request]:
            for index, item in enumerate(items):
                keys[index] = item.key
                yield Request(messages=(Message(role="user", content=item.payload["text"]),))

        for index, reply in self._tools.engine(None).generate_as_completed(requests()):
            key = keys.pop(index)
            if isinstance(reply, Exception):
                yield Outcome(key, "failed", reason=str(reply))
                continue
            try:
                yield Outcome(key, "done", json.loads(reply.text))
            except ValueError:
                yield Outcome(key, "failed", reason="the reply is not JSON")


def _echo(request: Request) -> str | Exception:
    text = request.messages[0].content
    calls = os.environ.get(_CALLS)
    if calls:
        with open(calls, "a", encoding="utf-8") as log:
            log.write(f"{os.getpid()} {text[:12]}\n")
    delay = os.environ.get(_DELAY)
    if delay:
        time.sleep(float(delay))
    every = int(os.environ.get(_NONSENSE, "0"))
    number = int(text[1 : text.index("条")])
    if every and number % every == 0:
        kinds: tuple[str | Exception, ...] = (
            ModelError("scripted exception"),
            TimeoutError("timed out"),
            "补助{",
        )
        return kinds[number // every % 3]
    return json.dumps({"labels": [number % 15], "scores": {"0": 0.5}, "stage": text[:20]}, ensure_ascii=False)


def write_plan(folder: Path, *, clauses: int, outputs: Iterable[str] = ("out.jsonl", "out.csv")) -> Path:
    """Write a plan over so many invented clauses, with its clause list; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "clauses.jsonl", "w", encoding="utf-8") as lines:
        for n in range(1, clauses + 1):
            text = f"第{n}条 对新设的企业给予补助{n}万元。" + "并提供场地。" * (n % 40)
            lines.write(json.dumps({"id": f"c{n}", "text": text}, ensure_ascii=False) + "\n")
    plan = folder / "plan.yaml"
    wanted = ", ".join(f"{{path: {name}, step: classify}}" for name in outputs)
    plan.write_text(
        f"store: store\ninputs: {{clauses: clauses.jsonl}}\nsteps: {{classify: }}\noutputs: [{wanted}]\n",
        encoding="utf-8",
    )
    return plan


@dataclass(frozen=True)
class Check:
    """One measured bar."""

    what: str
    measured: str
    bar: str
    met: bool


_CHILD = (
    "import sys; from toolkit.bench.runs import EchoTools; from toolkit.runs import load_plan, run; "
    "sys.exit(3 if run(load_plan(sys.argv[1]), tools=EchoTools).failed else 0)"
)


def kills(folder: Path, *, kills: int, clauses: int = 200, delay: float = 0.02, seed: int = 1) -> Check:
    """Kill a run at random moments, going on with it each time; compare with an undisturbed one."""
    calm = write_plan(folder / "calm", clauses=clauses)
    run(load_plan(calm), tools=EchoTools)
    wanted = [(calm.parent / name).read_bytes() for name in ("out.jsonl", "out.csv")]
    chance, killed, round_, same, again = random.Random(seed), 0, 0, True, 0.0
    while killed < kills:
        round_ += 1
        plan = write_plan(folder / f"killed{round_}", clauses=clauses)
        calls, before, ended = plan.parent / "calls.log", killed, False
        while not ended:
            at_work = chance.random() < 0.8  # the others hit the start, and the reading
            after = chance.uniform(0.0, 0.6 if at_work else 1.2)
            ended = _ends(plan, calls, delay, after=after if killed < kills else None, at_work=at_work)
            killed += not ended
        same &= [(plan.parent / name).read_bytes() for name in ("out.jsonl", "out.csv")] == wanted
        again = max(again, (len(calls.read_text("utf-8").splitlines()) - clauses) / max(1, killed - before))
    return Check(
        f"{kills} kills of runs of {clauses} clauses",
        f"outputs {'the same bytes' if same else 'DIFFER'}, {again:.1f} computed again a kill",
        "the same bytes, 16 again a kill",
        same and again <= 16,
    )


def _ends(plan: Path, calls: Path, delay: float, *, after: float | None, at_work: bool = False) -> bool:
    """Run a plan in a child and kill it after some seconds; True where it ended by itself.

    With `at_work` the seconds count from the child's first call of the model.
    """
    environment = {**os.environ, _DELAY: str(delay), _CALLS: str(calls)}
    before = calls.stat().st_size if calls.exists() else 0
    child = subprocess.Popen([sys.executable, "-c", _CHILD, str(plan)], env=environment)
    while at_work and after is not None and child.poll() is None:
        if calls.exists() and calls.stat().st_size > before:
            break
        time.sleep(0.01)
    try:
        return child.wait(timeout=after) == 0
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
        return False


def bookkeeping(folder: Path, *, clauses: int) -> list[Check]:
    """Run many clauses with an engine that takes no time: rate, memory, and the rerun."""
    plan = load_plan(write_plan(folder, clauses=clauses))
    before = _memory()
    began = time.monotonic()
    report = run(plan, tools=EchoTools)
    rate = clauses / (time.monotonic() - began)
    grown = _memory() - before
    began = time.monotonic()
    again = run(plan, tools=EchoTools)
    rerun = clauses / (time.monotonic() - began)
    whole = report.counts[-1].done == clauses and again.counts[-1].reused == clauses
    return [
        Check(f"{clauses} clauses, scripted", f"{rate:,.0f} clauses/s", "2,000 clauses/s", rate >= 2000),
        Check("memory above the start", f"{grown:.0f} MB", "300 MB", grown <= 300),
        Check("rerun, all known", f"{rerun:,.0f} clauses/s", "all reused", whole),
    ]


def _memory() -> float:
    """Give the most memory that this process has held, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def rerun_share(folder: Path, *, clauses: int = 200, delay: float = 0.05) -> Check:
    """Compare a rerun of an unchanged plan, a process of its own, with the first run."""
    plan = write_plan(folder, clauses=clauses)
    calls = plan.parent / "calls.log"
    times = []
    for _ in range(2):
        began = time.monotonic()
        _ends(plan, calls, delay, after=None)
        times.append(time.monotonic() - began)
    share = times[1] / times[0]
    return Check("rerun, nothing changed", f"{share:.1%} of the first run", "start-up alone", share < 0.25)


def failures(folder: Path, *, clauses: int = 200) -> Check:
    """Let every tenth reply fail, then mend the model and take the failed ones up again."""
    plan = load_plan(write_plan(folder, clauses=clauses))
    os.environ[_NONSENSE] = "10"
    try:
        first = run(plan, tools=EchoTools)
    finally:
        del os.environ[_NONSENSE]
    kept = run(plan, tools=EchoTools)
    mended = run(plan, tools=EchoTools, choice=Choice(retry=True))
    met = (first.failed, kept.failed, mended.failed) == (clauses // 10, clauses // 10, 0)
    return Check(
        "one reply in ten fails",
        f"{first.failed} failed, {mended.failed} after --retry failed",
        f"{clauses // 10}, then 0",
        met and mended.counts[-1].done == clauses,
    )


def real_kills(folder: Path, *, model: str, kills: int) -> list[Check]:
    """Kill runs of the sample plan with a real model, and take the time of a rerun."""
    plan = _sample_plan(folder / "calm", model)
    began = time.monotonic()
    _command(plan)
    first = time.monotonic() - began
    wanted = _lines_of(plan)
    began = time.monotonic()
    _command(plan)
    share = (time.monotonic() - began) / first
    chance, killed = random.Random(2), 0
    other = _sample_plan(folder / "killed", model)
    while killed < kills and not _command(other, after=chance.uniform(0.1, 0.9) * first / 2):
        killed += 1
    _command(other)
    same = _lines_of(other) == wanted
    return [
        Check(
            f"{killed} kills with {model}",
            f"outputs {'the same' if same else 'DIFFER'} (seconds aside)",
            "the same",
            same and killed == kills,
        ),
        Check(f"rerun with {model}", f"{share:.1%} of the first run's {first:.0f} s", "2%", share <= 0.02),
    ]


def real_throughput(folder: Path, *, model: str, clauses: int) -> Check:
    """Compare classify and extract in a run with the bare libraries on the same clauses."""
    from toolkit.classify import Classifier
    from toolkit.engine import load_engine
    from toolkit.extract import extract

    lines = [row["text"] for _, row in read_jsonl(_examples() / "clauses.jsonl")]
    texts = [f"{lines[n % len(lines)]}第{n}次。" for n in range(clauses)]
    engine, classifier = load_engine(model), Classifier.load()

    class Loaded(Tools):
        def engine(self, model: str | None) -> Engine:
            return engine

        def close(self) -> None:
            """Keep the engine for the next measurement."""

    units = [
        Clause(id=str(n), document_id=str(n), text=text, start=0, end=len(text))
        for n, text in enumerate(texts)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(({"id": unit.id, "text": unit.text} for unit in units), folder / "clauses.jsonl")
    plan = Plan.model_validate(
        {
            "store": str(folder / "store"),
            "model": model,
            "inputs": {"clauses": str(folder / "clauses.jsonl")},
            "steps": {"classify": {}, "extract": {}},
            "outputs": [
                {"path": str(folder / f"{step}.jsonl"), "step": step} for step in ("classify", "extract")
            ],
        }
    )
    extract(units[:4], engine=engine)  # warm
    began = time.monotonic()
    classifier.classify(texts)
    extract(units, engine=engine)
    bare = time.monotonic() - began
    began = time.monotonic()
    report = run(plan, tools=Loaded)
    whole = time.monotonic() - began
    engine.close()
    share = bare / whole
    return Check(
        f"{clauses} clauses, classify + extract, {model}",
        f"{share:.0%} of the bare libraries' rate ({bare:.1f} s, {whole:.1f} s)",
        "85%",
        share >= 0.85 and report.failed == 0,
    )


def _examples() -> Path:
    folder = prompts_folder().parent / "examples"
    if not folder.is_dir():
        raise InputError("the sample policies are not here", hint="run this in a checkout of the project")
    return folder


def _sample_plan(folder: Path, model: str) -> Path:
    folder.mkdir(parents=True)
    examples = _examples()
    (folder / "plan.yaml").write_text(
        f"store: store\nmodel: {model}\n"
        f"inputs: {{files: {examples / 'policies'}, questions: {examples / 'questions.jsonl'}}}\n"
        "steps: {ingest: , extract: , ask: }\n"
        "outputs: [{path: out.jsonl, step: extract}, {path: answers.jsonl, step: ask}]\n",
        encoding="utf-8",
    )
    return folder / "plan.yaml"


def _command(plan: Path, *, after: float | None = None) -> bool:
    child = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "run", str(plan), "-q"], stdout=subprocess.DEVNULL
    )
    try:
        if child.wait(timeout=after) != 0:
            raise ToolkitError(f"zhengce run {plan} ended with status {child.returncode}")
        return True
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False


def _lines_of(plan: Path) -> list[dict[str, Any]]:
    rows = [row for name in ("out.jsonl", "answers.jsonl") for _, row in read_jsonl(plan.parent / name)]
    return [{name: said for name, said in row.items() if name != "seconds"} for row in rows]


@click.command()
@click.option("--kills", "number", default=50, show_default=True, help="How often to kill.")
@click.option("--clauses", default=20_000, show_default=True, help="Clauses of the bookkeeping run.")
@click.option("--model", help="Also kill runs of the sample plan with this model, and compare the rate.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(number: int, clauses: int, model: str | None, as_json: bool) -> int:
    """Kill, rerun and break batches, with a scripted model and a real one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: list[Callable[[], list[Check]]] = [
            lambda: bookkeeping(folder / "many", clauses=clauses),
            lambda: [rerun_share(folder / "rerun")],
            lambda: [failures(folder / "failures")],
            lambda: [kills(folder / "kills", kills=number)],
        ]
        if model is not None:
            parts.append(lambda: [real_throughput(folder / "rate", model=model, clauses=200)])
            parts.append(lambda: real_kills(folder / "real", model=model, kills=5))
        checks = [found for part in parts for found in part()]
    if as_json:
        click.echo(json.dumps([asdict(found) for found in checks], ensure_ascii=False, indent=1))
    else:
        for found in checks:
            mark = "met" if found.met else "MISSED"
            click.echo(f"{found.what:<40} {found.measured:<55} bar {found.bar:<32} {mark}")
    return 0 if all(found.met for found in checks) else 1
