"""Deciding which figures belong to one award.

In: a folded clause, its sentences and the readings of its figures. Out: `Award`s: the words that are
an award's own, its figures in bunches (an enumeration is one bunch), and the award that it goes on from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from toolkit.extraction.sentences import Sentence, Span
from toolkit.figures.cues import CAP_CUE, GIVING
from toolkit.figures.expressions import Placed
from toolkit.records import FigureReading, FigureRole

__all__ = ["SCOPE", "Award", "Bunch", "find_awards", "label_of"]

SCOPE = (
    r"(?:单(?!位|独|身|价|据|证|元|一|向|品|项冠军)[^,。;、的]|同一|每(?!增|新|满|超)(?:个|家|笔|项|"
    r"名|位|件|户|人|只|批|次|台|套|年|月|季|亩|标|吨|平|班|场|部|款|引|认|成|集|天|学|一|两|推|获|"
    r"有|发)?"
    r"|一个|当年|年度|全年|本年|各年|累计|合计|总计|总额|共计|年(?=[最不])|每年|连续\w年|"
    r"第[一二三四五六两]+?年|首年|次年|期限|最长|全市|平均)"
)
_SCOPE_FILLER = (
    r"(?:且|但|并|其中|同时|原则上|另|则|以|在\w{0,8}内|其|该|上述|以上|本条|本项|政策|实际|财政|"
    r"额外|增加|追加|(?:[市区县省]级?)?财政|获得|可|享受|申请|领取|资金|累计|的|年|对|企业|项目|"
    r"按|不等|(?:[市区县省]、?)+对|单位|涉及)*"
)
_VERBS = (
    rf"(?:分别|按照?|依照|{GIVING}|{CAP_CUE}|一次性|由[^,]{{0,8}}财政|可|再|各|原则上|标准(?:为|是|:)?|"
    rf"为$|是$|达$|约$|发|奖$|补$|计$|不低于|安排)"
)
_OPENING = re.compile(
    r"(?:对|其中|支持|鼓励|凡|符合|经|获得?|首次|新|入选|被|引进|在[^,]{2,}的$|[^,]*(?:企业|机构|"
    r"单位|项目|人才|平台|团队|园区|高校|个人)[^,]*的?$|[^,]*的$|[^,]*(?:以上|以下|之间)$)"
)
_CONTINUES = re.compile(
    r"(?:按月|期限|连续|最长|补贴期|支持期|为期|不超过|最多|分\w年|分期|经费|资金由|所需|一次性|累计|"
    r"每年|[两三四五]项合计|(?:以上|上述)?各?项?合计|每家|单个|单家|同一|其余|剩余|执行期|从\d|自\w{0,6}起)"
)


@dataclass
class Bunch:
    """Figures of one enumeration or range, with one role."""

    role: FigureRole
    words: str
    members: list[Placed]
    is_range: bool = False

    @property
    def start(self) -> int:
        """Where the first figure begins."""
        return self.members[0].start

    @property
    def end(self) -> int:
        """Where the last figure ends."""
        return self.members[-1].end


@dataclass
class Award:
    """Figures that are granted together, and the words before them that are theirs alone."""

    own: list[Span]
    bunches: list[Bunch]
    sentence: Sentence
    end: int
    parent: Award | None = None
    label: Span | None = None
    shared: list[Bunch] = field(default_factory=list)

    def has(self, role: FigureRole) -> bool:
        """Say whether a figure of that role is in it."""
        return any(b.role == role for b in self.bunches)

    @property
    def start(self) -> int:
        """Where its own words begin."""
        return self.own[0][0] if self.own else self.bunches[0].start


def bunch_up(figures: list[Placed], readings: list[FigureReading]) -> list[Bunch]:
    """Join neighbouring figures of one group into bunches; distractors are left out."""
    bunches: list[Bunch] = []
    last = -1
    for placed, reading in zip(figures, readings, strict=True):
        if reading.role == "distractor":
            continue
        group = placed.expression.group
        if bunches and group == last and bunches[-1].role == reading.role:
            bunches[-1].members.append(placed)
        else:
            bunches.append(Bunch(reading.role, reading.words, [placed], placed.expression.is_range))
        last = group
    return bunches


def label_of(text: str, span: Span) -> Span | None:
    """Give what a stretch before a figure names besides scope, verbs and cues; None where nothing."""
    words = text[span[0] : span[1]]
    lead = re.match(
        r"(?:其中|另外|另|同时|此外|且|并|和|及|以及|或|与|、|,|的|按照?(?=[^,的]{2,12}每))+", words
    )
    begin = lead.end() if lead else 0
    measured = re.match(r"[^,]*?(?:以上|以下|之间)(?=的)", words[begin:])
    first = re.search(rf"{SCOPE}|{_VERBS}", words[begin:])
    end = begin + first.start() if first else len(words)
    end = begin + measured.end() if measured else end
    rest = words[begin:end]
    if not rest or re.fullmatch(_SCOPE_FILLER, rest) or re.fullmatch(r"[\d.%\W]*", rest):
        return None
    while rest.endswith(("的", ",", ":")):
        rest, end = rest[:-1], end - 1
    return (span[0] + begin, span[0] + end) if len(rest) > 1 or rest in "甲乙丙ABCDE" else None


def find_awards(
    text: str, sentences: list[Sentence], figures: list[Placed], readings: list[FigureReading]
) -> list[Award]:
    """Group the figures that have a role into awards, in the text's order."""
    bunches = bunch_up(figures, readings)
    awards: list[Award] = []
    for index, sentence in enumerate(sentences):
        mine = [b for b in bunches if sentence.start <= b.start < sentence.end]
        known = len(awards)
        if mine:
            _read_sentence(text, sentence, mine, awards)
        told = index and any(a.sentence is sentences[index - 1] for a in awards[:known])
        if (
            index
            and not told
            and len(awards) > known
            and sentence.opens
            and not text.startswith("其中", sentence.start)
        ):
            _cut_loose(awards, known)  # a sentence without figures stands between: a new subject
    return _share_headers(text, awards)


