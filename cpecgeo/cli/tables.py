"""Along a corridor, and tables for a study: density locate distance-table treatment neighbours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cpecgeo.cli.analyses import Sections, Source, X, beside
from cpecgeo.cli.screen import (
    Crs,
    Json,
    Lat,
    Layer,
    Lon,
    Out,
    Thousands,
    app,
    features,
    give,
    subject,
)
from cpecgeo.errors import InputError

if TYPE_CHECKING:
    from cpecgeo.features.subject import Subject

__all__ = ["line_lengths"]


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
    when: Annotated[str | None, typer.Option(help="A column of dates: count by period.")] = None,
    freq: Annotated[str, typer.Option(help="YE QE ME W D, or opened (with --by section).")] = "YE",
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Count the events along each stretch of a corridor.

    Example: cpecgeo density ml1 accidents.csv --bin-km 50 --max-km 5
    """
    from cpecgeo.analysis.density import density_along

    kind: Any = by
    rows = features(events, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    found = density_along(
        corridor, rows, bin_km=bin_km, by=kind, max_km=max_km, when=when, freq=freq
    )
    told = found.attrs
    if max_km is None and (beyond := told["beyond_50_km"]):
        print(
            f"cpecgeo: {beyond} of {told['counted']} events lie more than 50 km from "
            f"{told['corridor']} and are counted; --max-km leaves far ones out.",
            file=sys.stderr,
        )
    if dropped := told["too_far"]:
        print(
            f"cpecgeo: {dropped} events lie more than {max_km:g} km away and aren't counted.",
            file=sys.stderr,
        )
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
    """Find the chainage of points along a corridor.

    Example: cpecgeo locate ml1 bridges.csv
    """
    from cpecgeo.analysis.measure import locate as found

    frame = features(points, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    told = "km offset_km side accuracy_km" + " section status opened" * sections
    joined, shown = beside(frame, found(frame, corridor, sections=sections), told)
    give(joined, None if json else shown, out=out, json=json)


@app.command()
def distance_table(
    points: Source,
    *,
    group: Annotated[
        list[str],
        typer.Option("--group", metavar="NAME=THINGS", help="rail=ml1,ml2; once for each group."),
    ],
    by: Annotated[str | None, typer.Option(help="Means by a column, district or province.")] = None,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure from each point to the nearest of each group.

    Example: cpecgeo distance-table villages.csv --group rail=ml1 --group port=ports -o wide.csv
    """
    import geopandas as gpd

    from cpecgeo.analysis.overview import distance_table as found

    groups: dict[str, Any] = {}
    for text in group:
        name, is_given, things = text.partition("=")
        if not is_given or not name.strip() or not things.strip():
            raise InputError(f"--group is {text!r}; give a name and what is in it: rail=ml1,ml2.")
        groups[name.strip()] = subject(things, f"--group {name}")
    frame = features(points, lon=lon, lat=lat, layer=layer, crs=crs)
    table = found(frame, groups, by=by)
    if by is None:
        told = " ".join(f"{name}_{what}" for name in groups for what in ("km", "name"))
        joined, shown = beside(frame, table, told)
        give(gpd.GeoDataFrame(joined), None if json else shown, out=out, json=json)
    else:
        give(table, out=out, json=json)


@app.command()
def treatment(
    corridors: X,
    *,
    years: Annotated[str, typer.Option(metavar="FROM-TO", help="2000-2025, or 2000,2010,2020.")],
    zones: Annotated[str, typer.Option(help="districts, provinces, or a file.")] = "districts",
    within_km: Annotated[float, typer.Option("--within-km", help="As near as this, too.")] = 0,
    disputed: Annotated[
        bool, typer.Option("--disputed/--no-disputed", help="Zones of disputed status in or out.")
    ] = True,
    undated: Annotated[
        str, typer.Option(help="out or in: operating sections without a known opening.")
    ] = "out",
    out: Out = None,
    json: Json = False,
) -> None:
    """Tell which zones a corridor reaches, year by year.

    Example: cpecgeo treatment m4,m5 --years 2010-2025 -o panel.csv
    """
    from cpecgeo.analysis.panel import treatment as found

    kind: Any = undated
    panel = found(
        subject(corridors, "corridors"),
        subject(zones, "--zones"),
        years=_years(years),
        within_km=within_km,
        disputed=disputed,
        undated=kind,
    )
    give(panel, out=out, json=json)


def _years(text: str) -> list[int]:
    """Read 2000-2025, or years between commas."""
    first, _, last = text.partition("-")
    try:
        if last:
            return list(range(int(first), int(last) + 1))
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--years is {text!r}; give 2000-2025, or 2000,2010,2020.") from None


@app.command()
def neighbours(
    zones: Annotated[str, typer.Argument(help="districts, provinces, or a file.")] = "districts",
    out: Out = None,
    *,
    json: Json = False,
) -> None:
    """List which zones touch one another, corners counted.

    Example: cpecgeo neighbours provinces
    """
    import pandas as pd

    from cpecgeo.analysis.panel import neighbours as found

    pairs = found(subject(zones, "zones")).explode().dropna()
    table = pd.DataFrame({"zone": pairs.index, "neighbour": pairs.to_numpy()})
    give(table, out=out, json=json)


def line_lengths(given: Subject) -> list[dict[str, Any]]:
    """Return the drawn length of each line that isn't a corridor by itself."""
    import numpy as np

    from cpecgeo import geodesy

    km = np.atleast_1d(np.asarray(geodesy.length_km(given.checked), float))
    titles = given.names or [given.title] * len(given)
    stated = given.accuracy_km
    return [
        {
            "name": str(label),
            "title": str(title),
            "drawn_km": float(drawn),
            "official_km": None,
            "ratio": None,
            "accuracy_km": None if stated is None else float(stated[i]),
            "drawn_km_by_status": None,
        }
        for i, (label, title, drawn) in enumerate(zip(given.shapes.index, titles, km, strict=True))
    ]
