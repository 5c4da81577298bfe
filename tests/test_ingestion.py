"""Files come into a store once, changed ones again, and an ingest that was cut off goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.cli import main
from toolkit.embed import Embedder
from toolkit.errors import InputError, StoreError
from toolkit.ingestion import IngestStep, ingest
from toolkit.records import IngestReport
from toolkit.store import Store


def policy(title: str, articles: int = 3) -> str:
    lines = [title, ""]
    lines += [
        f"第{'一二三四五六七八九'[n]}条 {title}的第{n}项支持，给予{n + 2}万元补助。" for n in range(articles)
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    made.mkdir()
    (made / "a.txt").write_text(policy("松江湾海洋经济扶持办法"), encoding="utf-8")
    (made / "b.md").write_text(policy("松江湾渔港建设实施细则"), encoding="utf-8")
    return made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", create=True) as opened:
        yield opened


def outcomes(report: IngestReport) -> dict[str, str]:
    return {Path(file.path).name: file.outcome for file in report.files}


class Unloaded:
    """Stands for an embedder that must not be asked."""

    name, dimension = "multilingual-e5-small-q4", 384

    def __init__(self, embedder: Embedder) -> None:
        self.fingerprint = embedder.fingerprint

    def embed(self, *given: object, **options: object) -> None:
        raise AssertionError("asked to embed")


def test_a_folder_is_read_and_every_file_accounted_for(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    (folder / "empty.txt").write_text("")
    (folder / "bad.pdf").write_bytes(b"no pdf")
    report = ingest([folder], store, embedder)
    told = outcomes(report)
    assert told["a.txt"] == told["b.md"] == "added"
    assert told["bad.pdf"] == "failed"
    assert len(report.files) == 4
    kinds = ("added", "replaced", "unchanged", "empty", "failed")
    assert sum(report.count(kind) for kind in kinds) == len(report.files)
    assert sum(file.documents for file in report.files) == len(store.documents()) == 2
    assert sum(file.clauses for file in report.files) == len(store.clauses())
    assert any("bad.pdf" in failure.input for failure in report.failures)


def test_unchanged_files_are_not_embedded_again(folder: Path, store: Store, embedder: Embedder) -> None:
    first = ingest([folder], store, embedder)
    state = store.fingerprint
    os.utime(folder / "a.txt", (1, 1))  # another time, the same content
    second = ingest([folder], store, Unloaded(embedder))  # type: ignore[arg-type]
    assert set(outcomes(second).values()) == {"unchanged"}
    assert [f.clauses for f in second.files] == [f.clauses for f in first.files]
    assert store.fingerprint == state


def test_a_changed_file_replaces_what_it_brought(folder: Path, store: Store, embedder: Embedder) -> None:
    ingest([folder], store, embedder)
    (folder / "a.txt").write_text(policy("松江湾海洋经济扶持办法（修订）"), encoding="utf-8")
    report = ingest([folder], store, embedder)
    assert outcomes(report) == {"a.txt": "replaced", "b.md": "unchanged"}
    assert report.removed == 1
    assert {d.title for d in store.documents()} == {
        "松江湾海洋经济扶持办法（修订）",
        "松江湾渔港建设实施细则",
    }


def test_a_policy_in_two_files_stands_once_and_stays_while_one_is_left(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    copy = folder / "copy.txt"
    copy.write_bytes((folder / "a.txt").read_bytes())
    report = ingest([folder], store, embedder)
    assert len(store.documents()) == 2
    assert sum(file.embedded for file in report.files) == len(store.clauses())
    copy.unlink()
    ingest([folder], store, embedder, prune=True)
    assert len(store.documents()) == 2


def test_prune_drops_what_is_gone_and_without_it_nothing_goes(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    ingest([folder], store, embedder)
    (folder / "b.md").unlink()
    kept = ingest([folder], store, embedder)
    assert kept.pruned == ()
    assert len(store.documents()) == 2
    report = ingest([folder], store, embedder, prune=True)
    assert [Path(p).name for p in report.pruned] == ["b.md"]
    assert report.removed == 1
    assert [d.title for d in store.documents()] == ["松江湾海洋经济扶持办法"]


def test_a_file_that_can_no_longer_be_read_keeps_its_earlier_version(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    ingest([folder], store, embedder)
    (folder / "a.txt").write_bytes(b"\x00\x01\x02\x03" * 400)
    report = ingest([folder], store, embedder)
    assert outcomes(report)["a.txt"] == "failed"
    assert len(store.documents()) == 2


def test_progress_names_each_file_at_its_beginning_and_end(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    steps: list[IngestStep] = []
    ingest([folder], store, embedder, progress=steps.append)
    ends = [step for step in steps if step.event == "end"]
    assert [(Path(s.path).name, s.files_done, s.files_total) for s in ends] == [
        ("a.txt", 1, 2),
        ("b.md", 2, 2),
    ]
    assert all(step.outcome is not None for step in ends)


def test_another_embedders_store_is_refused_before_anything_is_read(
    folder: Path, store: Store, embedder: Embedder
) -> None:
    ingest([folder], store, embedder)
    other = Unloaded(embedder)
    other.fingerprint = "another"
    with pytest.raises(StoreError, match="ingest again into another folder"):
        ingest([folder], store, other)  # type: ignore[arg-type]


def test_a_missing_path_is_the_users_mistake(store: Store, embedder: Embedder, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        ingest([tmp_path / "nowhere"], store, embedder)


# ------------------------------------------------------------------ the command
def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "toolkit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_reports_in_plain_lines_and_adds_up(folder: Path, tmp_path: Path) -> None:
    first = run("ingest", folder, "--store", tmp_path / "s")
    assert first.returncode == 0, first.stderr
    assert "1/2 " in first.stderr
    assert "2 files: 2 added" in first.stdout
    again = run("ingest", folder, "--store", tmp_path / "s", "--json")
    told = json.loads(again.stdout)
    assert [file["outcome"] for file in told["files"]] == ["unchanged", "unchanged"]


def test_a_file_that_fails_is_named_and_the_status_is_three(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.pdf").write_bytes(b"no pdf")
    assert main(["ingest", str(folder), "--store", str(tmp_path / "s")]) == 3
    assert "bad.pdf" in capsys.readouterr().err


def test_a_wrong_path_makes_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(tmp_path / "nowhere"), "--store", str(tmp_path / "s")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "s").exists()


def test_ctrl_c_ends_with_130_and_the_next_ingest_completes(tmp_path: Path, embedder: Embedder) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(60):
        (folder / f"{n:02d}.txt").write_text(policy(f"松江湾第{n}号扶持办法", 9), encoding="utf-8")
    command = [sys.executable, "-m", "toolkit", "ingest", str(folder), "--store", str(tmp_path / "s")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    process.stderr.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "zhengce: interrupted"
    assert "Traceback" not in said
    with Store.open(tmp_path / "s") as store:
        before = len(store.documents())
        report = ingest([folder], store, embedder)
        assert 0 < before < 60
        assert len(store.documents()) == 60
        ids = {clause.id for clause in store.clauses()}
        assert {i for i, _ in store.vector_search(embedder.embed(["补助"], kind="query")[0], 5000)} == ids
        assert sum(file.embedded for file in report.files) < len(ids)
