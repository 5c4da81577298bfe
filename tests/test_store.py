"""A store keeps policies, refuses what does not fit it, and survives being killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from toolkit.errors import RemoteError, StoreError
from toolkit.records import Clause, Document, Figure, Labelling, Quote, Support, content_id
from toolkit.store import FileRecord, Store, default_store_path

TEXTS = {
    "云岭市芯片产业若干措施": ["对流片费用给予30%补助。", "对首台套企业奖励50万元。"],
    "星桥区民宿管理细则": ["民宿装修补贴每间2000元。", "由文旅局受理申请。", "本细则有效期三年。"],
}


class Mark(NamedTuple):
    name: str
    fingerprint: str
    dimension: int


MARK = Mark("hash", "hash-1", 16)


def vector(text: str) -> np.ndarray:
    """A unit vector that depends on the text alone."""
    seed = int(content_id(text), 16) % 2**32
    drawn = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return drawn / np.linalg.norm(drawn)


def policy(title: str, texts: list[str]) -> tuple[Document, list[Clause], np.ndarray]:
    whole = "\n".join(texts)
    document = Document(
        id=content_id(title, whole),
        title=title,
        source=f"{title}.txt",
        region=title[:3],
        region_path=(title[:3],),
        issued=date(2024, 5, 1),
        issuers=("云岭市人民政府",),
        text=whole,
    )
    clauses, at = [], 0
    for n, text in enumerate(texts):
        clauses.append(
            Clause(
                id=f"{document.id}:{n:04d}",
                document_id=document.id,
                heading_path=("第一章 总则", f"第{n + 1}条"),
                kind="article",
                text=text,
                start=at,
                end=at + len(text),
            )
        )
        at += len(text) + 1
    return document, clauses, np.stack([vector(text) for text in texts])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s", create=True) as opened:
        opened.use_embedder(MARK)
        with opened.writing():
            for title, texts in TEXTS.items():
                opened.add(*policy(title, texts))
        yield opened


# ------------------------------------------------------------------ keeping
def test_documents_and_clauses_come_back_as_they_went_in(store: Store) -> None:
    for title, texts in TEXTS.items():
        document, clauses, _ = policy(title, texts)
        assert store.document(document.id) == document
        assert store.clauses(document.id) == clauses
        assert store.clause(clauses[1].id) == clauses[1]
    assert [d.title for d in store.documents()] == list(TEXTS)
    assert len(store.clauses()) == 5


def test_the_nearest_vector_comes_first(store: Store) -> None:
    found = store.vector_search(vector("由文旅局受理申请。"), 2)
    clause = store.clause(found[0][0])
    assert clause is not None
    assert clause.text == "由文旅局受理申请。"
    assert found[0][1] == pytest.approx(1.0, abs=1e-5)


def test_a_filter_narrows_the_vectors(store: Store) -> None:
    found = store.vector_search(vector("由文旅局受理申请。"), 5, where={"region": "云岭市"})
    assert len(found) == 2


def test_words_find_the_clause_that_holds_them(store: Store) -> None:
    found = store.keyword_search("流片补助")
    assert found[0][0] == policy("云岭市芯片产业若干措施", TEXTS["云岭市芯片产业若干措施"])[1][0].id


def test_a_document_added_again_stands_once(store: Store) -> None:
    store.add(*policy("星桥区民宿管理细则", TEXTS["星桥区民宿管理细则"]))
    assert len(store.documents()) == 2
    assert len(store.clauses()) == 5
    assert len(store.vector_search(vector("x"), 50)) == 5


def test_a_removed_document_is_found_no_more(store: Store) -> None:
    gone = store.documents()[1]
    store.remove(gone.id)
    assert store.document(gone.id) is None
    assert store.keyword_search("民宿") == []
    assert len(store.vector_search(vector("x"), 50)) == 2
    assert store.manifest.counts.clauses == 2


def test_the_manifest_says_what_the_store_is(store: Store) -> None:
    said = json.loads((store.path / "manifest.json").read_text())
    assert said["format"] == 1
    assert said["embedder"] == {"name": "hash", "fingerprint": "hash-1", "dimension": 16}
    assert said["counts"] == {"files": 0, "documents": 2, "clauses": 5}


def test_another_process_sees_what_was_written(store: Store) -> None:
    before = store.fingerprint
    with Store.open(store.path) as second:
        assert len(second.clauses()) == 5
        store.remove(store.documents()[0].id)
        assert len(second.clauses()) == 3
        assert second.keyword_search("流片") == []
        assert second.fingerprint != before


def test_supports_and_labels_can_be_asked_for_in_sql(store: Store) -> None:
    clause = store.clauses()[0]
    text = clause.text
    at = text.index("30%")
    support = Support(
        measure=Quote(quote="流片费用", start=1, end=5),
        support_type="grant",
        rates=({"quote": "30%", "start": at, "end": at + 3, "value": Decimal("0.3"), "base": "流片费用"},),  # type: ignore[arg-type]
        caps=(Figure(quote="补助", start=at + 3, end=at + 5, value=Decimal(500000)),),
    )
    assert store.supports(clause.id) is None
    store.save_supports(clause.id, [support])
    store.save_supports(clause.id, [support])
    store.save_labels([Labelling(id=clause.id, text=text, labels=(13,), scores={"13": 0.9, "6": 0.1})])
    assert store.supports(clause.id) == (support,)
    rows = store.facts.execute(
        "SELECT d.title, f.role, f.value FROM figures f JOIN supports s ON s.id = f.support_id "
        "JOIN clauses c ON c.id = s.clause_id JOIN documents d ON d.id = c.document_id ORDER BY f.role"
    ).fetchall()
    assert [tuple(row) for row in rows] == [
        ("云岭市芯片产业若干措施", "cap", 500000.0),
        ("云岭市芯片产业若干措施", "rate", 0.3),
    ]
    assert [row["code"] for row in store.facts.execute("SELECT code FROM labels WHERE chosen")] == [13]


def test_supports_go_with_their_document(store: Store) -> None:
    clause = store.clauses()[0]
    store.save_supports(clause.id, [])
    assert store.supports(clause.id) == ()
    store.remove(clause.document_id)
    assert store.facts.execute("SELECT count(*) FROM extracted").fetchone()[0] == 0


# ------------------------------------------------------------------ refusing
def test_no_store_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*nothing; run: zhengce ingest"):
        Store.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_folder_of_other_things_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"holds other files \(photo.jpg\)"):
        Store.open(tmp_path, create=True)


def test_a_run_ledger_does_not_keep_a_store_from_being_made(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"")
    Store.open(tmp_path, create=True).close()


def test_another_embedder_is_refused_with_the_mend(store: Store) -> None:
    with pytest.raises(StoreError, match=r"made by the embedder hash .* ingest again into another folder"):
        store.use_embedder(Mark("other", "other-1", 16))


def test_a_newer_format_is_refused_with_the_mend(store: Store) -> None:
    manifest = store.path / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(StoreError, match=r"format 99 and this version reads up to 1; update"):
        Store.open(store.path)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1}'])
def test_a_broken_manifest_is_said_to_be_broken(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(StoreError, match=r"manifest .* is broken"):
        Store.open(tmp_path)


def test_broken_facts_are_said_to_be_broken(store: Store) -> None:
    store.close()
    for left in store.path.glob("facts.sqlite*"):
        left.unlink()
    (store.path / "facts.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"facts in .* failed"):
        Store.open(store.path)


def test_a_vector_of_another_size_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="has 8 numbers and those of"):
        store.vector_search(np.ones(8, dtype=np.float32), 1)


def test_the_default_store_can_be_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENGCE_STORE", "/data/s")
    assert default_store_path() == Path("/data/s")
    monkeypatch.delenv("ZHENGCE_STORE")
    assert default_store_path() == Path("stores/default")


# ------------------------------------------------------------------ other processes
HOLD = """
import sys, time
from toolkit.store import Store
with Store.open(sys.argv[1]) as store, store.writing():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_is_told_who_writes_and_readers_are_not_kept_out(store: Store) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=rf"is being written by process {holder.pid} "):
            store.remove(store.documents()[0].id)
        assert len(store.documents()) == 2
    finally:
        holder.kill()
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()
    store.remove(store.documents()[0].id)
    assert len(store.documents()) == 1


