"""The map's controls: folium's plugins, each built by the page's own script.

folium's classes say which library a plugin needs; the page's script builds it, with all texts
taken from the data block, so that one place answers for escaping, language and keyboard use.
"""

from __future__ import annotations

from typing import Any

from branca.element import MacroElement
from folium import plugins
from folium.elements import JSCSSMixin
from folium.template import Template

from cpecgeo.errors import UnknownNameError

__all__ = ["CONTROLS", "Control", "Start", "checked_controls"]

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
    wanted = set(controls)
    for name in wanted - set(CONTROLS):
        raise UnknownNameError(name, "control", CONTROLS)
    return [name for name in CONTROLS if name in wanted]
