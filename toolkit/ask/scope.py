"""Whether the corpus holds what a question is about, before anything is said.

In: a `Question` and the store's documents. Out: a `Scope`: the documents that may answer, how well each
one's place fits, or what the corpus lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from toolkit.ask.question import Question, Where
from toolkit.places import written
from toolkit.records import Document

__all__ = ["ABOVE", "BELOW", "Scope", "edition_clash", "look", "years_of"]

ABOVE = 0.4
"""The fit of a policy of a larger place that holds the one asked about."""

BELOW = 0.35
"""The fit of a policy of a place below the one asked about: a district's is not the city's."""

_EDITION = re.compile(
    r"((?:19|20)\d\d)年度?(?:最?新)?(?:[^，。？?]{0,2}(?:出台|出的|发布|印发|新出|新发|发的|新版|修订|制定|推出|公布)|版|新规"
    r"|(?:的|那份|这份|度)?[^，。？?]{0,14}?(?:计划|新政|政策|办法|意见|措施|方案|细则|规定|新规|申报|通知))"
)
_PLACE = re.compile(r"[一-龥]{1,4}(?:区|县|市|旗|镇|自治州)")
_NO_PLACE = re.compile(
    r"(?:园|地|社|片|小|城|市|郊|山|景|辖|校|厂|库|牧|林|灾|疫|试验|示范|开发|高新|保税|经济|服务|聚集|集聚|产业|功能|核心|商业|特|战|住宅)区$"
    r"|(?:超|上|城|夜|股|门|菜|都|全|本|各|我|外|同|跨|牛|熊|楼|房|车|互联网)市$|(?:全|本|各|我|外|同|跨|市|贫困|强)县$|(?:城|乡|特色小|小)镇$"
)
_TITLE_YEARS = re.compile(r"((?:19|20)\d\d)(?:\s*年?\s*[-—－~～至]+\s*((?:19|20)\d\d))?")


@dataclass(frozen=True)
class Scope:
    """Where to look: each allowed document's fit to the question's place, 0 to 1, by document id.

    `missing` says what the corpus lacks; where it is set nothing may be answered. `note` is said with
    the answer: the place has no policy of its own and a larger one's is given.
    """

    fits: Mapping[str, float] = field(default_factory=dict)
    missing: str | None = None
    note: str | None = None


def look(question: Question, documents: Sequence[Document], *, unheard: Sequence[str] = ()) -> Scope:
    """Decide which documents may answer, or what is lacking.

    `unheard` are the question's words that stand nowhere in the corpus: one that is a place's name by
    its form is a place that the corpus lacks.
    """
    if not documents:
        return Scope(missing="资料库是空的")
    for word in unheard:
        if _PLACE.fullmatch(word) and not _NO_PLACE.search(word):
            return Scope(missing=f"资料库中没有{word}的政策")
    if not question.places:
        return Scope(fits={d.id: 0.5 for d in documents})
    fits: dict[str, float] = {}
    lacking: list[Where] = []
    for place in question.places:
        own = {d.id: _fit(place.path, d.region_path) for d in documents if _may_speak(d.region_path, place)}
        above = {
            d.id: ABOVE
            for d in documents
            if d.region_path and d.id not in own and _inside(place.path, d.region_path)
        }
        if not own:
            lacking.append(place)
        for found in (own, above) if own or _may_rise(question, place) else ():
            for key, fit in found.items():
                fits[key] = max(fit, fits.get(key, 0.0))
    return _settle(question, documents, fits, lacking)


def _settle(
    question: Question, documents: Sequence[Document], fits: dict[str, float], lacking: list[Where]
) -> Scope:
    if lacking and (
        not fits or (any(place.owns for place in lacking) and len(lacking) == len(question.places))
    ):
        return Scope(missing=f"资料库中没有{_name(lacking[0])}的政策")
    if any(place.owns for place in lacking) and not question.compares:
        return Scope(missing=f"资料库中没有{_name(next(p for p in lacking if p.owns))}的政策")
    for document in documents:
        if not document.region_path:
            fits.setdefault(document.id, 0.3)
    note = (
        f"资料库中没有{_name(lacking[0])}自己的政策"
        if lacking and len(lacking) == len(question.places)
        else None
    )
    return Scope(fits=fits, note=note)


def _may_speak(region: tuple[str, ...], place: Where) -> bool:
    """Whether a policy of a region speaks for the place: its own, or of a part where nobody asks what
    the place itself gives."""
    return region == place.path if place.owns else _inside(region, place.path)


def _may_rise(question: Question, place: Where) -> bool:
    """Whether a larger place's policy may answer for one that has none of its own."""
    return not place.owns and question.tier != "district"


def _name(place: Where) -> str:
    return written(place.path) or place.name


def _inside(inner: tuple[str, ...], outer: tuple[str, ...]) -> bool:
    return bool(inner) and inner[: len(outer)] == outer


def _fit(asked: tuple[str, ...], region: tuple[str, ...]) -> float:
    return 1.0 if asked == region else BELOW


def edition_clash(question: Question, document: Document, text: str) -> str | None:
    """Say which year the question asks for and the document is not of; None where none is."""
    asked = {int(year) for year in _EDITION.findall(question.text)}
    for year in sorted(asked):
        if year not in years_of(document) and str(year) not in text:
            return f"{year}年"
    return None


def years_of(document: Document) -> set[int]:
    """The years that are the document's own: in its title, of its issue and of its coming into force."""
    years = {d.year for d in (document.issued, document.effective) if d is not None}
    for first, last in _TITLE_YEARS.findall(document.title):
        years |= set(range(int(first), int(last or first) + 1))
    if document.doc_number:
        years |= {int(y) for y in re.findall(r"(?:19|20)\d\d", document.doc_number)}
    return years
