"""Along a corridor, and tables for a study: density locate …"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cpecgeo.cli.analyses import Sections, Source, X, beside
from cpecgeo.cli.screen import Crs, Json, Lat, Layer, Lon, Out, Thousands, app, features, give

__all__: list[str] = []


@app.command()
def density(
    corridor: X,
    events: Source,
    *,
    bin_km: Annotated[float, typer.Option("--bin-km", help="Length of a stretch.")] = 10,
    by: Annotated[str, typer.Option(help="km or section.")] = "km",
    max_km: Annotated[
        float | None, typer.Option("--max-km", help="Farther ones are left out.")
    ] = None,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """How many events lie along each stretch of a corridor.

    Example: cpecgeo density ml1 accidents.csv --bin-km 50 --max-km 5
    """
    from cpecgeo.analysis.proximity import density_along

    kind: Any = by
    rows = features(events, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    found = density_along(corridor, rows, bin_km=bin_km, by=kind, max_km=max_km)
    give(found, out=out, json=json)


@app.command()
def locate(
    corridor: X,
    points: Source,
    *,
    sections: Sections = False,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Find the chainage of points along a corridor, and how far off it.

    Example: cpecgeo locate ml1 bridges.csv
    """
    from cpecgeo.analysis.measure import locate as found

    frame = features(points, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    told = "km offset_km side accuracy_km" + " section status opened" * sections
    joined, shown = beside(frame, found(frame, corridor, sections=sections), told)
    give(joined, None if json else shown, out=out, json=json)
