"""Villages of the canal colonies, which are named by the number of their block.

GeoNames spells the numbers out: "Chak One Hundred Forty-one Nine Left" is the village that
people write as Chak 141/9-L, the 141st on the left side of distributary 9.
"""

from __future__ import annotations

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS = {word: i for i, word in enumerate(_ONES)}
NUMBERS |= {word: 10 * i for i, word in enumerate(_TENS, start=2)}
_SIDES = {"left": "L", "l": "L", "right": "R"}


def _number(words: list[str]) -> tuple[int, list[str]]:
    """Parse the number that a list of words begins with; return it, and the other words."""
    total, last = 0, 0
    for i, word in enumerate(words):
        if word == "hundred":
            total, last = max(total, 1) * 100, 100
            continue
        value = NUMBERS.get(word)
        fits = value is not None and (not total or last == 100 or (20 <= last < 100 and value < 10))
        if value is None or not fits:
            return total, words[i:]
        total, last = total + value, value
    return total, []


def write(name: str) -> str | None:
    """Write a village's name in figures; return None where it isn't a numbered village.

    >>> write("Chak One Hundred Forty-one Nine Left"), write("Chak Hundred One")
    ('Chak 141/9-L', 'Chak 101')
    >>> write("Chak One Hundred Eighty-five A Nine Left"), write("Chak One Hundred -Nine Left")
    ('Chak 185-A/9-L', 'Chak 100/9-L')
    >>> write("Chak Jhumra")
    """
    first, *words = re.sub(r"[-\s]+", " ", name).lower().split()
    if first != "chak" or not words:
        return None
    side = _SIDES.get(words[-1])
    canal = ""
    if side:
        words = words[:-1]
        letter = words.pop().upper() if words[-1] == "a" else ""
        canal = f"/{NUMBERS[words.pop()]}-{letter}{side}"
    number, rest = _number(words)
    if not number:
        return None
    block = f"-{rest.pop(0).upper()}" if rest[:1] == ["a"] else ""
    return " ".join([f"Chak {number}{block}{canal}", *(word.title() for word in rest)])
