"""What a question asks: places, words, years, the kinds of answer wanted, and its parts.

In: the question's text. Out: a `Question`, shown as it is by `zhengce ask --explain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from toolkit.ask.lexicon import Lexicon, load_lexicon
from toolkit.ask.terms import Term, terms_of
from toolkit.ask.values import sums_in
from toolkit.places import find_places
from toolkit.text import squeeze

__all__ = ["LIMIT", "Question", "Term", "Where", "narrowed", "understand"]

Path = tuple[str, ...]

LIMIT = 600
"""Characters of a question; a longer one is refused, for nothing in it would be read reliably."""

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*(?:年度?|[-—~至到]|版)")
_PLACE_FORM = re.compile(r"[一-龥]{2,4}(?:区|县|市|旗|镇|州)")
_APPLYING = re.compile(r"申报|申请|报名|受理|提交|报送")
_GIVEN_SHARE = re.compile(
    r"(?:补|贴|奖|给|报|抵|资助|支持|返|减)[^，,。]{0,8}(?:[百千]分之几|几成|多少比例|几个点|百分之多少|多少)"
    r"|(?:[百千]分之几|几成|多少比例|几个点|百分之多少)[^，,。]{0,6}(?:补|贴|奖|给|报|抵|资助|支持|返|减)"
)
_SPLIT = re.compile(r"[，,。；;？?！!：:]")
_BOTH = re.compile(
    r"分别|各是|各(?:多少|要|能|不超过|有|给|为)|相比|哪个(?:更)?(?:高|多|低|长|早)|对比|有什么(?:区别|不同)|差多少|还是"
)


@dataclass(frozen=True)
class Where:
    """A place that the question names; `owns` where the place itself is asked for what it gives."""

    name: str
    path: Path
    owns: bool = False


@dataclass(frozen=True)
class Question:
    """A question as understood; `wants` are kinds of values in the order in which they are asked."""

    text: str
    wants: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    places: tuple[Where, ...] = ()
    years: tuple[int, ...] = ()
    tier: str | None = None
    about_validity: bool = False
    compares: bool = False
    granted: bool = False
    sums: tuple[float, ...] = ()
    asks: int = 1
    focus: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()

    @property
    def search_text(self) -> str:
        """The question with the policies' own words added, for retrieval."""
        added = dict.fromkeys(form for term in self.terms for form in term.says[:2])
        return f"{self.text} {' '.join(added)}".strip()

    @property
    def place_like(self) -> tuple[Term, ...]:
        """The words that have the form of a place's name and that no gazetteer knows."""
        lexicon = load_lexicon()
        loose = lexicon.passing | lexicon.verbs
        return tuple(
            term
            for term in self.terms
            if _PLACE_FORM.fullmatch(term.word)
            and not any(character in loose for character in term.word[:-1])
        )

    @property
    def asks_a_given_sum(self) -> bool:
        """Whether the answer must hold a sum or share that the policy gives, not a threshold."""
        if not self.granted:
            return False
        return "money" in self.wants or ("rate" in self.wants and _GIVEN_SHARE.search(self.text) is not None)

    @property
    def kind(self) -> str:
        """The question's main kind, in the words of the evaluation."""
        if self.compares:
            return "compare"
        if self.about_validity or self.wants[:1] == ("date",):
            return "deadline"
        for want, kind in _KINDS:
            if want in self.wants:
                return kind
        return "other"


_KINDS = (
    ("money", "amount"),
    ("rate", "amount"),
    ("definition", "definition"),
    ("who", "procedure"),
    ("material", "procedure"),
    ("manner", "procedure"),
    ("enumeration", "list"),
    ("condition", "eligibility"),
    ("people", "eligibility"),
    ("area", "eligibility"),
    ("term", "eligibility"),
    ("count", "eligibility"),
    ("date", "deadline"),
)


def understand(text: str, *, regions: Iterable[Path] = ()) -> Question:
    """Read a question; `regions` are the corpus's places, which settle names and add invented ones."""
    lexicon = load_lexicon()
    asked = squeeze(text)
    known = tuple(regions)
    mentions = _mentions(asked, known)
    terms, phrases = terms_of(asked, (name for name, _, _ in mentions), lexicon)
    return Question(
        text=asked,
        wants=_wants(asked, lexicon),
        terms=terms,
        phrases=phrases,
        places=_places(asked, mentions, lexicon),
        years=tuple(dict.fromkeys(int(year) for year in _YEAR.findall(asked))),
        tier=_tier(asked, lexicon),
        about_validity=_about_validity(asked, lexicon),
        compares=_BOTH.search(asked) is not None,
        granted=_granted(asked, lexicon),
        sums=sums_in(asked),
        asks=_asks(asked, lexicon),
        focus=_focus(asked, terms, lexicon),
    )


