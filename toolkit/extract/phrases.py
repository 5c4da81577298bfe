"""Reading the words before a figure: who receives, under which conditions, for what.

In: folded text and the spans of an award's own words. Out: `Context`, spans over the same text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from toolkit.extract.awards import SCOPE
from toolkit.extract.sentences import Span, strip_span
from toolkit.figures.roles import CAP_CUE

__all__ = ["Context", "clean_condition", "granted_to", "is_recipient", "read_context", "topic_of"]

_RECIPIENT = (
    r"(?:企业|单位|机构|高校|院校|高等学校|科研院所|研究院|院所|团队|人才|个人|人员|创业者|大学生|毕业生|博士后|专家|特派员|主体|组织|协会|商会|联盟|学会"
    r"|实验室|工作室|工作站|孵化器|加速器|众创空间|孵化载体|载体|公司|银行|学校|医院|卫生院|工厂|车间|农户|合作社|农场|商户|运营方|主办方|承办方|申报方|导师|院士|教师|员工|职工|市民|居民"
    r"|家庭|劳动者|法人|政府|部门|乡镇|街道|社区|村集体|研发中心|创新中心|技术中心|工程中心|交易中心|服务中心|总部|中心|平台|园区|基地|产业园|科技园|创业园|创意园|物流园|楼宇|集团|业主|用户|投资者|投资人|经纪人|代理人"
    r"|分支机构|工会|中介|会员|校区|院线|门店|店铺|经营者|生产者|种植户|养殖户|大户|带头人|技师|工匠|获奖者|获得者|持有人|发明人|申请人|专利权人|负责人|县\(市\)|区\(县\)|区县|开发区)"
)
_THING = (
    r"(?:项目|产品|品种|技术|场景|工程|活动|展会|会议|论坛|赛事|大赛|标准|专利|商标|作品|设备|装备|药品|器械|系统|软件|方案|成果|课题|品牌|示范|设施|线路|航线|航班|影片|电影|电视剧|剧目|图书|课程|模型|案例"
    r"|贷款|合同|交易|订单|药物|新药|疫苗|基金|房源|住房|用房|车辆|船舶|仪器|道路|建筑|生产线|改造|数据集|算法|样机|芯片|首台\(套\)|首版次|首批次)"
)
_ACTS = (
    r"(?:采购|购买|购置|使用|应用|开展|实施|获得|获评|获批|获|取得|首次|新|年度|年|上年|上一年|当年|因|在|参加|参与|参展|举办(?!方|单位)|承办(?!方|单位)|建设(?!单位|主体|方)|租用|租赁|承租|引进|引入|设立|牵头|承担|通过|入选|入驻|入围|被|进行|投保|申请(?!人)|申报(?!单位|主体|企业|人)|完成|达到"
    r"|为|与|向|开发(?!区|商|者)|投资(?!机构|企业|者|人|主体|公司|方|基金|类)|研发(?!机构|中心|平台|团队|人员|费用|投入|企业|总部)|自主|利用|购|聘用|聘请|招用|吸纳|招聘|组织|主导|制定|制修订|发行|改制|上市(?!公司|企业|后备)|落户|迁入|将|以|按|自|每|提供|营业收入|主营业务|销售|产值|固定资产|总投资|符合|纳入|列入|兴办|收购|并购|经|已|未|认定(?!机构)|成功|连续|从事|拥有|具有"
    r"|实现|生产(?!企业|基地|线|性|单位)|推广(?!中心)|出口|进口|接受|委托|联合|围绕|根据|凭|采用|采取|来|到|赴|领取|注册|成立|创办|创业(?!者|园|企业|团队|项目|导师|活动|大赛|基地|人才|培训|担保|孵化|投资|服务|主体|机构)|就业(?!创业|服务|指导)|\d|签订|缴纳|累计|单(?!位)|且|并|产生|作出|做出|评为|评定|晋升|升级|转型|转让|转化|输出|促成|发生|研究|对|由|用于|享受|运营(?!机构|主体|商|方|单位|企业|费|成本|中心|公司)|服务(?!机构|平台|中心|业|商|企业|团队|贸易|券|费|载体|示范)|帮助|带动|租|促进|依托|整合|牵线|促使|推荐|引荐|办理)"
)
_NP_VP = re.compile(rf"(?P<who>[^,]{{0,36}}?{_RECIPIENT}(?:\([^)]*\))?)(?={_ACTS})(?P<what>.{{3,}})$")
_TO = r"对于?(?!接|标|口|象|应|比|照|等|账|策|称|话|抗|手|外(?!国|资|籍|商|地|省)|于)"
_GRANT = rf"(?:由[^,]{{0,10}}(?:财政|资金|部门|政府)[^,]{{0,6}})?(?:分别|按照?(?=[^,]*$)|依照|再|可|各|择优|一次性|最高|{CAP_CUE}|给予|予以|给|发放|奖励|补贴|补助|资助|支持|扶持|奖补|享受|{SCOPE})"
_GRANT_FIRST = rf"分别|根据|依据|按照?|依照|最高|{CAP_CUE}|给予|予以|发放|可(?:按|给|享|申|获|以)|一次性|由[^,]{{0,10}}财政|{SCOPE}|后?(?:补贴|补助|资助|奖励|支持|扶持)(?:资金|金额|额度|标准|比例|总额|额|不)|(?:奖励|补助|补贴|资助|支持)(?=$|每|最)"
_FILLER = re.compile(
    r"(?:随着[^,]*|为(?:了|进一步)[^,]*|切实[^,]*|通过(?!验收|复核|认定|评审|考核|评价|国家|省|市)[^,]*|按规定|按有关规定|按相关规定|按照[^,]*(?:原则|规定|方式|政策|标准)|根据[^,]*|依据[^,]*|结合(?!考核)[^,]*|经费[^,]*|由[^,]*|具体[^,]*|其中|同时|另外|此外|分别|每年|一次性|按[^,]*|给予[^,]*|予以[^,]*"
    r"|[^,]{0,8}(?:采取|采用|实行)[^,]*|分[^,]{0,6}(?:档|年|阶段|期)[^,]*|自[^,]*起|连续\w年|原则上|期限[^,]*|到\d{4}年[^,]*|\d{4}年[^,]{0,4})$"
)
_BARE_STATE = re.compile(
    r"(?:经(?!营|济|费)|符合|满足|用于|首次|年度?营业|营业收入|主营|固定资产|实际投|总投资|投资额|获得|获评|取得|通过|入选|达到|上年|上一年|当年|且|并(?!给)|或|考核|评价|结合考核|从事|承担|连续|注册|具有|拥有|成立|纳入|列入|服务|累计|年销售|年产值|销售|只限|未|已|期满|担任|每年达)"
)
_STATE = re.compile(
    rf"(?:经|符合|满足|获得?|首次|新|在|取得|通过|达到?|年|上年|上一年度|当年|营业|主营|总投资|投资|且|并|用于|为|入选|入围|承担|牵头|评价|评为|被|已|未|纳入|列入|因|从事|拥有|具有|实际|固定|累计|连续|注册|成立|销售|产值|每|参加|开展|完成|促成|有|属于|用人|引进|单|研发|建设|结合考核|考核|自|购买|租|投保|来|担任|毕业|缴纳|签订|组织|举办|处于|实缴|融资|兴办|期满|或|评估|贷款期|市场|出口|上市|主导|信用|全年|一季度|年末|申报年度|申请|投产|竣工|建成|服务|向|与|办理)"
)


@dataclass
class Context:
    """Who, under which conditions, and for what; spans over the folded text."""

    beneficiary: Span | None = None
    conditions: list[Span] = field(default_factory=list)
    thing: Span | None = None
    acts: list[Span] = field(default_factory=list)


def is_recipient(words: str) -> bool:
    """Say whether a noun phrase ends in a word for someone who can receive support."""
    bare = re.sub(r"\([^)]*\)$|(?:等|们)$", "", words)
    return bool(re.search(rf"{_RECIPIENT}[”》」\"]?$", bare))


def _who(text: str, span: Span) -> Span | None:
    """Trim a recipient to its own words; None where the words are about money or rules."""
    start, end = strip_span(
        text, span, lead=r"将|把|可(?=[^,]{2})|于(?=企业)|由|且|原则上|每年|择优|评选|认定|遴选|选[出拔]|出(?=[^口版])|共|支持|鼓励|、|其中|\d+|[家个名项](?=[^,]{2,})|左右|等|和|以及|\([^()]*政策\)"
    )
    words = text[start:end]
    if re.match(r"在", words) and not re.match(rf"在.{{1,5}}{_RECIPIENT}", words[:12]):
        return None
    if len(words) < 2 or re.search(r"资金|经费|方案|办法|规定|由|政策|^(?:每|单|同一)", re.sub(r"\([^()]*\)", "", words)):
        return None
    return start, end


def clean_condition(text: str, span: Span) -> Span:
    """Trim a condition to its own words: no leading conjunction, no closing 的."""
    return strip_span(
        text,
        span,
        lead=r"其中|对于|对(?!外)|凡是|凡|如果|若|且|并且|并(?!购)|同时|以及|及|另外|另|[,、:;]|在(?=符合)",
        trail=r"的\([^()]*\)|的|,|、|;|。|:|时|后(?=$)",
    )


def read_context(text: str, segments: list[Span]) -> Context:
    """Read the segments before an award's first figure; the last one runs up to the figure."""
    found = Context()
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        span = _before_the_grant(text, segment) if last or re.search(_TO, text[slice(*segment)]) else segment
        span = strip_span(text, span, lead="[、,:;]")
        if span[1] - span[0] > 1:
            _read_segment(text, span, found, first=index == 0)
            if index + 1 < len(segments) and _goes_on(text, span, segments[index + 1]):
                _add_condition(text, span, found)
    found.beneficiary = found.beneficiary and _who(text, found.beneficiary)
    return found


