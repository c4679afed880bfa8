"""Background layers: countries, relief, provinces, districts, waters, disputed boundaries.

They ship with the package and are drawn in pale colours, so that a map gives orientation without a
tile server.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from cpecgeo.catalogue import layer
from cpecgeo.catalogue.files import fingerprint
from cpecgeo.errors import InputTypeError, UnknownNameError
from cpecgeo.maps.layer import encode_layer, find_largest
from cpecgeo.maps.libraries import inline_asset, read_asset
from cpecgeo.maps.style import Style

__all__ = [
    "BACKGROUNDS",
    "DISPUTED_NOTE",
    "choose_backgrounds",
    "encode_background",
    "read_ground",
    "read_ground_names",
]

LAND, HOME, BORDER, PROVINCE, RIVER, LAKE, DISPUTED = (
    "#efebe3", "#fbf9f4", "#a39b8c", "#cbc3b4", "#a9c7d6", "#d3e3ea", "#7d7364",
)  # fmt: skip
# Degrees, and decimals of degrees: both finer than the kilometre to which outlines are known.
TOLERANCE = 0.007
GROUND_DECIMALS = 3
NEAR = shapely.box(60.2, 22.0, 79.0, 40.0)  # the area in which countries are named
DISPUTED_NOTE = (
    "Dashed boundaries are disputed; they are drawn as the source has them, which says nothing "
    "about the claims."
)
PLACES = 9  # candidates for the name of an area
_NAMES = ("name", "name_ur", "name_zh")
SEA = ("Arabian Sea", 64.6, 23.6)

# Layers that would hide or darken tiles; with tiles they are offered, not drawn.
FILLS = ("countries", "home", "relief")
# West, south, east and north of the picture of the relief, in the map's projection.
RELIEF = (60.0, 23.0, 78.5, 40.5)
GLOBE = "GLOBE 1.0, NOAA National Geophysical Data Center, 1999"


def encode_background(
    wanted: bool | Sequence[str],  # noqa: FBT001 – as Map has it
    *,
    with_fills: bool = True,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield the encoded layers of backgrounds, with further arguments of `Map.add_encoded`.

    Areas of land would hide tiles; they are drawn at the start only `with_fills`.
    """
    for name in choose_backgrounds(wanted):
        for payload, options in _encode(name, fingerprint()):
            show = options.get("show", True) and (with_fills or options["key"] not in FILLS)
            yield payload, options | {"show": show}


def choose_backgrounds(wanted: bool | Sequence[str]) -> list[str]:  # noqa: FBT001
    """Return the names of the chosen layers, in the order of drawing; True is all but districts."""
    if not isinstance(wanted, (bool, str, Sequence)):
        raise InputTypeError(f"background is {wanted!r}; it is True, False or a list of names.")
    names = [n for n in BACKGROUNDS if n != "districts"] if wanted is True else list(wanted or ())
    for name in names:
        if name not in BACKGROUNDS:
            raise UnknownNameError(name, "background", BACKGROUNDS)
    return [name for name in BACKGROUNDS if name in names]


# Frame, style, and options of `Map.add_layer`.
_Layers = Iterator[tuple[gpd.GeoDataFrame, Style, dict[str, Any]]]


@functools.cache
def _encode(name: str, _key: Hashable) -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
    """Encode the layers of a background, once for each geometry in force; all maps share them."""
    return tuple(
        (encode_layer(frame, style), {"control": False, "key": None} | options)
        for frame, style, options in BACKGROUNDS[name]()
    )


