"""A folium map as one page without requests, as a picture and as a PDF.

`render_page` renders the map by folium and then changes the result. Libraries are inlined from the
package. A Content-Security-Policy lists every script by its hash. Random ids become numbers, and
texts in folium's own tooltips and popups are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import shutil
import subprocess
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from branca.element import CssLink, Element, Figure, Html, JavascriptLink
from folium.map import Tooltip
from jinja2 import TemplateSyntaxError

from cpecgeo.errors import FileError, InputError, MissingExtraError
from cpecgeo.files.disk import write_whole
from cpecgeo.maps import encode, libraries
from cpecgeo.maps.controls import list_tile_hosts
from cpecgeo.maps.words import LANGUAGES, find_words

__all__ = [
    "OWN_SCRIPTS",
    "PAPERS",
    "find_browser",
    "print_page",
    "render_heading",
    "render_page",
    "run_browser",
    "take_picture",
]

# In the order of their dependencies; each with the control, or the part of the data, that needs it.
OWN_SCRIPTS = {
    "base.js": "", "geodesic.js": "measure", "popup.js": "", "layers.js": "", "cloud.js": "cloud",
    "crowd.js": "cluster", "labels.js": "", "reach.js": "", "posts.js": "posts", "legend.js": "",
    "search.js": "search", "measure.js": "measure", "timeline.js": "timeline", "share.js": "share",
    "table.js": "layers", "profile.js": "profiles",
    "controls.js": "", "print.js": "", "start.js": "",
}  # fmt: skip
_OWN_STYLES = {"language.css": "words", "profile.css": "profiles"}

_ANY = "https://any.example/"
# Libraries, with the text of a script that needs them; folium links them even if unused.
_ON_DEMAND_JS = {
    r"\$\(": ("jquery.min.js",),
    r"L\.AwesomeMarkers": ("leaflet.awesome-markers.js",),
}
_ON_DEMAND_CSS = {
    r"L\.AwesomeMarkers": ("leaflet.awesome-markers.css", "fontawesome.min.css", "solid.min.css"),
}
_SCRIPT_TAG = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_RANDOM_ID = re.compile(r"(?<=_)[0-9a-f]{32}(?![0-9a-f])")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SMALLEST, LARGEST = 200, 10_000


def render_page(folium_map: Any, *, data: dict[str, Any], title: str, lang: str, extra: Any) -> str:
    """Render the whole page.

    Parameters
    ----------
    folium_map : folium.Map
        Its root must be a figure.
    data : dict
        The data block.
    title : str
        Of the page.
    lang : str
        Language code of the page, a key of `LANGUAGES`.
    extra : list of Element
        Drawn after the map's children, for this page only.

    Returns
    -------
    str
        HTML; the same map gives the same text.

    Raises
    ------
    InputError
        A plugin's library isn't shipped, or a text of folium breaks the template.
    """
    figure = folium_map.get_root()
    with _restore(figure):
        before = {id(e) for part in _parts(figure) for e in part._children.values()}  # noqa: SLF001
        for element in extra:
            folium_map.add_child(element)
        hosts = list_tile_hosts(_tree(figure))
        _quote_texts(figure)
        try:
            for child in list(figure._children.values()):  # noqa: SLF001
                child.render()
        except TemplateSyntaxError as error:
            raise InputError(
                f"a text given to folium holds template code ({error.message}); "
                "give it to Map.add instead, which takes any text."
            ) from error
        names = _Numbers(_tree(figure))
        header, links = _texts(figure.header, before, drop={"meta_http"})
        body, _ = _texts(figure.html, before)
        main = names.tidy("\n".join(_texts(figure.script, before)[0]))
        header_text = names.tidy("\n".join(header))
        body_text = names.tidy("\n".join(body))
        block = names.tidy(f"{folium_map.get_name()}_data")
    needed = {*data["controls"], *({"posts", "profiles", "words"} & {k for k in data if data[k]})}
    for layer in data["layers"].values():
        needed |= {"cloud", "cluster"} & set(layer)
    in_order = {key: data["layers"][key] for key in data["order"]}
    packed = data | {"layers": encode.pack_layers(in_order)}
    scripts, styles = _libraries(links, main, needed)
    scripts, styles = [*scripts, main], [*styles, libraries.build_letters(lang)]
    policy = _policy(scripts + [m.group(2) for m in _SCRIPT_TAG.finditer(header_text)], hosts)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f'<html lang="{html.escape(lang)}" dir="{LANGUAGES[lang]}">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{html.escape(_replace_controls(title))}</title>",
            *(f"<style>{_escape_end(s, 'style')}</style>" for s in styles if s),
            header_text,
            "</head>",
            "<body>",
            body_text,
            f'<script type="application/json" id="{block}">{encode.dumps(packed)}</script>',
            *(f"<script>{_escape_end(s, 'script')}</script>" for s in scripts),
            "</body>",
            "</html>",
            "",
        ]
    )


_OFF = "This map is drawn by JavaScript, which is off here."


def render_heading(title: str | None, subtitle: str, lang: str) -> str:
    """Render the page's heading from plain text, without template code."""
    say = find_words(lang)
    given = (say.phrase(title or "Map"), say(subtitle))
    texts = [html.escape(text).replace("{", "&#123;") for text in given]
    below = f"<p>{texts[1]}</p>" if texts[1] else ""
    return (
        f'<header class="cpec-head"><button type="button" class="cpec-skip">'
        f"{say('Skip to the map')}</button><h1>{texts[0]}</h1>{below}</header>"
        f"<noscript><p>{say(_OFF)}</p></noscript>"
    )


