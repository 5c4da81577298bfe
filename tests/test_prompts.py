"""Prompt files: strict variables, their own examples, one-line errors."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from toolkit.errors import InputError
from toolkit.prompts import Prompt, load_prompt, prompts_folder


def write(path: Path, content: object) -> Path:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


def test_messages_fill_the_template_and_put_the_examples_first(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.yaml",
        {
            "system": "只按条款回答。",
            "user": "条款：$clause\n问：$question",
            "examples": [{"variables": {"clause": "甲", "question": "乙"}, "reply": "丙"}],
        },
    )
    turns = load_prompt(path).messages(clause="给予{补贴}$5", question="多少")
    assert [turn.role for turn in turns] == ["system", "user", "assistant", "user"]
    assert turns[1].content == "条款：甲\n问：乙"
    assert turns[-1].content == "条款：给予{补贴}$5\n问：多少"


def test_every_missing_and_unknown_variable_is_named_in_one_error() -> None:
    prompt = Prompt(name="p", user="$a 和 $b")
    with pytest.raises(InputError, match=r"prompt p lacks a, b and does not know c, d"):
        prompt.messages(c="1", d="2")


def test_a_doubled_dollar_is_no_variable() -> None:
    prompt = Prompt(name="p", user="$$100 给 $who")
    assert prompt.variables == {"who"}
    assert prompt.messages(who="甲")[-1].content == "$100 给 甲"


@pytest.mark.parametrize("content", ["a: [", "- 1\n- 2\n", "user: x\nusr: y\n", "system: x\n"])
def test_a_bad_prompt_file_is_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_prompt(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_hash_follows_the_content() -> None:
    assert Prompt(name="p", user="$a").hash == Prompt(name="p", user="$a").hash
    assert Prompt(name="p", user="$a").hash != Prompt(name="p", user="$a。").hash


def test_every_shipped_prompt_loads_and_its_examples_fill_its_template() -> None:
    for path in sorted(prompts_folder().glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "user" not in content:
            continue  # data beside the prompts: the taxonomy, the lexicon
        prompt = load_prompt(path.stem)
        assert prompt.messages(**dict.fromkeys(prompt.variables, "甲"))
