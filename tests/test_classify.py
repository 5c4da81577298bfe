"""Coding clauses: labels with calibrated scores, the review split, the page, and bad input."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from toolkit.classify import Classifier, classify_corpus, load_taxonomy, read_labels, run_protocol
from toolkit.classify.calibration import choose, fit_calibration
from toolkit.classify.measures import calibration_error
from toolkit.classify.review import ReviewCurve, sureness
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.records import Labelling


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(fast=True)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("对科技企业的贷款给予担保费补贴，设立风险补偿资金池，引导银行发放信用贷款。", 6),
        ("建立专利快速审查和侵权纠纷快速处理机制，加强商标和地理标志保护。", 11),
        ("为引进的高层次人才提供住房补贴，解决配偶就业和子女入学。", 8),
        ("对符合条件的小微企业减免企业所得税和增值税。", 10),
        ("在职业院校开设数控专业，建设技能人才实训基地，开展职业培训。", 7),
        ("推动大数据、物联网和人工智能在制造业的示范应用。", 14),
    ],
)
def test_the_shipped_classifier_codes_plain_clauses(classifier: Classifier, text: str, code: int) -> None:
    found = classifier.classify([text])[0]
    assert code in found.labels
    assert found.scores[str(code)] == max(found.scores.values())


def test_every_clause_gets_every_score_in_its_place(classifier: Classifier) -> None:
    texts = [f"第{n}条 支持建设产业园区和孵化器。" for n in range(600)]
    told: list[int] = []
    found = classifier.classify(texts, ids=[f"c{n}" for n in range(600)], progress=told.append)
    assert [one.id for one in found] == [f"c{n}" for n in range(600)]
    assert [one.text for one in found] == texts
    assert told == [256, 512, 600]
    for one in found:
        assert set(one.scores) == {str(code) for code in range(15)}
        assert all(0 < score < 1 for score in one.scores.values())
        assert one.labels == tuple(sorted(one.labels)) != ()


def test_white_space_and_width_change_nothing(classifier: Classifier) -> None:
    plain, spaced = classifier.classify(
        ["支持5G基站建设（含室内），给予奖励。", "支持 ５Ｇ基站\n建设(含室内),给予奖励。"]
    )
    assert plain.scores == spaced.scores


def test_an_empty_clause_has_no_code_and_a_very_long_one_has(classifier: Classifier) -> None:
    empty, blank, long = classifier.classify(["", " \n", "加强知识产权保护。" * 2300])
    assert (empty.labels, empty.stage) == ((), "empty")
    assert (blank.labels, blank.stage) == ((), "empty")
    assert long.labels == (11,)


def test_odd_texts_are_coded_like_any_other(classifier: Classifier) -> None:
    odd = ["\ud800补贴", "…………", "a", "😀" * 50, "\x00\x01", "𠮷野家补贴", "1" * 20_000]
    assert [len(one.labels) > 0 for one in classifier.classify(odd)] == [True] * len(odd)


def test_a_saved_classifier_gives_the_same_scores(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path / "copy.npz")
    text = "对首次挂牌的企业一次性奖励。"
    copy = Classifier.load(tmp_path / "copy.npz", fast=True)
    assert np.abs(copy.judge([text])[0] - classifier.judge([text])[0]).max() < 0.02
    assert [path.name for path in tmp_path.iterdir()] == ["copy.npz"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_file_that_is_no_classifier_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a classifier's file"):
        Classifier.load(path, fast=True)
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(InputError, match="not a classifier's file"):
        Classifier.load(path, fast=True)
    np.savez(path, about=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="not a classifier's file"):
        Classifier.load(path, fast=True)
    with pytest.raises(InputError, match="cannot read the classifier"):
        Classifier.load(tmp_path / "none.npz")


# ------------------------------------------------------------------ the command
def test_policies_are_coded_clause_by_clause_with_a_page(root: Path, tmp_path: Path, capsys) -> None:
    out, page = tmp_path / "codes.jsonl", tmp_path / "codes.html"
    status = main(
        ["classify", str(root / "examples" / "policies"), "--out", str(out), "--fast", "--report", str(page)]
    )
    rows = lines(out)
    assert status == 0
    assert f"{len(rows)} clauses coded, 0 empty, 0 failed" in capsys.readouterr().out
    assert list(rows[0]) == ["id", "text", "labels", "scores", "stage"]
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 3
    assert "按地区" in text
    assert "按年份" in text
    assert "<script" not in text


def test_review_splits_every_clause_and_orders_by_doubt(root: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "codes.jsonl"
    assert main(["classify", "--clauses", str(root / "examples" / "clauses.jsonl"), "--out", str(out),
                 "--review", "0.8", "--fast", "--json"]) == 0  # fmt: skip
    tally = json.loads(capsys.readouterr().out)
    accepted, review = lines(out), lines(tmp_path / "codes.review.jsonl")
    given = lines(root / "examples" / "clauses.jsonl")
    assert sorted(row["id"] for row in accepted + review) == sorted(row["id"] for row in given)
    assert (tally["accepted"], tally["review"]) == (len(accepted), len(review))
    doubts = [row["doubt"] for row in review]
    assert doubts == sorted(doubts, reverse=True)
    assert tally["precision"] >= 0.8


def test_lines_that_are_no_clauses_are_named_and_the_rest_is_coded(tmp_path: Path, capsys) -> None:
    clauses = tmp_path / "c.jsonl"
    clauses.write_text(
        '{"id": "a", "text": "落实税收优惠。", "region": "甲市", "issued": "2021-05-01"}\n'
        '{"id": "b"}\nnonsense\n{"id": "d", "text": ""}\n',
        encoding="utf-8",
    )
    out, page = tmp_path / "o.jsonl", tmp_path / "o.html"
    assert (
        main(["classify", "--clauses", str(clauses), "--out", str(out), "--fast", "--report", str(page)]) == 3
    )
    captured = capsys.readouterr()
    assert "c.jsonl:2" in captured.err
    assert "c.jsonl:3" in captured.err
    assert "1 clauses coded, 1 empty, 2 failed" in captured.out
    assert [(row["id"], row["labels"]) for row in lines(out)] == [("a", [10]), ("d", [])]
    assert "甲市" in page.read_text(encoding="utf-8")
    assert "2021" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either files or --clauses"),
        (["--clauses", "none.jsonl"], "none.jsonl"),
        (["none"], "none does not exist"),
        (["--clauses", "x.jsonl", "--review", "1.5"], "a precision of 1.5"),
        (["--clauses", "x.jsonl", "--report", "page.pdf"], "name a file .html"),
        (["--clauses", "x.jsonl", "--classifier", "none.npz"], "cannot read the classifier none.npz"),
    ],
)
def test_a_mistake_gets_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.jsonl").write_text('{"id": "a", "text": "税收优惠"}\n', encoding="utf-8")
    assert main(["classify", *arguments, "--fast", "--out", "o.jsonl"]) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "o.jsonl").exists()


def test_an_excel_table_has_chinese_headings(root: Path, tmp_path: Path, classifier: Classifier) -> None:
    from openpyxl import load_workbook

    classify_corpus(
        clauses=root / "examples" / "clauses.jsonl", out=tmp_path / "o.xlsx", classifier=classifier
    )
    sheet = load_workbook(tmp_path / "o.xlsx").active
    assert [cell.value for cell in sheet[1]] == ["编号", "条款", "类别", "分数", "阶段"]


# ------------------------------------------------------------------ scores
def test_calibrated_scores_are_the_share_that_is_right() -> None:
    rng = np.random.default_rng(3)
    chance = rng.random((4000, 4)) ** 3
    truth = (rng.random((4000, 4)) < chance).astype(np.int8)
    margins = (np.log(chance / (1 - chance)) * 3 + 1)[None]  # far too sure of itself
    calibration = fit_calibration(margins[:, :2000], truth[:2000])
    scores, _ = calibration.judge(margins[:, 2000:])
    assert calibration_error(scores.ravel(), truth[2000:].ravel() == 1) < 0.03
    first = scores.argmax(axis=1)
    right = truth[2000:][np.arange(2000), first] == 1
    assert calibration_error(scores[np.arange(2000), first], right) < 0.05


def test_the_best_code_is_chosen_even_below_its_cut() -> None:
    chosen = choose(np.array([[-2.0, -1.0], [0.3, 0.1]]), np.array([0.0, 0.0]))
    assert chosen.tolist() == [[False, True], [True, True]]


def test_the_calibration_error_of_a_known_case() -> None:
    scores = np.array([0.95] * 10 + [0.25] * 4)
    right = np.array([True] * 9 + [False] + [True] * 2 + [False] * 2)
    assert calibration_error(scores, right) == pytest.approx((10 * 0.05 + 4 * 0.25) / 14, abs=1e-4)


def test_the_review_limit_is_where_the_measured_precision_holds() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.1], [0.7, 0.1], [0.6, 0.1]])
    truth = np.array([[1, 0], [1, 0], [0, 1], [1, 0]], dtype=np.int8)
    curve = ReviewCurve.measure(scores, scores > 0.5, truth)
    assert curve.limit(1.0) == (0.8, 1.0, 0.5)
    assert curve.limit(0.75) == (0.6, 0.75, 1.0)
    split = curve.split(
        [Labelling(id=str(s), text="x", labels=(1,), scores={"1": s}) for s in (0.5, 0.85, 0.1)], 1.0
    )
    assert [one.id for one in split.accepted] == ["0.85"]
    assert [one.id for one in split.review] == ["0.1", "0.5"]
    assert sureness(Labelling(id="", text="", labels=(), scores={})) == 0.0


def test_a_precision_that_nothing_reaches_accepts_nothing() -> None:
    scores, truth = np.array([[0.9, 0.1]]), np.array([[0, 1]], dtype=np.int8)
    curve = ReviewCurve.measure(scores, scores > 0.5, truth)
    split = curve.split([Labelling(id="a", text="x", labels=(1,), scores={"1": 0.99})], 0.9)
    assert (split.accepted, split.share) == ((), 0.0)


# ------------------------------------------------------------------ the measured figures
def test_the_protocol_measures_each_fold_on_models_that_did_not_see_it(root: Path, capsys) -> None:
    sample = root / "examples" / "labels_sample.tsv"
    assert main(["eval", "classify", str(sample), "--fast", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["measures"]["micro_f1"] > 0.8
    assert told["measures"]["clauses"] == 102
    assert told["accepted"] > 0.4
    coded = read_labels(sample, load_taxonomy())
    nonsense = replace(coded, truth=coded.truth[np.random.default_rng(0).permutation(len(coded))])
    assert run_protocol(nonsense).measures.micro_f1 < 0.35


def test_a_classifier_is_scored_on_other_clauses(root: Path, capsys) -> None:
    sample = root / "examples" / "labels_sample.tsv"
    shipped = root / "toolkit" / "classify" / "default.npz"
    assert main(["eval", "classify", str(sample), "--classifier", str(shipped), "--fast"]) == 0
    assert "micro-F1" in capsys.readouterr().out


def test_the_shipped_classifier_says_what_it_measured(classifier: Classifier) -> None:
    measures = classifier.about["measures"]
    assert classifier.about["clauses"] > 1400
    assert measures["micro_f1"] > 0.69
    assert measures["macro_f1"] > 0.64
    assert measures["ece"] < 0.05
    assert classifier.taxonomy == load_taxonomy()


def test_the_shipped_classifier_holds_no_text_of_its_clauses(classifier: Classifier) -> None:
    assert max(len(gram) for gram in classifier.members.grams.columns) <= 5  # four characters and a mark


def test_the_shipped_classifier_was_fitted_to_the_coded_clauses(
    classifier: Classifier, shared_data: Path
) -> None:
    coded = read_labels(shared_data / "clauses_labelled.tsv", classifier.taxonomy)
    _, chosen = classifier.judge(coded.texts[:300])
    truth = coded.truth[:300] == 1
    assert 2 * (chosen & truth).sum() / (chosen.sum() + truth.sum()) > 0.85


def test_a_thousand_clauses_take_about_a_second(classifier: Classifier) -> None:
    texts = [f"第{n}条 对符合条件的企业给予一次性奖励，鼓励银行发放信用贷款。" * 3 for n in range(1000)]
    began = time.process_time()
    classifier.classify(texts)
    assert time.process_time() - began < 4  # a busy machine's clock is no measure; the bench has the figure
