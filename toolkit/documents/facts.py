"""What a document's own text says of it: number, bodies, region, dates, term.

In: a draft (title, headings, paragraphs). Out: a `Document`. What the text does not say stays None.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Literal

from toolkit.dates import DATE, last_day, parse_date, parse_number
from toolkit.documents.lines import Paragraph
from toolkit.documents.marks import (
    DATE_LINE,
    DOC_NUMBER,
    doc_numbers,
    is_annex,
    is_bodies,
    is_marked,
    split_bodies,
)
from toolkit.documents.split import Draft, tidy_title
from toolkit.places import Path as PlacePath
from toolkit.places import find_places, stated_place, written
from toolkit.records import Document, content_id

__all__ = ["describe"]

_HAN = "一二三四五六七八九十两"
_SELF = r"(?:本|此)[\u4e00-\u9fff]{1,10}|通知|以上[\u4e00-\u9fff]{0,6}"
_FROM = re.compile(
    rf"(?:自|从|于)\s*(?P<date>{DATE})\s*(?:起|开始|之日起|以后|后)?[^。；]{{0,6}}?(?:正式|试|组织|施|实|执|生|暂)?(?:施行|实施|执行|生效|试行|暂行|行|起算)"
    rf"|(?P<bare>{DATE})\s*起\s*(?:正式)?(?:施行|实施|执行|生效|试行)"
    rf"|(?:施行|实施|生效|执行)(?:日期|时间|期限)?\s*(?:为|[:：]|自)?\s*(?P<labelled>{DATE})"
)
# From one date to another: 有效期自…至…, 执行期限为…至…
_SPAN = re.compile(
    rf"(?:有效|执行|实施|施行|试行)(?:期|期限|时间)[^。；\d]{{0,8}}?(?P<date>{DATE})\s*(?:起|零时起)?\s*"
    rf"(?:至|到|-|—|－)\s*(?P<until>{DATE})"
)
_RELATIVE = re.compile(
    r"自(?:印发|发布|公布|颁布|下发|签发|通过|发文|本[\u4e00-\u9fff]{1,6}(?:印发|发布|公布))[^。；，,]{0,3}之日[^。；，,]{0,14}(?:施行|实施|执行|生效|试行)"
    r"|自(?:印发|发布|公布|颁布|下发)之日起[^。；，,]{0,14}"
)
_UNTIL = re.compile(
    rf"(?:有效期(?:限)?|有效时间|执行期(?:限)?|实施期(?:限)?|施行期(?:限)?|试行期(?:限)?|政策期限|期限|截止(?:日期|时间)?|失效(?:日期|时间)?|时效)"
    rf"[^。；\d]{{0,14}}?(?:(?:自|从)?\s*{DATE}[^。；]{{0,6}}?)?(?:至|到|截至|截止|为|[:：])\s*(?:于)?\s*(?P<date>{DATE})"
    rf"|(?:施行|实施|执行|试行|有效)[^。；\d]{{0,6}}?(?:至|到|截至|截止)\s*(?P<then>{DATE})"
    rf"|{DATE}\s*(?:起)?\s*(?:至|到|-|—)\s*(?P<range>{DATE})\s*(?:有效|期间有效|止)"
)
_TERM = re.compile(
    rf"(?:有效期|有效期限|试行期|试行期限|施行期限|实施期限|执行期限|暂行|试行|期限)\s*(?:暂定)?(?:为|是|[:：])?\s*(?P<n>\d{{1,2}}|[{_HAN}]{{1,3}})\s*(?P<unit>年|个月)"
)
_ISSUED_LABEL = re.compile(
    rf"(?:成文日期|发文日期|印发日期|签发日期|发文时间|成文时间)】?\s*[:：]?\s*(?P<date>{DATE})"
)
_NUMBER_LABEL = re.compile(
    r"(?:发文字号|文\s*号|发文文号|文件编号|文件号)】?\s*[:：]?\s*(?P<number>\S[^\s，。；]{4,40}?号)"
)
_ADOPTED = re.compile(rf"[（(].{{0,40}}?(?P<date>{DATE}).{{0,80}}(?:通过|公布|发布|印发)")
_QUOTED = re.compile(r"《[^《》]*》")
_ISSUER_LABEL = re.compile(
    r"(?:发文机关|发布机构|发文单位|发布单位|制定机关|发布机关)】?\s*[:：]?\s*"
    r"(?P<body>[\u4e00-\u9fff、 ]{4,60})"
)
_REPEALED = re.compile(
    r"(?:有效性|时效性|文件状态|效力状态)】?\s*[:：]?\s*(?:已?废止|已?失效|无效)|[【（(\[]\s*已?(?:废止|失效)\s*[】）)\]]"
)
_NEAR_END = 12
# The character that a province's document numbers start with; cities use some of them too.
_PROVINCES = {
    **{
        "京": "北京市",
        "津": "天津市",
        "冀": "河北省",
        "晋": "山西省",
        "辽": "辽宁省",
        "吉": "吉林省",
        "黑": "黑龙江省",
    },
    **{
        "沪": "上海市",
        "苏": "江苏省",
        "浙": "浙江省",
        "皖": "安徽省",
        "闽": "福建省",
        "赣": "江西省",
        "鲁": "山东省",
    },
    **{
        "豫": "河南省",
        "鄂": "湖北省",
        "湘": "湖南省",
        "粤": "广东省",
        "桂": "广西壮族自治区",
        "琼": "海南省",
    },
    **{
        "渝": "重庆市",
        "川": "四川省",
        "黔": "贵州省",
        "滇": "云南省",
        "陕": "陕西省",
        "甘": "甘肃省",
        "青": "青海省",
    },
}


def describe(draft: Draft, *, source: str) -> Document:
    """Read a draft's facts."""
    text = "\n".join(p.text for p in draft.paragraphs)
    front, rest = _front(draft.paragraphs)
    numbers = _numbers(draft, front)
    issuers = _issuers(draft, numbers)
    path = _region(draft, issuers, text, numbered=_PROVINCES.get(numbers[0][0]) if numbers else None)
    effective, effective_text = _effective(draft.paragraphs)
    return Document(
        id=content_id(draft.title, text),
        title=draft.title,
        source=source,
        offset=draft.paragraphs[0].start if draft.paragraphs else 0,
        issuers=issuers,
        doc_number=" ".join(numbers) or None,
        region=written(path),
        region_path=path,
        issued=_issued(front, rest),
        effective=effective,
        effective_text=effective_text,
        expires=_expires(draft.paragraphs, effective),
        status=_status(draft, front),
        text=text,
    )


