"""Along lines and over the network: profile, at, route, reach, matrix, closures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cpecgeo.cli.screen import CORRIDOR, Json, Out, app, give, split, subject

__all__: list[str] = []

Line = Annotated[str, typer.Argument(help="A corridor, section or file.", **CORRIDOR)]
Start = Annotated[str, typer.Argument(help="Where from: a place or crossing.")]
Mode = Annotated[str, typer.Option(help="any, road or rail.")]
Weight = Annotated[str, typer.Option(help="What to keep least: km, hours, cost or carbon.")]
Status = Annotated[
    str | None, typer.Option(help="operating, planned …, or any; operating when omitted.")
]
Avoid = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMES", help="Sections, places, districts, between commas."),
]
Year = Annotated[int | None, typer.Option(help="What stood in that year.")]
Along = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Keep to the sections of this corridor.", **CORRIDOR),
]
Speeds = Annotated[
    str | None,
    typer.Option(metavar="CLASS=KMH", help="Speeds of your own: motorway=100,highway=70."),
]
Extra = Annotated[
    list[str] | None,
    typer.Option(metavar="FILES", help="Lines of your own as further roads or railways."),
]
Kind = Annotated[str, typer.Option(help="What --extra is: road or rail.")]
Join = Annotated[
    float, typer.Option(metavar="KM", help="How near to the network --extra joins it.")
]
Vehicle = Annotated[str | None, typer.Option(help="car or truck.")]
Season = Annotated[str | None, typer.Option(help="winter, spring, summer or autumn.")]


def _filters(
    mode: str, avoid: list[str] | None, status: str | None, year: int | None, season: str | None
) -> dict[str, Any]:
    statuses = status if status in (None, "any") else split([status])
    told = {"mode": mode, "avoid": split(avoid or []), "year": year, "season": season}
    return {**told, "status": statuses}


def _own(files: list[str] | None, kind: str, join_km: float) -> dict[str, Any]:
    """Lines of files as corridors of the caller's."""
    if not files:
        return {}
    from cpecgeo.features.corridor import Corridor

    own = [Corridor.from_line(f, name=Path(f).stem, kind=kind) for f in split(files)]
    return {"extra": own, "join_km": join_km}


def _speeds(text: str | None) -> dict[str, float] | None:
    """km/h by speed class, as they were typed."""
    from cpecgeo.errors import InputError

    if text is None:
        return None
    try:
        pairs = [part.split("=") for part in split([text])]
        return {name.strip(): float(kmh) for name, kmh in pairs}
    except ValueError:
        raise InputError(
            f"--speeds is {text!r}; give km/h by speed class, such as motorway=100,highway=70."
        ) from None


@app.command()
def route(
    a: Start,
    b: Annotated[str, typer.Argument(help="Where to.")],
    *,
    mode: Mode = "any",
    weight: Weight = "hours",
    status: Status = None,
    avoid: Avoid = None,
    year: Year = None,
    season: Season = None,
    along: Along = None,
    speeds: Speeds = None,
    vehicle: Vehicle = None,
    tonnes: Annotated[
        float | None, typer.Option(help="Also what carrying so much costs: money, carbon, fleet.")
    ] = None,
    extra: Extra = None,
    kind: Kind = "road",
    join_km: Join = 2.0,
    alternatives: Annotated[int, typer.Option("-k", help="How many ways.")] = 1,
    out: Out = None,
    json: Json = False,
) -> None:
    """Find the shortest or quickest way, leg by leg.

    Example: cpecgeo route Khunjerab Gwadar --mode road --extra mine.geojson
    """
    import pandas as pd

    from cpecgeo.routing import freight, routes
    from cpecgeo.routing import route as one

    chosen = _filters(mode, avoid, status, year, season)
    # What carries tonnes is a truck.
    vehicle = vehicle or ("truck" if tonnes is not None else None)
    chosen |= {"along": along, "speeds": _speeds(speeds), "vehicle": vehicle}
    chosen |= _own(extra, kind, join_km)
    ways = (
        [one(a, b, weight=weight, **chosen)]
        if alternatives == 1
        else routes(a, b, k=alternatives, weight=weight, **chosen)
    )
    legs = pd.concat([way.legs.assign(way=n) for n, way in enumerate(ways, 1)], ignore_index=True)
    if out is None and not json:
        for n, way in enumerate(ways, 1):
            km = f"{way.chainage_km:,.1f} km (calibrated)"
            print(f"{n}: {km}, {way.hours:,.1f} hours (assumed speeds)")
            for note in way.notes:
                print(f"   {note}")
    if tonnes is not None:
        loads = [freight(way, tonnes).assign(way=n) for n, way in enumerate(ways, 1)]
        columns = "way mode vehicle km hours cost carbon_kg loads vehicles"
        give(pd.concat(loads), None if out is not None else columns, out=out, json=json)
        return
    columns = "way name mode status from to km hours"
    give(legs, None if out is not None else columns, out=out, json=json)