FILL = """
import sys
sys.path.insert(0, sys.argv[2])
from test_store import MARK, policy
from toolkit.store import Store
with Store.open(sys.argv[1], create=True) as store:
    store.use_embedder(MARK)
    with store.writing():
        for n in range(400):
            store.add(*policy(f"第{n}号办法", [f"第{n}号的第{i}条。" for i in range(5)]))
            print(n, flush=True)
"""


@pytest.mark.parametrize("after", [0, 3, 11])
def test_a_store_whose_writer_was_killed_opens_and_is_repaired(tmp_path: Path, after: int) -> None:
    folder = tmp_path / "s"
    command = [sys.executable, "-c", FILL, str(folder), str(Path(__file__).parent)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < after:
        pass
    time.sleep(0.003 * after)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    with Store.open(folder) as store:
        done = len(store.documents())
        assert done > after
        assert len(store.clauses()) == 5 * done
        assert store.keyword_search("办法")
        store.add(*policy("补充办法", ["补充。"]))
        ids = {clause.id for clause in store.clauses()}
        assert {i for i, _ in store.vector_search(vector("x"), 5000)} == ids
        assert store.facts.execute("SELECT count(*) FROM documents WHERE NOT ready").fetchone()[0] == 0
        assert store.manifest.counts.clauses == len(ids)


def test_lost_vectors_make_their_files_be_read_again(store: Store) -> None:
    import shutil

    document = store.documents()[0]
    with store.writing():
        store.files.save(FileRecord("/a.txt", 1, 1, "f" * 64, "1", (document.id,)))
    store.close()
    shutil.rmtree(store.path / "chroma")
    # A process of its own: Chroma keeps a folder's database open for the life of a process.
    check = (
        "import sys; from toolkit.store import Store\n"
        "with Store.open(sys.argv[1]) as s, s.writing(): pass\n"
        "with Store.open(sys.argv[1]) as s: print(len(s.documents()), s.files.get('/a.txt').sha256 == '')"
    )
    run = subprocess.run(
        [sys.executable, "-c", check, str(store.path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "0 True\n"


# ------------------------------------------------------------------ a server
@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real `chroma run` on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chroma = Path(sys.executable).with_name("chroma")
    folder = tmp_path_factory.mktemp("chroma-server")
    process = subprocess.Popen(
        [str(chroma), "run", "--path", str(folder), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(150):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_a_server_can_hold_the_vectors(server: str, tmp_path: Path) -> None:
    with Store.open(tmp_path / "s", create=True, chroma_url=server) as store:
        store.use_embedder(MARK)
        store.add(*policy("星桥区民宿管理细则", TEXTS["星桥区民宿管理细则"]))
    assert not (tmp_path / "s" / "chroma").exists()
    with Store.open(tmp_path / "s") as store:
        assert store.manifest.chroma_url == server
        assert store.vector_search(vector("由文旅局受理申请。"), 1)[0][1] == pytest.approx(1.0, abs=1e-5)
        store.remove(store.documents()[0].id)
        assert store.vector_search(vector("x"), 5) == []


def test_two_stores_on_one_server_do_not_mix(server: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with Store.open(tmp_path / name, create=True, chroma_url=server) as store:
            store.add(*policy(f"{name}市办法", [f"{name}的第一条。"]))
            assert len(store.vector_search(vector("x"), 10)) == 1


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path / "s", create=True, chroma_url="http://127.0.0.1:9") as store,
        pytest.raises(RemoteError, match=r"the Chroma server http://127.0.0.1:9 failed"),
    ):
        store.vector_search(np.ones(16, dtype=np.float32), 1)


def test_a_store_of_the_folder_is_not_read_from_a_server(store: Store, server: str) -> None:
    with pytest.raises(StoreError, match="has its vectors in its own folder; move them with"):
        Store.open(store.path, chroma_url=server)


# ------------------------------------------------------------------ a full disk
def fill(store: Store) -> None:
    """Add documents until something gives."""
    for n in range(2000):
        store.add(*policy(f"第{n}号", [f"第{n}号{i}" * 200 for i in range(20)]))


def test_a_full_disk_is_one_clear_error_and_what_was_stored_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(disk)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        with Store.open(disk / "s", create=True) as store:
            store.use_embedder(MARK)
            store.add(*policy("星桥区民宿管理细则", TEXTS["星桥区民宿管理细则"]))
            with pytest.raises((StoreError, OSError)) as caught:
                fill(store)
            assert "\n" not in str(caught.value)
        assert len(Store.open(disk / "s").clauses()) >= 3
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
