"""Finding conditions that stand apart from the grant: a list headed 支持条件, or a demand behind it.

In: folded text and its sentences. Out: spans, each one condition.
"""

from __future__ import annotations

import re

from toolkit.extraction.phrases import clean_condition
from toolkit.extraction.sentences import Sentence, Span, without_marker

__all__ = ["conditions_heading", "is_demand", "listed_conditions"]

_HEADING = re.compile(
    r"(?:(?:支持|申报|申请|享受|扶持|补贴|补助|奖励|资助|基本|具体|认定|准入|适用)(?:对象(?:及|和|"
    r"与))?)?(?:条件|要求|对象)(?:及要求)?(?:如下|为|包括)?[:]?(?:申[报请](?:企业|单位|项目|人|"
    r"主体)?|企业|项目|单位)?(?:(?:应|须|需|要)?(?:当|同时)?(?:符合|满足|具备))?(?:以下|"
    r"下列)?(?:全部)?(?:基本)?(?:条件)?(?:之一)?[:]?"
)
_NEXT_SECTION = re.compile(
    r"(?:支持|补贴|补助|奖励|资助|扶持|补偿)?(?:方式|标准|金额|内容|额度|措施|政策|程序|流程|材料|"
    r"范围|期限)|申[报请](?:材料|程序|流程|时间|方式)|附则|(?:牵头|责任|配合)(?:单位|部门)"
)
_DEMAND = re.compile(
    r"应(?:当)?(?:符合|为|满足|具备|在|自筹|具有|承诺)|须(?!经)|必须|只限|仅限|不得(?!重复|同时|超过|"
    r"享受|高于|少于|低于)|未(?:发生|列入|被列入)"
)


_ANNOUNCED = re.compile(
    r"[^,。;:]{0,24}(?:应当?|须|需|要)?(?:同时)?(?:符合|满足|具备)(?:以下|下列)[^,。;:]{0,8}条件(?:之一)?:?"
)


def conditions_heading(words: str) -> int:
    """Give the length of a heading that announces conditions; 0 where the words are none."""
    announced = re.match(r"(?:申请|申报|享受)", words) and _ANNOUNCED.match(words)
    if announced:
        return announced.end()
    found = re.match(
        r"(?:支持|申报|申请|享受|扶持|补贴|补助|奖励|资助|基本|准入)(?:对象(?:及|和|与))?条件", words
    )
    if not found:
        return 0
    whole = _HEADING.match(words)
    end = whole.end() if whole else found.end()
    told = _ANNOUNCED.match(words, end)
    return told.end() if told else end


def is_demand(words: str) -> bool:
    """Say whether a segment demands something of the recipient."""
    if re.match(
        r"经费|资金|由|各|市|区|省|补[助贴]资金|重复|企业不得重复|财政|部门|(?:牵头|责任|配合)", words
    ):
        return False
    return bool(_DEMAND.search(words))


def listed_conditions(text: str, sentences: list[Sentence], taken: set[int]) -> list[Span]:
    """Find the items under a heading like 支持条件, up to the next section or the first award."""
    found: list[Span] = []
    inside = False
    for sentence in sentences:
        words = text[sentence.start : sentence.end]
        heading = conditions_heading(words)
        if heading:
            inside = True
        elif inside and (_NEXT_SECTION.match(words) or sentence.start in taken):
            inside = False
        if inside and sentence.start not in taken:
            span = without_marker(text, (sentence.start + heading, sentence.end))
            span = clean_condition(text, span)
            if span[1] - span[0] > 3:
                found.append(span)
    return found[:12]
