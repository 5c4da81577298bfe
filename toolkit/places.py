"""Chinese places in a text: province, city, district, development zone.

In: text. Out: `Place` records with the path from the province down (`('浙江省', '杭州市', '余杭区')`;
a municipality is its own city: `('北京市', '海淀区')`). The names are data: `places.tsv`.

A district's name that several cities share is settled by the place written just before it, by other
places of the text, or by the caller's `context`; where none settles it, `path` is empty and
`candidates` holds the possible ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

__all__ = ["Place", "find_places", "stated_place", "written"]

Path = tuple[str, ...]

_MUNICIPALITIES = ("北京市", "上海市", "天津市", "重庆市")
# Suffixes that everyday writing drops, with the level at which a name stands.
_PROVINCE = re.compile(r"(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)$")
_CITY = re.compile(
    r"(?:市|地区|盟|(?:(?:土家|布依|哈尼|傈僳|景颇|蒙古|朝鲜|藏|彝|羌|苗|侗|傣|白|壮|回)族)*(?:哈萨克|柯尔克孜|蒙古)?自治州)$"
)
# Words of everyday language that are also a city's or a common district's short name.
_WORDS = frozenset(
    {
        "东方",
        "白银",
        "安康",
        "长治",
        "三沙",
        "和平",
        "新华",
        "兴安",
        "朝阳",
        "万宁",
        "中卫",
        "大同",
        "平安",
        "高新",
    }
    | {
        "新城",
        "五指山",
        "大庆",
        "阿里",
        "台中",
        "台东",
        "新北",
        "新竹",
        "山南",
        "海西",
        "海东",
        "海南区",
        "市中区",
    }
    | {"南岸", "江北", "长寿", "河东", "河西", "红桥", "南开", "城口", "丰都", "石柱", "北辰", "大足", "开州"}
)
_STREET = re.compile(r"[东西南北中]?(?:路|街|大街|大道|道)(?!线)")
# A river's or lake's name that makes "河南", "江西", "海南" a part of "黄河南岸", "长江西岸".
_WATER = {
    "河南": "黄淮运",
    "河北": "黄淮运",
    "江西": "长钱松",
    "湖南": "太西",
    "湖北": "太西",
    "海南": "渤黄东上",
}
_ZONE = re.compile(
    r"(?:国家(?:级)?)?(?:高新技术产业开发区|高新技术开发区|高新技术产业园区|新技术开发区|高新区|高新开发区|经济技术开发区|经开区"
    r"|经济开发区|开发区|综合保税区|保税区|自由贸易试验区|自贸区|自贸试验区|自由贸易港|工业园区"
    r"|临空经济示范区|产业集聚区|科学城|科技城|新区)"
)

_OWN_ZONE = re.compile(
    r"(?:开发|高新|经开|自贸|保税|示范|试验|实验|合作|商务|产业|集聚|工业园|园|科技|新|片)区$|(?:科学|科技)城$"
)
# A place that a title states and no gazetteer has, and words that only look like one.
_STATED = re.compile(
    r"(?:中共|关于印发|印发)?(?=[\u4e00-\u9fff]{2,5}[市州盟区县旗])"
    r"(?P<city>[\u4e00-\u9fff]{2,4}?[市州盟])?(?P<district>[\u4e00-\u9fff]{2,3}?[区县旗])?"
)
_STATED_ZONE = re.compile(rf"(?P<place>[\u4e00-\u9fff]{{2,4}}?)(?P<zone>{_ZONE.pattern})")
_NO_NAME = re.compile(
    r"^(?:国家|省级|市级|区级|促进|支持|加快|推动|推进|鼓励|关于|进一|加强|规范|完善|深化|提升|实施|建设|开展|做好|各|本|我|全|有关)"
    r"|(?:城|上|超|都|股|门|县|区|夜|集|省|菜|楼)市$|(?:园|示范|开发|新|地|社|片|灾|景|小|校|厂|市|城|郊|矿|库|辖|各|全|本|我)区$"
    r"|印发|经济|技术|高新|产业|省"
)


@dataclass(frozen=True)
class Place:
    """A place in a text: `text[start:end] == name`; `path` is empty where `candidates` are several."""

    name: str
    path: Path
    start: int
    end: int
    candidates: tuple[Path, ...] = field(default=())

    @property
    def ambiguous(self) -> bool:
        """Whether several places have this name and nothing settles which."""
        return not self.path

    def contains(self, other: Place) -> bool:
        """Whether the other place is this one or lies in it."""
        return bool(self.path) and other.path[: len(self.path)] == self.path

    def overlaps(self, other: Place) -> bool:
        """Whether one of the two contains the other."""
        return self.contains(other) or other.contains(self)


def written(path: Path) -> str | None:
    """Write a path as policies do: `北京市朝阳区`, `杭州市余杭区`, `义乌市`, a zone by its own name."""
    if not path:
        return None
    district = path[-1].endswith(("区", "县", "旗")) and len(path) > 1
    own = path in _divisions() or _OWN_ZONE.search(path[-1]) is None
    return path[-2] + path[-1] if district and own else path[-1]


def stated_place(text: str) -> Path:
    """Read a place that no gazetteer has where a title or a body's name starts with it: `云岭市…办法`."""
    zone = _STATED_ZONE.match(text)
    if zone is not None and not _NO_NAME.search(zone["place"]):
        return (zone["place"] + zone["zone"],)
    match = _STATED.match(text)
    names = [name for name in (match["city"], match["district"]) if name] if match else []
    return () if any(_NO_NAME.search(name) for name in names) else tuple(names)