def _replace_controls(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]", "\ufffd", text)


def _parts(figure: Figure) -> tuple[Element, Element, Element]:
    return figure.header, figure.html, figure.script


def _tree(figure: Figure) -> list[Element]:
    """Collect every element of the figure once, reached by children or attributes."""
    found: dict[int, Element] = {}
    waiting: list[Any] = [figure]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Element):
            if id(item) not in found:
                found[id(item)] = item
                waiting.extend(vars(item).values())
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple, set, frozenset)):
            waiting.extend(i for i in item if isinstance(i, (Element, dict, list, tuple)))
    return list(found.values())


@contextmanager
def _restore(figure: Figure) -> Iterator[None]:
    """Remove the children that folium's rendering adds."""
    kept = [(e, OrderedDict(e._children), dict(vars(e))) for e in _tree(figure)]  # noqa: SLF001
    try:
        yield
    finally:
        for element, children, attributes in kept:
            vars(element).clear()
            vars(element).update(attributes)
            element._children = children  # noqa: SLF001


def _literal(text: str) -> str:
    r"""Escape text for a JavaScript template literal inside a Jinja template.

    Examples
    --------
    >>> print(_literal("`${alert(1)} {{ 7 }}"))
    \`$\x7balert(1)} \x7b\x7b 7 }}
    """
    text = text.replace("\\`", "`").replace("\\", "\\\\").replace("`", "\\`")
    return text.replace("{", "\\x7b").replace("\r", "\\r")


def _quote_texts(figure: Figure) -> None:
    """Escape the texts that folium writes unescaped between backticks."""
    for element in _tree(figure):
        if isinstance(element, Tooltip):
            element.text = _literal(element.text)
        elif isinstance(element, Html) and isinstance(element.data, str):
            if element.script:
                element.data = _literal(element.data)
            else:
                element.data = _literal(html.escape(element.data))
                element.script = True


def _texts(
    part: Element, before: set[int], drop: frozenset[str] | set[str] = frozenset()
) -> tuple[list[str], list[Element]]:
    """Render the children of a part of the figure, and its links to libraries."""
    texts: list[str] = []
    links: list[Element] = []
    for name, child in part._children.items():  # noqa: SLF001
        if isinstance(child, (JavascriptLink, CssLink)):
            links.append(child)
        elif name in drop:
            continue
        elif type(child) is Element and id(child) not in before and child._template_str:  # noqa: SLF001
            # Rendered already; rendering again would run texts as templates.
            texts.append(child._template_str)  # noqa: SLF001
        else:
            texts.append(child.render())
    return texts, links


class _Numbers:
    """Replaces random ids of folium's elements by numbers, in order of appearance."""

    def __init__(self, elements: list[Element]) -> None:
        self.known = {e._id for e in elements}  # noqa: SLF001
        self.given: dict[str, str] = {}

    def tidy(self, text: str) -> str:
        return _RANDOM_ID.sub(self._number, text)

    def _number(self, match: re.Match[str]) -> str:
        found = match.group()
        if found not in self.known:
            return found
        return self.given.setdefault(found, str(len(self.given)))


