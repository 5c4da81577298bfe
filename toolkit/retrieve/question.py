"""Reading a question for retrieval: its words, the policies' words for them, the places it names.

In: a question. Out: a `Question`; the bridge from everyday words to the policies' own is data,
`prompts/lexicon.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import yaml

from toolkit.errors import InputError
from toolkit.keywords import tokenize
from toolkit.places import find_places
from toolkit.prompts import prompts_folder

__all__ = ["Question", "read_question"]

Path = tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """A question as retrieval sees it: `tokens` as asked, `bridged` the policies' words for them, `places`
    the paths (province down) of the places named."""

    text: str
    tokens: tuple[str, ...]
    bridged: tuple[str, ...]
    places: tuple[Path, ...]


def read_question(text: str, *, regions: Iterable[Path] = ()) -> Question:
    """Read a question; `regions` are places that only the corpus knows."""
    tokens = tuple(tokenize(text))
    bridged: list[str] = []
    for everyday, own in _bridge().items():
        if everyday in text:
            bridged += [word for word in own if word not in text]
    words = dict.fromkeys(token for word in bridged for token in tokenize(word))
    places = dict.fromkeys(place.path for place in find_places(text, known=regions) if place.path)
    return Question(text, tokens, tuple(word for word in words if word not in tokens), tuple(places))


@cache
def _bridge() -> dict[str, tuple[str, ...]]:
    path = prompts_folder() / "lexicon.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {str(word): tuple(str(own).split()) for word, own in content["says"].items()}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the lexicon {path} is not valid: {' '.join(str(error).split())}") from error