def _goes_on(text: str, span: Span, behind: Span) -> bool:
    """Say whether the segment behind makes this one a condition too: `…达到一定比例,并…的`."""
    words = text[behind[0] : behind[1]]
    own = text[span[0] : span[1]]
    joined = re.match(r"(?:并|且|或)(?!给予|予以)", words) and words.endswith("的")
    return bool(joined) and not own.endswith("的") and not re.search(rf"{_TO}|^(?:支持|鼓励)", own)


def _read_segment(text: str, span: Span, found: Context, *, first: bool) -> None:
    words = text[span[0] : span[1]]
    if re.match(r"根据|依据|参照|按照?(?![^,]{0,4}规定)|结合(?!考核)|比照", words) and not words.endswith("的"):
        return
    to = re.search(_TO, words)
    if to and re.search(r"进行|的支持力度|呈", words[to.end() :]):
        return
    if to and (to.start() == 0 or first or re.match(r"可|再|并|还|各", words[max(0, to.start() - 1) :]) or "的" not in words[: to.start()]):
        _read_phrase(text, (span[0] + to.end(), span[1]), found)
        return
    toward = re.search(r"(?:^|规定|依法)向(?P<who>[^,]+?)(?:发放|提供|拨付|给予)(?P<what>.*)$", words)
    if toward:
        found.beneficiary = found.beneficiary or _shift(span, toward.span("who"))
        if toward.group("what"):
            found.thing = found.thing or _shift(span, toward.span("what"))
        return
    if _FILLER.match(words) and not words.endswith("的"):
        return
    lead = re.match(r"(?:大力|积极|重点)?(?:支持|鼓励|引导|推动|推进|加强|加快|加大)", words)
    if lead:
        _read_urging(text, (span[0] + lead.end(), span[1]), found)
        return
    _read_plain(text, span, found)


