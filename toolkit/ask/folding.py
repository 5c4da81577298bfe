"""Folding that is kept: the same sentences are compared with every question.

In: text. Out: what `toolkit.text.fold` gives, a whole string at a time.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from toolkit.ask.windows import Sentence, split_sentences

__all__ = ["folded", "sentences_of"]

_PUNCTUATION = str.maketrans("，：；！？（）【】“”‘’％～—﹪", ",:;!?()[]\"\"''%~-%", "\u200b\ufeff\u00ad")


@lru_cache(maxsize=100_000)
def folded(text: str) -> str:
    """Fold width and punctuation variants and drop white space."""
    return "".join(unicodedata.normalize("NFKC", text).translate(_PUNCTUATION).split())


@lru_cache(maxsize=20_000)
def sentences_of(text: str) -> tuple[tuple[Sentence, str], ...]:
    """Cut a clause's text into sentences, each with its folded text."""
    return tuple((sentence, folded(sentence.text)) for sentence in split_sentences(text))
