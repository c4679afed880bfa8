"""The record of a corridor: a line with sections, stops and a calibrated chainage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy import typing as npt
from shapely.geometry import LineString, Point

from cpecgeo.catalogue.files import Geometry
from cpecgeo.features.alignment import describe, join, state_published
from cpecgeo.features.own_lines import KmLike, LineLike, StopsLike, align_own
from cpecgeo.features.places import PLACE_KM, km_of
from cpecgeo.features.subject import Subject, SubjectLike, html_card, html_table
from cpecgeo.geodesy import Chainage
from cpecgeo.geodesy.inputs import positive_km

__all__ = ["Corridor"]


@dataclass(frozen=True, eq=False, repr=False)
class Corridor:
    """A road, a railway or the mining corridor.

    Returned by `corridor`; `from_line` builds one from a line of your own, `join` from sections.

    Attributes
    ----------
    name, title : str
        Its id, such as ``"ml1"``, and its name for people.
    kind : {"road", "rail", "mining"}
    status : str
        ``operating``, ``under_construction``, ``planned``, ``suspended`` or ``closed``.
    line : LineString
        lon, lat on WGS 84; edges are geodesics.
    own_stops : GeoDataFrame or callable
        Its `stops`, or what lists them when they are first needed.
    sections : GeoDataFrame
        In order: `km_from`, `km_to`, `drawn_km`, `official_km`, `ratio`, `reason`, `status` …. Each
        line runs in the direction of the corridor, from `km_from` to `km_to`.
    official_km : float
        The published length, or NaN where there is none.
    official_note : str
        Where that length comes from, and what it covers.
    competing : DataFrame
        All published figures of the corridor and its sections.
    accuracy_km : float
        The 95 % accuracy of the drawn line on its least accurate leg: at 95 % of the points along
        it the real line is no farther off. NaN where unknown.
    sources : tuple of str
    chainage : Chainage
    legs : DataFrame
        In order and without gaps: `section`, `km_from`, `km_to` (chainage), `basis` (the source of
        the drawn line: ``traced`` from tiles, ``label`` where a label hides the road on them,
        ``stations``, ``places``, ``schematic``, ``surveyed`` OpenStreetMap geometry, or ``given``
        by the caller) and `accuracy_km`, the 95 % accuracy of the leg.
    geometry : {"bundled", "osm", "own"}
        Whether the line ships with the package, is OpenStreetMap's, or is yours.

    Notes
    -----
    Chainage is calibrated as in linear referencing: published km at known stops, and geodesic
    interpolation between them. It equals neither `length_km` nor `official_km` in general.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> round(corridor("ML-1").length_km), corridor("ML-1").official_km
    (1692, 1733.0)
    """

    name: str
    title: str
    kind: str
    status: str
    line: LineString
    own_stops: gpd.GeoDataFrame | Callable[[], gpd.GeoDataFrame]
    sections: gpd.GeoDataFrame
    official_km: float
    official_note: str
    competing: pd.DataFrame
    accuracy_km: float
    sources: tuple[str, ...]
    chainage: Chainage
    legs: pd.DataFrame
    geometry: Geometry | Literal["own"] = "bundled"

    @classmethod
    def from_line(
        cls,
        line: LineLike,
        *,
        name: str,
        title: str | None = None,
        kind: str = "road",
        status: str = "planned",
        stops: StopsLike = None,
        km: KmLike = None,
        opened: str | int | None = None,
        accuracy_km: float | None = None,
        sources: str | Sequence[str] = (),
    ) -> Corridor:
        """Make a corridor from a line of your own; every verb accepts it.

        Parameters
        ----------
        line : LineString, MultiLineString, GeoSeries, GeoDataFrame, Route, or path of a file
            One section, or several in order of travel that meet within 0.5 km. A table may have `id
            name kind status opened official_km accuracy_km basis source` per section, and `km_from
            km_to`, its chainage, from 0 and without gaps. Other columns stay. Stops may be points
            with a name in a file, or the layer ``stops`` beside ``sections`` in a GeoPackage.
        name : str
            Its id, such as ``"mine-road"``.
        title : str, optional
        kind : {"road", "rail", "mining"}
        status : str
            Status of the whole, and of sections without one.
        stops : GeoDataFrame, mapping of name to position, or names of places, optional
            In the order of the line, at most 25 km off it; `km` of a table is their chainage.
        km : float, sequence or mapping of float, optional
            The length, or the chainage at each stop or at some; a mapping can name the stops too.
            Without it, and without `official_km` or `km_from` and `km_to` of the sections, chainage
            is the drawn length.
        opened : str or int, optional
        accuracy_km : float, optional
            The 95 % accuracy of the line. Unknown (NaN) when omitted.
        sources : str or sequence of str

        Raises
        ------
        InputError, InputTypeError, UnknownNameError, CRSError, CoordinateError, FileError
            A stop far off or out of order, km that decrease, an invalid word or number.
        GeometryError
            Sections that don't meet, cross themselves or turn back.

        Examples
        --------
        >>> road = Corridor.from_line(LineString([(64, 29), (64.5, 28.8)]), name="own", km=60)
        >>> road.end_km, road.status
        (60.0, 'planned')
        """
        whole = align_own(
            line,
            name=name,
            title=name if title is None else title,
            kind=kind,
            status=status,
            stops=stops,
            km=km,
            opened=opened,
            accuracy_km=accuracy_km,
            sources=(sources,) if isinstance(sources, str) else tuple(sources),
        )
        stated = float(whole.sections["official_km"].sum(skipna=False))
        return cls(
            **describe(whole, name, title, kind, status),
            official_km=float(km) if isinstance(km, Real) else stated,
            official_note="as given" if isinstance(km, Real) or stated > 0 else "",
            geometry="own",
        )

    @classmethod
    def join(
        cls,
        parts: Sequence[Corridor | str],
        *,
        name: str,
        title: str | None = None,
        kind: str | None = None,
        status: str | None = None,
    ) -> Corridor:
        """Join corridors and sections end to end to a corridor of your own.

        Parameters
        ----------
        parts : list of Corridor or str
            In order of travel; each is reversed where needed so that ends meet. A name is that of a
            bundled section or corridor. A line that meets itself gives a GeometryWarning.
        name, title : str
        kind, status : str, optional
            When omitted, the kind of most of the km; planned or under construction where a part is.

        Returns
        -------
        Corridor
            With the chainage, stops, legs and figures of its parts.

        Raises
        ------
        UnknownNameError, InputError, GeometryError
            No such name, or two neighbours more than 0.5 km apart.

        Examples
        --------
        >>> way = Corridor.join(["khunjerab-raikot", "raikot-thakot"], name="upper")
        >>> round(way.end_km, 6)
        615.0
        """
        whole = join(parts)
        stated = float(whole.sections["official_km"].astype(float).sum(skipna=False))
        note = "" if np.isnan(stated) else "sum of its sections"
        fields = describe(whole, name, title, kind, status) | {"official_note": note}
        return cls(**fields, official_km=stated, geometry="own")

    @property
    def stops(self) -> gpd.GeoDataFrame:
        """Stations or way points with `km`; those of unknown position have no geometry."""
        if callable(stops := self.own_stops):
            object.__setattr__(self, "own_stops", stops := stops())  # copies have them too
        return stops

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "own_stops": self.stops}

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
        along: dict[Any, Chainage] = {self.name: self.chainage}
        return Subject(shapes, self.title, "corridor", True, along, things=(self,))

    def at(self, km: float | str | npt.ArrayLike) -> Point | gpd.GeoSeries:
        """Return the point at a chainage.

        Parameters
        ----------
        km : float, array of float, Series, or str
            Kilometres from the start, or the name of a stop.

        Raises
        ------
        InputError, UnknownNameError

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("ml1-chord").at(481) == corridor("ml1-chord").at("Rohri Junction")
        True
        """
        return self.chainage.at(self.km_of(km) if isinstance(km, str) else km)

    def km_of(self, stop: str, *, max_km: float = PLACE_KM) -> float:
        """Return the chainage of a stop, or of a named place near the line, in km.

        Parameters
        ----------
        stop : str
            Its name, id or another name; "Jn" and "Cantt" are accepted. A town's name means its
            main station where it has several here. A name that isn't a stop is looked up as a
            place, and means the closest point of the line.
        max_km : float
            The greatest distance of a place from the line.

        Raises
        ------
        UnknownNameError, InputError
            No such stop or place near, or a town with several stations here and no main one.

        Warns
        -----
        NameWarning
            The town has several stations here, or the place lies more than 2 km off.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("ml1-chord").km_of("Rohri"), corridor("ml1-chord").km_of("Lahore Jn")
        (481.0, 1223.0)
        """
        return km_of(self.name, self.stops, self.chainage, stop, max_km)

    def locate(self, points: SubjectLike) -> pd.DataFrame:
        """Return the chainage and offset of each point; see `cpecgeo.locate`.

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
        """Return the line between two chainages or stops (km or names), in that direction.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> from cpecgeo.geodesy import length_km
        >>> round(length_km(corridor("ml1").between("Lahore Junction", "Rawalpindi")))
        279
        """
        return self.chainage.between(*(self.km_of(x) if isinstance(x, str) else x for x in (a, b)))

    def km_posts(self, every_km: float = 10.0, *, every: float | None = None) -> gpd.GeoDataFrame:
        """Return km posts along the corridor, from 0 to the last that isn't beyond its end.

        Parameters
        ----------
        every_km : float
            Kilometres between posts.
        every : float, optional
            The same, under its earlier name.

        Examples
        --------
        >>> from cpecgeo import corridor
        >>> corridor("ml1").km_posts(every_km=433)["km"].tolist()
        [0.0, 433.0, 866.0, 1299.0, 1732.0]
        """
        step = positive_km(every_km if every is None else every, "every_km")
        km = np.arange(0.0, self.end_km + 1e-9, step)
        frame = gpd.GeoDataFrame({"km": km}, geometry=np.asarray(self.chainage.at(km)), crs=4326)
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
        >>> bool(4400 < corridor("kkh-pakistan").profile(5)["elevation_m"].iloc[-1] < 5000)
        True
        """
        import cpecgeo as cg

        return cg.profile(self, every_km, between=between, dem=dem)

    def crossed(self, zones: SubjectLike = "districts") -> gpd.GeoDataFrame:
        """Return the zones crossed, in order; see `cpecgeo.crossed`."""
        import cpecgeo as cg

        return cg.crossed(self, zones)

    def buffer(self, km: float) -> Any:
        """Return the area within `km`; see `cpecgeo.buffer`."""
        import cpecgeo as cg

        return cg.buffer(self, km)

    def explore(self, **style: Any) -> Any:
        """Draw a map; see `cpecgeo.Map`."""
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
        accuracy = f"{self.accuracy_km:,.1f} km (95 %) on the poorest leg"
        head = {
            "kind": self.kind,
            "status": self.status.replace("_", " "),
            "drawn length": f"{self.length_km:,.1f} km (geodesic, WGS 84)",
            "published length": state_published(self.official_km, self.official_note),
            "chainage ends at": f"{self.end_km:,.1f} km",
            "accuracy of the line": "not stated" if np.isnan(self.accuracy_km) else accuracy,
            "sections": str(len(self.sections)),
        }
        cells = [("id", self.name), *head.items(), *(("source", s) for s in self.sources)]
        return html_card(self.title, html_table(cells))
