"""Lines and outlines from OpenStreetMap: osm refresh, osm deviation, osm cache."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cpecgeo.cli.screen import CORRIDOR, Json, app, give

__all__: list[str] = []

osm = typer.Typer(
    help="Lines and outlines from OpenStreetMap, kept in your cache.", no_args_is_help=True
)
app.add_typer(osm, name="osm")

Name = Annotated[str, typer.Argument(help="A corridor.", **CORRIDOR)]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="A file for the table of gains.")
]


@contextmanager
def _bar(title: str) -> Iterator[Callable[[int, int], object]]:
    """Give a function that moves a bar on a terminal, and does nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn(title), BarColumn(), MofNCompleteColumn()
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@osm.command()
def refresh(
    name: Annotated[
        str | None, typer.Argument(help="A corridor, districts or provinces.", **CORRIDOR)
    ] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Every corridor, districts and provinces.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="An extract (.osm.pbf or .osm) instead of Overpass.")
    ] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Replace drawn lines, or outlines, by what is mapped.

    Example: cpecgeo osm refresh ml1 --file pakistan.osm.pbf
    """
    from cpecgeo import osm as room

    if every == (name is not None):
        raise typer.BadParameter("Give a corridor, districts or provinces; or --all.")
    with _bar("refresh") as progress:
        if every:
            table = room.refresh_all(file=file, progress=progress)
        else:
            got = room.refresh(str(name), file=file, progress=progress)
    if every:
        give(table, out=out, json=json)
    elif isinstance(got, room.Outlines):
        mapped = len(got.frame) - len(got.bundled)
        print(f"{name}: {mapped} outlines, {len(got.bundled)} stay as bundled")
    else:
        print(f"{name}: {len(got.ways):,} ways, {len(got.gaps)} gaps stay schematic")


@osm.command()
def deviation(
    name: Name,
    *,
    every_km: Annotated[float, typer.Option("--every-km", help="Between samples.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A map, .html.")] = None,
    json: Json = False,
) -> None:
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
