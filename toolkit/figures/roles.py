"""Saying what a figure is to a support: an amount, a cap, a rate, or something else.

In: a text. Out: a `FigureReading` for each of its figures, with the words that decided and how sure
that is. Nothing is said about which support a figure belongs to; `toolkit.extraction` does that.
"""

from __future__ import annotations

import re

from toolkit.figures.cues import (
    AT_LEAST,
    BUDGET,
    CAP_CUE,
    CLOSE,
    COST_SHARE,
    FLOOR,
    GIVING,
    NOT_A_RATE,
    RATE_BEHIND,
    RATE_THING,
    SCALE,
    SUPPORT_NOUN,
    TARGET,
    THING_GIVEN,
)
from toolkit.figures.expressions import Placed, figures_in
from toolkit.figures.setting import Setting, setting_of
from toolkit.figures.view import View
from toolkit.records import FigureReading, FigureRole

__all__ = ["read_roles", "roles_in"]

_SURE, _LIKELY, _UNSURE = 0.97, 0.85, 0.55


_Verdict = tuple[FigureRole, str, float]


def read_roles(text: str) -> list[FigureReading]:
    """Say the role of every figure of a text, in the text's order."""
    view = View(text)
    return roles_in(view.text, figures_in(view))


def roles_in(text: str, figures: list[Placed]) -> list[FigureReading]:
    """Say the role of every figure found in a folded text.

    Figures of one enumeration or range share a role; the first one's words decide.
    """
    readings: list[FigureReading] = []
    index = 0
    while index < len(figures):
        end = index + 1
        while end < len(figures) and figures[end].expression.group == figures[index].expression.group:
            end += 1
        members = figures[index:end]
        role, words, confidence = _decide(text, members, figures[index - 1] if index else None, readings)
        readings += [
            FigureReading(expression=m.expression, role=role, words=words, confidence=confidence)
            for m in members
        ]
        index = end
    return readings


def _decide(text: str, members: list[Placed], last: Placed | None, readings: list[FigureReading]) -> _Verdict:
    first = members[0].expression
    setting = setting_of(text, members[0].start, members[-1].end)
    if first.kind == "money":
        if first.currency != "CNY":
            return "distractor", first.currency, _SURE
        if first.value == 0:
            return "distractor", first.quote, _LIKELY
        return _money(setting, _chained(text, members[0], last, readings), bool(first.unit))
    if first.kind == "ratio":
        cue = re.search(r"配套|匹配|配比|跟投|配资|奖补|给予|资助|支持", setting.sentence)
        return ("rate", cue.group(), _LIKELY) if cue else ("distractor", "", _LIKELY)
    if first.kind == "points":
        cue = re.search(r"贴息|贴补|补贴", setting.sentence)
        return ("rate", cue.group(), 0.7) if cue else ("distractor", "", _LIKELY)
    return _share(setting, _chained(text, members[0], last, readings))


def _chained(
    text: str, figure: Placed, last: Placed | None, readings: list[FigureReading]
) -> tuple[FigureRole, str] | None:
    """Give the role of the figure before, where this one goes on with its list (`硕士3万元、博士5万元`)."""
    if last is None or last.expression.kind != figure.expression.kind:
        return None
    between = re.sub(r"[(\[][^()\[\]]*(?:\([^()]*\)[^()\[\]]*)?[)\]]", "", text[last.end : figure.start])
    if re.fullmatch(r"(?:的)?[,、;和及与或](?:其中|以及)?[^,。;:\d]{0,14}", between) and not re.search(
        rf"{GIVING}|{CAP_CUE}|{FLOOR}|{SCALE}", between
    ):
        return readings[-1].role, readings[-1].words
    return None


# ------------------------------------------------------------------ money
def _money(at: Setting, chain: tuple[FigureRole, str] | None, is_price: bool) -> _Verdict:
    for step in (_superseded, _money_threshold, _money_cap, _money_budget, _money_given):
        verdict = step(at)
        if verdict:
            return verdict
    if chain:
        return chain[0], chain[1], 0.8
    if is_price and at.gives() and re.search(r"按|标准|补", at.left) and not re.search(SCALE, at.left):
        return "amount", at.left[-4:], _LIKELY
    return _money_by_default(at)