def _read_plain(text: str, span: Span, found: Context) -> None:
    words = text[span[0] : span[1]]
    split = _NP_VP.match(words)
    inner = re.match(r"(?P<mod>.+的)(?P<head>[^的]{2,24})$", words)
    if re.search(r"每(?:新|满)?增?加?\d", words):
        return
    if words.endswith(("的", "以上", "以下", "之间")) or _BARE_STATE.match(words):
        if split and found.beneficiary is None and _is_noun_phrase(split.group("who")):
            found.beneficiary = _shift(span, split.span("who"))
            _add_act(text, _shift(span, split.span("what")), found)
        elif inner and is_recipient(inner.group("head")) and found.beneficiary is None:
            _read_phrase(text, span, found)
        else:
            _add_condition(text, span, found)
    elif inner and is_recipient(inner.group("head")):
        _read_phrase(text, span, found)
    elif split and found.beneficiary is None and _is_noun_phrase(split.group("who")):
        found.beneficiary = _shift(span, split.span("who"))
        _add_act(text, _shift(span, split.span("what")), found)
    elif is_recipient(words) and found.beneficiary is None:
        found.beneficiary = span
    else:
        owned = re.match(rf"(?P<who>[^,的]{{0,20}}?{_RECIPIENT})(?P<thing>[^,的]{{2,12}}?(?:资金|贷款|费|补贴|补助|津贴|项目|券))$", words)
        if owned:
            found.beneficiary = found.beneficiary or _shift(span, owned.span("who"))
            found.thing = found.thing or _shift(span, owned.span("thing"))
        elif found.thing is None and len(words) < 30 and re.search(rf"(?:{_THING}|费用?|补贴|补助|资金|津贴|券)[”》\"]?$", words):
            found.thing = span


