"""A folium map as one page, with its controls and tiles; only tiles are requested.

`render_page` renders the map by folium and then changes the result. Libraries are inlined from the
package. A Content-Security-Policy lists every script by its hash. Random ids become numbers, and
texts in folium's own tooltips and popups are escaped.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlparse

import numpy as np
import xyzservices
from branca.element import CssLink, Element, Figure, Html, JavascriptLink
from folium import plugins
from folium.map import Layer, Tooltip
from folium.raster_layers import TileLayer
from jinja2 import TemplateSyntaxError

from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.maps import encode, libraries
from cpecgeo.maps.words import LANGUAGES, find_words

__all__ = [
    "CONTROLS",
    "EMBEDDED",
    "check_controls",
    "check_options",
    "list_tile_hosts",
    "make_tile_layers",
    "render_heading",
    "render_page",
]

_SCRIPT_TAG = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
_RANDOM_ID = re.compile(r"(?<=_)[0-9a-f]{32}(?![0-9a-f])")
_OSM_TILES = re.compile(r"(^|\.)tile\.(openstreetmap|osm)\.org$")
# Kind of control to folium's plugin; None where the page's own script is enough. folium's
# MeasureControl compiles text to code, which the page's policy forbids, and measures on a sphere.
CONTROLS: dict[str, Any] = {
    "zoom": None,
    "search": plugins.Search,
    "fullscreen": plugins.Fullscreen,
    "measure": None,
    "layers": plugins.GroupedLayerControl,
    "legend": None,
    "scale": None,
    "position": plugins.MousePosition,
    "minimap": plugins.MiniMap,
    "timeline": None,
    "print": None,
    "share": None,
}
# The controls of a map inside an article.
EMBEDDED = ("zoom", "search", "layers", "legend", "scale")


def check_options(
    location: object, zoom: object, texts: Mapping[str, object], others: Iterable[str]
) -> None:
    """Refuse options of a map that can't be used in a page; `others` are those meant for folium."""
    known = json.loads(libraries.read_asset("options.json"))
    for name in others:
        if name not in known["folium"]:
            raise UnknownNameError(name, "option of a map", [*known["own"], *known["folium"]])
    for name, text in texts.items():
        if not isinstance(text, str | None):
            raise InputTypeError(f"{name} is {type(text).__name__}; it must be text.")
    if location is not None:
        _check_location(location)
    if zoom is not None and not (_is_finite(zoom) and 0 <= zoom <= 24):  # type: ignore[operator]
        raise InputError(f"zoom_start is {str(zoom)[:40]}; zoom levels go from 0 to 24.")


def _check_location(location: object) -> None:
    pair = list(location) if isinstance(location, (list, tuple, np.ndarray)) else []
    if len(pair) != 2 or not all(map(_is_finite, pair)):
        shown = " ".join(repr(location)[:60].split())
        raise InputError(f"location is {shown}; it is (lat, lon), such as (30.2, 67.0).")
    if not (abs(pair[0]) <= 90 and abs(pair[1]) <= 180):
        raise InputError(f"location is {tuple(pair)}; it is (lat, lon) within ±90° and ±180°.")


