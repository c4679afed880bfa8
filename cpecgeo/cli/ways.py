"""Commands on the network, such as route, reach and matrix; and on OpenStreetMap's lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Unpack

import click

from cpecgeo.cli.inputs import (
    EVERY_KM,
    FILE,
    GIVEN,
    JSON,
    OUT,
    READING,
    Given,
    Reading,
    complete,
    corridor,
    name_argument,
    name_option,
    options,
    share,
    split,
    thing,
)
from cpecgeo.cli.screen import give, give_gained, remark, tell_access
from cpecgeo.errors import InputError

__all__ = ["closures", "gain", "matrix", "osm", "reach", "route"]

_START = name_argument("a", "Where from: a place or crossing.", kinds=("place",))
_END = name_argument("b", "Where to.", kinds=("place",))
_PLACES = name_argument("places", "Places, two or more.", nargs=-1, kinds=("place",))
_MODES = click.Choice(["any", "road", "rail"])
_MODE = click.option("--mode", type=_MODES, default="any", help="By which means.")
_WEIGHTS = click.Choice(["km", "hours", "cost", "carbon"])
_LEAST = "What to keep least: km, hours, cost or carbon."
_WEIGHT = click.option("--weight", type=_WEIGHTS, metavar="WEIGHT", default="hours", help=_LEAST)
_STATUS = click.option("--status", help="operating, planned …, or any; operating when omitted.")
_VEHICLE = click.option("--vehicle", type=click.Choice(["car", "truck"]), help="Whose hours.")


class _Chosen(Given, total=False):
    """Typed filters of the network, and options for files and the answer."""

    mode: str
    status: str | None
    avoid: tuple[str, ...]
    year: int | None
    season: str | None
    vehicle: str | None
    extra: tuple[str, ...]
    kind: str
    join_km: float


_FILTERS = options(
    _MODE,
    _STATUS,
    click.option(
        "--avoid",
        metavar="NAMES",
        multiple=True,
        shell_complete=complete("corridor", "place"),
        help="Sections, places, districts, between commas.",
    ),
    click.option("--year", type=int, help="What stood in that year."),
    click.option("--season", help="winter, spring, summer or autumn."),
)
_KIND = options(
    click.option(
        "--kind", type=click.Choice(["road", "rail"]), default="road", help="What --extra is."
    ),
    click.option(
        "--join-km", metavar="KM", default=2.0, help="How near to the network --extra joins it."
    ),
)
_OWN = options(
    click.option(
        "--extra",
        metavar="FILES",
        multiple=True,
        help="Lines of your own as further roads or railways.",
    ),
    _KIND,
    READING,
)


def _parse(typed: _Chosen, *places: str) -> tuple[list[Any], dict[str, Any]]:
    """Return places and options for the verbs; lines of files become corridors."""
    chosen: dict[str, Any] = {**typed}
    extra, kind, join_km = chosen.pop("extra"), chosen.pop("kind"), chosen.pop("join_km")
    how: Any = {key: chosen.pop(key, None) for key in Given.__annotations__}
    of_places, of_extra = share(how, places, extra)
    if typed.get("status") not in (None, "any"):
        chosen["status"] = split(str(typed["status"]))
    if "avoid" in typed:
        chosen["avoid"] = split(typed["avoid"])
    if extra:
        own = [corridor(file, of_extra, kind=kind) for file in split(extra)]
        chosen |= {"extra": own, "join_km": join_km}
    return [_spot(place, of_places) for place in places], chosen


def _spot(place: str, how: Reading | None) -> Any:
    """Return a place for the verbs: a name, the feature of a file, or lon and lat."""
    lon, _, lat = place.partition(",")
    try:
        return float(lon), float(lat)
    except ValueError:
        return thing(place, how)


def _speeds(text: str | None) -> dict[str, float] | None:
    """Return km/h by speed class."""
    if text is None:
        return None
    try:
        pairs = [part.split("=") for part in split(text)]
        return {name.strip(): float(kmh) for name, kmh in pairs}
    except ValueError:
        raise InputError(
            f"--speeds is {text!r}; give km/h by speed class, such as motorway=100,highway=70."
        ) from None


@click.command()
@options(_START, _END, _FILTERS, _WEIGHT)
@name_option("--along", metavar="NAME", help="Keep to the sections of this corridor.")
@click.option("--speeds", metavar="CLASS=KMH", help="Speeds of your own: motorway=100,highway=70.")
@_VEHICLE
@click.option("--max-access-km", default=50.0, help="How far from the network an end may lie.")
@click.option(
    "--tonnes", type=float, help="Also what carrying so much costs: money, carbon, fleet."
)
@_OWN
@click.option("-k", "alternatives", default=1, help="How many ways.")
@options(OUT, JSON)
def route(
    *,
    a: str,
    b: str,
    weight: str,
    along: str | None,
    speeds: str | None,
    tonnes: float | None,
    max_access_km: float,
    alternatives: int,
    **typed: Unpack[_Chosen],
) -> None:
    """Find the shortest or quickest way, leg by leg.

    Example: cpecgeo route Khunjerab Gwadar --mode road --extra mine.geojson
    """
    import pandas as pd

    from cpecgeo import routing

    (start, end), chosen = _parse(typed, a, b)
    chosen |= {"along": along, "speeds": _speeds(speeds), "max_access_km": max_access_km}
    if tonnes is not None and not tonnes > 0:
        raise InputError(f"--tonnes is {tonnes:g}; give more than 0.")
    # Tonnes need a truck.
    chosen["vehicle"] = chosen["vehicle"] or ("truck" if tonnes is not None else None)
    ways = (
        [routing.route(start, end, weight=weight, **chosen)]
        if alternatives == 1
        else routing.routes(start, end, k=alternatives, weight=weight, **chosen)
    )
    legs = pd.concat([way.legs.assign(way=n) for n, way in enumerate(ways, 1)], ignore_index=True)
    if typed["out"] is None and not typed["json"]:
        for n, way in enumerate(ways, 1):
            km = f"{way.chainage_km:,.1f} km (calibrated)"
            away = way.origin.access_km + way.destination.access_km
            access = f", and access {away:,.1f} km" if away >= 0.05 else ""
            print(f"{n}: {km}{access}, {way.hours:,.1f} hours (assumed speeds), least {weight}")
            for note in way.notes:
                if note != way.access_note:  # this goes to stderr
                    print(f"   {note}")
    tell_access(ways)
    columns = "way name mode status from to km hours"
    if tonnes is not None:
        loads = [routing.freight(way, tonnes) for way in ways]
        about = loads[0].attrs
        if typed["out"] is None and not typed["json"]:
            print(f"   cost in {about['currency']}, by rates some of which are assumed")
            print(f"   vehicles: those that carry {tonnes:g} t in {about['days']:g} days")
        columns = "way mode vehicle km hours cost currency carbon_kg loads vehicles"
        money = about["currency"]
        legs = pd.concat(f.assign(way=n, currency=money) for n, f in enumerate(loads, 1))
    give(legs, columns if typed["out"] is None else None, out=typed["out"], json=typed["json"])


@click.command()
@_START
@click.option("--km", type=float, help="Limit in kilometres.")
@click.option("--hours", type=float, help="Limit in hours.")
@click.option("--within-km", default=5.0, help="How far from the network a town may lie.")
@options(_FILTERS, _VEHICLE, _OWN, OUT, JSON)
def reach(
    *, a: str, km: float | None, hours: float | None, within_km: float, **typed: Unpack[_Chosen]
) -> None:
    """Find what can be reached in so many km or hours.

    Towns are printed; the ways go to a file.

    Example: cpecgeo reach Torkham --hours 4 --mode road
    """
    from cpecgeo import routing

    (start,), chosen = _parse(typed, a)
    area = routing.reach(start, km=km, hours=hours, within_km=within_km, **chosen)
    if typed["out"] is not None:
        give(area.edges, out=typed["out"])
        return
    if count := area.towns.attrs["left_out"]:
        far = area.towns.attrs["left_out_km"]
        remark(
            f"left out: {count} towns {within_km:g} to {far:g} km off what is reached; "
            "--within-km takes them in."
        )
    towns = area.towns.sort_values("cost_at").rename(columns={"cost_at": area.weight})
    give(towns, f"name population {area.weight} access_km", out=None, json=typed["json"])


@click.command()
@_PLACES
@click.option("--weight", type=_WEIGHTS, metavar="WEIGHT", default="km", help=_LEAST)
@options(_MODE, _STATUS, _VEHICLE, _OWN, OUT, JSON)
def matrix(*, places: tuple[str, ...], weight: str, **typed: Unpack[_Chosen]) -> None:
    """Measure over the network between several places.

    Km are kept least unless --weight says otherwise; `route` keeps hours least.

    Example: cpecgeo matrix Kashgar Islamabad Karachi Gwadar --mode road
    """
    from cpecgeo.routing import route_matrix

    listed, chosen = _parse(typed, *split(places))
    table = route_matrix(listed, listed, weight=weight, **chosen)
    if count := int(table.isna().to_numpy().sum()):
        by = "" if typed["mode"] == "any" else f" with --mode {typed['mode']}"
        remark(f"{count} of {table.size} have no way{by}.")
    if not typed["json"]:
        remark(f"{weight} of the ways with least {weight} (--weight).")
    give(table.rename_axis("from").reset_index(), out=typed["out"], json=typed["json"])


@click.command()
@name_argument("a", "Where from: a place or crossing.", kinds=("place",), default="Khunjerab")
@name_argument("b", "Where to.", kinds=("place",), default="Gwadar")
@click.option("--mode", type=_MODES, default="road", help="By which means.")
@options(_WEIGHT, _OWN, OUT, JSON)
def closures(*, a: str, b: str, weight: str, **typed: Unpack[_Chosen]) -> None:
    """Tell which section, if closed, lengthens the way most.

    Example: cpecgeo closures Khunjerab Gwadar
    """
    from cpecgeo.routing import critical_sections

    (start, end), chosen = _parse(typed, a, b)
    table = critical_sections(start, end, weight=weight, **chosen)
    give(table, out=typed["out"], json=typed["json"])


@click.command()
@_PLACES
@click.option("--extra", metavar="FILES", multiple=True, required=True, help="The new lines.")
@_KIND
@click.option("--by", type=click.Choice(["pair", "place"]), default="pair", help="What a row is.")
@options(_MODE, _STATUS, _VEHICLE, GIVEN)
def gain(*, places: tuple[str, ...], by: str, **typed: Unpack[_Chosen]) -> None:
    """Compare km and hours before and after new lines.

    Whole trips are counted, with the ways from the places to the network, which route and
    matrix leave out.

    Example: cpecgeo gain Gwadar Quetta Panjgur --extra mine.geojson
    """
    from cpecgeo import routing

    listed, chosen = _parse(typed, *split(places))
    table = routing.gain(listed, by=by, **chosen)
    table = table if by == "pair" else table.rename_axis("place").reset_index()
    give(table, out=typed["out"], json=typed["json"])


@click.group(no_args_is_help=True)
def osm() -> None:
    """Lines and outlines from OpenStreetMap, kept in your cache."""


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], object]]:
    """Yield a function that moves a progress bar on a terminal, and does nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn(title), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@osm.command()
