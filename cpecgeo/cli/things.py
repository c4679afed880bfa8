"""What there is: catalog, show, length, cite, export; the map, the report, the demo."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from cpecgeo.cli.screen import (
    CORRIDOR,
    Crs,
    Json,
    Lat,
    Layer,
    Lon,
    Thousands,
    app,
    features,
    give,
    make_folder,
    save,
    show,
    split,
    subject,
)

__all__: list[str] = []

Name = Annotated[str, typer.Argument(help="A corridor, section, place or layer.", **CORRIDOR)]
Names = Annotated[list[str], typer.Argument(help="Corridors.", **CORRIDOR)]


@app.command()
def catalog(*, json: Json = False) -> None:
    """List the layers and tables, with licence and accuracy.

    Example: cpecgeo catalog
    """
    from cpecgeo.catalogue import catalog as frame

    show(frame().reset_index(), "name title rows geometry licence accuracy", json=json)


@app.command("show")
def show_thing(name: Name) -> None:
    """Show a corridor, section, place, layer or district.

    Example: cpecgeo show ml1
    """
    found = subject(name, "the name")
    if found.kind == "place":
        (spot,) = found.things
        print(f"{spot.name} ({spot.layer}): {spot.point.x:.5f}, {spot.point.y:.5f}")
        print(f"  {spot.basis}, within {spot.accuracy_km:g} km; {spot.source}; {spot.licence}")
        return
    if found.kind != "corridor":
        give(found.rows, "id name kind status accuracy_km source", out=None)
        return
    (thing,) = found.things
    print(f"{thing.title} ({thing.name}), {thing.kind}, {thing.status}")
    official = "none found"
    if not math.isnan(thing.official_km):
        note = f" ({thing.official_note})" if thing.official_note else ""
        official = f"{thing.official_km:,.6g} km{note}"
    print(
        f"  drawn {thing.length_km:,.1f} km; published {official}; chainage ends at "
        f"{thing.end_km:,.1f} km; line good to {thing.accuracy_km:g} km"
    )
    told = (f"{s.replace('_', ' ')} {km:,.1f} km" for s, km in _km_by_status(thing).items())
    print(f"  drawn, by status: {', '.join(told)}")
    show(thing.sections, "name km_from km_to drawn_km official_km ratio status reason")


@app.command()
def length(names: Names, *, json: Json = False) -> None:
    """Measure lines: corridors, sections, layers, files.

    Example: cpecgeo length ml1 kkh western
    """
    import pandas as pd

    from cpecgeo.cli.tables import line_lengths
    from cpecgeo.features.resolve import resolve

    rows = []
    for name in split(names):
        given = resolve(name, "the line")
        if given.kind == "corridor":
            rows.append(_corridor_lengths(given.things[0]))
        else:
            rows += line_lengths(given)
    columns = "name title drawn_km official_km ratio accuracy_km"
    more = " drawn_km_by_status" if json else ""
    show(pd.DataFrame(rows), columns + more, json=json)


def _corridor_lengths(c: Any) -> dict[str, Any]:
    """Lengths of a corridor, drawn and published."""
    return {
        "name": c.name,
        "title": c.title,
        "drawn_km": c.length_km,
        "official_km": c.official_km,
        "ratio": c.length_km / c.official_km,
        "accuracy_km": c.accuracy_km,
        "drawn_km_by_status": _km_by_status(c),
    }


def _km_by_status(thing: Any) -> dict[str, float]:
    """Drawn km of a corridor's sections, by status in the order of the way."""
    km = thing.sections.groupby("status", sort=False)["drawn_km"].sum()
    return {str(status): float(value) for status, value in km.items()}


@app.command()
def cite(
    name: Annotated[str | None, typer.Argument(help="A feature or layer.")] = None,
    *,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="As entries of BibTeX.")] = False,
) -> None:
    """Say where something comes from, ready to cite.

    Example: cpecgeo cite "Reko Diq"
    """
    from cpecgeo.catalogue import cite as text

    print(text(name, style="bibtex" if bibtex else "text"))