def _cut_loose(awards: list[Award], first: int) -> None:
    """Make an award the head of those behind it that went on from an earlier one."""
    head, old = awards[first], awards[first].parent
    head.parent = None
    for award in awards[first + 1 :]:
        if award.parent is old and old is not None:
            award.parent = head


def _read_sentence(text: str, sentence: Sentence, bunches: list[Bunch], awards: list[Award]) -> None:
    pending: list[Span] = []
    fresh = True
    for segment in sentence.segments:
        inside = [b for b in bunches if segment[0] <= b.start < segment[1]]
        if not inside:
            pending.append(segment)
            continue
        floor = segment[0]
        for bunch in inside:
            left = (floor, bunch.start)
            floor = bunch.end
            _place(text, sentence, bunch, pending, left, awards, fresh=fresh)
            pending, fresh = [], False


def _place(
    text: str,
    sentence: Sentence,
    bunch: Bunch,
    pending: list[Span],
    left: Span,
    awards: list[Award],
    *,
    fresh: bool,
) -> None:
    label = label_of(text, left)
    content = [p for p in pending if _is_content(text, p, fresh=fresh)]
    last = awards[-1] if awards else None
    if last is not None and not content and label is None and _fits(text, last, bunch, left, fresh=fresh):
        for award in _covered(awards, bunch, sentence) if fresh else _run(awards, bunch):
            award.bunches.append(bunch)
        last.end = bunch.end
        return
    award = Award([*pending, left], [bunch], sentence, bunch.end, label=label)
    if last is not None and not _stands_alone(text, award, content):
        award.parent = last.parent or last
    awards.append(award)


def _is_content(text: str, span: Span, *, fresh: bool) -> bool:
    words = text[span[0] : span[1]]
    if re.fullmatch(r"其中|同时|另外|此外|并|具体为|具体如下", words):
        return True
    if _CONTINUES.match(words) and not words.endswith("的"):
        return False
    return fresh or bool(_OPENING.match(words)) or len(words) > 12