@name_argument("name", "A corridor, districts or provinces.", required=False)
@click.option("--all", "every", is_flag=True, help="Every corridor, districts and provinces.")
@click.option("--file", type=FILE, help="An extract (.osm.pbf or .osm) instead of Overpass.")
@click.option("--out", "-o", type=FILE, metavar="FILE", help="A file for the table of gains.")
@JSON
def refresh(
    *, name: str | None, every: bool, file: Path | None, out: Path | None, json: bool
) -> None:
    """Replace drawn lines, or outlines, by mapped ones.

    Example: cpecgeo osm refresh ml1 --file pakistan.osm.pbf
    """
    from cpecgeo import osm as room

    if every == (name is not None):
        raise click.BadParameter("Give a corridor, districts or provinces; or --all.")
    with _bar("refresh") as progress:
        if every:
            table = room.refresh_all(file=file, progress=progress)
        else:
            got = room.refresh(str(name), file=file, progress=progress)
    if every:
        give_gained(table, out=out, json=json)
    elif isinstance(got, room.Outlines):
        mapped = len(got.frame) - len(got.bundled)
        print(f"{name}: {mapped} outlines, {len(got.bundled)} stay as bundled")
    else:
        print(f"{name}: {len(got.ways):,} ways, {len(got.gaps)} gaps stay schematic")


@osm.command()
@options(name_argument("name", "A corridor."), EVERY_KM)
@click.option("--out", "-o", type=FILE, metavar="FILE", help="A map, .html.")
@JSON
def deviation(*, name: str, every_km: float, out: Path | None, json: bool) -> None:
    """Measure the drawn line against the refreshed one, km by km.

    Example: cpecgeo osm deviation ml1
    """
    from cpecgeo import osm as room

    found = room.deviation(name, every_km=every_km)
    if out is not None:
        print(found.explore().save(str(out)))
        return
    give(found.per_km, out=None, json=json)


@osm.command()
def cache() -> None:
    """List what is refreshed and the folder that it lies in.

    Copy the folder to a machine without internet, and name it there in CPECGEO_CACHE.

    Example: cpecgeo osm cache
    """
    from cpecgeo import osm as room
    from cpecgeo.catalogue.files import stored_paths

    print(room.cache_dir())
    for path in stored_paths():
        print(f"  {path.parent.name}/{path.stem}")