def _front(paragraphs: Sequence[Paragraph]) -> tuple[list[Paragraph], list[Paragraph]]:
    """Part what stands before the first numbered passage from the rest."""
    stop = next((i for i, p in enumerate(paragraphs) if is_marked(p.text) and not is_annex(p.text)), None)
    stop = min(len(paragraphs), 60) if stop is None else stop
    return list(paragraphs[:stop]), list(paragraphs[stop:])


# ------------------------------------------------------------------ number and bodies
def _numbers(draft: Draft, front: Sequence[Paragraph]) -> list[str]:
    found: list[str] = []
    for paragraph in front:
        here = doc_numbers(paragraph.text)
        label = _NUMBER_LABEL.search(paragraph.text) if len(paragraph.text) < 300 else None
        if not here and not found and label:
            here = ["".join(label["number"].split())]
        if found and not here:
            break
        found += here
    if found:
        return _with_body(list(dict.fromkeys(found)), draft)
    match = re.search(rf"[（(]\s*({DOC_NUMBER.pattern})\s*[）)]\s*$", draft.notice)
    return ["".join(match[1].split())] if match else []


def _with_body(numbers: list[str], draft: Draft) -> list[str]:
    """A bare `第58号` under a heading `…公告` is that announcement's number."""
    if len(numbers) == 1 and numbers[0].startswith("第"):
        for head in draft.heads:
            for text in (*head.bodies, head.title):
                if text.endswith(("公告", "令")):
                    return [tidy_title(text) + numbers[0]]
        return []
    return numbers