def _add_act(text: str, span: Span, found: Context) -> None:
    """Add what a recipient does as a condition; a payment named in it is the thing supported."""
    words = text[span[0] : span[1]]
    paid = re.match(r"(?P<when>.+)的(?P<thing>[^的]*(?:补助|补贴|费|津贴|奖励))$", words)
    raised = re.match(r"(?P<thing>[^,的]{0,8}(?:补贴|补助|津贴|奖励))(?:提高|调整|增加|标准|上调)", words)
    if paid or raised:
        found.thing = found.thing or _shift(span, (paid or raised).span("thing"))  # type: ignore[union-attr]
        if paid:
            _add_condition(text, _shift(span, paid.span("when")), found)
        return
    _add_condition(text, span, found)


def _is_noun_phrase(words: str) -> bool:
    """Tell a recipient with a modifier (`符合条件的企业`) from the start of a clause (`获得…机构`)."""
    if re.match(rf"[在来驻赴].{{1,5}}{_RECIPIENT}$", words):
        return True
    return not _STATE.match(words) or bool(re.match(r"(?:符合|具有|拥有|从事|经|纳入|列入|通过|获|新|入选|首次|在|注册|有|已|来|担任|取得)[^,]*的[^的]+$", words))


def _read_phrase(text: str, span: Span, found: Context) -> None:
    """Read what follows 对: a modifier and a noun, or a clause that ends in 的."""
    words = text[span[0] : span[1]]
    if words.endswith("的") or words.endswith("的,"):
        body = clean_condition(text, span)
        split = _NP_VP.match(text[body[0] : body[1]])
        if split and _is_noun_phrase(split.group("who")):
            found.beneficiary = found.beneficiary or _shift(body, split.span("who"))
            _add_condition(text, _shift(body, split.span("what")), found)
        else:
            inner = re.match(r"(?P<mod>.+的)(?P<head>[^的,]{2,24})$", text[body[0] : body[1]])
            if inner and is_recipient(inner.group("head")) and found.beneficiary is None:
                found.beneficiary = _shift(body, inner.span("head"))
            _add_condition(text, body, found)
        return
    cut = _last_de(words)
    acting = _NP_VP.match(words)
    if cut > 0 and acting and "的" not in acting.group("who") and not _STATE.match(acting.group("who")):
        head = words[cut + 1 :]
        makes = re.match(r"(?:新)?(?:建立|设立|建|组建|搭建|举办|承办|创办)", acting.group("what"))
        if makes or (not is_recipient(head) and not head.endswith("项目")):  # `医院采购…的药品`: the noun is the verb's object
            found.beneficiary = found.beneficiary or _shift(span, acting.span("who"))
            _add_condition(text, _shift(span, acting.span("what")), found)
            return
    if cut > 0 and max(map(len, words[cut + 1 :].split("、"))) <= 36:
        _read_modified(text, span, cut, found)
        return
    split = _NP_VP.match(words)
    if split and _is_noun_phrase(split.group("who")):
        found.beneficiary = found.beneficiary or _shift(span, split.span("who"))
        _add_condition(text, _shift(span, split.span("what")), found)
    elif is_recipient(words) and not re.match(r"被|获|入选|认定为|评为|列入|纳入|通过", words):
        found.beneficiary = found.beneficiary or span
    elif re.search(r"(?:以上|以下|之间)$", words) or _STATE.match(words):
        _add_condition(text, span, found)
    else:
        found.thing = found.thing or span
        if len(words) > 8:
            found.acts.append(span)