def _fits(text: str, award: Award, bunch: Bunch, left: Span, *, fresh: bool) -> bool:
    words = text[left[0] : left[1]]
    lent = re.match(r"[^,。;]{0,10}(?:贷款|借款|授信)", text[award.bunches[-1].end :])
    if lent and bunch.role == "rate" and re.match(r"[^,。;]*贴息", text[bunch.end :]):
        return False  # a loan, and a subsidy of its interest
    if bunch.role == "amount":
        timed = re.search(r"第[一二三四五]年|首年", words)
        return (not award.has("amount") and not fresh) or bool(timed)
    if bunch.role == "cap":
        return True
    return not award.has("rate") and not fresh


def _covered(awards: list[Award], bunch: Bunch, sentence: Sentence) -> list[Award]:
    """Name the awards that a ceiling in a sentence of its own covers."""
    last = awards[-1]
    covered = [last]
    for award in reversed(awards[:-1]):
        near = award.sentence.start >= last.sentence.start or not last.sentence.opens
        if award.has("cap") or last.has("cap") or not near:
            break
        covered.append(award)
    return covered


def _run(awards: list[Award], bunch: Bunch) -> list[Award]:
    """Name the awards of the list that has just been told, for a ceiling right behind it."""
    last = awards[-1]
    if bunch.role != "cap" or last.has("cap"):
        return [last]
    family = [
        a for a in awards if a is last or (last.parent and (a is last.parent or a.parent is last.parent))
    ]
    return [a for a in family if a.sentence is last.sentence and not a.has("cap")]


def _stands_alone(text: str, award: Award, content: list[Span]) -> bool:
    """Say whether an award names its own recipient, not only a tier of the one before."""
    words = text[award.start : award.bunches[0].start]
    if re.match(r"其中", words):
        return False
    if not award.sentence.opens and not re.search(
        r"(?:^|[,:])(?:对|支持|鼓励)|给予|予以|企业|单位|机构", words
    ):
        return False
    if re.search(
        r"(?:^|[,:])(?:对|对于|支持|鼓励|凡)|(?:企业|机构|单位|高校|人才|团队|园区|毕业生|创业者|"
        r"平台)[^,、]{2,}的,",
        words,
    ):
        return True
    return len(words) > 40 or (len(content) > 0 and len(words) > 24)


def _share_headers(text: str, awards: list[Award]) -> list[Award]:
    """Hand a lone rate or ceiling down to the tiers that divide it, and drop the header itself."""
    kept: list[Award] = []
    index = 0
    while index < len(awards):
        head = awards[index]
        tiers = _tiers_under(text, awards, index)
        if tiers:
            for tier in tiers:
                tier.shared = [*head.bunches, *tier.shared]
                tier.parent = head
        else:
            kept.append(head)
        index += 1
    return kept


def _tiers_under(text: str, awards: list[Award], index: int) -> list[Award]:
    head = awards[index]
    roles = {b.role for b in head.bunches}
    if len(head.bunches) != 1 or len(head.bunches[0].members) != 1 or roles == {"amount"} or head.shared:
        return []
    tiers: list[Award] = []
    for award in awards[index + 1 :]:
        own = {b.role for b in award.bunches}
        words = text[award.start : award.bunches[0].start]
        nominal = not re.search(r"给予|予以|对[^,]{2,}的", words)
        if (
            own & roles
            or len(own) != 1
            or award.shared
            or not nominal
            or (tiers and own != {b.role for b in tiers[0].bunches})
        ):
            break
        if award.parent is None and not _listed(text, head, award):
            break
        tiers.append(award)
    announced = tiers and re.search(
        r"如下|以下|分档|分段|其中|分级", text[head.start : tiers[0].bunches[0].start]
    )
    return tiers if len(tiers) > 1 or (tiers and announced) else []


def _listed(text: str, head: Award, award: Award) -> bool:
    between = text[head.end : award.bunches[0].start]
    announced = re.search(r"如下|以下(?:标准|方式|比例)|分档|分段|按下列", between)
    return len(between) < 80 and ("。" not in between.rstrip("。") or announced is not None)
