"""Training: what a person gets from their own coded clauses, and what a mistake in the file gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.classify import Classifier, TrainingReport, load_taxonomy, read_labels, train
from toolkit.classify.labels import fold_of
from toolkit.cli import main
from toolkit.errors import InputError

ANIMALS = """
name: 动物
codes:
  - {id: 1, name: 水生, definition: 生活在水里的动物, examples: [鲫鱼在池塘里过冬]}
  - {id: 7, name: 飞行, definition: 能在空中飞的动物, examples: [燕子春天从南方回来]}
  - {id: 30, name: 家养, definition: 人饲养的动物}
"""


@pytest.fixture(scope="module")
def sample(root: Path) -> Path:
    return root / "examples" / "labels_sample.tsv"


@pytest.fixture(scope="module")
def trained(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingReport, list[str]]:
    folder = tmp_path_factory.mktemp("trained")
    steps: list[str] = []
    report = train(
        sample,
        out=folder / "own.npz",
        report=folder / "own.html",
        fast=True,
        progress=lambda done, total, what: steps.append(f"{done}/{total} {what}"),
    )
    return folder / "own.npz", report, steps


def test_a_classifier_taught_by_a_hundred_clauses_codes_new_ones(trained) -> None:
    path, _, _ = trained
    classifier = Classifier.load(path, fast=True)
    credit, school = classifier.classify(
        ["鼓励银行为光学仪器企业发放信用贷款，由担保公司增信。", "技工学校开设光学仪器专业，每年组织轮训。"]
    )
    assert credit.labels == (6,)
    assert school.labels == (7,)
    assert credit.scores["6"] > 0.6 > credit.scores["7"]


def test_figures_come_from_held_out_clauses_and_progress_is_told(trained) -> None:
    _, report, steps = trained
    assert report.clauses == 102
    assert report.measures.micro_f1 > 0.8
    assert {code.id for code in report.measures.codes if code.clauses} == {3, 5, 6, 7, 8, 10, 11, 12}
    assert steps[0].startswith("0/")
    assert steps[-1].endswith("done")


def test_a_code_without_clauses_is_warned_of_and_learnt_from_its_definition(trained) -> None:
    path, report, _ = trained
    assert any(line.startswith("code 0 has 0 clauses") for line in report.warnings)
    scores = (
        Classifier.load(path, fast=True)
        .classify(["政府采购：向社会力量购买服务，首购和订购创新产品。"])[0]
        .scores
    )
    assert scores["0"] == max(scores[code] for code in ("0", "1", "4", "9", "13"))


def test_the_page_shows_pictures_and_opens_without_anything_else(trained) -> None:
    page = trained[0].with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2
    assert "知识产权" in page
    assert "<script" not in page
    assert "http-equiv" not in page


def test_a_wrong_coding_heads_the_list_of_doubtful_ones(sample: Path, tmp_path: Path) -> None:
    lines = sample.read_text(encoding="utf-8").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("引导银行") and line.endswith("\t6"))
    lines[at] = lines[at].removesuffix("6") + "10"
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join(lines), encoding="utf-8")
    report = train(labels, out=tmp_path / "c.npz", fast=True)
    assert at + 1 in [doubt.line for doubt in report.doubts[:5]]
    found = next(doubt for doubt in report.doubts if doubt.line == at + 1)
    assert found.given == (10,)
    assert found.suggested == (6,)


def test_the_same_labels_give_the_same_file(sample: Path, trained, tmp_path: Path) -> None:
    train(sample, out=tmp_path / "again.npz", fast=True)
    assert (tmp_path / "again.npz").read_bytes() == trained[0].read_bytes()
    assert (
        Classifier.load(tmp_path / "again.npz", fast=True).fingerprint
        == Classifier.load(trained[0], fast=True).fingerprint
    )


def test_any_taxonomy_works_and_names_do_for_numbers(tmp_path: Path) -> None:
    taxonomy = tmp_path / "animals.yaml"
    taxonomy.write_text(ANIMALS, encoding="utf-8")
    lines = [f"{who}在{where}里游泳{n}圈\t水生" for n in range(3) for who in "鱼虾鲸" for where in "河海"]
    lines += [f"{who}从{where}飞过{n}次\t7" for n in range(3) for who in "鹰雁鸽" for where in "山城"]
    lines += [f"农户喂养的{who}，每天{n}斤饲料\t30" for n in range(6) for who in "牛羊猪"]
    lines += ["农户喂养的鸽从屋顶飞过\t7，家养"]
    labels = tmp_path / "animals.tsv"
    labels.write_text("\r\n".join(lines), encoding="utf-8-sig")
    report = train(labels, taxonomy=taxonomy, out=tmp_path / "animals.npz", fast=True)
    assert [code.clauses for code in report.measures.codes] == [18, 19, 19]
    found = Classifier.load(tmp_path / "animals.npz", fast=True).classify(["大雁从湖上飞过"])[0]
    assert found.labels == (7,)
    assert set(found.scores) == {"1", "7", "30"}


GOOD = [f"支持第{n}类企业贷款\t6" for n in range(8)] + [f"培训第{n}类工人\t7" for n in range(8)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("支持企业上市 6", "line 17: no tab"),
        ("支持企业上市\t6,99", "line 17: the taxonomy has no code 99"),
        ("支持企业上市\t", "line 17: a code is missing"),
        ("支持企业上市\t6,", "line 17: a code is missing"),
        ("  \t6", "line 17: the clause is empty"),
        ("支持\t企业上市\t6", "line 17: more than one tab"),
        ("贷款" * 10_000 + "\t6", "line 17: the clause has 20000 characters"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_left_behind(line: str, said: str, tmp_path: Path, capsys) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join([*GOOD, line]), encoding="utf-8")
    assert main(["train", str(labels), "--out", str(tmp_path / "out" / "c.npz")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["labels.tsv"]


def test_a_file_with_one_code_only_is_refused(tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join(f"支持第{n}类企业贷款\t6" for n in range(12)), encoding="utf-8")
    with pytest.raises(InputError, match="lines 1 to 12: every clause has the code 6 alone"):
        train(labels, out=tmp_path / "c.npz", fast=True)


def test_too_few_clauses_and_other_encodings_are_refused(tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join(GOOD[:4]), encoding="utf-8")
    with pytest.raises(InputError, match="holds 4 different coded clauses; code at least 10"):
        train(labels, out=tmp_path / "c.npz", fast=True)
    labels.write_bytes(b"abc\t6\n" + "支持企业\t6".encode("gb18030"))
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        train(labels, out=tmp_path / "c.npz", fast=True)
    with pytest.raises(InputError, match="cannot read the coded clauses"):
        train(tmp_path / "none.tsv", out=tmp_path / "c.npz", fast=True)


def test_a_clause_coded_twice_otherwise_is_reported_with_both_lines(tmp_path: Path) -> None:
    labels = tmp_path / "labels.tsv"
    labels.write_text("\n".join([*GOOD, "支持第3类 企业贷款\t13", "培训第1类工人\t7"]), encoding="utf-8")
    coded = read_labels(labels, load_taxonomy())
    assert coded.warnings[:2] == (
        "line 17: the clause of line 4 again, coded otherwise: 6 and 13",
        "line 18: the clause of line 10 again",
    )
    assert len(coded) == 16
    assert [coded.taxonomy.ids[at] for at in coded.truth[3].nonzero()[0]] == [6, 13]


def test_a_taxonomy_with_an_id_or_a_name_twice_names_both_lines(tmp_path: Path) -> None:
    taxonomy = tmp_path / "t.yaml"
    taxonomy.write_text("codes:\n  - id: 1\n    name: 甲\n  - id: 1\n    name: 乙\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 4: id 1 stands in line 2 already"):
        load_taxonomy(taxonomy)
    taxonomy.write_text("codes:\n  - id: 1\n    name: 甲\n  - id: 2\n    name: 甲\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 5: name 甲 stands in line 3 already"):
        load_taxonomy(taxonomy)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("codes: [", "is not YAML"),
        ("just words", "holds no codes"),
        ("codes:\n  - {id: 1, name: 甲}\n", "not valid at codes"),
        ("codes:\n  - {id: -1, name: 甲}\n  - {id: 2, name: 乙}\n", "not valid at codes.0.id"),
        ("codes:\n  - {id: 1, nam: 甲}\n  - {id: 2, name: 乙}\n", "not valid at codes.0"),
    ],
)
def test_a_taxonomy_of_another_shape_is_refused(text: str, said: str, tmp_path: Path) -> None:
    taxonomy = tmp_path / "t.yaml"
    taxonomy.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        load_taxonomy(taxonomy)


def test_the_command_prints_the_figures(sample: Path, tmp_path: Path, capsys) -> None:
    assert main(["train", str(sample), "--out", str(tmp_path / "c.npz"), "--fast", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["measures"]["clauses"] == 102
    assert "fold 1" in captured.err


def test_an_out_that_cannot_be_is_refused_before_the_work(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        train(sample, out=tmp_path)
    with pytest.raises(InputError, match=r"name a file \.html"):
        train(sample, out=tmp_path / "c.npz", report=tmp_path / "page.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_clause_has_the_fold_of_its_md5() -> None:
    assert [fold_of(text) for text in ("", "a", "政策")] == [
        0xD41D8CD98F00B204E9800998ECF8427E % 5,
        0x0CC175B9C0F1B6A831C399E269772661 % 5,
        fold_of("政策"),
    ]