def find_places(text: str, *, context: Iterable[Path] = (), known: Iterable[Path] = ()) -> list[Place]:
    """Find the places that a text names, in order, none overlapping another.

    `context` are paths that are known of the text (its region); they settle ambiguous names. `known` are
    paths that exist besides the gazetteer's (those of a corpus); their names are found too.
    """
    mentions = _scan(text, _besides(known))
    known = [path for path in context if path]
    known += [m.candidates[0] for m in mentions if len(m.candidates) == 1]
    places: list[Place] = []
    for mention in mentions:
        before = places[-1] if places and places[-1].end == mention.start else None
        path = _settle(mention.candidates, before.path if before else (), known)
        places.append(Place(mention.name, path, mention.start, mention.end, mention.candidates))
    return places


def _settle(candidates: tuple[Path, ...], before: Path, known: list[Path]) -> Path:
    if len(candidates) == 1:
        return candidates[0]
    for near in (*([before] if before else []), *known):
        inside = [path for path in candidates if path[: len(near)] == near or near[: len(path)] == path]
        if len(inside) == 1:
            return inside[0]
    return ()


def _besides(known: Iterable[Path]) -> dict[str, Path]:
    """The names of known paths that the gazetteer lacks, with and without their suffix."""
    found: dict[str, Path] = {}
    for path in known:
        for level, name in enumerate(path, 1):
            stem = name[:-1] if len(name) > 2 and name.endswith(("市", "区", "县")) else name
            found |= {said: path[:level] for said in (name, stem) if said not in _names()}
    return found


def _scan(text: str, besides: dict[str, Path]) -> list[Place]:
    index = _gazetteer()
    mentions: list[Place] = []
    at = 0
    longest = sorted(besides, key=len, reverse=True)
    while at < len(text) - 1:
        own = next((name for name in longest if text.startswith(name, at)), None)
        if own is not None:
            mentions.append(Place(own, (), at, at + len(own), (besides[own],)))
            at += len(own)
            continue
        names = index.get(text[at : at + 2])
        name = next((n for n in names if text.startswith(n, at)), None) if names else None
        if name is None or _is_no_place(text, at, name):
            at += 1
            continue
        mention = _zone(text, at, name)
        if mention is None:
            before = mentions[-1].candidates if mentions and mentions[-1].end == at else ()
            mention = Place(name, (), at, at + len(name), _inside(_names()[name], before) or _alone()[name])
        if mention.candidates:
            mentions.append(mention)
        at += len(mention.name) if mention.candidates else 1
    return mentions


