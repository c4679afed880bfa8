"""The record that all corridors share: a line with sections, stops and a calibrated chainage."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy import typing as npt
from shapely.geometry import LineString, Point

from cpecgeo.catalogue.geometry import Geometry
from cpecgeo.features.stops import find_stop
from cpecgeo.features.subject import Subject, SubjectLike
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["Corridor"]


@dataclass(frozen=True, eq=False, repr=False)
class Corridor:
    """A road, a railway or the mining corridor.

    Made by `corridor`, not by hand.

    Attributes
    ----------
    name : str
        Its id, such as ``"ml1"``.
    title : str
    kind : str
        ``"road"``, ``"rail"`` or ``"mining"``.
    status : str
        ``operating``, ``under_construction``, ``planned``, ``suspended`` or ``closed``.
    line : LineString
        lon, lat on WGS 84; edges are geodesics.
    stops : GeoDataFrame
        Stations or way points with `km`; a station whose position isn't known has a km post
        and no geometry.
    sections : GeoDataFrame
        In order: `km_from`, `km_to`, `drawn_km`, `official_km`, `ratio`, `reason`, `status` ….
        Each line runs the way of the corridor, from `km_from` to `km_to`.
    official_km : float
        The published length, or NaN where none is.
    official_note : str
        What the published length means.
    competing : DataFrame
        All published figures of the corridor and its sections.
    accuracy_km : float
        How good the drawn line is on its poorest leg: a 95 % value, that is, at 95 of 100
        places along the leg the real line is no further off.
    sources : tuple of str
    chainage : Chainage
    legs : DataFrame
        In order and without gaps: `section`, `km_from`, `km_to` (chainage), `basis` (what the
        leg is drawn by: ``traced`` from tiles, ``label`` where a label hides the road on them,
        ``stations``, ``places``, ``schematic``, or ``surveyed`` OpenStreetMap geometry) and
        `accuracy_km`, the 95 % value of that leg.
    geometry : {"bundled", "osm"}
        Whether the line ships with the package, or was refreshed from OpenStreetMap.

    Notes
    -----
    Chainage is calibrated as in linear referencing: published km at known stops, geodesic
    interpolation between them. `length_km` is the drawn line's geodesic length, `official_km`
    the published one; `km` along the corridor follows neither alone.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> ml1 = corridor("ML-1")
    >>> round(ml1.length_km), ml1.official_km
    (1692, 1733.0)
    """

    name: str
    title: str
    kind: str
    status: str
    line: LineString
    stops: gpd.GeoDataFrame
    sections: gpd.GeoDataFrame
    official_km: float
    official_note: str
    competing: pd.DataFrame
    accuracy_km: float
    sources: tuple[str, ...]
    chainage: Chainage
    legs: pd.DataFrame
    geometry: Geometry = "bundled"

    @property
    def length_km(self) -> float:
        """Geodesic length of the drawn line in km."""
        return self.chainage.length_km

    @property
    def end_km(self) -> float:
        """Chainage of the last vertex in km; the first is at 0."""
        return self.chainage.end_km

    def as_subject(self) -> Subject:
        """Return the line under the corridor's id, with its chainage; see `resolve`."""
        shapes = gpd.GeoSeries([self.line], index=[self.name], crs=4326)
        along: dict[Hashable, Chainage] = {self.name: self.chainage}
        return Subject(shapes, self.title, "corridor", True, along, things=(self,))

    def at(self, km: float | str | npt.ArrayLike) -> Point | gpd.GeoSeries:
        """Return the point at a chainage.

        Parameters
        ----------
        km : float, array of float, Series, or str
            Kilometres from the start, or the name of a stop.

        Returns
        -------
        Point or GeoSeries

        Raises
        ------
        InputError
            `km` is off the corridor.
        UnknownNameError
            No stop of that name.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("ml1-chord").at(481) == corridor("ml1-chord").at("Rohri Junction")
        True
        """
        return self.chainage.at(self.km_of(km) if isinstance(km, str) else km)

    def km_of(self, stop: str) -> float:
        """Return the chainage of a stop, in km.

        Parameters
        ----------
        stop : str
            Its name, id or another name; "Jn" and "Cantt" do. A town alone is its main
            station where it has several here.

        Returns
        -------
        float

        Raises
        ------
        UnknownNameError
            No stop of that name.
        InputError
            A town with several stations here, none of which is known as the main one.

        Warns
        -----
        NameWarning
            The town has several stations here; the message names them.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("ml1-chord").km_of("Rohri"), corridor("ml1-chord").km_of("Lahore Jn")
        (481.0, 1223.0)
        """
        return float(self.stops["km"].loc[find_stop(self.name, self.stops, stop)])

    def locate(self, points: SubjectLike) -> pd.DataFrame:
        """Return the chainage and offset of each point; see `cpecgeo.locate`.

        Parameters
        ----------
        points : Point, Place, str, GeoSeries or GeoDataFrame
            lon, lat, or any CRS.

        Returns
        -------
        DataFrame
            On the points' index: `km` (chainage), `offset_km` (geodesic distance), `side`
            (left, right, on; looking up the chainage), `lon`, `lat` of the closest place.
            Exact on the drawn line to 1 mm; how good that line is, `legs` says.

        Raises
        ------
        InputError, CRSError, CoordinateError, GeometryError

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> from shapely.geometry import Point
        >>> row = corridor("ml1-chord").locate(Point(68.896448, 27.685755)).iloc[0]
        >>> round(float(row.km), 3), round(float(row.offset_km), 6)
        (481.0, 0.0)
        """
        import cpecgeo as cg

        return cg.locate(points, self)

    def between(self, a: float | str, b: float | str) -> LineString:
        """Return the line between two chainages or stops, in that direction.

        Parameters
        ----------
        a, b : float or str
            Kilometres, or names of stops.

        Returns
        -------
        LineString

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> from cpecgeo.geodesy import length_km
        >>> round(length_km(corridor("ml1").between("Lahore Junction", "Rawalpindi")))
        279
        """
        ends = [self.km_of(x) if isinstance(x, str) else x for x in (a, b)]
        return self.chainage.between(*ends)

    def km_posts(self, every_km: float = 10.0, *, every: float | None = None) -> gpd.GeoDataFrame:
        """Return km posts along the corridor.

        Parameters
        ----------
        every_km : float
            Kilometres between posts.
        every : float, optional
            The same, under its earlier name.

        Returns
        -------
        GeoDataFrame
            `km` and the point, from 0 to the last post before the end.

        Raises
        ------
        InputError
            `every_km` isn't a positive number.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("kkh-pakistan").km_posts(every_km=200)["km"].tolist()
        [0.0, 200.0, 400.0, 600.0, 800.0]
        """
        step = positive_km(every_km if every is None else every, "every_km")
        km = np.arange(0.0, self.end_km + 1e-9, step)
        points = self.chainage.at(km)
        frame = gpd.GeoDataFrame({"km": km}, geometry=np.asarray(points), crs=4326)
        frame.attrs = {"corridor": self.name, "method": "calibrated chainage"}
        return frame

    def profile(
        self,
        every_km: float = 1.0,
        *,
        between: tuple[float | str, float | str] | None = None,
        dem: str | Path | None = None,
    ) -> pd.DataFrame:
        """Return elevation, gradient and climb along the corridor; see `cpecgeo.profile`.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> heights = corridor("kkh-pakistan").profile(5)["elevation_m"]
        >>> bool(4400 < heights.iloc[-1] < 5000)
        True
        """
        import cpecgeo as cg

        return cg.profile(self, every_km, between=between, dem=dem)

    def crossed(self, zones: SubjectLike = "districts") -> gpd.GeoDataFrame:
        """Return the districts or other zones crossed, in order; see `cpecgeo.crossed`."""
        import cpecgeo as cg

        return cg.crossed(self, zones)

    def buffer(self, km: float) -> Any:
        """Return the area within `km` of the drawn line; see `cpecgeo.buffer`."""
        import cpecgeo as cg

        return cg.buffer(self, km)

    def explore(self, **style: Any) -> Any:
        """Draw a map of the corridor; see `cpecgeo.Map`."""
        import cpecgeo as cg

        return cg.Map().add(self, **style)

    def report(self, **options: Any) -> Any:
        """Report on the corridor; see `cpecgeo.report`."""
        import cpecgeo as cg

        return cg.report(self, **options)

    def __repr__(self) -> str:
        count = len(self.sections)
        official = "" if np.isnan(self.official_km) else f" (published {self.official_km:,.6g} km)"
        return (
            f"<Corridor {self.name}: {self.title}, {self.kind}, {self.status.replace('_', ' ')}, "
            f"{self.length_km:,.1f} km drawn{official}, {count} section{'s' * (count != 1)}>"
        )

    def _repr_html_(self) -> str:
        head = [
            ("kind", self.kind),
            ("status", self.status.replace("_", " ")),
            ("drawn length", f"{self.length_km:,.1f} km (geodesic, WGS 84)"),
            ("published length", _published(self.official_km, self.official_note)),
            ("chainage ends at", f"{self.end_km:,.1f} km"),
            ("accuracy of the line", f"{self.accuracy_km:,.1f} km (95 %) on the poorest leg"),
            ("sections", str(len(self.sections))),
        ]
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>"
            for k, v in head
        )
        sources = "".join(f"<li>{escape(s)}</li>" for s in self.sources)
        return (
            f"<div><strong>{escape(self.title)}</strong> <code>{escape(self.name)}</code>"
            f"<table>{cells}</table><details><summary>Sources</summary><ul>{sources}</ul>"
            "</details></div>"
        )


def _published(km: float, note: str) -> str:
    if np.isnan(km):
        return "none found"
    return f"{km:,.6g} km" + (f" ({note})" if note else "")