def _issuers(draft: Draft, numbers: Sequence[str]) -> tuple[str, ...]:
    announced = re.match(r"(.{3,30}?)(?:公告|令)(?:第|[〔（(])", numbers[0]) if numbers else None
    if announced:
        return (announced[1],)
    for i, paragraph in enumerate(draft.paragraphs):
        if DATE_LINE.fullmatch(paragraph.text):
            signed = _signature(draft.paragraphs[:i])
            if signed:
                return signed
        match = _ISSUER_LABEL.search(paragraph.text) if i < _NEAR_END else None
        if match and split_bodies(match["body"].replace("、", " ")):
            return tuple(split_bodies(match["body"].replace("、", " ")))
    above = tuple(
        body for line in (draft.heads[0].bodies if draft.heads else ()) for body in split_bodies(line)
    )
    return above or _named_in(draft.notice)


def _signature(before: Sequence[Paragraph]) -> tuple[str, ...]:
    bodies: list[str] = []
    for paragraph in reversed(before[-20:]):
        named = split_bodies(paragraph.text)
        if not named:
            break
        bodies = named + bodies
    return tuple(dict.fromkeys(bodies))


def _named_in(title: str) -> tuple[str, ...]:
    """The bodies that a title starts with: `某市人民政府办公厅关于…`."""
    start = re.split(r"关于|印发|批转|转发", _QUOTED.sub("", title), maxsplit=1)[0]
    return tuple(split_bodies(start)) if start != title else ()


# ------------------------------------------------------------------ region
def _region(draft: Draft, issuers: Sequence[str], text: str, *, numbered: str | None) -> PlacePath:
    for said in (*issuers, draft.title, draft.notice):
        path = _first_place(said, text) or stated_place(said)
        if path:
            return path
    counted: Counter[PlacePath] = Counter()
    for place in find_places(text[:40_000]):
        if place.path:
            counted[place.path[:2] if place.path[0] == place.path[0] else place.path] += 1
    told = Counter({path: n for path, n in counted.items() if path[0] == numbered})
    return _prevailing(told, least=1) or _prevailing(counted) or _first_place(draft.details, text)


def _first_place(said: str, text: str) -> PlacePath:
    """The place that a title or body names first, with the district written right after it."""
    places = find_places(said)
    if any(p.ambiguous for p in places):
        known = [p.path for p in find_places(text[:5_000]) if p.path]
        places = find_places(said, context=[path for path, _ in Counter(known).most_common(3)])
    places = [p for p in places if p.path]
    if not places:
        return ()
    path, end = places[0].path, places[0].end
    for before, place in pairwise(places):
        if place.start != before.end or place.path[: len(path)] != path:
            break
        path, end = place.path, place.end
    return (*path, *stated_place(said[end:])) if len(path) == 1 else path


def _prevailing(counted: Counter[PlacePath], *, least: int = 2) -> PlacePath:
    """The place of which the text speaks most, counted with what lies in it."""
    total = sum(counted.values())
    if total < least:
        return ()
    top = Counter({path[:1]: 0 for path in counted})
    for path, count in counted.items():
        top[path[:1]] += count
    province, count = top.most_common(1)[0]
    if count < 0.5 * total:
        return ()
    cities = Counter({path: n for path, n in counted.items() if path[:1] == province and len(path) == 2})
    if (
        cities
        and counted[province] < cities.most_common(1)[0][1]
        and cities.most_common(1)[0][1] >= 0.5 * count
    ):
        return cities.most_common(1)[0][0]
    return province


