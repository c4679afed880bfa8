"""Border markets: their list, surroundings, catchment and closures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry import Point

from cpecgeo.analysis.exposure import exposure
from cpecgeo.analysis.measure import nearest
from cpecgeo.analysis.profile import elevation_m
from cpecgeo.catalogue import data_version, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.errors import InputError, UnknownNameError
from cpecgeo.features.corridors import corridors
from cpecgeo.features.places import Place, place
from cpecgeo.features.resolve import check_number
from cpecgeo.features.subject import Subject, html_card, html_table
from cpecgeo.routing.catchment import Reach, reach

__all__ = ["Market", "market", "markets", "nearest_corridors", "nearest_sites",
           "order_corridors", "rank_corridors", "rank_lengths"]  # fmt: skip

_ALIKE = 0.1  # an alternative differs in length from its main line by less than this share


@dataclass(frozen=True, eq=False)
class Market:
    """A border market or crossing with its surroundings.

    Returned by `market`.

    Attributes
    ----------
    id, name, country : str
        `country` is that on the other side.
    point : Point
    status, status_note : str or None
        Missing where the present state is unknown.
    planned_phase2 : bool
        Whether it is one of the new border markets of Phase II.
    elevation_m : float
        Published; missing where none was found.
    ground_m : float
        Elevation in the bundled grid (30″), an average of the surroundings.
    accuracy_km : float
    basis, source, note : str
    corridors : DataFrame
        The nearest: `target title status distance_km accuracy_km km side`; `km` is chainage.
    towns, zones, ports : DataFrame
        The nearest: `name distance_km`, and `population` or `status`.
    people : DataFrame
        As `exposure`: towns and their population in rings of distance.
    reached : Reach or None
        The catchment of `hours` of driving over open roads, on both sides of the border as far as
        there is data. None where no road of the network is near; `reached_note` says so.
    reached_note : str
    closures : DataFrame
        `from to season_from season_to what source source_date`.
    border_hours : DataFrame
        Measured hours of trucks at the crossing: `hours direction year source note`.
    """

    id: str
    name: str
    country: str
    point: Point
    status: str | None
    status_note: str | None
    planned_phase2: bool
    elevation_m: float
    ground_m: float
    accuracy_km: float
    basis: str
    source: str
    note: str | None
    corridors: pd.DataFrame
    towns: pd.DataFrame
    zones: pd.DataFrame
    ports: pd.DataFrame
    people: pd.DataFrame
    reached: Reach | None
    reached_note: str
    closures: pd.DataFrame
    border_hours: pd.DataFrame

    @property
    def geometry(self) -> Point:
        """The same as `point`."""
        return self.point

    def as_subject(self) -> Subject:
        """Return the point under the market's name; see `resolve`."""
        shapes = gpd.GeoSeries([self.point], index=[self.name], crs=4326)
        return Subject(shapes, self.name, "market", is_single=True, things=(self,))

    def explore(self, **style: Any) -> Any:
        """Return a map of the market; see `cpecgeo.Map`."""
        import cpecgeo as cg

        return cg.Map().add(self, **style)

    def __repr__(self) -> str:
        return f"<Market {self.name}: {self.status or 'state not known'}, to {self.country}>"

    def _repr_html_(self) -> str:
        about = (
            f" to {self.country}: {self.status_note or 'present state not known'}; "
            f"position good to {self.accuracy_km:g} km ({self.basis})"
        )
        near = [
            (r.title, f"{r.distance_km:,.1f}", f"{r.km:,.1f}") for r in self.corridors.itertuples()
        ]
        shut = [(r.what, r.source) for r in self.closures.itertuples()]
        return html_card(
            self.name,
            about,
            html_table(near, ("corridor", "distance, km", "at km")),
            html_table(shut, ("closure", "source")) if shut else "",
        )


def markets() -> gpd.GeoDataFrame:
    """List border markets and crossings.

    Returns
    -------
    GeoDataFrame
        Indexed by id: `name country status status_note planned_phase2 elevation_m accuracy_km basis
        source …` and the point. `planned_phase2` marks the new border markets of Phase II,
        Khunjerab and Torkham. A crossing whose present state is unknown has no `status`.

    Examples
    --------
    >>> m = markets()
    >>> sorted(m.index[m["planned_phase2"]])
    ['khunjerab-pass', 'torkham']
    """
    frame = layer("crossings")
    frame["planned_phase2"] = frame["planned_phase2"].astype(bool)
    return frame


