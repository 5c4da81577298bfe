"""What a web page pasted as text has around its policy: site navigation before it, contacts after it.

In: the paragraphs of a file. Out: the paragraphs without them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolkit.documents.lines import Paragraph
from toolkit.documents.marks import DATE_LINE, doc_numbers, ends_sentence, is_bodies, is_marked

__all__ = ["trim"]

_FOOTER = re.compile(
    r"^(?:创建时间|发布时间|更新时间|信息来源|来源|文章来源|作者|责任编辑|编辑|浏览(?:次数|量)?|点击|阅读|访问量|打印|关闭|分享|收藏|上一[篇条页]|下一[篇条页]"
    r"|扫一扫|扫码|微信|微博|当前位置|您(?:的|现在的)位置|首\s*页|返回|网站地图|联系我们|关于我们|版权所有|主办单位|承办单位|技术支持|ICP备|[京沪津渝粤浙苏]ICP"
    r"|相关(?:链接|文章|阅读|附件|新闻|政策|文件)|热门|推荐|更多|立即|咨询|友情链接|网站标识码|公网安备|【?(?:打印|关闭|字体)|字号|无障碍|在线(?:咨询|客服)|免责声明|电话|传真|邮编)"
)
_CRUMBS = re.compile(r"首页\s*[>＞»›/]|(?:\S+\s*[>＞»›]\s*){2,}")


def trim(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """Drop the lines of a site that follow the text, and lines of navigation before it."""
    kept = list(paragraphs)
    stop = _tail(kept)
    kept = kept[:stop]
    return [p for i, p in enumerate(kept) if not (i < 15 and _is_navigation(p.text))]


def _tail(paragraphs: Sequence[Paragraph]) -> int:
    """Find where the site's own lines start after the text; the text's end where there are none."""
    last = max((i for i, p in enumerate(paragraphs) if _is_text(p.text)), default=-1)
    for i in range(last + 1, len(paragraphs)):
        text = paragraphs[i].text
        if (_FOOTER.match(text) and len(text) < 80) or _CRUMBS.search(text):
            return i
    return len(paragraphs)


def _is_text(text: str) -> bool:
    if DATE_LINE.fullmatch(text) or doc_numbers(text) or is_bodies(text):
        return True
    return (
        (ends_sentence(text) and len(text) >= 12)
        or (is_marked(text) and not _FOOTER.match(text))
        or len(text) > 80
    )


def _is_navigation(text: str) -> bool:
    if is_marked(text) or len(text) > 120 or ends_sentence(text):
        return False
    return _CRUMBS.search(text) is not None or (_FOOTER.match(text) is not None and len(text) < 60)