def _superseded(at: Setting, *, is_share: bool = False) -> _Verdict | None:
    """Pass over the old value in `由…提高至…`; the new one is what its subject says."""
    raised = r"(?:提高|增加|上调|调整|提升|上升|扩大|降低|下调)(?:至|到|为)"
    if re.search(r"(?:由|从)(?:原来的?|现行的?)?$", at.left) and re.match(raised, at.right):
        return "distractor", "由", _SURE
    old = re.search(rf"(?P<subject>[^,]*)(?:由|从)[^,]*{raised}$|(?P<only>[^,]*?){raised}$", at.left)
    if old is None:
        return None
    subject = old.group("subject") or old.group("only") or ""
    if not re.search(rf"{SUPPORT_NOUN}|比例|标准|额度|{CAP_CUE}", subject):
        return None
    if is_share:
        given = re.search(rf"{SUPPORT_NOUN}[^,]{{0,6}}$", subject) or re.search(
            rf"{SUPPORT_NOUN}比例", at.before
        )
        return ("rate", old.group()[-3:], _LIKELY) if given else None
    cap = re.search(rf"{CAP_CUE}|限", subject)
    return ("cap", cap.group(), _LIKELY) if cap else ("amount", old.group()[-3:], _LIKELY)


def _money_threshold(at: Setting) -> _Verdict | None:
    given = re.search(rf"{GIVING}(?:一次性|人民币|资金|共计|不低于)*$", at.left)
    above = re.match(AT_LEAST, at.right)
    if above and not given:
        return "distractor", above.group(), _SURE
    part = re.match(r"(?:的)?(?:部分|标准以上)|\((?:不?含|包?含)\)(?!的?(?:奖|补|资助))", at.right)
    if part and not re.search(rf"{CAP_CUE}{CLOSE}", at.left):
        return "distractor", part.group(), _LIKELY
    floor = re.search(rf"{FLOOR}(?:人民币|的|额度|金额)?$", at.left)
    if floor and not re.search(rf"{CAP_CUE}(?:可|再)?(?:达到|达|超过|高于|超)?$", at.left):
        if floor.group() == "在" and re.match("以内|的?范围", at.right):
            return None
        return "distractor", floor.group(), _SURE
    per = re.search(r"(?:每|每新?增加?|每满|每超过?|每投入|每完成|每实现|每销售)$", at.left)
    if per:
        return "distractor", per.group(), _SURE
    return None


def _money_cap(at: Setting) -> _Verdict | None:
    behind = re.match(
        r"(?:的)?(?:封顶|为限|为上限|为最高|上限|\(?含\)?以内|以内|以下的?(?:奖|补|资))", at.right
    )
    if behind and (at.gives() or "封顶" in behind.group() or "限" in behind.group()):
        scale = re.search(rf"{SCALE}[^,]{{0,6}}$", at.left)
        return (
            ("distractor", behind.group(), _LIKELY)
            if scale and not re.search(GIVING, at.left)
            else ("cap", behind.group(), _LIKELY)
        )
    cue = None
    for cue in re.finditer(CAP_CUE, at.left):
        if re.fullmatch(r"[^,。;:、\d]{0,14}", at.left[cue.end() :]):
            break
    else:
        return None
    return _cap_of(at, at.left[: cue.start()], cue.group(), at.left[cue.end() :])


def _cap_of(at: Setting, subject: str, cue: str, after: str) -> _Verdict:
    """Decide by what it is that must not exceed: the support, or something that is only measured."""
    words = cue + after
    subject = re.split(r"[\d%‰]、?", subject)[-1]
    if re.match(r"的?(?:银行)?(?:贷款|融资|借款)[^,。;]{0,6}(?:贴息|利息|担保费|保费)", at.right):
        return "distractor", words, _LIKELY
    if re.search(r"申请|申领|领取", subject):
        return "cap", words, _LIKELY
    if (
        re.search(r"贷款[^;]*$", at.before)
        and "贴息" in at.behind
        and not re.search(r"补|奖|贴息", subject + after)
    ):
        return "distractor", words, _LIKELY
    if _last(SCALE, after) > _last(SUPPORT_NOUN, after):
        return "distractor", words, _LIKELY
    if re.search(SUPPORT_NOUN, after) or re.search(r"给予|予以|发放", after):
        budget = re.search(r"(?:每年|全市|全区)?(?:统筹|安排)[^,]*资金", at.left)
        return ("distractor", budget.group(), _LIKELY) if budget else ("cap", words, _SURE)
    thing = re.match(rf"的?[^,。;]{{0,12}}?{SUPPORT_NOUN}", at.right)
    last_support = _last(SUPPORT_NOUN, subject)
    last_scale = _last(SCALE, subject)
    budget = re.search(rf"{BUDGET}[^,]*$", subject)
    if budget and not re.search(r"给予|予以|补[贴助]", subject):
        return "distractor", budget.group(), _LIKELY
    if last_scale > last_support and not re.search(
        r"(?:给予|予以|支持|奖励|补[贴助]|资助|减免)[^,]*$", subject[last_scale:]
    ):
        return "distractor", subject[last_scale:] + words, _LIKELY
    if re.match(r"的(?:企业|项目|单位|机构|个人|部分|,|$)", at.right) and not re.search(
        r"给予|予以|补", subject
    ):
        return "distractor", words, 0.75
    if not thing and re.match(r"的[^,。;]{0,16}(?:贷款|担保|融资|借款|授信|保险|信用)", at.right):
        lent = re.search(r"给予|予以|提供|发放|享受|获得", subject)
        return ("cap", words, 0.8) if lent else ("distractor", words, 0.75)
    if last_support >= 0 or thing:
        return "cap", words, _SURE
    scoped = re.fullmatch(r"(?:其中)?(?:[单每同][^,]{0,14}|累计|合计|总额|全年|年度|第.年)*", subject)
    if at.gives() or (scoped and re.search(GIVING, at.earlier)):
        return "cap", words, _LIKELY
    return "distractor", words, _UNSURE


