"""The map's controls: folium's plugins, each built by the page's own script.

folium's classes say which library a plugin needs; the page's script builds it, with all texts
taken from the data block, so that one place answers for escaping, language and keyboard use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from branca.element import MacroElement
from folium import plugins
from folium.elements import JSCSSMixin
from folium.raster_layers import TileLayer
from folium.template import Template

from cpecgeo.errors import InputError, InputTypeError, UnknownNameError

__all__ = ["CONTROLS", "Control", "Start", "checked_controls", "checked_options", "tile_layer"]

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
    "timeline": plugins.TimelineSlider,
    "print": None,
}


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
        # The timeline's library formats dates by moment.js; years need none.
        self.default_js = [
            pair for pair in getattr(plugin, "default_js", []) if pair[0] != "moment"
        ]
        self.default_css = list(getattr(plugin, "default_css", []))


class Start(MacroElement):
    """The last words of the page's script: hand over folium's own layers, and begin.

    Parameters
    ----------
    adopted : list of (variable, name)
        Layers that are not ours and that the layer control offers.
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


def checked_options(location: Any, zoom: Any, texts: dict[str, Any]) -> None:
    """Refuse a map's options that a page can't be made of.

    Raises
    ------
    InputTypeError
        A text that is no text, or a number that is none.
    InputError
        A centre or zoom level that no map has.
    """
    for name, text in texts.items():
        if not isinstance(text, str | None):
            raise InputTypeError(f"{name} is {type(text).__name__}; text is needed.")
    pair = list(location) if isinstance(location, (list, tuple, np.ndarray)) else []
    if location is not None and (len(pair) != 2 or not all(map(_finite, pair))):
        shown = " ".join(repr(location)[:60].split())
        raise InputError(f"location is {shown}; it is (lat, lon), such as (30.2, 67.0).")
    if location is not None and not (abs(pair[0]) <= 90 and abs(pair[1]) <= 180):
        raise InputError(f"location is {tuple(pair)}; it is (lat, lon) within ±90° and ±180°.")
    if zoom is not None and not (_finite(zoom) and 0 <= zoom <= 24):
        raise InputError(f"zoom_start is {str(zoom)[:40]}; zoom levels go from 0 to 24.")


def _finite(value: Any) -> bool:
    return (
        isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )


def tile_layer(tiles: Any) -> TileLayer:
    """Tiles by their provider's name, or as folium takes them.

    Raises
    ------
    InputError
        No such provider, and no address with an attribution.
    """
    try:
        return TileLayer(tiles)
    except (ValueError, TypeError, AttributeError) as error:
        shown = " ".join(repr(tiles)[:60].split())
        raise InputError(
            f"tiles is {shown} ({error}); name a provider of xyzservices, such as "
            '"OpenTopoMap", or give a folium.TileLayer with its attribution.'
        ) from error


def checked_controls(controls: Any) -> list[str]:
    """Names of controls in the order of `CONTROLS`.

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
    >>> checked_controls(["scale", "zoom"])
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
