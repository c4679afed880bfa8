"""The map's controls: folium's plugins, each built by the page's own script.

folium's classes name the library that a plugin needs. The page's script builds the plugin with
texts from the data block, so that escaping, language and keyboard use are handled in one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlparse

import numpy as np
import xyzservices
from branca.element import MacroElement
from folium import plugins
from folium.elements import JSCSSMixin
from folium.raster_layers import TileLayer
from folium.template import Template

from cpecgeo.errors import InputError, InputTypeError, UnknownNameError

__all__ = [
    "CONTROLS",
    "EMBEDDED",
    "Control",
    "Start",
    "check_controls",
    "check_options",
    "list_applicable",
    "list_tile_hosts",
    "make_tile_layers",
]

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


class Control(JSCSSMixin):
    """One control on the map.

    Parameters
    ----------
    kind : str
        A key of `CONTROLS`.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "cpecgeo.control({{ this._parent.get_name() }}, {{ this.kind|tojson }});"
        "{% endmacro %}"
    )

    def __init__(self, kind: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Control"
        self.kind = kind
        plugin = CONTROLS[kind]
        self.default_js = list(getattr(plugin, "default_js", []))
        self.default_css = list(getattr(plugin, "default_css", []))


class Start(MacroElement):
    """The end of the page's script: register folium's own layers, and start.

    Parameters
    ----------
    adopted : list of (variable, name)
        Layers of folium that the layer control offers.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}"
        "{% for layer, name in this.adopted %}"
        "cpecgeo.adopt({{ this._parent.get_name() }}, {{ layer.get_name() }}, {{ name|tojson }});"
        "{% endfor %}"
        "cpecgeo.start({{ this._parent.get_name() }});"
        "{% endmacro %}"
    )

    def __init__(self, adopted: list[tuple[Any, str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Start"
        self.adopted = adopted


# Options of folium's and leaflet's maps, in folium's spelling.
_OPTIONS = frozenset(
    """
    attr attribution_control bounce_at_zoom_limits box_zoom close_popup_on_click control_scale crs
    disable_3d double_click_zoom dragging ease_linearity fade_animation font_size height inertia
    inertia_deceleration inertia_max_speed keyboard keyboard_pan_delta left marker_zoom_animation
    max_bounds max_bounds_viscosity max_lat max_lon max_zoom min_lat min_lon min_zoom no_touch
    png_enabled position prefer_canvas scroll_wheel_zoom tap_hold tap_tolerance top touch_zoom
    track_resize wheel_debounce_time wheel_px_per_zoom_level width world_copy_jump zoom_animation
    zoom_control zoom_delta zoom_snap
    """.split()  # noqa: SIM905 – as a list it would fill a page
)
_OWN = (
    "location",
    "zoom_start",
    "title",
    "subtitle",
    "tiles",
    "background",
    "controls",
    "lang",
    "embed",
)


def check_options(
    location: object, zoom: object, texts: Mapping[str, object], others: Iterable[str]
) -> None:
    """Refuse options of a map that can't be used in a page.

    Parameters
    ----------
    location, zoom : object
        Centre as (lat, lon), and zoom level.
    texts : dict
        Options that are text, by name.
    others : iterable of str
        Names of the options meant for folium.

    Raises
    ------
    InputTypeError
        An option that should be text isn't.
    InputError
        An impossible centre or zoom level.
    UnknownNameError
        An option that neither this map nor folium's map has.
    """
    for name in others:
        if name not in _OPTIONS:
            raise UnknownNameError(name, "option of a map", [*_OWN, *_OPTIONS])
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


def make_tile_layers(tiles: object) -> list[TileLayer]:
    """Build tile layers from providers' names; the first is drawn, the others are offered.

    Parameters
    ----------
    tiles : str, xyzservices.TileProvider, folium.TileLayer, a list of these, or None
        None for no tiles.

    Returns
    -------
    list of folium.TileLayer

    Raises
    ------
    InputError
        Neither a known provider nor an address with an attribution.

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


def check_controls(controls: Any) -> list[str]:
    """Return names of controls in the order of `CONTROLS`.

    Parameters
    ----------
    controls : bool or iterable of str
        True for all, False for none.

    Returns
    -------
    list of str

    Raises
    ------
    UnknownNameError
        A name isn't a control.

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


def list_applicable(controls: Iterable[str], payloads: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the controls that these layers need.

    Parameters
    ----------
    controls : iterable of str
        Names from `CONTROLS`.
    payloads : iterable of dict
        The layers, from `cpecgeo.maps.layer.encode_layer`; without dates in any of them there is no
        time slider.

    Returns
    -------
    list of str

    Examples
    --------
    >>> list_applicable(["zoom", "timeline"], [{"columns": {}, "style": {}}])
    ['zoom']
    """
    dated = any(
        "times" in one or ("opened" in one["columns"] and not one["style"].get("timeless"))
        for one in payloads
    )
    return [name for name in controls if name != "timeline" or dated]


def list_tile_hosts(elements: Iterable[Any]) -> list[str]:
    """List the servers of the map's tile layers, in the notation of the page's policy.

    Parameters
    ----------
    elements : list of Element
        Elements of the map; only tile layers are considered.

    Returns
    -------
    list of str

    Raises
    ------
    InputError
        OpenStreetMap's own tile server, which refuses pages from files.

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