def _last(pattern: str, text: str) -> int:
    return max((m.start() for m in re.finditer(pattern, text)), default=-1)


def _money_budget(at: Setting) -> _Verdict | None:
    cue = re.search(rf"{BUDGET}[^,;。]{{0,16}}$", at.left)
    fund = re.match(
        r"(?:的)?[^,。;]{0,24}?(?:专项资金|发展资金|引导资金|扶持资金|补偿资金|基金|资金池|预算|经费|资金)",
        at.right,
    )
    if (
        cue
        and not re.search(r"给予|予以|奖励|补贴|补助|资助", at.left[cue.start() :])
        and (fund or "资金" in at.left or "基金" in at.left)
    ):
        return "distractor", cue.group(), _LIKELY
    return None


def _money_given(at: Setting) -> _Verdict | None:
    if at.bracket and re.match(r"(?:为|用于|系|由)", at.right):
        return "distractor", at.right[:2], _LIKELY
    verb = re.search(
        rf"{GIVING}(?:资金|金额|标准|人民币|共计|合计|总额|生活费|经费)?(?:为|是|至|到|达|各|共|"
        rf"按)?(?:一次性|每[^,]{{1,8}}?)?$",
        at.left,
    )
    per = re.search(
        r"(?:单|一)(?:人|户|家|件|项|个|亩|台|次|名|套|辆|场|篇|位|批)[^,。;、]{0,8}$|每(?!增|新|满)"
        r"[^,。;、\d]{1,9}$",
        at.left,
    )
    thing = re.match(
        rf"(?:人民币|标准)?(?:的|一次性|不等|/){{0,2}}[^,。;、\d的]{{0,10}}?(?:的)?{THING_GIVEN}", at.right
    )
    near = re.search(
        rf"(?:给予|予以|奖励|补贴|补助|资助|支持|发放|奖补|追加|奖|补|提高至|提高到){CLOSE}", at.left
    )
    scale = re.search(rf"{SCALE}(?:额|总额)?(?:为|是|达)?$", at.left)
    if scale and not verb:
        return "distractor", scale.group(), _LIKELY
    if verb:
        return "amount", verb.group(), _SURE
    if near and not re.search(rf"{SCALE}[^,]{{0,4}}$", at.left):
        return "amount", near.group(), _SURE if thing else _LIKELY
    if per and at.gives():
        return "amount", per.group(), _LIKELY
    if thing and at.gives() and not re.search(rf"获得[^,]*$|{TARGET}", at.left):
        return "amount", thing.group(), _LIKELY
    return None


def _money_by_default(at: Setting) -> _Verdict:
    target = re.search(TARGET, at.sentence)
    if target or not at.gives():
        return "distractor", target.group() if target else "", _LIKELY
    scale = re.search(SCALE, at.left)
    if scale or re.match(r"的(?:企业|项目|单位|机构|,|$)", at.right):
        return "distractor", scale.group() if scale else at.right[:4], 0.7
    listed = re.search(r"(?:补贴|补助|奖励|资助|津贴|支持|标准)[^。;]{0,60}$", at.before)
    if listed and re.fullmatch(r"(?:其中)?[^,。;:\d]{0,24}", at.left):
        return "amount", listed.group()[:8], 0.7
    return "distractor", "", _UNSURE


# ------------------------------------------------------------------ shares


def _share(at: Setting, chain: tuple[FigureRole, str] | None) -> _Verdict:
    staged = re.fullmatch(r"(?:其中)?[第前后首次][\d一二三四五两几年]{1,4}年?(?:按|为|给予)?", at.left)
    if staged and re.search(SUPPORT_NOUN, at.before):
        return "rate", at.left, _LIKELY
    verdict = _superseded(at, is_share=True) or _share_other(at) or _share_rate(at)
    if verdict:
        return verdict
    if chain:
        return chain[0], chain[1], 0.8
    cue = re.search(rf"{CAP_CUE}{CLOSE}", at.left)
    measured = cue and _last(SCALE, at.left[: cue.start()]) > _last(SUPPORT_NOUN, at.left[: cue.start()])
    if cue and at.gives() and not measured and not re.search(r"费率|利率|股权|股份|占比", at.left + at.right):
        return "rate", cue.group(), 0.7
    tier = re.search(r"按$", at.left) and re.match(
        r"(?:的比例|标准)?(?:计算|计|执行|核定|核算|确定)", at.right
    )
    if tier and re.search(rf"{SUPPORT_NOUN}(?:资金|金额|标准|额)|{GIVING}", at.earlier + at.before):
        return "rate", tier.group(), 0.7
    return "distractor", "", _LIKELY if not at.gives() else _UNSURE


