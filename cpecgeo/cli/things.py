"""The commands catalog, show, cite, export, convert, map and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import click

from cpecgeo.cli.inputs import (
    FILE,
    JSON,
    OUT_FILE,
    READING,
    SAFE_CELLS,
    Reading,
    corridor,
    features,
    is_file,
    name_argument,
    options,
    share,
    split,
    subject,
    things,
)
from cpecgeo.cli.screen import give, refuse_source, save, show
from cpecgeo.errors import CoordinateError, InputError, UnknownNameError, warn

if TYPE_CHECKING:
    import geopandas as gpd

    from cpecgeo.features.corridor import Corridor

__all__ = [
    "catalog",
    "cite",
    "convert",
    "draw_map",
    "export",
    "km_by_status",
    "report",
    "show_thing",
    "state_lengths",
]

_NAME = name_argument("name", "A corridor, section, place or layer, or a file.")
_LANGS = click.Choice(["en", "ur", "zh"])
_LANG = click.option("--lang", type=_LANGS, default="en", help="Language.")


@click.command()
@JSON
def catalog(*, json: bool) -> None:
    """List the layers and tables, with licence and accuracy.

    Example: cpecgeo catalog
    """
    from cpecgeo import catalogue

    show(catalogue.catalog().reset_index(), "name title rows geometry licence accuracy", json=json)


@click.command("show")
@options(_NAME, READING)
def show_thing(*, name: str, **how: Unpack[Reading]) -> None:
    """Show a corridor, section, place, layer, district or file.

    Example: cpecgeo show ml1
    """
    from cpecgeo.features.alignment import state_published

    found = subject(name, "x", *share(how, name), missing="keep")
    if found.kind == "place":
        import pandas as pd

        from cpecgeo.catalogue import layer

        (spot,) = found.things
        rows = layer(spot.layer)
        people = rows["population"].get(spot.id) if "population" in rows else None
        count = f"population {people:,.0f}" if pd.notna(people) else None
        about = [spot.district, spot.province, spot.status, count]
        print(f"{spot.name} ({spot.layer}): {spot.point.x:.5f}, {spot.point.y:.5f}")
        if any(about):
            print(f"  {', '.join(str(text) for text in about if text)}")
        print(f"  {spot.basis}, within {spot.accuracy_km:g} km; {spot.source}; {spot.licence}")
        return
    if found.kind != "corridor":
        give(found.rows, "id name kind status accuracy_km source", out=None)
        return
    (thing,) = found.things
    print(f"{thing.title} ({thing.name}), {thing.kind}, {thing.status}")
    published = state_published(thing.official_km, thing.official_note)
    print(
        f"  drawn {thing.length_km:,.1f} km; published {published}; chainage ends at "
        f"{thing.end_km:,.1f} km; line good to {thing.accuracy_km:g} km"
    )
    lengths = (f"{s.replace('_', ' ')} {km:,.1f} km" for s, km in km_by_status(thing).items())
    print(f"  drawn, by status: {', '.join(lengths)}")
    show(thing.sections, "name km_from km_to drawn_km official_km ratio status reason")


def km_by_status(thing: Corridor) -> dict[str, float]:
    """Sum drawn km of a corridor's sections by status, in order of travel."""
    km = thing.sections.groupby("status", sort=False)["drawn_km"].sum()
    return {str(status): float(value) for status, value in km.items()}


def state_lengths(c: Corridor) -> dict[str, Any]:
    """Return the drawn and published lengths of a corridor, and why they differ."""
    from cpecgeo.features.corridors import join_reasons

    return {
        "name": c.name,
        "title": c.title,
        "drawn_km": c.length_km,
        "official_km": c.official_km,
        "ratio": c.length_km / c.official_km,
        "accuracy_km": c.accuracy_km,
        "drawn_km_by_status": km_by_status(c),
        "reason": join_reasons([c.official_note, *c.sections["reason"]]) or None,
    }


@click.command()
@name_argument("name", "A feature or layer.", required=False)
@click.option("--bibtex", is_flag=True, help="As entries of BibTeX.")
def cite(*, name: str | None, bibtex: bool) -> None:
    """Say where something comes from, ready to cite.

    Example: cpecgeo cite "Reko Diq"
    """
    from cpecgeo import catalogue

    print(catalogue.cite(name, style="bibtex" if bibtex else "text"))