def _is_finite(value: object) -> bool:
    return (
        isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def check_controls(controls: Any) -> list[str]:
    """Return names of controls in the order of `CONTROLS`; True is all, False none.

    Examples
    --------
    >>> check_controls(["scale", "zoom"])
    ['zoom', 'scale']
    """
    if isinstance(controls, bool):
        return list(CONTROLS) if controls else []
    if not isinstance(controls, (list, tuple, set, frozenset)):
        raise InputTypeError(f"controls is {controls!r}; it is True, False or a list of names.")
    wanted = set(controls)
    for name in wanted - set(CONTROLS):
        raise UnknownNameError(name, "control", CONTROLS)
    return [name for name in CONTROLS if name in wanted]


def make_tile_layers(tiles: object) -> list[TileLayer]:
    """Build tile layers from providers' names; the first is drawn, the others are offered.

    Examples
    --------
    >>> [layer.layer_name for layer in make_tile_layers(["OpenTopoMap", "Esri.WorldImagery"])]
    ['OpenTopoMap', 'Esri WorldImagery']
    """
    if tiles is None:
        return []
    each = list(tiles) if isinstance(tiles, (list, tuple)) else [tiles]
    return [_make_tile_layer(one, show=turn == 0) for turn, one in enumerate(each)]


def _make_tile_layer(tiles: object, *, show: bool) -> TileLayer:
    if isinstance(tiles, TileLayer):
        tiles.show = show
        return tiles
    try:
        title = getattr(tiles, "name", None) or xyzservices.providers.query_name(str(tiles)).name
    except ValueError:
        title = None
    try:
        return TileLayer(tiles, name=title and title.replace(".", " "), show=show)
    except (ValueError, TypeError, AttributeError) as error:
        shown = " ".join(repr(tiles)[:60].split())
        raise InputError(
            f"tiles is {shown} ({error}); name a provider of xyzservices, such as "
            '"OpenTopoMap", or give a folium.TileLayer with its attribution.'
        ) from error


def list_tile_hosts(elements: Iterable[Any]) -> list[str]:
    """List the servers of the tile layers among elements, in the notation of the page's policy.

    Refuse OpenStreetMap's own tile server, which refuses pages from files.

    Examples
    --------
    >>> list_tile_hosts([TileLayer("https://{s}.tiles.example/{z}/{x}/{y}.png", attr="x")])
    ['https://*.tiles.example']
    """
    hosts = []
    for element in elements:
        if not isinstance(element, TileLayer):
            continue
        url = urlparse(str(element.tiles).replace("{s}", "wild-card"))
        host = (url.hostname or "").replace("wild-card", "*")
        if _OSM_TILES.search(host):
            raise InputError(
                f"tiles from {host} are refused to saved files by the server's policy; name "
                "another provider, such as tiles='OpenTopoMap', or none."
            )
        if url.scheme not in {"http", "https"} or not re.fullmatch(r"[a-z0-9.*-]+", host):
            raise InputError(f"tile address {element.tiles!r} names no server.")
        port = f":{url.port}" if url.port else ""
        hosts.append(f"{url.scheme}://{host}{port}")
    return list(dict.fromkeys(hosts))


def render_page(
    folium_map: Any, *, data: dict[str, Any], lang: str, adopted: Iterable[Layer]
) -> str:
    """Render the whole page; the same map gives the same text.

    The layer control offers the layers of `adopted`, which are folium's own. A plugin whose library
    isn't shipped is refused, and so is a text of folium that breaks its template.
    """
    figure, name = folium_map.get_root(), folium_map.get_name()
    parts = (figure.header, figure.html, figure.script)
    # The end of the page's script: build the controls, register folium's own layers, and start.
    calls = [f"cpecgeo.control({name}, {encode.dumps(kind)});" for kind in data["controls"]]
    calls += [
        f"cpecgeo.adopt({name}, {layer.get_name()}, {encode.dumps(layer.layer_name)});"
        for layer in adopted
    ]
    calls.append(f"cpecgeo.start({name});")
    with _restore(figure):
        before = {id(e) for part in parts for e in part._children.values()}  # noqa: SLF001
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
        tidy = _number_ids(_tree(figure))
        header, links = _texts(figure.header, before)
        body, _ = _texts(figure.html, before)
        main = tidy("\n".join([*_texts(figure.script, before)[0], *calls]))
        header_text = tidy("\n".join(header))
        body_text = tidy("\n".join(body))
        block = tidy(f"{name}_data")
    for plugin in filter(None, map(CONTROLS.get, data["controls"])):
        links += [url for _, url in (*plugin.default_js, *plugin.default_css)]
    needed = {*data["controls"], *({"posts", "profiles", "words"} & {k for k in data if data[k]})}
    for layer in data["layers"].values():
        needed |= {"cloud", "cluster"} & set(layer)
    in_order = {key: data["layers"][key] for key in data["order"]}
    packed = data | {"layers": encode.pack_layers(in_order)}
    scripts, styles = libraries.collect_code(links, main, needed)
    scripts, styles = [*scripts, main], [*styles, libraries.build_letters(lang)]
    title = _CONTROL.sub("\ufffd", data["title"])
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
            f"<title>{html.escape(title)}</title>",
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


def _texts(part: Element, before: set[int]) -> tuple[list[str], list[str]]:
    """Render the children of a part of the figure, and list the addresses of its libraries."""
    texts: list[str] = []
    links: list[str] = []
    for name, child in part._children.items():  # noqa: SLF001
        if isinstance(child, (JavascriptLink, CssLink)):
            links.append(str(child.url))
        elif name == "meta_http":  # the page has its own
            continue
        elif type(child) is Element and id(child) not in before and child._template_str:  # noqa: SLF001
            # Rendered already; rendering again would run texts as templates.
            texts.append(child._template_str)  # noqa: SLF001
        else:
            texts.append(child.render())
    return texts, links


def _number_ids(elements: list[Element]) -> Callable[[str], str]:
    """Return what replaces random ids of folium's elements by numbers, in order of appearance."""
    known, given = {e._id for e in elements}, dict[str, str]()  # noqa: SLF001

    def number(match: re.Match[str]) -> str:
        found = match.group()
        return given.setdefault(found, str(len(given))) if found in known else found

    return lambda text: _RANDOM_ID.sub(number, text)


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