@app.command()
def export(
    name: Name,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file; its suffix says how.")],
    part: Annotated[
        str, typer.Option(help="Of a corridor: sections, stops, line, posts, or all in one .gpkg.")
    ] = "sections",
    safe_cells: Annotated[
        bool, typer.Option("--safe-cells", help="Disarm formulas in CSV cells.")
    ] = False,
) -> None:
    """Write a corridor, a layer or a table to a file.

    Example: cpecgeo export ml1 --part all -o ml1.gpkg
    """
    from cpecgeo.catalogue import layer, table
    from cpecgeo.errors import InputError, UnknownNameError
    from cpecgeo.features.resolve import resolve_corridor
    from cpecgeo.files.writing import write_layers

    frame = None
    for find in (layer, table):
        try:
            frame = find(name)
            part = frame.attrs.get("layer", "cpecgeo")
            break
        except UnknownNameError:
            continue
    if frame is None:
        thing = resolve_corridor(name)
        parts = {
            "sections": lambda: thing.sections,
            "stops": lambda: thing.stops,
            "line": lambda: _line(thing),
            "posts": lambda: _posts(thing),
        }
        if part == "all":
            print(write_layers({p: parts[p]() for p in ("sections", "stops", "posts")}, out))
            return
        if part not in parts:
            raise InputError(f"--part is {part!r}; it is one of {', '.join(parts)}, all.")
        frame = parts[part]()
    save(frame, out, safe_cells=safe_cells, layer=part)


def _line(thing: Any) -> Any:
    """One row: as the table of corridors has it, or the line of one's own."""
    import geopandas as gpd

    from cpecgeo.features.corridors import corridors

    if thing.geometry != "own":
        return corridors().loc[[thing.name]]
    row = {c: [getattr(thing, c)] for c in ("title", "kind", "status", "length_km", "official_km")}
    row = {"id": [thing.name], **row, "chainage_km": [thing.end_km]}
    return gpd.GeoDataFrame(row, geometry=[thing.line], crs=4326)


def _posts(thing: Any) -> Any:
    """Km posts with a name, for programs that label by it."""
    posts = thing.km_posts(1 if thing.end_km < 100 else 10)
    posts.insert(0, "name", [f"km {km:g}" for km in posts["km"]])
    posts.insert(1, "corridor", thing.name)
    return posts


@app.command("map")
def draw_map(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Corridors, places, or files of your own; all when omitted."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="An HTML, PNG or PDF file.")],
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Title of the page.")] = None,
    tiles: Annotated[
        list[str] | None,
        typer.Option(help="Tiles by their xyzservices name; the reader chooses among several."),
    ] = None,
    background: Annotated[
        str | None,
        typer.Option(
            help="Drawn ground: all, none, or names among countries, provinces, rivers, disputed "
            "and districts, comma between."
        ),
    ] = None,
    embed: Annotated[bool, typer.Option("--embed", help="For an article that scrolls.")] = False,
    lang: Annotated[str, typer.Option(help="Language: en, ur, zh.")] = "en",
    color: Annotated[str | None, typer.Option(help="Of files: a column, or a colour.")] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            help="Classes of --color: quantiles, equal_interval, natural_breaks, std_mean, or "
            "breaks such as 10,50,100."
        ),
    ] = None,
    k: Annotated[int | None, typer.Option("--classes", "-k", help="Number of classes.")] = None,
    cmap: Annotated[str | None, typer.Option(help="Colours of classes, such as YlGnBu.")] = None,
    center: Annotated[float | None, typer.Option(help="Value about which colours turn.")] = None,
    legend: Annotated[str | None, typer.Option(help="Title above the classes.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of --color.")] = None,
    label: Annotated[str | None, typer.Option(help="Column written beside features.")] = None,
    radius: Annotated[str | None, typer.Option(help="Of points: a column, or pixels.")] = None,
    width: Annotated[str | None, typer.Option(help="Of lines: a column, or pixels.")] = None,
    when: Annotated[str | None, typer.Option(help="Column of dates, for a slider.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Points gathered: count, or density.")] = None,
) -> None:
    """Draw an interactive map in one file.

    The options from --color on are for the files among the names.

    Example: cpecgeo map ml1 sites.csv --color value --scheme natural_breaks --label name -o m.html
    """
    from cpecgeo.errors import InputError
    from cpecgeo.files.formats import has_format
    from cpecgeo.files.reading import read
    from cpecgeo.maps import Map, cpec_map

    if out.suffix.lower() not in {".html", ".htm", ".png", ".pdf"}:
        raise InputError(f"A map is written as .html, .png or .pdf; {out.name!r} is none of them.")
    listed = split(names or [])
    files = [n for n in listed if has_format(n)]
    others = [n for n in listed if n not in files]
    ground: bool | list[str] = {"all": True, "none": False}.get(
        background or "all", (background or "").split(",")
    )
    look: dict[str, Any] = {"tiles": tiles, "background": ground, "embed": embed, "lang": lang}
    if not files and all(_is_corridor(n) for n in others):
        drawn = cpec_map(others or None, title=title, **look)
    else:
        drawn = Map(title=title or ", ".join(listed), **look)
        for name in others:
            drawn.add(name)
        style: dict[str, Any] = {
            "color": color, "scheme": _read_breaks(scheme), "k": k, "cmap": cmap, "center": center,
            "legend": legend, "unit": unit, "label": label, "radius": _read_size(radius),
            "width": _read_size(width), "when": when,
            "cluster": True if cluster == "count" else cluster,
        }  # fmt: skip
        given = {key: value for key, value in style.items() if value is not None}
        for name in files:
            drawn.add(read(name), name=Path(name).name, **given)
    if out.suffix.lower() == ".png":
        drawn.to_png(out)
    elif out.suffix.lower() == ".pdf":
        drawn.to_pdf(out)
    else:
        drawn.save(out)
    print(out)


