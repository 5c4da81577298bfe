"""What the model is told: prompt files with strict variables and their own examples.

In: `prompts/<name>.yaml`. Out: `Prompt`, whose `messages()` gives the turns for the engine.

A prompt file holds `system`, `user` (with `$variable` places; `$$` is a dollar sign), optional
`prefill`, and `examples`: a list of `variables` and the `reply` that they should get.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from toolkit.errors import InputError
from toolkit.records import Message, content_id

__all__ = ["Example", "Prompt", "load_prompt", "prompts_folder"]

_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$(?:\{(\w+)\}|(\w+))")


class Example(BaseModel):
    """One worked example: the prompt's variables and the reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    variables: dict[str, str]
    reply: str


class Prompt(BaseModel):
    """A system text, a user template and examples; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    system: str = ""
    user: str
    prefill: str = ""
    examples: tuple[Example, ...] = ()

    @property
    def variables(self) -> frozenset[str]:
        """The names that `messages` needs."""
        return frozenset(a or b for a, b in _VARIABLE.findall(self.user))

    @property
    def hash(self) -> str:
        """Identify the prompt's content, for ledgers and outputs."""
        return content_id(self.model_dump_json())

    def messages(self, **values: str) -> tuple[Message, ...]:
        """Fill the template; every missing or unknown variable is named in one error."""
        turns = [Message(role="system", content=self.system)] if self.system else []
        for example in self.examples:
            turns.append(Message(role="user", content=self._fill(example.variables)))
            turns.append(Message(role="assistant", content=example.reply))
        turns.append(Message(role="user", content=self._fill(values)))
        return tuple(turns)

    def _fill(self, values: Mapping[str, str]) -> str:
        missing, unknown = self.variables - values.keys(), values.keys() - self.variables
        if missing or unknown:
            said = [f"lacks {', '.join(sorted(missing))}"] if missing else []
            said += [f"does not know {', '.join(sorted(unknown))}"] if unknown else []
            raise InputError(f"prompt {self.name} {' and '.join(said)}")
        return Template(self.user).substitute(values)


def prompts_folder() -> Path:
    """The folder of the prompt files: the checkout's `prompts/`, or the installed package's."""
    checkout = Path(__file__).resolve().parent.parent / "prompts"
    if checkout.is_dir():
        return checkout
    return Path(str(files("toolkit"))) / "prompts_data"


@cache
def load_prompt(name: str | Path) -> Prompt:
    """Read a prompt by its name in `prompts/` or by its path."""
    path = Path(name) if str(name).endswith((".yaml", ".yml")) else prompts_folder() / f"{name}.yaml"
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Prompt(name=path.stem, **content)
    except OSError as error:
        raise InputError(f"cannot read the prompt {path}: {error.strerror}") from error
    except (yaml.YAMLError, TypeError, ValidationError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"the prompt {path} is not valid: {reason}") from error
