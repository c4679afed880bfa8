"""Each entry in the table of examples for nightly runs names a property that exists."""

import re
from pathlib import Path

from tests.effort import EXAMPLES, GRANTED


def test_each_law_of_the_table_draws_what_it_is_granted():
    text = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.rglob("test_*.py"))
    for name, examples in GRANTED.items():
        laws = re.findall(
            rf"@tries\(\d+\)[^@]*@given\((?:(?!^def )[^@])*?^def {name}\(", text, re.MULTILINE
        )
        assert len(laws) == 1, name
        assert 0 < examples < EXAMPLES
