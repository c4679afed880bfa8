"""The parts of a report, and how they become HTML and Markdown."""

from __future__ import annotations

import base64
import math
import re
from dataclasses import dataclass, field
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from markupsafe import Markup

from cpecgeo.maps.colors import STATUS_TITLES

__all__ = ["Content", "Part", "render_fragment", "render_html", "render_markdown", "to_plain"]

_UNITS = {"km": "km", "km2": "km²", "m": "m", "hours": "h", "percent": "%", "busd": "bn USD"}
_PLACES = {"ratio": 3, "lon": 5, "lat": 5}
# Counted, not measured.
_WHOLE = ("population", "within_", "features")
# Parts of one row that are shown as tiles, and from how many letters on a text needs a row.
_FACTS = ("glance", "climb")
_LONG = 28
# A notebook gives frames 300 by 150 pixels; a page has its own style for them.
_FRAME = Markup(' style="width:100%;height:32rem;border:1px solid #ddd6c8"')
_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_NO_SCRIPTS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

_STYLE = """
:root{--ink:#26231f;--soft:#696358;--line:#ddd6c8;--tint:#f6f2ea;--mark:#1f5f8b}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,"Noto Sans",sans-serif;color:var(--ink);background:#fff;margin:0}
main{max-width:64rem;margin:0 auto;padding:2rem 1.5rem}
h1{font-size:2rem;line-height:1.2;margin:0;padding-top:.8rem;border-top:.35rem solid var(--mark)}
h2{font-size:1.2rem;margin:2.4rem 0 .6rem}
p{max-width:46rem}
.sub{color:var(--soft);margin:.3rem 0 1rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.6rem;margin:0;
grid-auto-flow:dense}
.facts div{background:var(--tint);padding:.6rem .8rem;border-radius:.3rem}
.facts .long{grid-column:1/-1}
dt{font-size:.8rem;color:var(--soft)}
dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
.long dd{font-size:1rem;font-weight:400}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;line-height:1.4;margin:.5rem 0;min-width:24rem}
th,td{padding:.3rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;
min-width:4rem}
td{overflow-wrap:break-word}
th{border-bottom:2px solid var(--soft);background:var(--tint);font-weight:600}
tbody tr:hover{background:var(--tint)}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.t{min-width:14rem;overflow-wrap:anywhere}
.bar{display:inline-block;height:.7em;margin-right:.5em;background:var(--mark);opacity:.55}
iframe{width:100%;height:32rem;border:1px solid var(--line);border-radius:.3rem}
img{max-width:100%;height:auto}
.chart img{min-width:46rem}
ul{padding-left:1.2rem}
li{margin:.2rem 0}
.src{font-size:.85rem;overflow-wrap:anywhere}
@media(max-width:40rem){main{padding:1rem}h1{font-size:1.6rem}iframe{height:24rem}}
@media print{body{font-size:10pt}iframe{height:18cm}main{max-width:none;padding:0}
.facts{grid-template-columns:repeat(4,1fr)}
.wide{overflow:visible}.chart img,table,.t,td,th{min-width:0}
*{print-color-adjust:exact}thead{display:table-header-group}
h2{break-after:avoid}tr,.facts,img{break-inside:avoid}}
"""

