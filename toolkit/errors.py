"""The toolkit's exceptions: everything that can be the caller's to mend.

    ToolkitError                 root; `str(error)` is one line: what is wrong, with what, what to do
    ├── InputError               a file, an argument or a record that the user gave
    ├── ModelError               a model that is missing, broken, or refuses to load
    │   └── ContextOverflow      a prompt that does not fit the model's context
    ├── StoreError               a store that is missing, locked, or of another make
    └── RemoteError              a server that does not answer or answers with an error

A bug stays the exception that it is; these are never raised for one.
"""

from __future__ import annotations

__all__ = ["ContextOverflow", "InputError", "ModelError", "RemoteError", "StoreError", "ToolkitError"]


class ToolkitError(Exception):
    """Root of the toolkit's exceptions; its text is one line for a person."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(f"{message}; {hint}" if hint else message)


class InputError(ToolkitError):
    """The user's input is wrong: a path, an option, a file's content, a record."""


class ModelError(ToolkitError):
    """A model or the runtime that should load it is missing or broken."""


class ContextOverflow(ModelError):
    """A prompt is longer than the model's context; nothing was cut."""

    def __init__(self, *, needed: int, available: int) -> None:
        self.needed = needed
        self.available = available
        super().__init__(
            f"the prompt and its reply need {needed} tokens and the context holds {available}",
            hint="shorten the input or load the model with a larger context",
        )


class StoreError(ToolkitError):
    """A store cannot be opened, read or written as asked."""


class RemoteError(ToolkitError):
    """A remote model or store failed to answer."""
