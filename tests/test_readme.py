"""The READMEs: both name the same commands, every command parses, and the session runs as it is printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from toolkit.cli import zhengce

ROOT = Path(__file__).resolve().parent.parent
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"


def commands(path: Path) -> list[str]:
    """All `zhengce …` and `make …` commands: in console blocks behind `$ `, and in backquotes."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^\$ (.+)$", text, re.M)
    inline = re.findall(r"`((?:zhengce|make) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return blocks + inline


def console_blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.S)


def test_both_readmes_name_the_same_commands() -> None:
    assert commands(ENGLISH) == commands(CHINESE)
    assert console_blocks(ENGLISH, "console") == console_blocks(CHINESE, "console")
    assert console_blocks(ENGLISH, "python") == console_blocks(CHINESE, "python")


def parse(group: click.Group, arguments: list[str], context: click.Context) -> None:
    command = group.get_command(context, arguments[0])
    assert command is not None, f"there is no command {arguments[0]}"
    if isinstance(command, click.Group) and arguments[1:]:
        parse(command, arguments[1:], click.Context(command, info_name=arguments[0], parent=context))
        return
    parser = command.make_parser(click.Context(command, info_name=arguments[0], parent=context))
    parser.parse_args(list(arguments[1:]))


@pytest.mark.parametrize("line", sorted({c for c in commands(ENGLISH) if c.startswith("zhengce ")}))
def test_every_command_of_the_readme_parses(line: str) -> None:
    arguments = [word for word in shlex.split(line.split("|")[0])[1:] if word not in {"2>&1"}]
    parse(zhengce, arguments, click.Context(zhengce, info_name="zhengce"))


def test_the_make_targets_of_the_readme_are_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {line.split()[1] for line in commands(ENGLISH) if line.startswith("make ")}
    assert named <= targets


@pytest.mark.model
def test_the_session_runs_as_it_is_printed(tmp_path: Path) -> None:
    """Each `$ zhengce` of the session's block prints what stands below it; `…` stands for anything."""
    session = next(block for block in console_blocks(ENGLISH, "console") if "zhengce ingest" in block)
    environment = {**os.environ, "ZHENGCE_STORE": str(tmp_path / "store"), "ZHENGCE_MODEL": "small"}
    for step in re.split(r"^\$ ", session, flags=re.M)[1:]:
        line, _, printed = step.partition("\n")
        words = shlex.split(line)
        assert words[0] == "zhengce", line
        if "--out" in words:
            words[words.index("--out") + 1] = str(tmp_path / words[words.index("--out") + 1])
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", *words[1:]],
            capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said = squeeze_lines(done.stdout + done.stderr)
        for wanted in squeeze_lines(printed):
            pattern = ".*".join(re.escape(part) for part in wanted.split("…"))
            assert any(re.fullmatch(pattern, got) for got in said), f"{line}\n{wanted}\n---\n{said}"


def squeeze_lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.model
def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    code = "\n".join(console_blocks(ENGLISH, "python"))
    environment = {**os.environ, "ZHENGCE_STORE": str(tmp_path / "store"), "ZHENGCE_MODEL": "small"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_sample_questions_are_lines_of_json() -> None:
    lines = (ROOT / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    assert all({"id", "question"} <= json.loads(line).keys() for line in lines)