@app.command()
def reach(
    a: Start,
    *,
    km: Annotated[float | None, typer.Option(help="Limit in kilometres.")] = None,
    hours: Annotated[float | None, typer.Option(help="Limit in hours.")] = None,
    mode: Mode = "any",
    status: Status = None,
    avoid: Avoid = None,
    year: Year = None,
    season: Season = None,
    vehicle: Vehicle = None,
    extra: Extra = None,
    kind: Kind = "road",
    join_km: Join = 2.0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Find what can be reached in so many km or hours.

    Towns are printed; the ways go to a file.

    Example: cpecgeo reach Torkham --hours 4 --mode road
    """
    from cpecgeo.routing import reach as found

    chosen = _filters(mode, avoid, status, year, season) | _own(extra, kind, join_km)
    area = found(a, km=km, hours=hours, vehicle=vehicle, **chosen)
    if out is not None:
        give(area.edges, out=out)
        return
    towns = area.towns.sort_values("cost").rename(columns={"cost": area.weight})
    give(towns, f"name population {area.weight} access_km", out=None, json=json)


@app.command()
def matrix(
    places: Annotated[list[str], typer.Argument(help="Places, two or more.")],
    *,
    weight: Weight = "km",
    mode: Mode = "any",
    status: Status = None,
    vehicle: Vehicle = None,
    extra: Extra = None,
    kind: Kind = "road",
    join_km: Join = 2.0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Measure over the network between several places.

    Example: cpecgeo matrix Kashgar Islamabad Karachi Gwadar --mode road
    """
    from cpecgeo.routing import route_matrix

    listed = split(places)
    chosen = _filters(mode, None, status, None, None) | _own(extra, kind, join_km)
    table = route_matrix(listed, listed, weight=weight, vehicle=vehicle, **chosen)
    give(table.rename_axis("from").reset_index(), out=out, json=json)


@app.command()
def closures(
    a: Start = "Khunjerab",
    b: Annotated[str, typer.Argument(help="Where to.")] = "Gwadar",
    *,
    mode: Mode = "road",
    weight: Weight = "hours",
    extra: Extra = None,
    kind: Kind = "road",
    join_km: Join = 2.0,
    out: Out = None,
    json: Json = False,
) -> None:
    """Tell which section, if closed, lengthens the way most.

    Example: cpecgeo closures Khunjerab Gwadar
    """
    from cpecgeo.routing import critical_sections

    own = _own(extra, kind, join_km)
    give(critical_sections(a, b, mode=mode, weight=weight, **own), out=out, json=json)


@app.command()
def gain(
    places: Annotated[list[str], typer.Argument(help="Places, two or more.")],
    *,
    extra: Annotated[list[str], typer.Option(metavar="FILES", help="The new lines.")],
    kind: Kind = "road",
    join_km: Join = 2.0,
    by: Annotated[str, typer.Option(help="pair or place.")] = "pair",
    mode: Mode = "any",
    status: Status = None,
    vehicle: Vehicle = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Compare km and hours before and after new lines.

    Whole trips are counted, with the ways from the places to the network, which route and
    matrix leave out.

    Example: cpecgeo gain Gwadar Quetta Panjgur --extra mine.geojson
    """
    from cpecgeo.routing import gain as found

    told = _filters(mode, None, status, None, None) | _own(extra, kind, join_km)
    table = found(split(places), by=by, vehicle=vehicle, **told)
    table = table if by == "pair" else table.rename_axis("place").reset_index()
    give(table, out=out, json=json)


@app.command()
def profile(
    x: Line,
    *,
    every_km: Annotated[float, typer.Option("--every-km", help="Between samples.")] = 10,
    between: Annotated[
        tuple[str, str] | None, typer.Option(help="A part of a corridor: two stops or km.")
    ] = None,
    dem: Annotated[Path | None, typer.Option(help="A GeoTIFF of your own.")] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Tell elevation, gradient and climb along a line.

    Example: cpecgeo profile kkh --every-km 25 --between Gulmit "Khunjerab Pass"
    """
    from cpecgeo.analysis.profile import profile as found

    ends = None if between is None else (_stop(between[0]), _stop(between[1]))
    give(found(subject(x, "the line"), every_km, between=ends, dem=dem), out=out, json=json)


def _stop(text: str) -> float | str:
    """Return a chainage where it is a number, else the name of a stop."""
    try:
        return float(text)
    except ValueError:
        return text


@app.command()
def at(
    corridor: Line,
    km: Annotated[list[str], typer.Argument(help="Kilometres, or names of stops.")],
) -> None:
    """Find the place at a kilometre of a corridor.

    Example: cpecgeo at ml1-chord 481
    """
    from cpecgeo.features.resolve import resolve_corridor as thing

    found = thing(corridor)
    for text in km:
        where = float(text) if text.replace(".", "", 1).isdigit() else text
        spot = found.at(where)
        print(f"{text}\t{spot.x:.6f}\t{spot.y:.6f}")
