"""The command line: ``cpecgeo …``."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cpecgeo.errors import CpecgeoError, FileError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Geospatial analysis of the China–Pakistan Economic Corridor.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.callback()
def _options(context: typer.Context, *, debug: Debug = False) -> None:
    context.obj = debug


@app.command()
def catalog(*, json: Json = False) -> None:
    """List the layers and tables, with licence and accuracy."""
    from cpecgeo.catalogue import catalog as frame

    _show(frame().reset_index(), "name title rows geometry licence accuracy", json=json)


@app.command()
def show(name: str) -> None:
    """Show a corridor, a place or a layer.

    Example: cpecgeo show ml1
    """
    from cpecgeo.catalogue import layer
    from cpecgeo.errors import UnknownNameError
    from cpecgeo.features.corridors import corridor
    from cpecgeo.features.places import place

    try:
        thing = corridor(name)
    except UnknownNameError:
        try:
            spot = place(name)
        except UnknownNameError:
            frame = layer(name)
            _show(frame, "id name kind status accuracy_km source")
            return
        print(f"{spot.name} ({spot.layer}): {spot.point.x:.5f}, {spot.point.y:.5f}")
        print(f"  {spot.basis}, within {spot.accuracy_km:g} km; {spot.source}; {spot.licence}")
        return
    print(f"{thing.title} ({thing.name}), {thing.kind}, {thing.status}")
    official = "none found"
    if not math.isnan(thing.official_km):
        note = f" ({thing.official_note})" if thing.official_note else ""
        official = f"{thing.official_km:,.6g} km{note}"
    print(
        f"  drawn {thing.length_km:,.1f} km; published {official}; chainage ends at "
        f"{thing.end_km:,.1f} km; line good to {thing.accuracy_km:g} km"
    )
    _show(thing.sections, "name km_from km_to drawn_km official_km ratio status reason")


@app.command()
def length(names: list[str], *, json: Json = False) -> None:
    """Drawn and published length of corridors.

    Example: cpecgeo length ml1 kkh western
    """
    import pandas as pd

    from cpecgeo.features.corridors import corridor

    things = [corridor(name) for name in names]
    rows = [
        {
            "name": c.name,
            "title": c.title,
            "drawn_km": c.length_km,
            "official_km": c.official_km,
            "ratio": c.length_km / c.official_km,
            "accuracy_km": c.accuracy_km,
        }
        for c in things
    ]
    _show(pd.DataFrame(rows), "name title drawn_km official_km ratio accuracy_km", json=json)


@app.command("map")
def draw_map(
    names: Annotated[list[str] | None, typer.Argument(help="Corridors; all when omitted.")] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file.")],
) -> None:
    """Draw an interactive map in one HTML file.

    Example: cpecgeo map ml1 kkh -o map.html
    """
    from cpecgeo.maps import cpec_map

    cpec_map(names).save(str(out))
    print(out)


@app.command()
def demo(
    *, out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("out")
) -> None:
    """Measure everything: tables on the screen, a map and two CSV files in a folder."""
    from cpecgeo.analysis.overview import lengths, proximity
    from cpecgeo.maps import cpec_map
    from cpecgeo.maps.writing import write_whole

    everything, near = lengths(), proximity()
    whole = everything[everything["level"] == "corridor"]
    print("Corridors: drawn and published length, km")
    _show(whole, "id drawn_km official_km ratio status accuracy_km")
    print("\nBorder markets, mines and ports: nearest corridor, and Gwadar Port, km")
    _show(
        near.rename(columns={"to_km": "gwadar_km"}),
        "name corridor distance_km km side operating_corridor operating_distance_km "
        "gwadar_km basis",
    )
    _make_folder(out)
    for name, table in (("lengths.csv", everything), ("proximity.csv", near)):
        write_whole(out / name, table.to_csv(index=False).encode())
    cpec_map().save(str(out / "cpec.html"))
    print()
    for name in ("cpec.html", "lengths.csv", "proximity.csv"):
        print(f"wrote {out / name}")


def _show(frame: Any, columns: str, *, json: bool = False) -> None:
    """Print a table for people, or JSON for machines."""
    chosen = frame[columns.split()]
    if json:
        print(chosen.to_json(orient="records", force_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in chosen.columns:
        number = chosen[column].dtype.kind in "fi"
        table.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in chosen.itertuples(index=False):
        cells = [_cell(value, column) for value, column in zip(row, chosen.columns, strict=True)]
        table.add_row(*map(Text, cells))
    Console(width=None if sys.stdout.isatty() else 180).print(table)


def _cell(value: Any, column: str) -> str:
    if value is None or value != value:  # noqa: PLR0124
        return ""
    if isinstance(value, float):
        return f"{value:.3f}" if column == "ratio" else f"{value:,.1f}"
    return str(value)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} can't be made: {error.strerror}. Give another with --out."
        ) from error


def main() -> None:
    """Run the command line; an error is one line on stderr and exit code 1."""
    debug = "--debug" in sys.argv
    try:
        app()
    except CpecgeoError as error:
        if debug:
            raise
        print(f"cpecgeo: {error}", file=sys.stderr)
        sys.exit(1)
