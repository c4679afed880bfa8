"""Recognize Urdu and Chinese spellings among a place's alternate names.

Alternate names come without a language. Script alone is not enough: Persian, Pashto,
Sindhi, Punjabi, Kashmiri, Uyghur and Arabic share most letters with Urdu, and Japanese
shares characters with Chinese. A name is taken only when every letter of it is in the
alphabet in question.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

URDU = frozenset("ءآأؤئابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھیے ")
"""Letters of Urdu in Unicode's Urdu code points: Arabic's and Persian's kaf, yeh and heh
(U+0643, U+064A, U+0647) are others, and so are the letters of Sindhi, Pashto and Uyghur."""
URDU_ONLY = frozenset("ٹڈڑںہے")
"""Letters that Arabic, Persian, Pashto, Sindhi and Uyghur do not use."""
_ASPIRABLE = "بپتٹجچدڈرڑکگلمن"
_MARKS = re.compile("[\u064b-\u0652\u200c-\u200f]")
_DISTRICT_WORDS = ("تصیل", "تحصیل", "ضلع", "شہر")
_NO_TOWN = ("县", "縣", "地区", "地區")
_HAN = re.compile("[\u4e00-\u9fff]{2,}")


def _plain(name: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFC", name)).strip()


def is_urdu(name: str) -> bool:
    """Return whether all letters are Urdu's, each where Urdu uses it.

    >>> [is_urdu(name) for name in ("لاہور", "لاھور", "لاهور", "ٺٽو", "ئیسلاماباد")]
    [True, False, False, False, False]
    """
    if not name or not set(name) <= URDU or name.startswith("ئ") or "  " in name:
        return False
    # In Urdu the two-eyed heh only marks aspiration; Punjabi and Kurdish write h with it.
    aspirated = [name[i - 1] for i, letter in enumerate(name) if letter == "ھ" and i]
    if name.startswith("ھ") or any(letter not in _ASPIRABLE for letter in aspirated):
        return False
    return not any(word in name.split() for word in _DISTRICT_WORDS)


def urdu(names: Iterable[str], *, choice: str | None = None) -> str | None:
    """Return the best Urdu spelling among `names`, or None.

    `choice` is taken without ranking, but must be among the names.
    """
    found = sorted({_plain(name) for name in names})
    found = [name for name in found if is_urdu(name)]
    if choice is not None:
        if choice not in found:
            msg = f"the chosen spelling {choice} is not among {found}"
            raise SystemExit(msg)
        return choice
    if not found:
        return None

    def rank(name: str) -> tuple[int, int, int, int]:
        only = sum(letter in URDU_ONLY or letter == "ھ" for letter in name)
        not_arabic = sum(letter in "پچژگ" for letter in name)
        return only, not_arabic, "آ" in name, len(name)

    return max(found, key=rank)


def distinctive(name: str) -> bool:
    """Return whether a name has a letter that Urdu's neighbours don't use."""
    return not URDU_ONLY.isdisjoint(name)


def is_simplified(name: str) -> bool:
    """Return whether all characters are in GB 2312, the set of simplified Chinese."""
    try:
        name.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def chinese(names: Iterable[str]) -> str | None:
    """Return the best Chinese spelling among `names`, or None.

    Simplified comes before traditional, and short before long; names of counties and regions are
    left out.

    >>> chinese(["拉合爾", "拉合尔", "ラホール"]), chinese(["塞赫萬地區"])
    ('拉合尔', None)
    """
    found = [name for name in names if _HAN.fullmatch(name) and not name.endswith(_NO_TOWN)]
    return min(found, key=lambda n: (not is_simplified(n), len(n), n), default=None)


def tables(texts: Iterable[str]) -> dict[str, str]:
    r"""Join OpenCC's tables: characters and phrases, each with the first form that it offers.

    >>> tables(["爾\t尔\n", "# a remark\n乾隆\t乾隆 干隆\n"])
    {'爾': '尔', '乾隆': '乾隆'}
    """
    rows = [line.split("\t") for text in texts for line in text.splitlines() if "\t" in line]
    return {before: after.split()[0] for before, after in rows if not before.startswith("#")}


def simplified(name: str, known: Mapping[str, str]) -> str:
    """Write a name in simplified characters: by the longest known phrases, else by character.

    >>> simplified("薩希瓦爾", {"薩": "萨", "爾": "尔"})
    '萨希瓦尔'
    """
    longest = max(map(len, known), default=1)
    found, at = [], 0
    while at < len(name):
        sizes = range(min(longest, len(name) - at), 0, -1)
        size = next((n for n in sizes if name[at : at + n] in known), 1)
        part = name[at : at + size]
        found.append(known.get(part, part))
        at += size
    return "".join(found)
