"""Browser libraries that ship with the package, found by the address that folium uses.

folium links libraries on a delivery network. A saved map must make no request, so each address is
replaced by the file of the same library in `assets/vendor`. The record `vendor.json` there has
version, licence and sha256 of every file.
"""

from __future__ import annotations

import base64
import functools
import json
import re
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlparse

from cpecgeo.errors import DataError, InputError

__all__ = [
    "Library",
    "build_letters",
    "build_marker_script",
    "find_library",
    "inline_asset",
    "list_libraries",
    "list_texts",
    "read_asset",
    "read_code",
]

_MIME = {
    "png": "image/png",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "woff2": "font/woff2",
}
# Ranges of the letters in the fonts that pages in a language contain.
_LETTERS = {
    "ur": "U+600-6FF,U+200C-200F,U+FB50-FDFF,U+FE70-FEFC",
    "zh": "U+3000-303F,U+4E00-9FFF,U+FF00-FFEF",
}
# A call of the scripts' translation function `t` with a text.
_SAID = re.compile(r'\bt\(("(?:[^"\\]|\\.)*")')
# Unchanged parts of a script: strings, and regular expressions, recognized by the character before.
_TEXT = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`"""
_PATTERN = (
    r"(?:(?<=[(,=:\[!&|?;])|(?<=\breturn))\s*"
    r"/(?![/*])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[dgimsuvy]*"
)
_REMARK = r"//[^\n]*|/\*.*?\*/"
_KEPT_JS = re.compile(
    rf"(?P<kept>{_TEXT}|{_PATTERN})|(?P<remark>{_REMARK})|(?P<space>\s+)", re.DOTALL
)
_KEPT_CSS = re.compile(rf"(?P<kept>{_TEXT})|(?P<remark>/\*.*?\*/)|(?P<space>\s+)", re.DOTALL)
# Beside these characters no space is needed; beside the second set no line end either.
_TIGHT_JS, _OPEN_JS, _CLOSE_JS = "{}()[],;:=<>*?&|", "{([,;:=&|?", ")]}.,:?&|"
_TIGHT_CSS = "{};,>"
_URL = re.compile(r"url\(\s*(['\"]?)(?!data:|#)([^)'\"]+)\1\s*\)")


@dataclass(frozen=True)
class Library:
    """One vendored package.

    Parameters
    ----------
    name : str
        Its name on npm.
    version : str
        The exact version.
    licence : str
        SPDX expression.
    folder : str
        Its folder below `assets/vendor`.
    licence_file : str
        The licence text, a path below that folder.
    stands_for : dict
        File name in folium's address, lower case, to the path below the folder.
    """

    name: str
    version: str
    licence: str
    folder: str
    licence_file: str
    stands_for: dict[str, str]


@functools.cache
def list_libraries() -> tuple[Library, ...]:
    """List all vendored packages.

    Returns
    -------
    tuple of Library

    Examples
    --------
    >>> {lib.name: lib.version for lib in list_libraries()}["leaflet"]
    '1.9.4'
    """
    record = json.loads(_read("vendor/vendor.json"))
    keep = ("version", "licence", "folder", "licence_file", "stands_for")
    return tuple(Library(name, **{k: entry[k] for k in keep}) for name, entry in record.items())


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

    Parameters
    ----------
    name : str
        Such as ``"map.css"``.

    Returns
    -------
    str

    Examples
    --------
    >>> read_asset("map.css").startswith("/*")
    True
    """
    return _read(name).decode()


@functools.cache
def read_code(name: str) -> str:
    """Read one of the map's own scripts or style sheets, without comments and spare spaces.

    Parameters
    ----------
    name : str
        Such as ``"map.css"``.

    Returns
    -------
    str

    Examples
    --------
    >>> read_code("print.css")[:15]
    '.cpec-printing{'
    """
    return (tighten_style if name.endswith(".css") else tighten_script)(read_asset(name))


def _beside(found: re.Match[str]) -> tuple[str, str]:
    """Return the characters before and after a match, empty at an end of the text."""
    text, start, end = found.string, found.start(), found.end()
    return text[max(0, start - 1) : start], text[end : end + 1]


def tighten_script(text: str) -> str:
    r"""Remove comments and unneeded spaces from a script.

    Examples
    --------
    >>> print(tighten_script('const a = [1, "b,  c"]; // one\nreturn [/x,  y/g, b];'))
    const a=[1,"b,  c"];return[/x,  y/g,b];
    """

    def space(found: re.Match[str]) -> str:
        before, after = _beside(found)
        if "\n" in found[0]:
            return "" if not before or before in _OPEN_JS or after in _CLOSE_JS else "\n"
        return "" if before in _TIGHT_JS or after in _TIGHT_JS else " "

    bare = _KEPT_JS.sub(lambda m: "" if m["remark"] else m[0], text)
    return _KEPT_JS.sub(lambda m: space(m) if m["space"] else m[0], bare)


def tighten_style(text: str) -> str:
    r"""Remove comments and unneeded spaces from a style sheet.

    Examples
    --------
    >>> tighten_style("a > b, .c :hover {\n  top: calc(1px + 2px);\n}  /* end */")
    'a>b,.c :hover{top:calc(1px + 2px)}'
    """

    def space(found: re.Match[str]) -> str:
        before, after = _beside(found)
        tight = not before or not after or before in _TIGHT_CSS + ":" or after in _TIGHT_CSS
        return "" if tight else " "

    bare = _KEPT_CSS.sub(lambda m: "" if m["remark"] else m[0], text)
    return _KEPT_CSS.sub(lambda m: space(m) if m["space"] else m[0], bare).replace(";}", "}")


def inline_asset(name: str) -> str:
    """Return one of the map's own pictures as a data URI.

    Parameters
    ----------
    name : str
        Such as ``"relief.webp"``.

    Returns
    -------
    str

    Examples
    --------
    >>> inline_asset("relief.webp")[:23]
    'data:image/webp;base64,'
    """
    return f"data:{_MIME[name.rsplit('.', 1)[-1]]};base64,{base64.b64encode(_read(name)).decode()}"


@functools.cache
def build_letters(lang: str) -> str:
    """Build the style that brings a language's letters, for machines that have no font of them.

    Parameters
    ----------
    lang : str
        ``"ur"`` or ``"zh"``; others need none.

    Returns
    -------
    str
        CSS: the font named "cpecgeo letters", which style sheets name last.

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

    Returns
    -------
    tuple of str
        In alphabetical order.

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
    """Find the script or style sheet for an address; inline its images and fonts.

    Parameters
    ----------
    url : str
        The address that folium links.

    Returns
    -------
    str
        JavaScript or CSS without a link to anything.

    Raises
    ------
    InputError
        No vendored library has that file.

    Examples
    --------
    >>> "Leaflet 1.9.4" in find_library("https://any.example/leaflet@1.9.3/dist/leaflet.js")
    True
    >>> css = find_library("https://any.example/leaflet@1.9.3/dist/leaflet.css")
    >>> "url(images" in css, "url(data:image/png" in css
    (False, True)
    """
    name = urlparse(url).path.rsplit("/", 1)[-1].lower()
    found = next((lib for lib in list_libraries() if name in lib.stands_for), None)
    if found is None:
        known = ", ".join(library.name for library in list_libraries())
        raise InputError(
            f"the map uses {url}, which doesn't ship with cpecgeo, and a saved map asks no "
            f"server. Leave that plugin out, or use one of those that ship: {known}."
        )
    path = f"vendor/{found.folder}/{found.stands_for[name]}"
    text = _read(path).decode()
    if path.endswith(".css"):
        return _inline_pictures(tighten_style(text), path.rsplit("/", 1)[0])
    # A source map would be a request.
    return re.sub(r"\n?//# sourceMappingURL=\S*", "", text)


def build_marker_script() -> str:
    """Build leaflet's own marker with inlined pictures; leaflet would request files.

    Returns
    -------
    str
        JavaScript.

    Examples
    --------
    >>> "data:image/png" in build_marker_script()
    True
    """
    base = "vendor/leaflet/dist/images"
    pictures = {
        "iconUrl": _data_uri(base, "marker-icon.png"),
        "iconRetinaUrl": _data_uri(base, "marker-icon-2x.png"),
        "shadowUrl": _data_uri(base, "marker-shadow.png"),
    }
    return f'L.Icon.Default.imagePath = "";\nL.Icon.Default.mergeOptions({json.dumps(pictures)});'


def _inline_pictures(text: str, base: str) -> str:
    """Inline the files that a style sheet links; one used several times becomes a variable."""
    links = [match.group(2) for match in _URL.finditer(text)]
    again = [link for link in dict.fromkeys(links) if links.count(link) > 1]
    owner = base.split("/")[1]
    names = {link: f"--{owner.replace('.', '-')}-{turn}" for turn, link in enumerate(again)}
    uris = {link: f"url({_data_uri(base, link)})" for link in links}
    named = "".join(f"{names[link]}:{uris[link]};" for link in again)
    text = _URL.sub(
        lambda match: f"var({names[match[2]]})" if match[2] in names else uris[match[2]], text
    )
    return f"{text}\n:root{{{named}}}" if named else text


def _data_uri(base: str, link: str) -> str:
    """Return a file as a data URI; empty for one that isn't shipped (a second resolution)."""
    parts = base.split("/")
    for part in link.split("?", maxsplit=1)[0].split("#", maxsplit=1)[0].split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    mime = _MIME.get(parts[-1].rsplit(".", 1)[-1])
    if mime is None:
        return "data:,"
    try:
        data = _read("/".join(parts))
    except DataError:
        return "data:,"
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