# ------------------------------------------------------------------ dates
def _issued(front: Sequence[Paragraph], rest: Sequence[Paragraph]) -> date | None:
    for paragraph in front[:_NEAR_END]:
        if match := _ISSUED_LABEL.search(paragraph.text):
            return parse_date(match["date"])
    everything = [*front, *rest]
    lines = [(i, p) for i, p in enumerate(everything) if DATE_LINE.fullmatch(p.text)]
    signed = [p for i, p in lines if i and is_bodies(everything[i - 1].text)]
    for paragraph in [*signed, *(p for _, p in lines)]:
        return parse_date(paragraph.text.strip("（）() "))
    for paragraph in front:
        if match := _ADOPTED.match(paragraph.text):
            return parse_date(match["date"])
    return None


def _sentences(paragraphs: Sequence[Paragraph]) -> list[str]:
    return [s for p in paragraphs for s in re.split(r"(?<=[。；;])", p.text) if s.strip()]


def _own(sentence: str, at: int) -> bool:
    """Whether a sentence speaks of its own document up to a place, not of another one."""
    before = sentence[:at]
    bare = _QUOTED.sub("《》", before)
    if re.search(rf"(?:{_SELF})\s*(?:[^，。]{{0,12}})$", bare) or "现予公布" in bare or "现印发" in bare:
        return True
    return not ("《》" in bare[-24:] or "原" in bare or "已" in bare[-10:] or len(bare.strip()) > 90)


def _effective(paragraphs: Sequence[Paragraph]) -> tuple[date | None, str | None]:
    dated: list[tuple[int, date, str]] = []
    relative: str | None = None
    for sentence in _sentences(paragraphs):
        for match in _FROM.finditer(sentence):
            value = parse_date(match["date"] or match["labelled"] or match["bare"])
            bare = _QUOTED.sub("《》", sentence[: match.start()])
            if value and _own(sentence, match.start()):
                weight = 2 if re.search(r"(?:本|此)[\u4e00-\u9fff]{1,14}(?:[^，。]{0,6})$", bare) else 1
                weight += 1 if "现予公布" in bare else 0
                dated.append((weight, value, match.group().strip()))
        span = _SPAN.search(sentence)
        if span and _own(sentence, span.start()) and (value := parse_date(span["date"])):
            dated.append((2, value, span.group().strip()))
        match_relative = _RELATIVE.search(sentence)
        if match_relative and _own(sentence, match_relative.start()):
            relative = match_relative.group().strip()
    if dated:
        best = max(weight for weight, _, _ in dated)
        _, value, words = [entry for entry in dated if entry[0] == best][-1]
        return value, words
    return None, relative


def _expires(paragraphs: Sequence[Paragraph], effective: date | None) -> date | None:
    until: date | None = None
    term: date | None = None
    for sentence in _sentences(paragraphs):
        if not _about_validity(sentence):
            continue
        span = _SPAN.search(sentence)
        match = None if span else _UNTIL.search(sentence)
        if span:
            until = parse_date(span["until"]) or until
        if match:
            until = parse_date(match["date"] or match["then"] or match["range"]) or until
        lasts = _TERM.search(sentence)
        number = parse_number(lasts["n"]) if lasts else None
        if lasts and number and effective:
            years = lasts["unit"] == "年"
            term = last_day(effective, years=number if years else 0, months=0 if years else number)
    return until or term


def _about_validity(sentence: str) -> bool:
    """Whether a sentence speaks of the document's own term, not of a certificate's or a loan's."""
    if _FROM.search(sentence) or _RELATIVE.search(sentence):
        return True
    bare = _QUOTED.sub("《》", sentence)
    own = rf"(?:{_SELF})的?(?:有效|施行|实施|执行|试行)|^.{{0,14}}(?:有效期|施行期|实施期|执行期|试行期)"
    return re.search(own, bare) is not None


def _status(draft: Draft, front: Sequence[Paragraph]) -> Literal["repealed"] | None:
    said: list[Any] = [draft.title, draft.notice, *(p.text for p in front[:_NEAR_END] if len(p.text) < 200)]
    return "repealed" if any(_REPEALED.search(text) for text in said) else None