def _read_modified(text: str, span: Span, cut: int, found: Context) -> None:
    modifier, head = (span[0], span[0] + cut), (span[0] + cut + 1, span[1])
    acting = _NP_VP.match(text[head[0] : head[1]])
    if acting and _is_noun_phrase(acting.group("who")):
        found.beneficiary = found.beneficiary or _shift(head, acting.span("who"))
        _add_condition(text, _shift(head, acting.span("what")), found)
    elif is_recipient(text[head[0] : head[1]]):
        found.beneficiary = found.beneficiary or head
    else:
        found.thing = found.thing or head
        split = _NP_VP.match(text[modifier[0] : modifier[1]])
        if split and not _STATE.match(split.group("who")):
            found.beneficiary = found.beneficiary or _shift(modifier, split.span("who"))
    _add_condition(text, modifier, found)


def _read_urging(text: str, span: Span, found: Context) -> None:
    """Read 支持 or 鼓励 and whom: the recipient up to its verb, then what it is urged to do."""
    words = text[span[0] : span[1]]
    split = _NP_VP.match(words)
    if split:
        found.beneficiary = found.beneficiary or _shift(span, split.span("who"))
        found.acts.append(_shift(span, split.span("what")))
    elif is_recipient(words):
        found.beneficiary = found.beneficiary or span
    else:
        found.acts.append(span)


def topic_of(text: str, segments: list[Span]) -> Context:
    """Read sentences without figures: whom the clause is about, and what it urges them to do."""
    found = Context()
    for span in segments:
        words = text[span[0] : span[1]]
        if re.match(r"同一|每家|单个|各|市|区|由", words):
            continue
        paid = re.match(r"(?P<thing>[^,]{2,24}?(?:费|补贴|补助|津贴|资金|经费))(?=实行|采用|由|按|为|,|$)", words)
        if paid and found.thing is None:
            found.thing = _shift(span, paid.span("thing"))
        urged = re.search(r"(?:支持|鼓励|引导|推动|培育|加强|提供|强化|发展|加大|推进|深化)", words)
        to = re.search(_TO, words)
        if urged and urged.start() <= 14:
            _read_urging(text, (span[0] + urged.end(), span[1]), found)
        elif to and to.start() <= 14:
            _read_phrase(text, (span[0] + to.end(), span[1]), found)
        else:
            split = _NP_VP.match(words)
            if split and found.beneficiary is None and len(split.group("who")) < 24 and "," not in split.group("who"):
                found.beneficiary = _shift(span, split.span("who"))
    found.beneficiary = found.beneficiary and _who(text, found.beneficiary)
    return found


