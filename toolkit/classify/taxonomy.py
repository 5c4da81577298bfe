"""The codes that a clause can get: a YAML file of ids, names, definitions and examples.

In: `prompts/taxonomy.yaml` or a person's own file of the same shape. Out: `Taxonomy`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from toolkit.errors import InputError
from toolkit.prompts import prompts_folder

__all__ = ["Code", "Taxonomy", "load_taxonomy"]


class Code(BaseModel):
    """One code: its number, name, definition, what it is not, and invented examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: int = Field(ge=0)
    name: str = Field(min_length=1)
    definition: str = ""
    boundary: str = Field(default="", alias="not")
    examples: tuple[str, ...] = ()


class Taxonomy(BaseModel):
    """All codes in the order of the file; ids and names are unique."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = ""
    codes: tuple[Code, ...] = Field(min_length=2)

    @property
    def ids(self) -> tuple[int, ...]:
        """The codes' numbers."""
        return tuple(code.id for code in self.codes)

    def code(self, wanted: int | str) -> Code | None:
        """Find a code by its number or its name; None where there is none."""
        text = str(wanted).strip()
        return next((code for code in self.codes if text in (str(code.id), code.name)), None)


def load_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """Read a taxonomy; None is the fifteen policy instruments that ship with the toolkit.

    Raises InputError with the line where the YAML is broken or an id or a name stands twice.
    """
    source = Path(path) if path is not None else prompts_folder() / "taxonomy.yaml"
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read the taxonomy {source}: {reason}") from error
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"the taxonomy {source} is not YAML: {' '.join(str(error).split())}") from error
    _refuse_twice(source, text)
    try:
        return Taxonomy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(
            f"the taxonomy {source} is not valid at {place}: {first['msg']}",
            hint="it holds `codes`, a list of id, name, definition, not, examples",
        ) from error


def _refuse_twice(source: Path, text: str) -> None:
    """Look for an id or a name that stands twice, where the YAML still knows its lines."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise InputError(
            f"the taxonomy {source} holds no codes", hint="it needs `codes:`, a list of id and name"
        )
    seen: dict[tuple[str, str], int] = {}
    for key, codes in root.value:
        if key.value != "codes" or not isinstance(codes, yaml.SequenceNode):
            continue
        for code in codes.value:
            for field, value in code.value if isinstance(code, yaml.MappingNode) else []:
                if field.value not in ("id", "name") or not isinstance(value, yaml.ScalarNode):
                    continue
                line = value.start_mark.line + 1
                before = seen.setdefault((field.value, value.value), line)
                if before != line:
                    raise InputError(
                        f"the taxonomy {source}, line {line}: {field.value} {value.value} stands in"
                        f" line {before} already",
                        hint=f"give each code its own {field.value}",
                    )
