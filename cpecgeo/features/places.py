"""Named points of any layer, and the table of border markets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point

from cpecgeo.catalogue import folded, layer
from cpecgeo.catalogue.facts import main_stations
from cpecgeo.catalogue.names import station_name
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.subject import Subject
from cpecgeo.files.xmltext import html_card, html_table

__all__ = ["Place", "markets", "place"]

# Sites before towns, towns before stations: "Gwadar" is the town, "Gwadar Port" the port.
_LAYERS = ("ports", "crossings", "mines", "zones", "energy", "places", "interchanges", "stations",
           "waypoints")  # fmt: skip
_NAMES = ("id", "name", "name_ur", "name_zh", "aliases")
_SUFFIXES = ("junction", "cantonment", "city", "port", "pass", "sez", "interchange")


@dataclass(frozen=True)
class Place:
    """One named point.

    Attributes
    ----------
    name, id, layer, kind : str
    point : Point
        lon, lat on WGS 84.
    status : str or None
    basis : str
        ``surveyed``, ``gazetteer``, ``proxy`` (another place's point stands in) or
        ``schematic``.
    accuracy_km : float
    source, licence, note : str
    district, province : str or None
        The district of 2022 it lies in and its province: facts with a source, not looked up
        in the outlines; None abroad and where it isn't known.
    """

    name: str
    id: str
    layer: str
    kind: str
    point: Point
    status: str | None
    basis: str
    accuracy_km: float
    source: str
    licence: str
    note: str
    district: str | None = None
    province: str | None = None

    def as_subject(self) -> Subject:
        """Return the point under the place's name; see `resolve`."""
        shapes = gpd.GeoSeries([self.point], index=[self.name], crs=4326)
        return Subject(shapes, self.name, "place", is_single=True, things=(self,))

    def _repr_html_(self) -> str:
        rows = {
            "layer": self.layer,
            "lon, lat": f"{self.point.x:.5f}, {self.point.y:.5f}",
            **({"district": f"{self.district}, {self.province}"} if self.district else {}),
            "basis": self.basis + (" (another place's point stands in)" * (self.basis == "proxy")),
            "accuracy": f"{self.accuracy_km:g} km",
            "source": self.source,
        }
        return html_card(self.name, html_table(rows.items()))


@cache
def _index() -> pd.DataFrame:
    """Index every name of every point by its folded form; of several the row to take is first."""
    rows: list[tuple[str, str, str, int]] = []
    for name in _LAYERS:
        frame = layer(name)
        # A town's main station comes before its others, a place of rank before its namesakes.
        frame = frame.assign(main=frame["id"].isin(main_stations()))
        order = ["main", "rank", *(["population"] if "population" in frame else [])]
        frame = frame.sort_values(
            order, ascending=[False, True, False][: len(order)], kind="stable"
        )
        if name == "waypoints":
            frame = frame[frame["kind"] == "place"]
        named = frame[[c for c in _NAMES if c in frame]]
        for i, row in zip(frame.index, named.to_numpy(), strict=True):
            texts = {t.strip() for cell in row if isinstance(cell, str) for t in cell.split(";")}
            rows.extend((station_name(text), _short(text), name, i) for text in sorted(texts))
    return pd.DataFrame(rows, columns=["key", "short", "layer", "row"])


def _short(text: str) -> str:
    """Shorten a name of three words or more as people do: D. I. Khan; empty for others."""
    words = text.split()
    if len(words) < 3:
        return ""
    return folded("".join(w[0] for w in words[:-1]) + words[-1])


def place(name: str, *, within: str | None = None) -> Place:
    """Load one named point of any layer.

    Parameters
    ----------
    name : str
        In English, Urdu or Chinese, another name it goes by, or an id; case and punctuation
        don't matter. Of three words and more all but the last may be initials: ``"DI Khan"``.
    within : str, optional
        The layer to look in, where a name stands in several.

    Returns
    -------
    Place
        Ports, crossings, mines, zones and plants are looked through first, then towns,
        stations and way points.

    Raises
    ------
    UnknownNameError
        No point of that name; the message has near names.
    InputError
        The feature is known but its position isn't.

    Examples
    --------
    >>> place("Gwadar Port").point.wkt
    'POINT (62.341 25.109)'
    >>> place("Reko Diq").basis
    'gazetteer'
    """
    if not isinstance(name, str):
        raise InputTypeError(
            f"A place is asked for by {type(name).__name__}; give its name as text."
        )
    index = _index()
    if within is not None:
        index = index[index["layer"] == str(layer(within).attrs["layer"])]
    wanted = station_name(name)
    bare = index["key"].str.replace(rf"({'|'.join(_SUFFIXES)})$", "", regex=True)
    hits = index[index["key"] == wanted] if wanted else index.iloc[:0]
    if hits.empty and wanted:
        hits = index[bare == wanted]
    if hits.empty and wanted:
        hits = index[index["short"] == wanted]
    if hits.empty:
        names = {str(n) for layer_name in _LAYERS for n in layer(layer_name)["name"].dropna()}
        raise UnknownNameError(name, "place", names, "`catalog` lists the layers.")
    rows = [(h.layer, layer(h.layer).loc[h.row]) for h in hits.itertuples()]
    for layer_name, row in rows:
        if row.geometry is not None:
            return _place(layer_name, row)
    raise InputError(
        f"The position of {rows[0][1]['name']!r} ({rows[0][0]}) isn't known: "
        f"{rows[0][1]['note'] or rows[0][1]['source']}. Give a point of your own."
    )


def _place(layer_name: str, row: gpd.GeoSeries) -> Place:
    def text(column: str) -> str:
        return "" if pd.isna(row[column]) else str(row[column])

    return Place(
        name=text("name"),
        id=text("id"),
        layer=layer_name,
        kind=text("kind"),
        point=row.geometry,
        status=text("status") or None,
        basis=text("basis"),
        accuracy_km=float("nan") if pd.isna(row["accuracy_km"]) else float(row["accuracy_km"]),
        source=text("source"),
        licence=text("licence"),
        note=text("note"),
        district=text("district") or None,
        province=text("province") or None,
    )


def markets() -> gpd.GeoDataFrame:
    """List border markets and crossings.

    Returns
    -------
    GeoDataFrame
        On the id: `name country status status_note planned_phase2 elevation_m accuracy_km
        basis source …` and the point. `planned_phase2` marks the new border markets of
        Phase II, Khunjerab and Torkham. A crossing whose present state isn't known has no
        `status`.

    Examples
    --------
    >>> m = markets()
    >>> sorted(m.index[m["planned_phase2"]])
    ['khunjerab-pass', 'torkham']
    """
    frame = layer("crossings")
    frame["planned_phase2"] = frame["planned_phase2"].astype(bool)
    return frame