@click.command()
@options(_NAME, OUT_FILE)
@click.option(
    "--part",
    type=click.Choice(["sections", "stops", "line", "posts", "all"]),
    metavar="PART",
    default="sections",
    help="Of a corridor: sections, stops, line, posts, or all in one .gpkg.",
)
@options(READING, SAFE_CELLS)
def export(*, name: str, out: Path, part: str, safe_cells: bool, **how: Unpack[Reading]) -> None:
    """Write a corridor, a layer or a table to a file.

    Example: cpecgeo export ml1 --part all -o ml1.gpkg
    """
    from cpecgeo.catalogue import layer, table
    from cpecgeo.features.resolve import resolve_corridor
    from cpecgeo.files.writing import write_layers

    frame = None
    (stated,) = share(how, name)
    for find in () if is_file(name) else (layer, table):
        try:
            frame = find(name)
            part = frame.attrs.get("layer", "cpecgeo")
            break
        except UnknownNameError:
            continue
    if frame is None:
        thing = resolve_corridor(corridor(name, stated))
        parts = {
            "sections": lambda: thing.sections,
            "stops": lambda: thing.stops,
            "line": lambda: _line(thing),
            "posts": lambda: _posts(thing),
        }
        if part == "all":
            refuse_source(out)
            print(write_layers({p: parts[p]() for p in ("sections", "stops", "posts")}, out))
            return
        frame = parts[part]()
    save(frame, out, safe_cells=safe_cells, layer=part)


def _line(thing: Corridor) -> Any:
    """Return one row: that in the table of corridors, or that of a caller's line."""
    import geopandas as gpd

    from cpecgeo.features.corridors import corridors

    if thing.geometry != "own":
        return corridors().loc[[thing.name]]
    row = {c: [getattr(thing, c)] for c in ("title", "kind", "status", "length_km", "official_km")}
    row = {"id": [thing.name], **row, "chainage_km": [thing.end_km]}
    return gpd.GeoDataFrame(row, geometry=[thing.line], crs=4326)


def _posts(thing: Corridor) -> Any:
    """Return km posts with a name, for programs that label features by it."""
    posts = thing.km_posts(1 if thing.end_km < 100 else 10)
    posts.insert(0, "name", [f"km {km:g}" for km in posts["km"]])
    posts.insert(1, "corridor", thing.name)
    return posts


@click.command("map")
@name_argument(
    "names", "Corridors, places, or files of your own; all when omitted.", nargs=-1, required=False
)
@click.option(
    "--out", "-o", type=FILE, metavar="FILE", required=True, help="An HTML, PNG or PDF file."
)
@click.option("--title", metavar="TEXT", help="Title of the page.")
@click.option(
    "--tiles", metavar="NAME", multiple=True, help="Tiles of xyzservices; several are offered."
)
@click.option(
    "--background",
    metavar="NAMES",
    default="all",
    help="Drawn ground: all, none, or names among countries, relief, provinces, rivers, "
    "disputed and districts, comma between.",
)
@click.option("--embed", is_flag=True, help="For an article that scrolls.")
@click.option(
    "--profile",
    metavar="CORRIDOR",
    multiple=True,
    help="Elevations along a corridor, or a file of a line, in a panel below; may be repeated.",
)
@_LANG
@click.option("--color", metavar="COLUMN", help="Of files and layers: a column, or a colour.")
@click.option(
    "--scheme",
    help="Classes of --color: quantiles, equal_interval, natural_breaks, std_mean, or breaks such "
    "as 10,50,100.",
)
@click.option("--classes", "-k", "k", type=int, help="Number of classes.")
@click.option("--cmap", metavar="NAME", help="Colours of classes, such as YlGnBu.")
@click.option("--center", type=float, help="Value about which colours turn.")
@click.option("--legend", help="Title above the classes.")
@click.option("--unit", help="Unit of --color.")
@click.option("--label", metavar="COLUMN", help="Column written beside features.")
@click.option("--radius", metavar="SIZE", help="Of points: a column, or pixels.")
@click.option("--width", metavar="SIZE", help="Of lines: a column, or pixels.")
@click.option("--when", metavar="COLUMN", help="Column of dates, for a slider.")
@click.option("--cluster", type=click.Choice(["count", "density"]), help="Points gathered.")
@READING
def draw_map(
    *,
    names: tuple[str, ...],
    out: Path,
    title: str | None,
    tiles: tuple[str, ...],
    background: str,
    embed: bool,
    profile: tuple[str, ...],
    lang: str,
    scheme: str | None,
    radius: str | None,
    width: str | None,
    cluster: str | None,
    **look: Any,
) -> None:
    """Draw an interactive map in one file.

    Options from --color on are for files; where none is named, for layers. Corridors keep theirs.

    Example: cpecgeo map ml1 sites.csv --color value --scheme natural_breaks --label name -o m.html
    """
    from cpecgeo.catalogue.layers import LAYERS
    from cpecgeo.files.reading import read
    from cpecgeo.maps import Map, cpec_map
    from cpecgeo.maps.words import find_words

    if out.suffix.lower() not in {".html", ".htm", ".png", ".pdf"}:
        raise InputError(f"A map is written as .html, .png or .pdf; {out.name!r} is none of them.")
    how: Any = {key: look.pop(key) for key in Reading.__annotations__}
    listed = split(names)
    files = [n for n in listed if is_file(n) and n not in split(profile)]
    others: list[Any] = [n for n in listed if not is_file(n)]
    of_files, of_lines = share(how, files, profile)
    # A file with a line is read as a corridor.
    lines: list[Any] = [corridor(n, of_lines) for n in split(profile)]
    ground: bool | list[str] = {"all": True, "none": False}.get(background, background.split(","))
    look |= {"scheme": _read_breaks(scheme), "cluster": cluster == "count" or cluster}
    look |= {"radius": _read_size(radius), "width": _read_size(width)}
    given = {key: value for key, value in look.items() if value is not None}
    own = files or [n for n in others if n.casefold().removeprefix("layer:") in LAYERS]
    if given and not own:
        stated = ", ".join(f"--{'classes' if key == 'k' else key}" for key in given)
        raise InputError(f"{stated}: for files and layers, and none is named; leave that out.")
    page: dict[str, Any] = {"tiles": list(tiles) or None, "background": ground, "embed": embed}
    if not files and all(_is_corridor(n) for n in [*others, *lines]):
        drawn = cpec_map(others or None, title=title, lang=lang, profile=lines, **page)
    else:
        titles = [find_words(lang).name(_title(n)) for n in dict.fromkeys(listed or split(profile))]
        drawn = Map(title=title or "; ".join(titles), lang=lang, **page)
        for name in dict.fromkeys([*others, *lines]):
            drawn.add(name, profile=name in lines, **(given if name in own else {}))
        for name in files:
            rows = read(name) if of_files is None else read(name, **of_files)
            drawn.add(rows, name=Path(name).name, **given)
    writers: dict[str, Any] = {".png": drawn.to_png, ".pdf": drawn.to_pdf}
    writers.get(out.suffix.lower(), drawn.save)(out)
    print(out)