_BODY = """
<h1>{{ report.title }}</h1>
<p class="sub">{{ report.subtitle }}</p>
{% for part in parts %}
<section aria-labelledby="{{ part.key }}">
<h2 id="{{ part.key }}">{{ part.heading }}</h2>
{% for text in part.text %}<p>{{ text }}</p>
{% endfor %}
{% if part.page %}<iframe title="{{ part.alt }}"{{ frame }} sandbox="allow-scripts" srcdoc="{{ part.page }}"></iframe>
{% endif %}
{% if part.image %}<div class="wide chart"><img alt="{{ part.alt }}" src="{{ part.image }}"></div>
{% endif %}
{% if part.facts %}<dl class="facts">{% for k, v, c in part.facts %}<div{% if c %} class="{{ c }}"{% endif %}><dt>{{ k }}</dt><dd>{{ v }}</dd></div>
{% endfor %}</dl>
{% endif %}
{% if part.head %}<div class="wide"><table>
<thead><tr>{% for h, c in part.head %}<th scope="col" class="{{ c }}">{{ h }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in part.rows %}<tr>{% for v, c, bar in row %}<td class="{{ c }}">{% if bar %}<span class="bar" style="width:{{ bar }}em"></span>{% endif %}{{ v }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endif %}
</section>
{% endfor %}
{% if report.caveats %}<section aria-labelledby="caveats"><h2 id="caveats">Before you quote a figure</h2>
<ul>{% for text in report.caveats %}<li>{{ text }}</li>{% endfor %}</ul></section>{% endif %}
<section aria-labelledby="sources"><h2 id="sources">Sources</h2>
<ul class="src">{% for text in report.sources %}<li>{{ text }}</li>{% endfor %}</ul></section>
<p class="sub">cpecgeo, data version {{ report.data_version }}. Lengths and distances are geodesic on WGS 84.</p>
"""  # noqa: E501