def _add_condition(text: str, span: Span, found: Context) -> None:
    span = clean_condition(text, span)
    words = text[span[0] : span[1]]
    if len(words) < 2 or re.fullmatch(rf"(?:{SCOPE}|企业|项目|本市|我市|全市|优秀|上述|以上|相关|有关|其|所|该|给予|其中)+", words):
        return
    aside = re.search(r"\((?P<demand>[^()]*(?:须|应当?|不得)[^()]*)\)", text[span[0] : min(len(text), span[1] + 40)])
    if aside and aside.start() <= span[1] - span[0] + 1:
        found.conditions.append(_shift(span, aside.span("demand")))
    parts = _conjuncts(text, span)
    found.conditions += [p for p in parts if p not in found.conditions]


def _conjuncts(text: str, span: Span) -> list[Span]:
    """Split `A并B`, `A且B` where the second part begins with a verb of its own."""
    words = text[span[0] : span[1]]
    for joint in re.finditer(r"并且|且|并(?=获|在|通过|取得|完成|实现|签|具|与|向|符|列|纳|投)", words):
        before = words[: joint.start()]
        if joint.start() >= 4 and len(words) - joint.end() >= 4 and before.count("(") == before.count(")"):
            first = (span[0], span[0] + joint.start())
            return [first, *_conjuncts(text, (span[0] + joint.end(), span[1]))]
    return [span]


def _before_the_grant(text: str, span: Span) -> Span:
    """Cut a segment where its grant begins: `对…企业|分别给予最高`, `对…的|按照`."""
    words = text[span[0] : span[1]]
    if re.match(rf"(?:且|并|但)?(?:{_GRANT_FIRST})", words):
        return span[0], span[0]
    for found in re.finditer(rf"(?:{_RECIPIENT}(?:等)?(?:\([^)]*\))?[”》\"]?|的)(?={_GRANT})", words):
        rest = words[found.end() :]
        if found.group() == "的" and re.match(r"(?:支持|奖励|补贴|补助|资助|扶持|配套)", rest) and re.search(r"的", rest[4:]):
            continue
        if found.group() and "的" in rest and re.search(rf"的[^,的]{{0,16}}{_RECIPIENT}", rest) and not re.match(r"按|分别|最高|给予|予以", rest):
            continue
        return span[0], span[0] + found.end()
    later = re.search(rf"(?:由[^,]{{0,8}}财政[^,]{{0,4}})?(?:给予|予以|发放|分别|按照?)[^,]*$", words)
    later = later or re.search(rf"(?:{SCOPE})[^,的]{{0,8}}?(?:{CAP_CUE})[^,]*$|{CAP_CUE}[^,]*$", words)
    return span[0], span[0] + (later.start() if later else len(words))


def _last_de(words: str) -> int:
    """Find the 的 between a modifier and its noun, outside brackets; -1 where there is none."""
    depth = 0
    for at in range(len(words) - 1, 0, -1):
        if words[at] in ")》”":
            depth += 1
        elif words[at] in "(《“":
            depth -= 1
        elif words[at] == "的" and depth == 0:
            return at
    return -1


def _shift(span: Span, inner: tuple[int, int]) -> Span:
    return span[0] + inner[0], span[0] + inner[1]


def granted_to(text: str, left: Span) -> Span | None:
    """Find the recipient between 给予 and the cue: `给予在杭高校不超过…`."""
    words = text[left[0] : left[1]]
    found = re.search(rf"(?:给予|予以)(?!一次性|每)(?P<who>[^,\d]{{2,30}}?)(?:{CAP_CUE}|一次性|{SCOPE}|奖励|补助|补贴|资助|$)", words)
    if found and (is_recipient(found.group("who")) or re.search(r"项目$", found.group("who"))):
        return _shift(left, found.span("who"))
    return None


