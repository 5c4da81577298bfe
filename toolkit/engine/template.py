"""From messages to prompt tokens: the model's own chat template, with contents that cannot break out.

A control token written in a message (`<|im_end|>` in a policy file) is read as plain characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolkit.engine.runtime import Runtime
from toolkit.errors import ModelError
from toolkit.records import Message

__all__ = ["ChatTemplate"]

_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_MARK = "\ue000{}\ue001"
_MARKED = re.compile("\ue000(\\d+)\ue001")


class ChatTemplate:
    """Renders messages as the model was trained to read them."""

    def __init__(self, runtime: Runtime) -> None:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self._runtime = runtime
        self._controls = re.compile("|".join(map(re.escape, runtime.special_texts())) or r"(?!)")
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        source = runtime.chat_template() or _CHATML
        try:
            self._template = environment.from_string(source)
        except jinja2.TemplateError as error:
            raise ModelError(f"the chat template of {runtime.path.name} is broken: {error}") from error

    def tokens(self, messages: Sequence[Message], prefill: str = "") -> list[int]:
        """Give the prompt's tokens, up to where the model's reply starts; `prefill` starts it."""
        controls: list[str] = []
        turns = [{"role": m.role, "content": self._disarm(m.content, controls)} for m in messages]
        text = self._render(turns) + self._disarm(prefill, controls)
        pieces = _MARKED.split(text)
        if len(pieces) == 1:
            return self._runtime.tokenize(text, special=True, start=self._starts(text))
        tokens: list[int] = []
        for index, piece in enumerate(pieces):
            if index % 2:
                tokens += self._runtime.tokenize(controls[int(piece)])
            else:
                tokens += self._runtime.tokenize(piece, special=True, start=not tokens and self._starts(text))
        return tokens

    def _starts(self, text: str) -> bool:
        """Say whether the model's first token must be put before a rendered text."""
        return self._runtime.adds_start and not text.startswith(self._runtime.token_text("bos"))

    def _disarm(self, content: str, controls: list[str]) -> str:
        """Replace each control token in a content by a mark, kept in `controls`."""
        content = content.replace("\ue000", "").replace("\ue001", "")

        def mark(found: re.Match[str]) -> str:
            controls.append(found.group())
            return _MARK.format(len(controls) - 1)

        return self._controls.sub(mark, content)

    def _render(self, turns: list[dict[str, str]]) -> str:
        import jinja2

        try:
            return self._template.render(
                messages=turns,
                add_generation_prompt=True,
                bos_token=self._runtime.token_text("bos"),
                eos_token=self._runtime.token_text("eos"),
            )
        except jinja2.TemplateError as error:
            raise ModelError(f"the model's chat template refuses these messages: {error}") from error


def _refuse(message: str) -> str:
    import jinja2

    raise jinja2.TemplateError(message)
