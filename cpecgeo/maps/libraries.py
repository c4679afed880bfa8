"""What browsers need of the package: libraries, fonts and scripts; and chromium, for pictures.

folium links libraries on a delivery network. A saved map must make no request, so each address is
replaced by the file of the same library in `assets/vendor`. The record `vendor.json` there has
version, licence and sha256 of every file.
"""

from __future__ import annotations

import base64
import functools
import json
import posixpath
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from cpecgeo.errors import DataError, FileError, InputError, MissingExtraError

__all__ = [
    "OWN_SCRIPTS",
    "PAPERS",
    "build_letters",
    "build_marker_script",
    "collect_code",
    "find_browser",
    "find_library",
    "inline_asset",
    "list_texts",
    "read_asset",
    "read_code",
    "read_libraries",
    "run_browser",
    "tighten",
]

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PAPERS = ("A4", "A3", "A4 portrait", "A3 portrait")
_MIME = {
    "png": "image/png",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
_MADE = {"--screenshot": "png", "--print-to-pdf": "pdf"}
# Ranges of the letters in the fonts that pages in a language contain.
_LETTERS = {
    "ur": "U+600-6FF,U+200C-200F,U+FB50-FDFF,U+FE70-FEFC",
    "zh": "U+3000-303F,U+4E00-9FFF,U+FF00-FFEF",
}
# A call of the scripts' translation function `t` with a text.
_SAID = re.compile(r'\bt\(("(?:[^"\\]|\\.)*")')
# Parts of a script that stay as they are: strings, and regular expressions, which are recognized
# by the character before them.
_TEXT = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`"""
_PATTERN = (
    r"(?:(?<=[(,=:\[!&|?;])|(?<=\breturn))\s*"
    r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[dgimsuvy]*"
)
_REMARK = r"//[^\n]*|/\*.*?\*/"
_KEPT = {
    "js": rf"(?P<kept>{_TEXT}|{_PATTERN})|(?P<remark>{_REMARK})|(?P<space>\s+)",
    "css": rf"(?P<kept>{_TEXT})|(?P<remark>/\*.*?\*/)|(?P<space>\s+)",
}
# No space is needed after the first of these characters, nor before the second; in a script no
# line end either after the first of `_JOINED`, nor before the second.
_TIGHT = {"js": ("{}()[],;:=<>*?&|", "{}()[],;:=<>*?&|"), "css": ("{};,>:", "{};,>")}
_JOINED = ("{([,;:=&|?", ")]}.,:?&|")
_URL = re.compile(r"url\(\s*(['\"]?)(?!data:|#)([^)'\"]+)\1\s*\)")

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
_ON_DEMAND = {
    r"\$\(": ("jquery.min.js",),
    r"L\.AwesomeMarkers": (
        "leaflet.awesome-markers.js", "leaflet.awesome-markers.css", "fontawesome.min.css",
        "solid.min.css",
    ),
}  # fmt: skip


@functools.cache
def read_libraries() -> dict[str, dict[str, Any]]:
    """Read the record of all vendored packages, by their names on npm.

    Each has its exact version, licence (an SPDX expression), folder below `assets/vendor`, the
    paths of its files and licence text below that folder, and in ``stands_for`` the path of the
    file for a file name in folium's addresses, in lower case.

    Examples
    --------
    >>> read_libraries()["leaflet"]["version"]
    '1.9.4'
    """
    record: dict[str, dict[str, Any]] = json.loads(_read("vendor/vendor.json"))
    return record


def _read(path: str) -> bytes:
    try:
        return resources.files("cpecgeo.maps").joinpath("assets", *path.split("/")).read_bytes()
    except OSError as error:
        raise DataError(
            f"the map's asset {path} is missing from this installation ({error}); "
            "install cpecgeo again."
        ) from error


def read_asset(name: str) -> str:
    """Read the text of one of the map's own files.

    Examples
    --------
    >>> read_asset("map.css").startswith("/*")
    True
    """
    return _read(name).decode()


@functools.cache
def read_code(name: str) -> str:
    """Read one of the map's own scripts or style sheets, without comments and spare spaces.

    Examples
    --------
    >>> read_code("print.css")[:15]
    '.cpec-printing{'
    """
    return tighten(read_asset(name), name.rsplit(".", 1)[-1])


def tighten(text: str, kind: str) -> str:
    r"""Remove comments and unneeded spaces from a script ("js") or a style sheet ("css").

    Examples
    --------
    >>> print(tighten('const a = [1, "b,  c"]; // one\nreturn [/x,  y/g, b];', "js"))
    const a=[1,"b,  c"];return[/x,  y/g,b];
    >>> tighten("a > b, .c :hover {\n  top: calc(1px + 2px);\n}  /* end */", "css")
    'a>b,.c :hover{top:calc(1px + 2px)}'
    """

    def space(found: re.Match[str]) -> str:
        # At an end of the text a character is empty, and the empty text is in every text.
        start, end = found.span()
        before, after = found.string[max(0, start - 1) : start], found.string[end : end + 1]
        is_line_end = kind == "js" and "\n" in found[0]
        left, right = _JOINED if is_line_end else _TIGHT[kind]
        return "" if before in left or after in right else "\n" if is_line_end else " "

    kept = re.compile(_KEPT[kind], re.DOTALL)
    bare = kept.sub(lambda m: "" if m["remark"] else m[0], text)
    tight = kept.sub(lambda m: space(m) if m["space"] else m[0], bare)
    return tight.replace(";}", "}") if kind == "css" else tight


def inline_asset(name: str) -> str:
    """Return one of the map's own files as a data URI.

    Examples
    --------
    >>> inline_asset("relief.webp")[:23]
    'data:image/webp;base64,'
    """
    return f"data:{_MIME[name.rsplit('.', 1)[-1]]};base64,{base64.b64encode(_read(name)).decode()}"


@functools.cache
def build_letters(lang: str) -> str:
    """Build the style that brings a language's letters, for machines that have no font of them.

    Style sheets name its font, "cpecgeo letters", last. Only ``"ur"`` and ``"zh"`` need one.

    Examples
    --------
    >>> build_letters("ur")[:42], build_letters("en")
    ('@font-face{font-family:"cpecgeo letters";s', '')
    """
    if lang not in _LETTERS:
        return ""
    source = f'url({inline_asset(f"letters/{lang}.woff2")}) format("woff2")'
    return (
        f'@font-face{{font-family:"cpecgeo letters";src:{source};unicode-range:{_LETTERS[lang]}}}'
    )


@functools.cache
def list_texts() -> tuple[str, ...]:
    """List the texts in the map's own scripts: the first argument of each call of `t`.

    Examples
    --------
    >>> "Zoom in" in list_texts()
    True
    """
    folder = resources.files("cpecgeo.maps").joinpath("assets")
    scripts = [one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(".js")]
    found = {text for script in scripts for text in _SAID.findall(script)}
    return tuple(sorted(json.loads(text) for text in found))


@functools.cache
def find_library(url: str) -> str:
    """Find the script or style sheet for an address that folium links; inline its images and fonts.

    Examples
    --------
    >>> "Leaflet 1.9.4" in find_library("https://any.example/leaflet@1.9.3/dist/leaflet.js")
    True
    >>> css = find_library("https://any.example/leaflet@1.9.3/dist/leaflet.css")
    >>> "url(images" in css, "url(data:image/png" in css
    (False, True)
    """
    name = urlparse(url).path.rsplit("/", 1)[-1].lower()
    records = read_libraries()
    found = next((one for one in records.values() if name in one["stands_for"]), None)
    if found is None:
        raise InputError(
            f"the map uses {url}, which doesn't ship with cpecgeo, and a saved map asks no "
            f"server. Leave that plugin out, or use one of those that ship: {', '.join(records)}."
        )
    path = f"vendor/{found['folder']}/{found['stands_for'][name]}"
    text = _read(path).decode()
    if path.endswith(".css"):
        return _inline_pictures(tighten(text, "css"), path.rsplit("/", 1)[0])
    # A source map would be a request.
    return re.sub(r"\n?//# sourceMappingURL=\S*", "", text)


def build_marker_script() -> str:
    """Build leaflet's own marker with inlined pictures; leaflet would request files.

    Examples
    --------
    >>> "data:image/png" in build_marker_script()
    True
    """
    base = "vendor/leaflet/dist/images"
    pictures = {
        "iconUrl": inline_asset(f"{base}/marker-icon.png"),
        "iconRetinaUrl": inline_asset(f"{base}/marker-icon-2x.png"),
        "shadowUrl": inline_asset(f"{base}/marker-shadow.png"),
    }
    return f'L.Icon.Default.imagePath = "";\nL.Icon.Default.mergeOptions({json.dumps(pictures)});'


def collect_code(links: Iterable[str], main: str, needed: set[str]) -> tuple[list[str], list[str]]:
    """Collect the texts of all scripts and style sheets that the page needs, each once."""
    urls = list(links)
    for pattern, names in _ON_DEMAND.items():
        if re.search(pattern, main):
            urls += [_ANY + name for name in names]
    scripts, styles = dict[str, None](), dict[str, None]()
    for url in urls:
        kind = styles if urlparse(url).path.endswith(".css") else scripts
        kind[find_library(url)] = None
    used = [n for n, part in OWN_SCRIPTS.items() if not part or part in needed]
    texts = [read_code(n) for n in used]
    if re.search(r"\bL\.", main):  # leaflet's own marker; only folium's layers use it
        texts.insert(0, build_marker_script())
    own = ["map.css", "print.css", *(n for n, part in _OWN_STYLES.items() if part in needed)]
    own_styles = [read_code(n) for n in own]
    return [*scripts, '"use strict";\n' + "\n".join(texts)], [*styles, *own_styles]


def _inline_pictures(text: str, base: str) -> str:
    """Inline the files that a style sheet links; one used several times becomes a variable."""
    links = [match.group(2) for match in _URL.finditer(text)]
    again = [link for link in dict.fromkeys(links) if links.count(link) > 1]
    owner = base.split("/")[1]
    names = {link: f"--{owner.replace('.', '-')}-{turn}" for turn, link in enumerate(again)}
    uris = {link: f"url({_inline_link(base, link)})" for link in links}
    named = "".join(f"{names[link]}:{uris[link]};" for link in again)
    text = _URL.sub(
        lambda match: f"var({names[match[2]]})" if match[2] in names else uris[match[2]], text
    )
    return f"{text}\n:root{{{named}}}" if named else text


def _inline_link(base: str, link: str) -> str:
    """Return a linked file as a data URI; empty for one not shipped (a second resolution)."""
    path = posixpath.normpath(posixpath.join(base, urlparse(link).path))
    try:
        return inline_asset(path) if path.rsplit(".", 1)[-1] in _MIME else "data:,"
    except DataError:
        return "data:,"


def find_browser() -> str:
    """Return the path of chromium or Chrome."""
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    raise MissingExtraError(
        f"no browser is on PATH (looked for {', '.join(_BROWSERS)}); a picture or a PDF needs one. "
        "Install chromium, or draw with cpecgeo.maps.figures, which needs none."
    )


def run_browser(page: str, what: str, options: list[str], *, timeout: float) -> bytes:
    """Open a page in a browser without a window, and return the file that the browser writes.

    `what` is the browser's option for the kind of file: ``--screenshot`` or ``--print-to-pdf``;
    `timeout` is in seconds.
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
            raise FileError(f"{program} can't draw the page: {error}") from error
        if not target.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise FileError(f"{program} can't draw the page (exit {done.returncode}): {last}")
        return target.read_bytes()
