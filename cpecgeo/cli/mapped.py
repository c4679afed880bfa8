"""Lines from OpenStreetMap: osm refresh, osm deviation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cpecgeo.cli.screen import CORRIDOR, Json, app, give

__all__: list[str] = []

osm = typer.Typer(help="Lines from OpenStreetMap, kept in your cache.", no_args_is_help=True)
app.add_typer(osm, name="osm")

Name = Annotated[str, typer.Argument(help="A corridor.", **CORRIDOR)]


@osm.command()
def refresh(
    name: Name,
    *,
    file: Annotated[
        Path | None, typer.Option(help="An extract (.osm.pbf or .osm) instead of Overpass.")
    ] = None,
) -> None:
    """Replace a corridor's drawn line by mapped track or road.

    Example: cpecgeo osm refresh ml1 --file pakistan.osm.pbf
    """
    from cpecgeo import osm as room

    got = room.refresh(name, file=file)
    print(f"{name}: {len(got.ways):,} ways, {len(got.gaps)} gaps stay schematic")


@osm.command()
def deviation(
    name: Name,
    *,
    every_km: Annotated[float, typer.Option("--every-km", help="Between samples.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A map, .html.")] = None,
    json: Json = False,
) -> None:
    """Measure how far the drawn line lies from the refreshed one, km by km.

    Example: cpecgeo osm deviation ml1
    """
    from cpecgeo import osm as room

    seen = room.deviation(name, every_km=every_km)
    if out is not None:
        print(seen.explore().save(str(out)))
        return
    give(seen.per_km, out=None, json=json)
