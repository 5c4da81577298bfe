"""Preparing a model for the machine, and trying the build in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from toolkit.embed.gguf import F32, Tensor, write_gguf
from toolkit.errors import ModelError
from toolkit.models import cache_folder, model_folder, probe_build, resolve
from toolkit.models.catalogue import CATALOGUE, SMALL_MODEL
from toolkit.models.checkup import Check, check_up
from toolkit.models.prepare import has_amx, prepare, prepared_path
from toolkit.models.requantize import requantize
from toolkit.models.trial import Speed

SLOW, FAST, FASTEST = Speed(100, 10), Speed(300, 30), Speed(900, 90)
CRASH = ("sh", "-c", "kill -SEGV $$")


def tiny_model(path: Path) -> Path:
    """Write a model that llama.cpp can requantize, though it could say nothing."""
    rng = np.random.default_rng(0)
    fields = {
        "general.architecture": "llama",
        "llama.context_length": 64,
        "llama.embedding_length": 256,
        "llama.block_count": 1,
        "llama.feed_forward_length": 256,
        "llama.attention.head_count": 4,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": 32,
        "general.file_type": 0,
    }
    tensors = [
        Tensor(name, (256, rows), F32, rng.standard_normal(256 * rows, dtype=np.float32).tobytes())
        for name, rows in (("token_embd.weight", 32), ("blk.0.attn_q.weight", 256))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        write_gguf(out, fields, tensors)
    return path


def speeds(q8: Speed, q4: Speed):  # type: ignore[no-untyped-def]
    """Give what a measurement would, by the file's name."""

    def measure(model: Path) -> Speed:
        assert model.stat().st_size > 0
        return q8 if "q8_0" in model.name else q4 if "q4_0" in model.name else SLOW

    return measure


def test_the_fastest_form_is_kept_and_the_others_removed(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    done = prepare(model, when="always", measure=speeds(FAST, FAST))
    assert done.choice == "Q8_0", "as fast, and nearer to the downloaded weights"
    assert done.path.stat().st_size < model.stat().st_size
    assert prepared_path(model) == done.path
    assert {path.name for path in tmp_path.glob("*.gguf")} == {"model.gguf", "model-q8_0.gguf"}


def test_a_coarser_form_must_be_much_faster(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    assert prepare(model, when="always", measure=speeds(FAST, FASTEST)).choice == "Q4_0"


def test_a_machine_that_gains_nothing_keeps_the_file_as_it_came(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    done = prepare(model, when="always", measure=speeds(SLOW, SLOW))
    assert (done.path, done.choice) == (model, "as downloaded")
    assert [path.name for path in tmp_path.glob("*.gguf")] == ["model.gguf"]


def test_what_was_decided_is_remembered_for_this_machine_alone(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    first = prepare(model, when="always", measure=speeds(FAST, SLOW))
    assert prepare(model, when="always", measure=speeds(SLOW, FASTEST)) == first
    assert prepare(model) == first
    decision = tmp_path / "model.gguf.prepared.json"
    decision.write_text(json.dumps({**json.loads(decision.read_text()), "machine": "another"}))
    assert prepared_path(model) == model
    assert prepare(model, when="always", measure=speeds(SLOW, FASTEST)).choice == "Q4_0"


def test_never_goes_back_to_the_file_as_it_came(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    prepare(model, when="always", measure=speeds(FAST, SLOW))
    assert prepare(model, when="never").path == model
    assert prepared_path(model) == model


def test_a_prepared_file_that_was_cut_is_not_used(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    done = prepare(model, when="always", measure=speeds(FAST, SLOW))
    done.path.write_bytes(done.path.read_bytes()[:-1])
    assert prepared_path(model) == model


@pytest.mark.skipif(has_amx(), reason="a machine with AMX measures")
def test_without_amx_nothing_is_tried(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "model.gguf")
    assert prepare(model).path == model
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]


def test_a_file_that_cannot_be_requantized_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(ModelError, match=r"cannot requantize .*model\.gguf to Q8_0"):
        requantize(tmp_path / "model.gguf", tmp_path / "out.gguf", "Q8_0")
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]


# -------------------------------------------------------------- the build
def test_a_build_that_crashes_is_told_with_its_mend(tmp_path: Path) -> None:
    result = probe_build(tmp_path / "any.gguf", command=CRASH)
    assert not result.ok
    assert "killed by SIGSEGV" in result.reason
    assert result.mend == "run: zhengce setup --build fresh"


def test_a_child_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "not.gguf").write_bytes(b"no")
    result = probe_build(tmp_path / "not.gguf", again=True)
    assert not result.ok
    assert "not.gguf is not a GGUF model" in result.reason


@pytest.mark.model
def test_a_build_that_runs_is_tried_once_and_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = resolve("small").path
    monkeypatch.setenv("ZHENGCE_CACHE", str(tmp_path))
    tried = probe_build(small)
    assert tried.ok, tried.reason
    assert [path.stem for path in (tmp_path / "probes").iterdir()] == [tried.build]
    assert probe_build(tmp_path / "no such file") == tried, "remembered: the file is not looked at"


def by_subject(checks: list[Check]) -> dict[str, Check]:
    return {check.subject: check for check in checks}


def test_the_doctor_survives_a_crashing_build_and_names_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENGCE_CACHE", str(tmp_path))
    tiny_model(model_folder(SMALL_MODEL) / "model.gguf")
    found = by_subject(check_up(trial_command=CRASH))
    assert found["llama.cpp"].state == "wrong"
    assert "SIGSEGV" in found["llama.cpp"].found
    assert "zhengce setup --build fresh" in found["llama.cpp"].mend
    assert "make clean && make setup" in found["llama.cpp"].mend
    assert found["embedder"].state == "note", "it would crash the same way"
    assert found[f"model {SMALL_MODEL}"].state == "wrong", "the hash of that file is not the pinned one"


def test_the_doctor_says_what_is_missing_with_status_1(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "toolkit", "doctor", "--json", "--store", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "ZHENGCE_CACHE": str(tmp_path / "empty")},
    )
    found = {check["subject"]: check for check in json.loads(run.stdout)}
    assert run.returncode == 1, run.stderr
    assert found["model qwen2.5-coder-1.5b"]["mend"] == "run: zhengce setup --model qwen2.5-coder-1.5b"
    assert found["store"]["state"] == "wrong"
    assert "zhengce ingest" in found["store"]["mend"]
    assert {"python", "llama.cpp", "embedder", "disk"} <= set(found)


@pytest.mark.model
def test_the_doctor_finds_the_installed_small_model_and_the_embedder_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHENGCE_MODEL", "small")
    found = by_subject(check_up())
    assert [check.subject for check in found.values() if check.state == "wrong"] == []
    assert found["llama.cpp"].found.endswith("decodes a prompt")
    assert found["embedder"].state == "ok"
    assert str(cache_folder()) in found["disk"].found
    assert len(found) == 5 + len(CATALOGUE)