def _read_size(text: str | None) -> str | float | None:
    """Parse pixels, or keep the name of a column."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _read_breaks(text: str | None) -> str | list[float] | None:
    """Parse breaks separated by commas, or keep the name of a scheme."""
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        return text


def _title(name: str) -> str:
    """Return the title of a corridor, a file's name without its suffix, or the name as typed."""
    from cpecgeo.features.corridors import corridor as bundled

    if is_file(name):
        return Path(name.removeprefix("corridor:")).stem
    return str(bundled(name).title) if _is_corridor(name) else name


def _is_corridor(name: object) -> bool:
    from cpecgeo.features.corridors import corridor as bundled

    try:
        return isinstance(name, str) and bool(bundled(name))
    except UnknownNameError:
        return False


@click.command()
@name_argument("names", "A corridor or place, or several.", nargs=-1)
@click.option("--out", "-o", type=FILE, metavar="FILE", help="A file: .html, .pdf, .md or .json.")
@options(_LANG, READING, JSON)
def report(
    *, names: tuple[str, ...], out: Path | None, lang: str, json: bool, **how: Unpack[Reading]
) -> None:
    """Report on a corridor, a market or a site, or several.

    Example: cpecgeo report ml1 -o ml1.html
    """
    from cpecgeo import reports

    draw = out is not None and out.suffix.lower() in {".html", ".htm", ".pdf"}
    found = reports.report(things(names, *share(how, names)), draw=draw, lang=lang)
    if out is not None:
        refuse_source(out)
        print(found.save(out))
    else:
        print(found.to_json() if json else found.to_markdown())


@click.command()
@name_argument("source", "A file, or a layer.", kinds=("layer",))
@options(OUT_FILE, READING)
def convert(*, source: str, out: Path, **how: Unpack[Reading]) -> None:
    """Write a file, or a layer, in another format.

    Here sites.csv has columns east and north, in metres of zone 42.

    Example: cpecgeo convert sites.csv --lon east --lat north --crs EPSG:32642 -o sites.gpkg
    """
    rows = features(source, *share(how, source))
    _tell_turned(rows)
    save(rows, out)


def _tell_turned(rows: gpd.GeoDataFrame) -> None:
    """Warn that all rows would lie in the region with lon and lat swapped; verbs refuse this."""
    import shapely

    from cpecgeo.files.displacement import refuse_turned

    if rows.crs is None or not rows.crs.equals("EPSG:4326", ignore_axis_order=True):
        return
    about = rows.attrs
    try:
        refuse_turned(
            shapely.get_coordinates(rows.geometry.to_numpy()),
            str(about.get("read_from", "the table")),
            about.get("position_columns"),
        )
    except CoordinateError as error:
        warn(str(error))