def _share_other(at: Setting) -> _Verdict | None:
    if re.match(
        r"(?:及|\(含\)|\(不含\))?(?:以上|以下|左右|的?权重|的?股[权份]|的?部分由|的?概率|的?企业)", at.right
    ):
        given = re.match(r"(?:以上|以下)的?(?:比例|标准|额度)?(?:给予|补|奖|资助|的补|的奖)", at.right)
        if not given:
            return "distractor", at.right[:4], _SURE
    chosen = re.match(
        r"的?(?:比例|左右)?(?:的比例)?(?:确定|评选|遴选|认定|推荐|抽查|抽取|选取|选拔|筛选)", at.right
    )
    if chosen:
        return "distractor", chosen.group(), _LIKELY
    instalment = re.search(r"分(?:[两二三四五六\d]|若干)?(?:年|期|批|次|阶段)[^,]{0,8}$", at.left)
    if instalment and re.match(
        r"(?:的比例|比例)?(?:予以|给予|进行)?(?:拨付|兑现|发放|支付|兑付|执行|到位)", at.right
    ):
        return "distractor", instalment.group(), _LIKELY
    equity = re.search(
        rf"(?:基金|政府|财政|国资)[^,]{{0,8}}(?:参股|出资|投资|跟投)(?:比例)?{CAP_CUE}", at.left
    )
    if equity and not re.search(r"各级|合计|单个|单只", at.left):
        return "rate", equity.group(), 0.7
    if re.search(r"股权|股份|参股|持股|出资比例|控股", at.left):
        return "distractor", "股", _LIKELY
    cost = re.search(COST_SHARE, at.right)
    if cost and re.search(r"财政|单位|企业自", at.right) and not re.search(GIVING, at.right):
        return "distractor", cost.group(), _LIKELY
    interest = re.search(r"(?:利率|费率|税率|利息率)[^,的]{0,6}$", at.left) or re.match(
        r"的[^,。;]{0,8}(?:利率|费率|税率)", at.right
    )
    if interest and "贴息" not in at.sentence:
        return "distractor", interest.group(), _LIKELY
    if re.search(
        r"(?:补贴|补助|资助|奖励|奖补|支持|扶持|补偿|配套)的?(?:比例|标准|额度)(?:为|是)[^,]*$", at.left
    ):
        return "rate", "比例为", _LIKELY
    not_rate = re.search(rf"{NOT_A_RATE}[^,]{{0,10}}$", at.left)
    given = not_rate and re.search(
        rf"(?:按照?|给予|予以|补贴|补助|资助|奖励|支持|{CAP_CUE})", at.left[not_rate.start() :]
    )
    if not_rate and (not given or re.match("不低于|不少于", not_rate.group())):
        return "distractor", not_rate.group(), _SURE
    return None


def _share_rate(at: Setting) -> _Verdict | None:
    taken = re.search(
        r"列支|提取|计提|间接费用|管理费|绩效支出|劳务费|人员费|预提|质保金|保证金|罚款", at.before + at.right
    )
    behind = re.match(RATE_BEHIND, at.right) or re.match(RATE_THING, at.right)
    verb = re.search(
        r"(?:给予|予以|补贴|补助|资助|奖励|奖补|支持|扶持|贴息|补偿|减免|抵扣|抵免|抵减|返还|加计|"
        r"报销|配套(?!型|用|设|住|服))[^,]*$",
        at.left,
    )
    by = re.search(r"(?:按照?|依照|依据|根据|以)[^,]*$", at.left)
    subject = re.search(
        rf"(?:补贴|补助|资助|奖励|奖补|支持|扶持|贴息|补偿|配套)(?:资金|经费|额度|金额|比例|标准|"
        rf"总额)?(?:原则上|为|按|一般)?{CAP_CUE}?[^,]*$",
        at.left,
    )
    if taken and not (behind or verb):
        return "distractor", taken.group(), _LIKELY
    if at.bracket and not (behind or (verb and by)):
        return "distractor", "()", 0.7
    for cue in (behind, subject, verb):
        if cue:
            return "rate", cue.group(), _SURE
    if by and re.search(GIVING, at.behind):
        return "rate", by.group(), _LIKELY
    return None