def market(
    name: str,
    *,
    km: float | Sequence[float] = (5, 10, 25, 50, 100),
    hours: float = 3.0,
    k: int = 5,
) -> Market:
    """Return a border market or crossing with its surroundings.

    Parameters
    ----------
    name : str
        Such as ``"Khunjerab"`` or ``"Torkham"``; see `markets`.
    km : float or sequence of float
        Radii of the catchment by distance, kilometres.
    hours : float
        Limit of the catchment by road, hours of driving over open roads.
    k : int
        How many of the nearest corridors, towns, zones and ports.

    Returns
    -------
    Market

    Raises
    ------
    UnknownNameError
        No crossing of that name; the message lists similar ones.
    InputError
        An invalid radius, limit or count.

    Examples
    --------
    >>> torkham = market("Torkham")
    >>> torkham.corridors["target"].iloc[0], torkham.status
    ('peshawar-torkham', 'closed')
    """
    found = place(name)
    table = markets()
    row_id = _row_of(found, name, table)
    row = table.loc[row_id]
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(f"k is {k!r}; ask for 1 or more.")
    hours = check_number(hours, "hours", above=0)
    point = gpd.GeoSeries([row.geometry], crs=4326)
    reached, why = _find_reach(row_id, hours)
    shut, took = (read_table(f"{n}.csv") for n in ("closures", "border_hours"))
    return Market(
        id=str(row_id),
        name=str(row["name"]),
        country=str(row["country"]),
        point=row.geometry,
        status=_text(row["status"]),
        status_note=_text(row["status_note"]),
        planned_phase2=bool(row["planned_phase2"]),
        elevation_m=float(row["elevation_m"]),
        ground_m=float(elevation_m(point).iloc[0]),
        accuracy_km=float(row["accuracy_km"]),
        basis=str(row["basis"]),
        source=str(row["source"]),
        note=_text(row["note"]),
        corridors=nearest_corridors(row.geometry, k),
        towns=nearest_sites("places", row.geometry, k, "population"),
        zones=nearest_sites("zones", row.geometry, k, "status"),
        ports=nearest_sites("ports", row.geometry, k, "status"),
        people=exposure(row.geometry, km),
        reached=reached,
        reached_note=why,
        closures=_rows(shut, row_id, "from to season_from season_to what source source_date"),
        border_hours=_rows(took, row_id, "hours direction year source source_date note"),
    )


def _row_of(found: Place, name: str, table: gpd.GeoDataFrame) -> Any:
    """Return the id of a crossing in the table of markets; refuse other places."""
    if found.layer == "crossings":
        rows = table.index[table["name"] == found.name]
        if len(rows):
            return rows[0]
    raise UnknownNameError(
        name, "border market", [*table["name"], *table.index], "cg.markets() lists them"
    )


def _find_reach(row_id: str, hours: float) -> tuple[Reach | None, str]:
    """Return the catchment by road with a remark on it, or the reason why there is none."""
    try:
        found = reach(str(row_id), hours=hours, mode="road")
    except InputError as error:
        return None, f"No road of the network comes near: {error}"
    return found, f"{hours:g} hours over roads that operate, speeds of data/speeds.csv"


def nearest_corridors(point: Point, k: int) -> pd.DataFrame:
    """Return the corridors nearest to a point, see `rank_corridors`."""
    return rank_corridors(gpd.GeoSeries([point], crs=4326)).head(k).reset_index(drop=True)


def rank_corridors(points: gpd.GeoSeries) -> pd.DataFrame:
    """Return all corridors by their distance from each point.

    The columns are `target title status distance_km accuracy_km km side`. The index is the label of
    the point; rows of all points are in order of distance.
    """
    known = list(corridors().index)
    near = order_corridors(nearest(points, known, k=len(known)))
    near["km"] = near["km"].round(6) + 0.0  # no -0
    columns = ["target", "title", "status", "distance_km", "accuracy_km", "km", "side"]
    return pd.DataFrame(near[columns])


def order_corridors(near: pd.DataFrame) -> pd.DataFrame:
    """Order corridors (`target`) by `distance_km` and add `title status`.

    Alignments run over other roads: of equally near corridors, to the metre, operating and then
    shorter ones come first, and an alternative after its main line.
    """
    known = corridors().loc[near["target"], ["title", "status"]]
    near = near.assign(title=known["title"].to_numpy(), status=known["status"].to_numpy())
    metres = (near["distance_km"] * 1e3).round().to_numpy()
    idle = (known["status"] != "operating").to_numpy()
    return near.iloc[np.lexsort((rank_lengths(near["target"]), idle, metres))]


def rank_lengths(targets: Iterable[str]) -> NDArray[np.int64]:
    """Rank corridors by length; an alternative comes after a main line of nearly its length."""
    known = corridors()["length_km"]
    turns = {}
    for turn, (name, km) in enumerate(known.items()):
        main = float(known.get(str(name).rpartition("-")[0], np.nan))
        turns[name] = (main if abs(km - main) < _ALIKE * main else float(km), turn)
    ranks = {name: rank for rank, name in enumerate(sorted(turns, key=lambda n: turns[n]))}
    return np.array([ranks[name] for name in targets], np.int64)


def nearest_sites(name: str, point: Point, k: int, column: str) -> pd.DataFrame:
    """Return the nearest sites of a layer: `name`, a column, `accuracy_km basis distance_km`."""
    frame = layer(name)
    frame = frame[frame.geometry.notna()]
    near = nearest(point, frame, k=min(k, len(frame)))
    rows = frame.loc[near["target"], ["name", column, "accuracy_km", "basis"]]
    return pd.DataFrame(rows).assign(distance_km=near["distance_km"].to_numpy())


def _rows(table: pd.DataFrame, row_id: str, columns: str) -> pd.DataFrame:
    found = table.loc[table["crossing"] == row_id, columns.split()].reset_index(drop=True)
    found.attrs = {"data_version": data_version()}
    return found


def _text(value: object) -> str | None:
    return None if pd.isna(value) else str(value)