def _inside(paths: tuple[Path, ...], before: tuple[Path, ...]) -> tuple[Path, ...]:
    """Keep the paths that lie in the place written just before."""
    return tuple(path for path in paths if any(path[: len(near)] == near for near in before))


def _zone(text: str, at: int, name: str) -> Place | None:
    """A zone is named after the place before it: `合肥高新区`."""
    paths = _alone()[name]
    match = _ZONE.match(text, at + len(name))
    if match is None or len(paths) != 1:
        return None
    if match.group() == "开发区" and len(paths[0]) == 1:
        return None
    full = text[at : match.end()]
    return Place(full, (), at, match.end(), _names().get(full, ((*paths[0], full),)))


def _is_no_place(text: str, at: int, name: str) -> bool:
    if text[at - 1 : at] and text[at - 1] in _WATER.get(name, ""):
        return True
    bare = not name.endswith(("省", "市", "区", "县", "州", "旗"))
    return bare and _STREET.match(text, at + len(name)) is not None


@cache
def _rows() -> tuple[tuple[Path, ...], tuple[tuple[str, Path], ...]]:
    """Read the table: paths of all divisions, and the other names with their paths."""
    paths: dict[Path, None] = {}
    aliases: list[tuple[str, Path]] = []
    province = ""
    for line in (files("toolkit") / "places.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        first, second, third = line.split("\t")
        if first == "@":
            aliases.append((second, tuple(third.split("/"))))
            continue
        province = first or province
        city: Path = (province,) if second == province else (province, second)
        paths[province,] = paths[city] = None
        paths |= dict.fromkeys((*city, district) for district in third.split())
    return tuple(paths), tuple(aliases)


@cache
def _divisions() -> frozenset[Path]:
    return frozenset(_rows()[0])


@cache
def _names() -> dict[str, tuple[Path, ...]]:
    """Map every name, full and short, to the paths it can mean."""
    found: dict[str, dict[Path, None]] = {}
    full, aliases = _rows()
    for path in full:
        for name in (path[-1], _stem(path), _stem(path) + "州" if path[-1].endswith("自治州") else ""):
            if name:
                found.setdefault(name, {})[path] = None
    for name, path in aliases:
        found[name] = {path: None, **{p: None for p in found.get(name, {}) if _level(p) == 2}}
    return {name: tuple(paths) for name, paths in found.items()}


@cache
def _alone() -> dict[str, tuple[Path, ...]]:
    """What each name means with no place before it: `海淀` is a place, `和平` and `应县` are none."""
    aliases = dict(_rows()[1])
    return {name: _unaided(name, paths, aliases.get(name)) for name, paths in _names().items()}


def _unaided(name: str, paths: tuple[Path, ...], alias: Path | None) -> tuple[Path, ...]:
    if alias is not None:
        return (alias,)
    if name in _WORDS:
        return ()
    wide = tuple(path for path in paths if _level(path) < 2)
    if wide:
        return tuple(path for path in wide if len(path) == 1) or wide
    if len(name) > 2 and name.endswith(("区", "县", "市", "旗")):
        return paths
    return paths if len(paths) == 1 and paths[0][0] in _MUNICIPALITIES else ()


def _level(path: Path) -> int:
    """0 a province or municipality, 1 a city, 2 a district."""
    return 2 if len(path) == 2 and path[0] in _MUNICIPALITIES else len(path) - 1


def _stem(path: Path) -> str:
    """The name without its suffix where at least two characters remain."""
    level, name = _level(path), path[-1]
    if level == 0:
        stem = _PROVINCE.sub("", name)
    elif level == 1:
        stem = _CITY.sub("", name)
    else:
        stem = re.sub(r"(?:新区|区|县|市)$", "", name)
    return stem if 2 <= len(stem) < len(name) else ""


@cache
def _gazetteer() -> dict[str, list[str]]:
    """Names by their first two characters, longest first."""
    index: dict[str, list[str]] = {}
    for name in _names():
        index.setdefault(name[:2], []).append(name)
    for names in index.values():
        names.sort(key=len, reverse=True)
    return index
