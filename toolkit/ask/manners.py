"""Replies to what is no question about policies: nothing, too much, another language, abuse, orders.

In: the text that a person typed. Out: a short reply, or None where it may be a question. No reply holds
a figure.
"""

from __future__ import annotations

import re

from toolkit.ask.lexicon import load_lexicon
from toolkit.ask.question import LIMIT
from toolkit.places import find_places
from toolkit.text import squeeze

__all__ = ["reply_to"]

_HAN = re.compile(r"[一-龥]")
_LETTER = re.compile(r"[^\W\d_]")


def reply_to(text: str) -> str | None:
    """Give the fitting reply to what cannot be answered from policies; None for a question."""
    lexicon = load_lexicon()
    asked = squeeze(text)
    if not asked or not _LETTER.search(asked):
        return "请输入一个关于政策的问题，例如：某地首次认定高新技术企业奖励多少？"
    if len(asked) > LIMIT:
        return "问题太长了，请用一两句话说明想了解哪个地方的哪项政策。"
    if lexicon.abuse.search(asked):
        return "我只回答政策问题。请说明想了解哪个地方的哪项政策。"
    if lexicon.steering.search(text) or lexicon.steering.search(asked):
        return "我只能依据资料库中的政策原文回答，不能绕过资料给出内容。"
    if len(_HAN.findall(asked)) < 2 or len(_HAN.findall(asked)) * 3 < len(_LETTER.findall(asked)):
        return "目前只支持中文提问。Please ask in Chinese: the policies are Chinese texts."
    if lexicon.private.search(asked):
        return "我只回答政策问题，不提供个人信息。"
    if _only_a_place(asked):
        return "请再说明想了解什么，例如补贴金额、申请条件或办理部门。"
    return None


def _only_a_place(text: str) -> bool:
    for place in reversed(find_places(text)):
        text = text[: place.start] + text[place.end :]
    return len(_HAN.findall(text)) < 2