def _read_size(text: str | None) -> str | float | None:
    """Read pixels, or leave the name of a column."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _read_breaks(text: str | None) -> str | list[float] | None:
    """Read breaks with commas between, or leave the name of a scheme."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        return text


def _is_corridor(name: str) -> bool:
    from cpecgeo.errors import UnknownNameError
    from cpecgeo.features.corridors import corridor

    try:
        corridor(name)
    except UnknownNameError:
        return False
    return True


@app.command()
def report(
    names: Annotated[list[str], typer.Argument(help="A corridor or place, or several.")],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A file: .html, .pdf, .md or .json.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language: en, ur or zh.")] = "en",
    json: Json = False,
) -> None:
    """Report on a corridor, a market or a site, or several.

    Example: cpecgeo report ml1 -o ml1.html
    """
    from cpecgeo.reports import report as made

    draw = out is not None and out.suffix.lower() in {".html", ".htm", ".pdf"}
    found = made(split(names), draw=draw, lang=lang)
    if out is not None:
        print(found.save(out))
    else:
        print(found.to_json() if json else found.to_markdown())


@app.command()
def convert(
    source: Annotated[str, typer.Argument(help="A file, or a layer.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file; its suffix says how.")],
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
) -> None:
    """Write a file, or a layer, in another format.

    Example: cpecgeo convert sites.csv --lon east --lat north --crs EPSG:32642 -o sites.gpkg
    """
    save(features(source, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands), out)


@app.command()
def demo(
    *, out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("out")
) -> None:
    """Measure everything: tables, a map and two CSV files.

    Example: cpecgeo demo -o out
    """
    from cpecgeo.analysis.overview import lengths, proximity
    from cpecgeo.files.disk import write_whole
    from cpecgeo.maps import cpec_map

    everything, near = lengths(), proximity()
    whole = everything[everything["level"] == "corridor"]
    print("Corridors: drawn and published length, km")
    show(whole, "id drawn_km official_km ratio status accuracy_km")
    print("\nBorder markets, mines and ports: nearest corridor, and Gwadar Port, km")
    show(
        near.rename(columns={"to_km": "gwadar_km"}),
        "name corridor distance_km km side operating_corridor operating_distance_km "
        "gwadar_km basis",
    )
    make_folder(out)
    for name, table in (("lengths.csv", everything), ("proximity.csv", near)):
        write_whole(out / name, table.to_csv(index=False).encode())
    cpec_map().save(str(out / "cpec.html"))
    print()
    for name in ("cpec.html", "lengths.csv", "proximity.csv"):
        print(f"wrote {out / name}")