def _libraries(links: list[Element], main: str, needed: set[str]) -> tuple[list[str], list[str]]:
    """Collect the texts of all scripts and style sheets that the page needs, each once."""
    js = [link.url for link in links if isinstance(link, JavascriptLink)]
    css: list[str] = [link.url for link in links if isinstance(link, CssLink)]
    for pattern, names in _ON_DEMAND_JS.items():
        if re.search(pattern, main):
            js += [_ANY + name for name in names]
    for pattern, sheets in _ON_DEMAND_CSS.items():
        if re.search(pattern, main):
            css += [_ANY + name for name in sheets]
    scripts = dict.fromkeys(libraries.find_library(url) for url in js)
    styles = dict.fromkeys(libraries.find_library(url) for url in css)
    used = [n for n, part in OWN_SCRIPTS.items() if not part or part in needed]
    texts = [libraries.read_code(n) for n in used]
    if re.search(r"\bL\.", main):  # leaflet's own marker; only folium's layers use it
        texts.insert(0, libraries.build_marker_script())
    own = ["map.css", "print.css", *(n for n, part in _OWN_STYLES.items() if part in needed)]
    own_styles = [libraries.read_code(n) for n in own]
    return [*scripts, '"use strict";\n' + "\n".join(texts)], [*styles, *own_styles]


def _escape_end(text: str, tag: str) -> str:
    """Escape text that would end an element early."""
    # Replace characters that a browser's parser would replace, so that the hash stays right.
    text = text.replace("\x00", "\ufffd").replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(rf"</(?={tag})", r"<\\/", text, flags=re.IGNORECASE)
    return text.replace("<!--", "<\\!--") if tag == "script" else text


def _policy(scripts: list[str], hosts: list[str]) -> str:
    """Write the Content-Security-Policy: these scripts, pictures from the data and from `hosts`."""
    hashes = []
    for text in scripts:
        digest = hashlib.sha256(_escape_end(text, "script").encode()).digest()
        hashes.append(f"'sha256-{base64.b64encode(digest).decode()}'")
    rules = [
        "default-src 'none'",
        f"script-src {' '.join(dict.fromkeys(hashes))}",
        # Leaflet and its plugins position elements by inline style; without requests that is
        # harmless.
        "style-src 'unsafe-inline'",
        " ".join(["img-src data: blob:", *hosts]),
        "font-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(rules)


def find_browser() -> str:
    """Return the path of chromium or Chrome.

    Returns
    -------
    str

    Raises
    ------
    MissingExtraError
        Neither is on PATH.
    """
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise MissingExtraError(
        f"no browser is on PATH (looked for {', '.join(_BROWSERS)}); a picture or a PDF needs one. "
        "Install chromium, or draw with cpecgeo.maps.figures, which needs none."
    )


def take_picture(page: str, path: Path, *, width: int, height: int, timeout: float) -> Path:
    """Take a picture of a page without requests; errors as for `Map.to_png`."""
    for what, size in (("width", width), ("height", height)):
        if not SMALLEST <= size <= LARGEST:
            raise InputError(f"{what} is {size!r}; {SMALLEST} to {LARGEST:,} pixels are possible.")
    options = ["--hide-scrollbars", f"--window-size={width},{height}"]
    picture = run_browser(page, "--screenshot", options, timeout=timeout)
    return write_whole(path, picture)


PAPERS = ("A4", "A3", "A4 portrait", "A3 portrait")


def print_page(page: str, path: Path, *, timeout: float) -> Path:
    """Print a page to PDF, through chromium, on the paper stated in the page."""
    options = ["--no-pdf-header-footer", "--virtual-time-budget=8000"]
    return write_whole(path, run_browser(page, "--print-to-pdf", options, timeout=timeout))


_MADE = {"--screenshot": "png", "--print-to-pdf": "pdf"}


def run_browser(page: str, what: str, options: list[str], *, timeout: float) -> bytes:
    """Open a page in a browser without a window, and return the file that the browser writes.

    Parameters
    ----------
    page : str
        HTML without requests.
    what : str
        The browser's option for the kind of file: ``--screenshot`` or ``--print-to-pdf``.
    options : list of str
        Other options of the browser.
    timeout : float
        Seconds.

    Returns
    -------
    bytes

    Raises
    ------
    MissingExtraError
        No browser.
    FileError
        The browser failed.
    """
    program = find_browser()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.html", Path(folder) / f"made.{_MADE[what]}"
        source.write_text(page, encoding="utf-8")
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-background-networking", f"--user-data-dir={folder}/profile",
            "--virtual-time-budget=4000", *options, f"{what}={target}", f"{source.as_uri()}#still",
        ]  # fmt: skip
        try:
            done = subprocess.run(  # noqa: S603 – the program is found on PATH by fixed names
                command, capture_output=True, timeout=timeout, check=False, text=True
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FileError(f"{program} made nothing of the page: {error}") from error
        if not target.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise FileError(f"{program} made nothing of the page (exit {done.returncode}): {last}")
        return target.read_bytes()
