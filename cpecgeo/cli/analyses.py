"""The commands distance, near, within, rings, buffer, crossed and exposure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NotRequired, Unpack

import click

from cpecgeo.cli.inputs import (
    EACH,
    FILE,
    GIVEN,
    JSON,
    OUT,
    OUT_FILE,
    READING,
    SAFE_CELLS,
    SECTIONS,
    ZONES,
    Given,
    Reading,
    features,
    load,
    name_argument,
    name_option,
    options,
    reading_of,
    share,
    split,
    subject,
    targets,
)
from cpecgeo.cli.screen import beside, give, refuse_source, remark, tell_unplaced
from cpecgeo.errors import GeometryError, InputError

__all__ = ["SOURCE", "buffer", "crossed", "distance", "exposure", "near", "rings", "within"]

SOURCE = name_argument(
    "source", "A file (.geojson .gpkg .csv …; - is standard input) or a layer.", kinds=("layer",)
)
_X = name_argument("x", "A corridor, place, layer or file.")


def _join_texts(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> str:
    """Join the values of a repeated option with commas."""
    return ",".join(texts)


_HOW_FAR: dict[str, Any] = {
    "metavar": "KM",
    "multiple": True,
    "callback": _join_texts,
    "help": "Kilometres; several between commas.",
}
_KM = click.option("--km", required=True, **_HOW_FAR)
_RADII = click.option("--km", default=["5,10,25,50"], **_HOW_FAR)
_STREAM = click.option(
    "--stream/--no-stream",
    default=None,
    help="In batches, for files larger than memory; chosen by size.",
)
_RESUME = click.option("--resume", is_flag=True, help="Go on with a streamed run cut off.")
_REPLACE = click.option(
    "--replace", is_flag=True, help="Write over a folder that an earlier run wrote."
)

_STREAMED = {".csv", ".tsv", ".txt", ".gz", ".parquet", ".geoparquet", ".pq", ".gpkg"}
_LARGE_BYTES = 200_000_000


def _radii(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--km is {text!r}; give numbers, such as --km 5,10,25.") from None


def _one_km(text: str) -> float:
    found = _radii(text)
    if len(found) != 1:
        raise InputError(f"--km is {text!r}; give one number: `cpecgeo rings` takes several.")
    return found[0]


class _Streamed(Given):
    """Options of a command that can run in batches, for large files."""

    stream: bool | None
    resume: bool
    replace: NotRequired[bool]
    safe_cells: NotRequired[bool]


def _is_streamed(source: str, how: _Streamed) -> bool:
    path = Path(source)
    if how["stream"] is not None or how["resume"]:
        return bool(how["stream"]) or how["resume"]
    large = path.is_dir() or (path.is_file() and path.stat().st_size > _LARGE_BYTES)
    can_be = path.is_dir() or path.suffix.lower() in _STREAMED
    return large and how["out"] is not None and can_be


def _stream(verb: str, source: str, how: _Streamed, arguments: dict[str, Any]) -> None:
    """Run a verb over a file in batches."""
    from cpecgeo import scale

    out, given = how["out"], dict(how)
    if out is None or str(out)[:2] in {"-", "-."}:
        raise InputError("A streamed run needs --out FILE (.parquet, .csv or .csv.gz).")
    refuse_source(out)
    arguments |= {
        name: given[name] for name in ("resume", "replace", "safe_cells") if name in given
    }
    arguments |= reading_of(how)
    run = getattr(scale, f"{verb}_file")(source, out, progress=sys.stderr.isatty(), **arguments)
    if run.read_as and how["lon"] is None:
        remark(run.read_as)
    print(run.out)


@click.command()
@name_argument("a", "A place, corridor, layer or file.")
@name_argument("b", "Another.")
@GIVEN
def distance(*, a: str, b: str, **how: Unpack[Given]) -> None:
    """Measure from one thing to another, in a straight line.

    Along roads and railways: cpecgeo route. Each row of a layer or file is measured to the other
    thing, or to the other's row in the same place.

    Example: cpecgeo distance Gwadar Chabahar
    """
    import pandas as pd

    from cpecgeo.analysis.measure import distance_km

    typed = {"from": a, "to": b}
    given = [
        subject(name, which, of, missing="keep")
        for which, name, of in zip(typed, (a, b), share(how, a, b), strict=True)
    ]
    if not any(thing.is_single for thing in given) and len({*map(len, given)}) > 1:
        raise InputError(
            f"{a} has {len(given[0])} features and {b} {len(given[1])}, and rows are paired; give "
            "one thing on one side, or find the nearest of each with cpecgeo near."
        )
    measured = distance_km(*given)
    found = pd.DataFrame({"distance_km": [measured] if isinstance(measured, float) else measured})
    for turn, ((end, name), thing) in enumerate(zip(typed.items(), given, strict=True)):
        labels = thing.names or thing.shapes.index.tolist()
        found.insert(turn, end, name if thing.is_single else labels)
        known = thing.accuracy_km
        good = None if known is None else known.tolist()
        found[f"{end}_accuracy_km"] = good[0] if good and thing.is_single else good
    give(found.reset_index(drop=True), [*found.columns], out=how["out"], json=how["json"])


@click.command()
@SOURCE
@name_option(
    "--to",
    metavar="NAMES",
    multiple=True,
    required=True,
    help="Corridors, places or layers, between commas.",
)
@OUT
@click.option("-k", default=1, help="How many targets per row.")
@click.option(
    "--within",
    "--max-km",
    "max_km",
    type=float,
    metavar="KM",
    help="Kilometres; what is farther is left out.",
)
@options(READING, _STREAM, _RESUME, _REPLACE, SECTIONS, SAFE_CELLS, JSON)
def near(
    *,
    source: str,
    to: tuple[str, ...],
    k: int,
    max_km: float | None,
    sections: bool,
    **how: Unpack[_Streamed],
) -> None:
    """Find the nearest target of each feature.

    Example: cpecgeo near villages.csv --to ml1,eastern --within 25 -o near.gpkg
    """
    if _is_streamed(source, how):
        if sections:
            raise InputError("A streamed run has no --sections; add --no-stream, or leave it out.")
        arguments = {"targets": targets(to, "--to"), "k": k, "max_km": max_km}
        return _stream("nearest", source, how, arguments)

    from cpecgeo.analysis.measure import nearest

    of_source, of_targets = share(how, source, to)
    frame = features(source, of_source)
    known = frame[frame.geometry.notna()]
    if not (kinds := set(known.geom_type)) <= {"Point"}:
        raise GeometryError(
            f"{source} has {', '.join(sorted(kinds))}; near measures from points. For lines and "
            "areas: cpecgeo within, which takes --of and --km, and says how far the nearest is."
        )
    near_what = targets(to, "--to", of_targets)
    found = nearest(known, near_what, k=k, max_km=max_km, sections=sections)
    answers = "target distance_km km side accuracy_km" + " section status opened" * sections
    joined, shown = beside(frame, found, answers)
    if max_km is not None:
        joined = joined[joined[shown[-len(answers.split())]].notna()]
    columns = None if how["json"] else shown
    give(joined, columns, out=how["out"], json=how["json"], safe_cells=how["safe_cells"])
    return tell_unplaced(frame)


@click.command()
@SOURCE
@name_option(
    "--of",
    "--to",
    metavar="NAMES",
    multiple=True,
    required=True,
    help="Corridors, places or layers.",
)
@_KM
@click.option("--certainty", help="sure, likely, open; several between commas.")
@options(OUT, READING, _STREAM, _RESUME, _REPLACE, SAFE_CELLS, JSON)
def within(
    *, source: str, of: tuple[str, ...], km: str, certainty: str | None, **how: Unpack[_Streamed]
) -> None:
    """Select the features within so many kilometres.

    Example: cpecgeo within energy --of ml1 --km 10 --certainty sure,likely
    """
    words = None if certainty is None else split(certainty)
    if _is_streamed(source, how):
        arguments = {"targets": subject(of, "--of"), "km": _one_km(km), "certainty": words}
        return _stream("within", source, how, arguments)
    from cpecgeo.analysis import proximity

    of_source, of_targets = share(how, source, of)
    candidates = load(source, of_source)
    around = subject(of, "--of", of_targets)
    rows = proximity.within(candidates, around, _one_km(km), certainty=words)
    columns = "name kind status target distance_km accuracy_km_near certainty"
    shown = columns if how["out"] is None and not how["json"] else None
    give(rows, shown, out=how["out"], json=how["json"], safe_cells=how["safe_cells"])
    if rows.empty:
        remark(f"none within {km} km.")
    return tell_unplaced(candidates)


@click.command()
@options(_X, _RADII, READING, OUT, EACH, JSON)
def rings(*, x: str, km: str, each: bool, **how: Unpack[Given]) -> None:
    """Draw rings around something, with their areas.

    Example: cpecgeo rings "Gwadar Port" --km 5,10,25 -o rings.geojson
    """
    from cpecgeo.analysis import proximity

    centre = subject(x, "the centre", *share(how, x))
    found = proximity.rings(centre, _radii(km), dissolve=not each)
    give(found, out=how["out"], json=how["json"])


@click.command()
@options(_X, _KM, READING, OUT_FILE)
def buffer(*, x: str, km: str, out: Path, **how: Unpack[Reading]) -> None:
    """Draw the area within so many kilometres.

    Example: cpecgeo buffer ml1 --km 10 -o ml1-10km.gpkg
    """
    import geopandas as gpd

    from cpecgeo import geodesy
    from cpecgeo.analysis import measure

    radius = _one_km(km)
    found = measure.buffer(subject(x, "x", *share(how, x), missing="keep"), radius)
    series = found if isinstance(found, gpd.GeoSeries) else gpd.GeoSeries([found], crs=4326)
    row = {"name": x, "km": radius, "area_km2": geodesy.area_km2(series).to_numpy()}
    give(gpd.GeoDataFrame(row, geometry=series.to_numpy(), crs=4326), out=out)


@click.command()
@options(_X, ZONES, SECTIONS, GIVEN)
def crossed(*, x: str, zones: str, sections: bool, **how: Unpack[Given]) -> None:
    """List the zones that lines go through, in order.

    km_in and km_out can be off by km_in_off and km_out_off, as good as line and outlines are;
    the true length lies between length_low_km and length_high_km.

    Example: cpecgeo crossed mining --zones provinces
    """
    from cpecgeo.analysis import overlay

    of_x, of_zones = share(how, x, zones)
    line, areas = subject(x, "the line", of_x), subject(zones, "--zones", of_zones)
    table = overlay.crossed(line, areas, sections=sections)
    is_shown = how["out"] is None and not how["json"]
    if is_shown and "name" in table:
        table["name"] = table["name"].fillna("").replace("", "outside all outlines")
    shown = "feature name section status opened km_in km_in_off km_out km_out_off length_km "
    shown += "length_low_km length_high_km share uncertain_share certainty"
    give(table, shown if how["out"] is None else None, out=how["out"], json=how["json"])


@click.command()
@options(_X, _RADII)
@name_option(
    "--of", "source", default="places", help="What is counted: a layer or a file.", kinds=("layer",)
)
@click.option("--raster", type=FILE, help="A GeoTIFF: the sum of its cells, cut by the rings.")
@click.option("--value", default="population", help="The column to add up; empty counts.")
@click.option("--by", help="A column to break it down by; areas, with --raster.")
@click.option("--band", default=1, help="Which band of the raster.")
@click.option(
    "--nodata",
    metavar="VALUE",
    type=float,
    multiple=True,
    help="No data too, besides what the raster declares.",
)
@options(EACH, READING, _STREAM, _RESUME, OUT, JSON)
def exposure(
    *,
    x: str,
    km: str,
    source: str,
    raster: Path | None,
    value: str,
    by: str | None,
    band: int,
    nodata: tuple[float, ...],
    each: bool,
    **how: Unpack[_Streamed],
) -> None:
    """Count people, or anything, in rings around something.

    Example: cpecgeo exposure mining --km 5,10,25 --by province

    A raster: cpecgeo exposure ml1 --km 5,10 --raster worldpop.tif --by districts
    """
    if raster is None and _is_streamed(source, how):
        arguments = {"targets": subject(x, "the centre"), "km": _radii(km), "value": value or None}
        return _stream("exposure", source, how, arguments)
    from cpecgeo.analysis import exposure as sums

    of_source, of_x = share(how, source if raster is None else None, x)
    counted = source if raster is not None else subject(source, "--of", of_source, missing="keep")
    table = sums.exposure(
        subject(x, "the centre", of_x),
        _radii(km),
        layer=counted,
        raster=raster,
        value=value or None,
        by=by,
        band=band,
        nodata=list(nodata) or None,
        dissolve=not each,
    )
    return give(table, out=how["out"], json=how["json"])
