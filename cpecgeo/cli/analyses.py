"""What lies near, within, around, across: near within rings buffer exposure density …"""

from __future__ import annotations

import sys
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
    Out,
    Thousands,
    app,
    features,
    give,
    split,
    subject,
    targets,
)
from cpecgeo.errors import InputError

__all__ = ["Sections", "Source", "X", "beside"]

Source = Annotated[
    str, typer.Argument(help="A file (.geojson .gpkg .parquet .csv .kml .gpx) or a layer.")
]
To = Annotated[
    list[str],
    typer.Option("--to", metavar="NAMES", help="Corridors, places or layers, between commas."),
]
X = Annotated[str, typer.Argument(help="A corridor, place, layer or file.", **CORRIDOR)]
Km = Annotated[str, typer.Option("--km", metavar="KM", help="Kilometres; several between commas.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a streamed run cut off.")]
Stream = Annotated[
    bool | None,
    typer.Option(
        "--stream/--no-stream", help="In batches, for files larger than memory; told by size."
    ),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Write over a folder that an earlier run wrote.")
]
Sections = Annotated[
    bool, typer.Option("--sections", help="Say in which section of a corridor, and its status.")
]
Safe = Annotated[bool, typer.Option("--safe-cells", help="Disarm formulas in CSV cells.")]

_STREAMED = {".csv", ".parquet", ".geoparquet", ".gpkg"}
_LARGE_BYTES = 200_000_000


