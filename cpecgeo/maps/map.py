"""`Map`: a folium map that saves to one file and draws any geometry."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import folium
import geopandas as gpd
from folium.map import Layer
from folium.raster_layers import TileLayer
from folium.template import Template

from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.subject import SubjectLike
from cpecgeo.files.disk import local, write_whole
from cpecgeo.maps import page
from cpecgeo.maps.background import (
    DISPUTED_NOTE,
    choose_backgrounds,
    encode_background,
)
from cpecgeo.maps.colors import list_colors, pick_spare_color, tell_apart
from cpecgeo.maps.drawings import TOWNS, color_drawing, list_drawings
from cpecgeo.maps.layer import VectorLayer, encode_layer, list_words, translate_layer
from cpecgeo.maps.libraries import PAPERS, run_browser
from cpecgeo.maps.style import Style
from cpecgeo.maps.words import find_words, join_titles, list_unnamed, translate_title

__all__ = ["Map"]

NOTE = "Boundaries and names are data from the sources named, not a position on any of them."
PAKISTAN = (60.8, 23.6, 77.9, 37.1)  # west, south, east, north of an empty map
# Pixels of a picture's sides.
SMALLEST, LARGEST = 200, 10_000
_LEAFLET = "https://any.example/leaflet"


class Map(folium.Map):
    """A map that opens anywhere: one file, without a request to any server.

    All of folium works on it; files that folium would link are inlined. `add` draws any table with
    a CRS, any geometry in lon, lat, corridors, routes and results of analyses; more than 2,000
    points of a layer on a canvas.

    Parameters
    ----------
    location : (lat, lon), optional
        Centre, in folium's order; when omitted, the view fits all that was added.
    zoom_start : float, optional
        Zoom level at the start, together with `location`.
    title : str, optional
        Title and heading of the page; when omitted, the names of the things added.
    subtitle : str
        A line below the heading.
    tiles : str, xyzservices.TileProvider, folium.TileLayer, a list of these, or None
        Background tiles by provider name, such as ``"OpenTopoMap"``; the first of several is drawn,
        and the reader can choose another. None, the default, needs no server. OpenStreetMap's own
        server refuses saved files, so it is refused here.
    background : bool or sequence of str
        Pale background layers: any of ``"countries"``, ``"relief"``, ``"provinces"``,
        ``"districts"``, ``"rivers"``, ``"disputed"``; True for all but districts.
    controls : bool or sequence of str
        Names from `cpecgeo.maps.page.CONTROLS`; True for all that apply.
    lang : str
        Language of controls, legend, popups and known names: ``"en"``, ``"ur"`` or ``"zh"``.
    embed : bool
        For an article: few controls, one finger and the wheel scroll the article, credits fold.
    **options
        Passed to `folium.Map`.

    Raises
    ------
    InputError
        Tiles of OpenStreetMap's own server.
    UnknownNameError
        A control, background or language that doesn't exist.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> m = Map(background=False, title="Two points")
    >>> m = m.add(Point(68.9, 27.7), name="Rohri").add(Point(67.0, 24.9), name="Karachi")
    >>> "<title>Two points</title>" in m.html()
    True
    """

    default_js = [("leaflet", f"{_LEAFLET}.js")]  # noqa: RUF012 – folium's own declaration
    default_css = [("leaflet_css", f"{_LEAFLET}.css")]  # noqa: RUF012

    _template = Template(
        """
        {% macro html(this, kwargs) %}
        {{ this._heading() }}
        <div class="cpec-map" id="{{ this.get_name() }}"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = cpecgeo.map(
            "{{ this.get_name() }}", {{ this.options|tojavascript }});
        {% endmacro %}
        """
    )

    def __init__(
        self,
        location: Sequence[float] | None = None,
        *,
        zoom_start: float | None = None,
        title: str | None = None,
        subtitle: str = "",
        tiles: str | TileLayer | Sequence[str | TileLayer] | None = None,
        background: bool | Sequence[str] = True,
        controls: bool | Sequence[str] = True,
        lang: str = "en",
        embed: bool = False,
        **options: Any,
    ) -> None:
        texts = {"title": title, "subtitle": subtitle, "lang": lang}
        page.check_options(location, zoom_start, texts, options)
        find_words(lang)
        super().__init__(location=location, tiles=None, **options)
        self.title, self.subtitle, self.lang = title, subtitle, lang
        self.controls = page.check_controls(
            page.EMBEDDED if embed and controls is True else controls
        )
        self.embed = bool(embed)
        self.notes: list[str] = []
        self.posts: dict[str, Any] = {}
        self.profiles: list[dict[str, Any]] = []
        self.view: Sequence[float] | None = None
        zoom = 10 if zoom_start is None else zoom_start
        self._start = None if location is None else (list(location), zoom)
        self._added = 0
        self._towns: set[str] = set()
        self._titles: list[str] = []
        self._lines: dict[str, gpd.GeoSeries] = {}  # of corridors coloured by kind
        self.options.pop("zoom", None)
        self.options["zoom_control"] = False
        # folium passes these to its tile layer, and there may be none.
        self.options |= {k: options[k] for k in ("min_zoom", "max_zoom") if k in options}
        sets = page.make_tile_layers(tiles)
        for layer in sets:
            self.add_child(layer)
        # Tile servers go into the page's policy; an unusable one is refused at once.
        page.list_tile_hosts(sets)
        for payload, look in encode_background(background, with_fills=not sets):
            self.add_encoded(payload, **look)
        if "disputed" in choose_backgrounds(background):
            self.notes.append(DISPUTED_NOTE)

    def _heading(self) -> str:
        title = translate_title(self.title, self._titles, find_words(self.lang))
        return page.render_heading(title, self.subtitle, self.lang)

    def add(
        self,
        x: SubjectLike,
        *,
        name: str | None = None,
        group: str = "Added",
        show: bool = True,
        control: bool = True,
        geometry: SubjectLike | None = None,
        profile: bool = False,
        **style: Any,
    ) -> Self:
        """Draw something; calls chain.

        Parameters
        ----------
        x : name, path, thing, geometry, GeoSeries, GeoDataFrame, table, or a list of them
            Tables need a CRS. Geometries are lon, lat. A corridor brings its sections, stops
            and km posts. A name is that of a corridor, section, place, layer, district or
            province; a path is read by its suffix. A table without geometry, such as the
            result of `nearest`, needs `geometry`, or columns of lon and lat.
        name : str, optional
            In the layer control and legend; taken from `x` when omitted.
        group : str
            Heading in the layer control.
        show : bool
            Whether it is drawn at the start.
        control : bool
            Whether the layer control offers it.
        geometry : name, thing, geometry, GeoSeries or GeoDataFrame, optional
            For tables without one, matched by index. With columns ``lon`` and ``lat`` in the
            table, lines are drawn from each geometry to that point.
        profile : bool
            Show the elevation along a corridor, a route or a list of routes below the map,
            linked with the line; ground that isn't the road's is hatched.
        **style
            Fields of `cpecgeo.maps.layer.Style`: ``color``, ``popup``, ``radius``,
            ``weight``, ``fill``, ``shape``, ``label``, ``search`` …

        Returns
        -------
        Map
            This map.

        Raises
        ------
        InputError, CRSError, CoordinateError, UnknownNameError, InputTypeError
            It can't be drawn; the message says why.
        """
        # All layers of one thing share a colour that no other thing has yet.
        spare = pick_spare_color(list_colors(layer.payload for layer in self._vectors()))
        parts = [*list_drawings(x, name=name, geometry=geometry, style=style, profile=profile)]
        for part in parts:
            frame = part.frame
            if part.key == TOWNS:
                # Routes added one by one add only towns that aren't on the map yet.
                frame = frame[~frame["id"].isin(self._towns)]
                self._towns |= set(frame["id"])
                if frame.empty:
                    continue
            self.add_layer(
                frame,
                color_drawing(part, spare),
                name=part.name,
                group=part.group or group,
                show=show,
                control=control,
                key=part.key,
            )
            key = self._vectors()[-1].key
            if part.by_kind:
                self._lines[key] = frame.geometry
            if part.posts is not None:
                self.add_posts(part.name, part.posts, show=show)
            if part.profile is not None:
                self.profiles.append(part.profile | {"layer": key})
        own = self.title is None or self.title == join_titles(self._titles)
        titles = [one.title for one in parts if one.title] or [one.name for one in parts[:1]]
        self._titles = list(dict.fromkeys(self._titles + titles))
        self.title = join_titles(self._titles) if own else self.title
        return self

    def add_layer(
        self,
        frame: gpd.GeoDataFrame | gpd.GeoSeries,
        style: Style,
        *,
        name: str,
        group: str = "Added",
        show: bool = True,
        control: bool = True,
        key: str | None = None,
    ) -> Self:
        """Draw a table with a CRS as one layer; see `add`. The page's script knows it by `key`."""
        payload = encode_layer(frame, style)
        return self.add_encoded(
            payload, name=name, key=key, group=group, show=show, control=control
        )

    def add_encoded(
        self, payload: Mapping[str, Any], *, name: str, key: str | None = None, **options: Any
    ) -> Self:
        """Draw a layer that `cpecgeo.maps.layer.encode_layer` has encoded; see `add_layer`.

        Where another layer has the same `key`, it gets a number.
        """
        if key is None or key in {c.key for c in self._vectors()}:
            key = f"layer{self._added}"
        self._added += 1
        VectorLayer(payload, key=key, name=name, **options).add_to(self)
        return self

    def _vectors(self) -> list[VectorLayer]:
        return [c for c in self._children.values() if isinstance(c, VectorLayer)]

    def add_posts(self, line: str, posts: Mapping[str, Any], *, show: bool = True) -> Self:
        """Draw the km posts of a corridor, from `encode_posts`; more appear with the zoom."""
        self.posts[line] = dict(posts) | {"show": show}
        return self

    def data(self) -> dict[str, Any]:
        """Return the page's data block: layers, posts, controls, view, notes and sources."""
        layers, say = self._vectors(), find_words(self.lang)
        boxes = [layer.bounds for layer in layers if layer.bounds and layer.payload["view"]]
        west, south, east, north = zip(*(boxes or [PAKISTAN]), strict=True)
        words = list_words((layer.payload for layer in layers), say)
        payloads = {c.key: c.payload for c in layers}
        payloads |= tell_apart(payloads, self._lines)
        dated = any(
            "times" in one or ("opened" in one["columns"] and not one["style"].get("timeless"))
            for one in payloads.values()
        )
        told = {c.key: translate_layer(payloads[c.key], say) | {"show": c.show} for c in layers}
        profiles = [one | {"name": say.phrase(one["name"])} for one in self.profiles]
        return {
            "title": translate_title(self.title, self._titles, say) or say("Map"),
            "subtitle": say(self.subtitle),
            "note": say(NOTE),
            "notes": [*map(say, dict.fromkeys(self.notes)), *list_unnamed(told.values(), say)],
            "view": [*map(float, self.view or (min(west), min(south), max(east), max(north)))],
            "start": self._start,
            "embed": self.embed,
            "ground": next((c.bounds for c in layers if c.key == "countries"), None),
            "zooms": [name for name in ("min_zoom", "max_zoom") if name in self.options],
            "controls": [name for name in self.controls if name != "timeline" or dated],
            "order": [layer.key for layer in layers],
            "layers": told,
            "posts": self.posts,
        } | {k: v for k, v in (("words", words), ("profiles", profiles)) if v}

    def html(self, paper: str | None = None) -> str:
        """Return the whole page, laid out for a `paper` if given; always the same text."""
        adopted = [
            child
            for child in self._children.values()
            if isinstance(child, Layer) and not isinstance(child, VectorLayer) and child.control
        ]
        data = self.data() | ({"paper": paper} if paper else {})
        return page.render_page(self, data=data, lang=self.lang, adopted=adopted)

    def save(self, outfile: Any, close_file: bool = True, **kwargs: Any) -> Path | None:  # noqa: ARG002, FBT001, FBT002
        """Write the map as one file that opens anywhere; whole or not at all.

        Parameters
        ----------
        outfile : path or binary file
        close_file : bool
            Whether to close `outfile`, if it is an open file.
        **kwargs
            Ignored; accepted as in folium.

        Returns
        -------
        Path or None
            The path, if one was given.

        Raises
        ------
        FileError
            The folder is missing or can't be written.
        """
        data = self.html().encode()
        if hasattr(outfile, "write"):
            outfile.write(data)
            if close_file:
                outfile.close()
            return None
        return write_whole(local(outfile, "outfile"), data)

    def _repr_html_(self, **kwargs: Any) -> str:  # noqa: ARG002
        """Return the map in a frame, for notebooks; works offline."""
        title, inside = html.escape(self.title or "Map"), html.escape(self.html())
        size = "width:100%;height:540px;border:1px solid #ccc"
        return (
            f'<iframe title="{title}" srcdoc="{inside}" style="{size}" '
            'allow="fullscreen" loading="lazy"></iframe>'
        )

    def to_png(
        self, path: str | Path, *, width: int = 1600, height: int = 1200, timeout: float = 60.0
    ) -> Path:
        """Take a picture of the map, `width` by `height` pixels (200 to 10,000), through chromium.

        Raises
        ------
        MissingExtraError, InputError, FileError
            No chromium or Chrome on this machine, a size out of range, or `path` can't be written
            or chromium failed within `timeout` seconds.
        """
        for what, size in (("width", width), ("height", height)):
            if not SMALLEST <= size <= LARGEST:
                raise InputError(
                    f"{what} is {size!r}; {SMALLEST} to {LARGEST:,} pixels are possible."
                )
        options = ["--hide-scrollbars", f"--window-size={width},{height}"]
        picture = run_browser(self.html(), "--screenshot", options, timeout=timeout)
        return write_whole(Path(path), picture)

    def to_pdf(self, path: str | Path, *, paper: str = "A4", timeout: float = 60.0) -> Path:
        """Print the map to a vector PDF, on one sheet, through chromium.

        Parameters
        ----------
        path, timeout
            As for `to_png`.
        paper : str
            ``"A4"`` or ``"A3"``, landscape, ``"A4 portrait"`` or ``"A3 portrait"``.

        Returns
        -------
        Path
            `path`. The sheet has legend, scale as a ratio, north, graticule, date and credits.

        Raises
        ------
        UnknownNameError
            An unknown paper; other errors as for `to_png`.
        """
        if paper not in PAPERS:
            raise UnknownNameError(str(paper), "paper", PAPERS)
        options = ["--no-pdf-header-footer", "--virtual-time-budget=8000"]
        sheet = run_browser(self.html(paper), "--print-to-pdf", options, timeout=timeout)
        return write_whole(Path(path), sheet)
