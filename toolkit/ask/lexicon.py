"""The bridge from how people ask to how policies say it, read from `prompts/lexicon.yaml`.

In: the file. Out: `Lexicon`: everyday words with the policies' own, the words that only ask, and the
patterns that tell what kind of answer is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from toolkit.errors import InputError
from toolkit.prompts import prompts_folder

__all__ = ["WANTS", "Lexicon", "load_lexicon"]

WANTS = (
    "rate",
    "people",
    "area",
    "term",
    "date",
    "times",
    "count",
    "who",
    "material",
    "manner",
    "definition",
    "enumeration",
    "money",
    "condition",
    "yes_no",
)
"""The kinds of answer that a question can ask for."""


@dataclass(frozen=True)
class Lexicon:
    """Everyday language beside the policies' own; every pattern is compiled."""

    says: Mapping[str, tuple[str, ...]]
    passing: frozenset[str]
    verbs: frozenset[str]
    wants: Mapping[str, re.Pattern[str]]
    validity: re.Pattern[str]
    giving: re.Pattern[str]
    required: re.Pattern[str]
    tiers: Mapping[str, tuple[str, ...]]
    owning: re.Pattern[str]
    opposites: tuple[tuple[str, ...], ...]
    steering: re.Pattern[str]
    abuse: re.Pattern[str]
    private: re.Pattern[str]


@cache
def load_lexicon() -> Lexicon:
    """Read `prompts/lexicon.yaml`; a broken file is an InputError that names what is wrong."""
    path = prompts_folder() / "lexicon.yaml"
    try:
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _compile(content)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, re.error, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the lexicon {path} is not valid: {' '.join(str(error).split())}") from error


def _compile(content: dict[str, Any]) -> Lexicon:
    wants = {kind: re.compile(content["wants"][kind]) for kind in WANTS}
    return Lexicon(
        says={word: tuple(line.split()) for word, line in content["says"].items()},
        passing=frozenset(content["passing"].split()),
        verbs=frozenset(content["verbs"].split()),
        wants=wants,
        validity=re.compile(content["validity"]),
        giving=re.compile(content["giving"]),
        required=re.compile(content["required"]),
        tiers={tier: tuple(line.split("|")) for tier, line in content["tiers"].items()},
        owning=re.compile(content["owning"]),
        opposites=tuple(tuple(group) for group in content["opposites"]),
        steering=re.compile(content["steering"], re.IGNORECASE),
        abuse=re.compile(content["abuse"], re.IGNORECASE),
        private=re.compile(content["private"]),
    )