def _simplify(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Simplify areas so that neighbours still share their boundary."""
    array = np.asarray(frame.geometry.array, dtype=object)
    return frame.set_geometry(
        gpd.GeoSeries(shapely.coverage_simplify(array, TOLERANCE), index=frame.index, crs=frame.crs)
    )


def split_boundaries(polygons: NDArray[np.object_]) -> tuple[Any, Any]:
    """Split the boundaries of polygons that share vertices into outer and shared ones.

    Examples
    --------
    >>> a, b = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    >>> split_boundaries([a, b])[1].length
    1.0
    """
    count: Counter[tuple[tuple[float, float], tuple[float, float]]] = Counter()
    for ring in shapely.get_rings(shapely.get_parts(np.asarray(polygons, dtype=object))):
        xy = [tuple(p) for p in np.round(shapely.get_coordinates(ring), 6).tolist()]
        count.update((a, b) if a < b else (b, a) for a, b in pairwise(xy) if a != b)

    def merge(keep: Callable[[int], bool]) -> Any:
        chosen = [pair for pair, n in count.items() if keep(n)]
        if not chosen:
            return shapely.MultiLineString()
        return shapely.line_merge(shapely.multilinestrings(shapely.linestrings(chosen)))

    return merge(lambda n: n == 1), merge(lambda n: n > 1)


@functools.cache
def _ground() -> tuple[gpd.GeoDataFrame, Any, Any]:
    """Return countries, their coasts, and their undisputed boundaries."""
    countries = _simplify(layer("countries"))
    coast, borders = split_boundaries(countries.geometry.array)
    west, south, east, north = countries.total_bounds
    frame = shapely.box(west, south, east, north).exterior.buffer(0.02)
    coast = shapely.difference(coast, frame)
    near = shapely.buffer(np.asarray(layer("disputed").geometry.array, dtype=object), 0.03)
    borders = shapely.difference(borders, shapely.union_all(near))
    return countries, coast, borders


def _frame(name: str, geometry: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": [name]}, geometry=[geometry], crs="EPSG:4326")


def _quiet(color: str, **more: Any) -> Style:
    """Return the style of a background layer."""
    quiet: dict[str, Any] = {"pane": "background", "legend": "", "decimals": GROUND_DECIMALS}
    return Style(**(quiet | {"color": color, "search": False, "interactive": False} | more))


def _sources(frame: gpd.GeoDataFrame) -> list[str]:
    return sorted(set(frame["source"].dropna()))


def _countries() -> _Layers:
    countries, coast, borders = _ground()
    flat = {"path": {"stroke": False, "fillOpacity": 1}, "sources": _sources(countries)}
    home = countries["name"] == "Pakistan"
    land, own = _quiet(LAND, extra=flat), _quiet(HOME, extra=flat)
    yield countries[~home], land, {"name": "Countries", "key": "countries"}
    yield countries[home], own, {"name": "Pakistan", "key": "home"}
    yield _frame("Coast", coast), _quiet("#9fb6c0", weight=0.8), {"name": "Coast"}
    yield _frame("Boundaries", borders), _quiet(BORDER, weight=1.2), {"name": "Boundaries"}
    hidden = {"hidden": True}
    style = _quiet(BORDER, label="name", label_class="country", label_zoom=4, extra=hidden)
    yield _country_names(countries), style, {"name": "Names of countries"}


def _relief() -> _Layers:
    """Return the shaded relief as a picture, in a layer without features."""
    none = gpd.GeoDataFrame({"name": []}, geometry=[], crs="EPSG:4326")
    picture = {"image": inline_asset("relief.webp"), "box": RELIEF, "sources": [GLOBE]}
    options = {"name": "Relief", "group": "Ground", "control": True, "key": "relief"}
    yield none, _quiet("#57524a", extra=picture), options


def _polygons(areas: NDArray[np.object_]) -> Any:
    parts = shapely.get_parts(areas)
    return parts[shapely.get_dimensions(parts) == 2]


def _find_name_points(geometry: shapely.Geometry, most: int = PLACES, across: int = 7) -> Any:
    """Find points for an area's name: the middle of the widest part first, then others inside."""
    if (largest := find_largest(geometry)) is None:
        return None
    circle = shapely.maximum_inscribed_circle(largest, 0.05)
    chosen = shapely.get_coordinates(circle)[:1]
    step = max(0.3, float(np.sqrt(largest.area)) / across)
    west, south, east, north = largest.bounds
    grid = np.stack(np.meshgrid(np.arange(west, east, step), np.arange(south, north, step)), -1)
    grid = grid.reshape(-1, 2)
    core = largest.buffer(-min(step, circle.length * 0.4))
    grid = grid[shapely.contains_xy(core, *grid.T)]
    while len(grid) and len(chosen) < most:
        away = np.min(np.hypot(*(grid[:, None] - chosen[None]).T), axis=0)
        chosen = np.vstack([chosen, grid[int(np.argmax(away))]])
        grid = grid[away > step]
    return shapely.multipoints(chosen)


def _country_names(countries: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Find a point for each country's name, near the corridors where possible."""
    names, at = [], []
    for name, geometry in zip(countries["name"], countries.geometry, strict=True):
        if name == "Pakistan" or geometry.area < 1:
            continue  # in Pakistan the provinces are named instead
        near = shapely.intersection(geometry, NEAR)
        names.append(name)
        at.append(_find_name_points(near if near.area > 1 else geometry))
    names.append(SEA[0])
    at.append(shapely.multipoints([SEA[1:]]))
    return gpd.GeoDataFrame({"name": names}, geometry=at, crs="EPSG:4326")


def _provinces() -> _Layers:
    provinces = _simplify(layer("provinces"))
    _, shared = split_boundaries(provinces.geometry.array)
    style = _quiet(PROVINCE, weight=1.1, extra={"sources": _sources(provinces)})
    yield _frame("Provinces", shared), style, {"name": "Provinces"}
    large = _are_large(provinces)
    for which, zoom in ((large, 5.0), (~large, 7.5)):
        some = provinces[which]
        at = [_find_name_points(g) for g in some.geometry]
        texts = {c: some[c].tolist() for c in _NAMES}
        names = gpd.GeoDataFrame(texts, geometry=at, crs="EPSG:4326")
        style = _quiet(
            PROVINCE, label="name", label_class="province", label_zoom=zoom,
            search=True, extra={"hidden": True, "order": 2, "role": "province"},
        )  # fmt: skip
        yield names, style, {"name": "Names of provinces"}


def _read_waters(kind: str) -> gpd.GeoDataFrame:
    """Read rivers or lakes, named where known."""
    record = json.loads(read_asset("waters.json"))
    shapes = [
        shapely.MultiPolygon([(rings[0], rings[1:]) for rings in one["rings"]])
        if "rings" in one
        else shapely.LineString(one["xy"])
        for one in record[kind]
    ]
    columns = {c: [one.get(c) or None for one in record[kind]] for c in _NAMES}
    source = record["source" if kind == "rivers" else f"{kind}_source"]
    return gpd.GeoDataFrame(columns | {"source": source}, geometry=shapes, crs="EPSG:4326")


def _rivers() -> _Layers:
    named: dict[str, Any] = {"label": "name", "label_class": "river", "search": True}
    for kind, zoom, more in (
        ("lakes", 7, {"path": {"color": RIVER, "weight": 0.6, "fillOpacity": 1}}),
        ("rivers", 6, {"once": True}),
    ):
        waters = _read_waters(kind)
        extra = {"order": -2, "sources": _sources(waters), "role": kind[:-1], **more}
        color = LAKE if kind == "lakes" else RIVER
        style = _quiet(color, weight=1.1, label_zoom=zoom, extra=extra, **named)
        yield waters.drop(columns="source"), style, {"name": kind.capitalize()}


def read_ground() -> dict[str, Any]:
    """Return land, home (areas), borders, provinces, disputed and rivers (lines), for figures.

    Examples
    --------
    >>> sorted(read_ground())
    ['borders', 'disputed', 'home', 'land', 'provinces', 'rivers']
    """
    countries, _, borders = _ground()
    home = (countries["name"] == "Pakistan").to_numpy()
    areas = np.asarray(countries.geometry.array, dtype=object)
    return {
        "land": shapely.multipolygons(_polygons(areas[~home])),
        "home": shapely.multipolygons(_polygons(areas[home])),
        "borders": borders,
        "provinces": split_boundaries(_simplify(layer("provinces")).geometry.array)[1],
        "disputed": layer("disputed").union_all(),
        "rivers": _read_waters("rivers").union_all(),
    }


def read_ground_names() -> dict[str, gpd.GeoDataFrame]:
    """Return names of countries and large provinces with points inside, for figures.

    The geometry of each name is a MultiPoint, the best point first.

    Examples
    --------
    >>> "Punjab" in set(read_ground_names()["province"]["name"])
    True
    """
    provinces = layer("provinces")
    provinces = provinces[_are_large(provinces)]
    at = [_find_name_points(g, 6 * PLACES, 14) for g in provinces.geometry]
    return {
        "country": _country_names(_ground()[0]),
        "province": gpd.GeoDataFrame({"name": provinces["name"]}, geometry=at, crs="EPSG:4326"),
    }


def _are_large(provinces: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    large: NDArray[np.bool_] = shapely.area(np.asarray(provinces.geometry.array, object)) > 4.0
    return large


def _disputed() -> _Layers:
    style = Style(
        color=DISPUTED, weight=1.4, pane="background", search=False, legend="Disputed boundary",
        popup=["note", "accuracy_km", "source", "source_date"],
        extra={"dash": "3 3"},
    )  # fmt: skip
    options = {"name": "Disputed boundaries", "group": "Ground", "control": True}
    yield layer("disputed"), style, options


def _districts() -> _Layers:
    style = Style(
        color="#9a917f", weight=0.8, fill=0.0, label="name", label_class="district", label_zoom=8,
        legend="District", extra={"order": -2, "role": "district"},
    )  # fmt: skip
    options = {"name": "Districts", "group": "Ground", "control": True, "show": False}
    yield layer("districts"), style, options


# In the order of drawing.
BACKGROUNDS: dict[str, Callable[[], _Layers]] = {
    "countries": _countries,
    "relief": _relief,
    "provinces": _provinces,
    "rivers": _rivers,
    "disputed": _disputed,
    "districts": _districts,
}