def _radii(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--km is {text!r}; give numbers, such as --km 5,10,25.") from None


def _one_km(text: str) -> float:
    found = _radii(text)
    if len(found) != 1:
        raise InputError(f"--km is {text!r}; one number is needed here.")
    return found[0]


def beside(frame: Any, found: Any, told: str) -> tuple[Any, list[str]]:
    """Answers beside their rows, and the columns for the screen: a name, and those `told`.

    The closest place is `near_lon`, `near_lat`, as in streamed runs: the row has its own.
    A column that the file has too gets ``_near`` in the answer, as often as is needed.
    """
    import geopandas as gpd

    from cpecgeo.analysis.measure import free_names

    wanted = [f"near_{c}" if c in {"lon", "lat"} else c for c in found.columns]
    clash = dict(zip(found.columns, free_names(wanted, set(frame.columns)), strict=True))
    texts = [c for c in frame.columns if frame[c].dtype.kind not in "fiub" and c != "geometry"]
    label = ["name"] if "name" in frame.columns else texts[:1]
    joined = gpd.GeoDataFrame(frame.join(found.rename(columns=clash)))
    if "rank" in found:
        joined[clash["rank"]] = joined[clash["rank"]].astype("Int64")
    joined.attrs = {**frame.attrs, **found.attrs}
    return joined, [*label, *(clash[c] for c in told.split())]


def _streams(source: str, out: Path | None, stream: bool | None, *, resume: bool) -> bool:  # noqa: FBT001
    path = Path(source)
    if stream is not None or resume:
        return bool(stream) or resume
    large = path.is_dir() or (path.is_file() and path.stat().st_size > _LARGE_BYTES)
    return large and out is not None and (path.is_dir() or path.suffix.lower() in _STREAMED)


def _streamed(verb: str, source: str, out: Path | None, **options: Any) -> None:
    from cpecgeo import scale

    if out is None or str(out)[:2] in {"-", "-."}:
        raise InputError("A streamed run needs --out FILE (.parquet or .csv).")
    run = getattr(scale, f"{verb}_file")(source, out, progress=sys.stderr.isatty(), **options)
    if run.read_as and options["lon"] is None:
        print(f"cpecgeo: {run.read_as}", file=sys.stderr)
    print(run.out)


@app.command()
def near(
    source: Source,
    *,
    to: To,
    out: Out = None,
    k: Annotated[int, typer.Option("-k", help="How many targets per row.")] = 1,
    max_km: Annotated[
        float | None,
        typer.Option("--within", "--max-km", help="Kilometres; what is farther is left out."),
    ] = None,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    stream: Stream = None,
    resume: Resume = False,
    replace: Replace = False,
    sections: Sections = False,
    safe_cells: Safe = False,
    json: Json = False,
) -> None:
    """Find the nearest target of each feature.

    Example: cpecgeo near villages.csv --to ml1,eastern --within 25 -o near.gpkg
    """
    if _streams(source, out, stream, resume=resume):
        options = {"targets": targets(to, "--to"), "k": k, "max_km": max_km, "lon": lon, "lat": lat}
        options |= {"layer": layer, "resume": resume, "safe_cells": safe_cells}
        if sections:
            raise InputError("A streamed run has no --sections; add --no-stream, or leave it out.")
        _streamed("nearest", source, out, crs=crs, thousands=thousands, replace=replace, **options)
        return

    from cpecgeo.analysis.measure import nearest

    frame = features(source, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    known = frame[frame.geometry.notna()]
    found = nearest(known, targets(to, "--to"), k=k, max_km=max_km, sections=sections)
    told = "target distance_km km side accuracy_km" + " section status opened" * sections
    joined, shown = beside(frame, found, told)
    if max_km is not None:
        joined = joined[joined[shown[-len(told.split())]].notna()]
    give(joined, None if json else shown, out=out, json=json, safe_cells=safe_cells)


@app.command()
def within(
    source: Source,
    *,
    of: Annotated[
        list[str],
        typer.Option("--of", "--to", metavar="NAMES", help="Corridors, places or layers."),
    ],
    km: Km,
    certainty: Annotated[
        str | None, typer.Option(help="sure, likely, open; several between commas.")
    ] = None,
    out: Out = None,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    stream: Stream = None,
    resume: Resume = False,
    replace: Replace = False,
    safe_cells: Safe = False,
    json: Json = False,
) -> None:
    """Select the features within so many kilometres.

    Example: cpecgeo within energy --of ml1 --km 10 --certainty sure,likely
    """
    words = None if certainty is None else split([certainty])
    if _streams(source, out, stream, resume=resume):
        options = {"targets": subject(of, "--of"), "km": _one_km(km), "lon": lon, "lat": lat}
        options |= {"layer": layer, "resume": resume, "safe_cells": safe_cells}
        options |= {"certainty": words}
        _streamed("within", source, out, crs=crs, thousands=thousands, replace=replace, **options)
        return
    from cpecgeo.analysis.proximity import within as found

    frame = features(source, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
    rows = found(frame, subject(of, "--of"), _one_km(km), certainty=words)
    told = "name kind status target distance_km accuracy_km_near certainty"
    shown = told if out is None and not json else None
    give(rows, shown, out=out, json=json, safe_cells=safe_cells)


@app.command()
def rings(
    x: X,
    *,
    km: Km = "5,10,25,50",
    out: Out = None,
    each: Annotated[bool, typer.Option("--each", help="Rings of their own for each.")] = False,
    json: Json = False,
) -> None:
    """Draw rings around something, with their areas.

    Example: cpecgeo rings "Gwadar Port" --km 5,10,25 -o rings.geojson
    """
    from cpecgeo.analysis.proximity import rings as found

    give(found(subject(x, "the centre"), _radii(km), dissolve=not each), out=out, json=json)


@app.command()
def buffer(
    x: X,
    *,
    km: Km,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file; its suffix says how.")],
) -> None:
    """Draw the area within so many kilometres.

    Example: cpecgeo buffer ml1 --km 10 -o ml1-10km.gpkg
    """
    import geopandas as gpd

    from cpecgeo import geodesy
    from cpecgeo.analysis.measure import buffer as made

    radii = _radii(km)
    if len(radii) != 1:
        raise InputError(f"--km is {km!r}; one number is needed, or see `cpecgeo rings`.")
    found = made(subject(x, "x"), radii[0])
    series = found if isinstance(found, gpd.GeoSeries) else gpd.GeoSeries([found], crs=4326)
    frame = gpd.GeoDataFrame(
        {"name": x, "km": radii[0], "area_km2": geodesy.area_km2(series).to_numpy()},
        geometry=series.to_numpy(),
        crs=4326,
    )
    give(frame, out=out)


@app.command()
def crossed(
    x: X,
    *,
    zones: Annotated[str, typer.Option(help="districts, provinces, or a file.")] = "districts",
    sections: Sections = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """List the zones that lines go through, in order.

    Example: cpecgeo crossed mining --zones provinces
    """
    from cpecgeo.analysis.overlay import crossed as found

    table = found(subject(x, "the line"), subject(zones, "--zones"), sections=sections)
    shown = "feature name section status opened km_in km_in_off km_out km_out_off length_km "
    shown += "length_low_km length_high_km share uncertain_share certainty"
    give(table, shown if out is None else None, out=out, json=json)


@app.command()
def exposure(
    x: X,
    *,
    km: Km = "5,10,25,50",
    source: Annotated[
        str, typer.Option("--of", help="What is counted: a layer or a file.")
    ] = "places",
    raster: Annotated[
        Path | None, typer.Option(help="A GeoTIFF: the sum of its cells, cut by the rings.")
    ] = None,
    value: Annotated[str, typer.Option(help="The column to add up; empty counts.")] = "population",
    by: Annotated[
        str | None, typer.Option(help="A column to break it down by; areas, with --raster.")
    ] = None,
    band: Annotated[int, typer.Option(help="Which band of the raster.")] = 1,
    nodata: Annotated[
        list[float] | None,
        typer.Option(metavar="VALUE", help="No data too, besides what the raster declares."),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Rings of their own for each.")] = False,
    lon: Lon = None,
    lat: Lat = None,
    layer: Layer = None,
    crs: Crs = None,
    thousands: Thousands = None,
    stream: Stream = None,
    resume: Resume = False,
    out: Out = None,
    json: Json = False,
) -> None:
    """Count people, or anything, in rings around something.

    Example: cpecgeo exposure mining --km 5,10,25 --by province

    A raster: cpecgeo exposure ml1 --km 5,10 --raster worldpop.tif --by districts
    """
    if raster is None and _streams(source, out, stream, resume=resume):
        options: dict[str, Any] = {"km": _radii(km), "value": value or None, "resume": resume}
        options |= {"lon": lon, "lat": lat, "layer": layer}
        _streamed(
            "exposure",
            source,
            out,
            crs=crs,
            thousands=thousands,
            targets=subject(x, "the centre"),
            **options,
        )
        return
    from cpecgeo.analysis.exposure import exposure as found
    from cpecgeo.features.resolve import resolve

    counted: Any = source
    if (lon, lat, layer, crs) != (None, None, None, None):
        rows = features(source, lon=lon, lat=lat, layer=layer, crs=crs, thousands=thousands)
        counted = resolve(rows, "--of", missing="keep")
    elif raster is None:
        counted = subject(source, "--of")
    table = found(
        subject(x, "the centre"),
        _radii(km),
        layer=counted,
        raster=raster,
        value=value or None,
        by=by,
        band=band,
        nodata=nodata or None,
        dissolve=not each,
    )
    give(table, out=out, json=json)
