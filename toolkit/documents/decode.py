"""From a file's bytes to its text, whatever Chinese encoding it has.

In: bytes. Out: text. A byte order mark decides; then UTF-8, UTF-16 without a mark, GB 18030, Big5, and what
charset-normalizer makes of the rest. Bytes that are no text are an `InputError`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

from toolkit.errors import InputError

__all__ = ["decode"]

_MARKS: Sequence[tuple[bytes, str]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 200_000
_COMMON = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处府施策企业财科技项目资金支持办法规定条例通知發業對國會為區計規資條應實辦開經關個"
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f]")


def decode(data: bytes, *, name: str = "the file") -> str:
    """Decode bytes; raise InputError where they are no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if not data:
        return ""
    sample = data[:_SAMPLE]
    if (text := _utf16(data, sample)) is not None:
        return text
    if b"\x00" in sample:
        raise InputError(f"{name} is not a text file", hint="its bytes are binary; give the document itself")
    try:
        return _checked(data.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        # A few broken bytes in a file that is otherwise UTF-8 do not make it another encoding.
        broken = data.decode("utf-8", errors="replace")
        if error.start > 0 and broken.count("\ufffd") <= max(3, len(broken) // 1000):
            return _checked(broken, name)
    scored = []
    for encoding in ("gb18030", "big5hkscs"):
        text = sample.decode(encoding, errors="replace")
        scored.append((_likeness(text), encoding))
    score, encoding = max(scored)
    if score > 0.15:
        return _checked(data.decode(encoding, errors="replace"), name)
    return _checked(_guess(data, sample, name), name)


def _utf16(data: bytes, sample: bytes) -> str | None:
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) < 0.02 * len(sample) / 2 or len(data) < 4:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = sample[: len(sample) // 2 * 2].decode(encoding, errors="replace")
        if text.count("\ufffd") <= len(text) // 500 and _likeness(text) > 0.2:
            return data.decode(encoding, errors="replace")
    return None


def _likeness(text: str) -> float:
    """The share of everyday Chinese characters, less what no text holds."""
    if not text:
        return 0.0
    wide = [c for c in text if ord(c) > 0x7F]
    if not wide:
        return 0.0
    odd = sum(c == "\ufffd" or 0xE000 <= ord(c) <= 0xF8FF for c in wide)
    return sum(c in _COMMON for c in wide) / len(wide) - 3 * odd / len(wide)


def _guess(data: bytes, sample: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is None:
        raise InputError(f"{name} is not a text file", hint="its bytes are in no known encoding")
    return data.decode(best.encoding, errors="replace")


def _checked(text: str, name: str) -> str:
    head = text[:_SAMPLE]
    if head and len(_CONTROL.findall(head)) > 0.02 * len(head):
        raise InputError(f"{name} is not a text file", hint="its bytes are binary; give the document itself")
    return text