def _wants(text: str, lexicon: Lexicon) -> tuple[str, ...]:
    found: dict[str, int] = {}
    for kind, pattern in lexicon.wants.items():
        for part in _SPLIT.split(text):
            match = pattern.search(part)
            if match and kind not in found:
                found[kind] = text.find(part) + match.start()
    if "definition" in found and {"money", "rate", "date", "people", "area"} & found.keys():
        del found["definition"]
    return tuple(sorted(found, key=lambda kind: found[kind]))


def _focus(text: str, terms: tuple[Term, ...], lexicon: Lexicon) -> tuple[str, ...]:
    """The words that stand just before what is asked for: 工资 in 每月工资补多少."""
    found = []
    for part in _SPLIT.split(text):
        match = lexicon.wants["money"].search(part) or lexicon.wants["rate"].search(part)
        if match is None:
            continue
        ends = [(part.rfind(t.word, 0, match.end()) + len(t.word), t.word) for t in terms if t.word in part]
        before = [(end, word) for end, word in ends if match.start() - 5 <= end <= match.end()]
        if before:
            found.append(max(before)[1])
    return tuple(found)


def _asks(text: str, lexicon: Lexicon) -> int:
    """How many figures are asked for: one for each part and kind."""
    return sum(
        any(lexicon.wants[kind].search(part) for kind in group)
        for part in _SPLIT.split(text)
        for group in (("money",), ("rate",), ("people", "count", "area", "term", "times", "date"))
    )


def _granted(text: str, lexicon: Lexicon) -> bool:
    """Whether the sum or share that is asked for is given to the asker, rather than required of him."""
    parts = [
        p for p in _SPLIT.split(text) if lexicon.wants["money"].search(p) or lexicon.wants["rate"].search(p)
    ]
    return (
        bool(parts)
        and not any(lexicon.required.search(p) for p in parts)
        and bool(lexicon.giving.search(text))
    )


def _about_validity(text: str, lexicon: Lexicon) -> bool:
    """Whether a part of the question asks when a policy begins or ends."""
    return any(
        lexicon.validity.search(part) and lexicon.wants["date"].search(part) and not _APPLYING.search(part)
        for part in _SPLIT.split(text)
    )


def _mentions(text: str, regions: tuple[Path, ...]) -> list[tuple[str, Path, int]]:
    """Names, paths and ends of the places that the text names, the corpus's own included."""
    found = list(_known(text, regions))
    taken = [text[end - len(name) : end + 1] for name, _, end in found]
    return found + [own for own in _own(text, regions) if not any(own[0] in name for name in taken)]


def _places(text: str, mentions: list[tuple[str, Path, int]], lexicon: Lexicon) -> tuple[Where, ...]:
    found: dict[Path, Where] = {}
    for name, path, end in mentions:
        owns = lexicon.owning.match(text[end : end + 12]) is not None
        # "甲市乙区": the narrower place stands for both.
        for other in list(found):
            if (
                path[: len(other)] == other
                and len(other) < len(path)
                and _adjacent(text, found[other].name, name)
            ):
                del found[other]
        if path not in found or owns:
            found[path] = Where(name=name, path=path, owns=owns)
    return tuple(found.values())


def _adjacent(text: str, before: str, after: str) -> bool:
    return f"{before}{after}" in text or f"{before}的{after}" in text


def _known(text: str, regions: tuple[Path, ...]) -> Iterable[tuple[str, Path, int]]:
    for place in find_places(text, context=regions):
        path = place.path or next((p for p in place.candidates if p in regions), ())
        path = path or (place.candidates[0] if place.candidates else ())
        if path:
            yield place.name, path, place.end


def _own(text: str, regions: tuple[Path, ...]) -> Iterable[tuple[str, Path, int]]:
    """Places that the corpus has, by full or short name: invented ones, and names that many share."""
    for path in dict.fromkeys(regions):
        if not path:
            continue
        for name in _names(path[-1]):
            at = text.find(name)
            if len(name) >= 2 and at >= 0:
                yield name, path, at + len(name)
                break


def _names(place: str) -> tuple[str, ...]:
    """A place's name in full, as a zone is called for short, and without its suffix."""
    short = place
    for long, brief in (
        ("经济技术开发区", "经开区"),
        ("高新技术产业开发区", "高新区"),
        ("经济开发区", "经开区"),
    ):
        short = short.replace(long, brief)
    return tuple(dict.fromkeys((place, short, re.sub(r"(?:省|市|区|县)$", "", place))))


def _tier(text: str, lexicon: Lexicon) -> str | None:
    for tier, marks in lexicon.tiers.items():
        if any(len(mark) > 1 and mark in text for mark in marks):
            return tier
    return None


def narrowed(question: Question, text: str) -> Question:
    """Give the question of one part, with the whole's places where the part names none."""
    part = understand(text, regions=tuple(place.path for place in question.places))
    return replace(
        part,
        places=part.places or question.places,
        years=part.years or question.years,
        wants=part.wants or question.wants,
        compares=False,
    )