_PAGE = (
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<title>{{ report.title }}</title>
<style>{{ style }}</style>
</head>
<body><main>"""
    + _BODY
    + """</main></body>
</html>
"""
)
_JINJA = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a report.

    Attributes
    ----------
    key : str
        Its name in the dict.
    heading : str
    text : tuple of str
        Paragraphs.
    table : DataFrame or None
        Units are in the names of columns.
    svg : bytes
        A chart, with `alt` to say what it shows.
    page : str
        A map: a whole page of its own.
    alt : str
    """

    key: str
    heading: str
    text: tuple[str, ...] = ()
    table: pd.DataFrame | None = None
    svg: bytes = field(default=b"", repr=False)
    page: str = field(default="", repr=False)
    alt: str = ""


@dataclass(frozen=True, eq=False)
class Content:
    """What a report says, before it is HTML or Markdown.

    Attributes
    ----------
    title, subtitle : str
    parts : tuple of Part
    sources : tuple of str
        Everything the report rests on.
    caveats : tuple of str
        What a reader must know before quoting a figure.
    data_version : str
    """

    title: str
    subtitle: str
    parts: tuple[Part, ...]
    sources: tuple[str, ...]
    caveats: tuple[str, ...]
    data_version: str


def render_html(report: Content) -> str:
    """Render the page; the same report gives the same text."""
    # A page inside a frame is held to the policy of the page around it, and to its own.
    policies = [m[1] for p in report.parts if (m := _POLICY.search(p.page))]
    return _JINJA.from_string(_PAGE).render(
        report=report,
        parts=[_shown(part) for part in report.parts],
        frame="",
        # Our own text, or the map's own attribute as it stands there.
        policy=Markup(policies[0]) if policies else _NO_SCRIPTS,  # noqa: S704
        style=Markup(_STYLE),  # noqa: S704
    )


def render_fragment(report: Content) -> str:
    """Render it for notebooks, without styles of its own."""
    parts = [_shown(part) for part in report.parts]
    return (
        f"<div>{_JINJA.from_string(_BODY).render(report=report, parts=parts, frame=_FRAME)}</div>"
    )


def _shown(part: Part) -> dict[str, Any]:
    head, rows, facts = [], [], []
    table = part.table
    if table is not None and part.key in _FACTS and len(table) == 1:
        shown = [(_title(str(c)), _cell(v, str(c))) for c, v in table.iloc[0].items()]
        facts = [(k, v, "long" if len(v) > _LONG else "") for k, v in shown if v]
    elif table is not None:
        kinds = [_kind(table[c]) for c in table]
        head = [(_title(str(c)), k) for c, k in zip(table, kinds, strict=True)]
        rows = [
            [
                (_cell(v, str(c)), k, _bar(v, str(c)))
                for v, c, k in zip(row, table, kinds, strict=True)
            ]
            for row in table.itertuples(index=False)
        ]
    image = ""
    if part.svg:
        image = f"data:image/svg+xml;base64,{base64.b64encode(part.svg).decode()}"
    return {
        "key": part.key,
        "heading": part.heading,
        "text": part.text,
        "page": part.page,
        "alt": part.alt,
        "image": image,
        "facts": facts,
        "head": head,
        "rows": rows,
    }


def _kind(column: pd.Series) -> str:
    """Return the class of a column: numbers stand to the right, long texts get room."""
    if column.dtype.kind in "fiu":
        return "n"
    longest = max((len(str(to_plain(value))) for value in column), default=0)
    return "t" if longest > _LONG else ""


def _bar(value: Any, column: str) -> str:
    """Return the length of a bar beside a share, in letters' widths."""
    share = to_plain(value) if column == "share" else None
    return f"{8 * min(max(share, 0.0), 1.0):.2f}" if share else ""


def _upright(part: Part) -> pd.DataFrame | None:
    """Turn a table of one row into names and values, one below the other."""
    if part.table is None or part.key != "glance":
        return part.table
    row = part.table.iloc[0]
    return pd.DataFrame(
        {
            "": [_title(str(c)) for c in row.index],
            "value": [_cell(v, str(c)) for c, v in row.items()],
        }
    )


def _title(column: str) -> str:
    """Write `length_km` as `length, km`."""
    words = column.split("_")
    if len(words) > 1 and words[-1] in _UNITS:
        return f"{' '.join(words[:-1])}, {_UNITS[words[-1]]}"
    return " ".join(words)


def _cell(value: Any, column: str) -> str:
    value = to_plain(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if isinstance(value, float) and column == "share":
        return f"{value:.1%}".replace("%", "\u00a0%")
    if isinstance(value, float):
        whole = column.startswith(_WHOLE) or column.endswith("_m")
        places = 0 if whole else _PLACES.get(column, 2)
        return f"{value:,.{places}f}"
    if isinstance(value, int):
        return str(value) if column.endswith("year") else f"{value:,}"
    return "" if value is None else STATUS_TITLES.get(value, str(value))


def render_markdown(report: Content) -> str:
    """Render text and tables as Markdown."""
    lines = [f"# {_safe(report.title)}", "", _safe(report.subtitle), ""]
    for part in report.parts:
        if part.table is None and not part.text:
            continue
        lines += [f"## {_safe(part.heading)}", ""]
        for text in part.text:
            lines += [_safe(text), ""]
        table = _upright(part)
        if table is not None and len(table):
            lines += [*_rows(table), ""]
    if report.caveats:
        lines += ["## Before you quote a figure", ""]
        lines += [*(f"- {_safe(text)}" for text in report.caveats), ""]
    lines += ["## Sources", "", *(f"- {_safe(text)}" for text in report.sources), ""]
    lines += [f"cpecgeo, data version {report.data_version}; geodesic on WGS 84.", ""]
    return "\n".join(lines)


def _rows(table: pd.DataFrame) -> list[str]:
    columns = [str(c) for c in table]
    numbers = [table[c].dtype.kind in "fiu" for c in table]
    lines = [
        f"| {' | '.join(_safe(_title(c)) for c in columns)} |",
        f"| {' | '.join('--:' if n else '---' for n in numbers)} |",
    ]
    for row in table.itertuples(index=False):
        cells = [_safe(_cell(v, c)) for v, c in zip(row, columns, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _safe(text: str) -> str:
    """Escape text, so that it stays one line: no HTML, no links, no cells of its own."""
    flat = " ".join(str(text).split())
    for mark, shown in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        flat = flat.replace(mark, shown)
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", flat)


def to_plain(value: Any) -> Any:
    """Return a value as JSON knows it; what is missing is None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    return str(value)
