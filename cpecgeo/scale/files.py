"""`nearest`, `within` and `exposure` on files of any size."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyproj

from cpecgeo.analysis.proximity import check_radii
from cpecgeo.catalogue import data_version
from cpecgeo.errors import FileError, InputError, warn
from cpecgeo.features.subject import SubjectLike
from cpecgeo.files.disk import fingerprint, local
from cpecgeo.files.formats import Choice, find_format, has_format
from cpecgeo.scale.parquet import Parquet
from cpecgeo.scale.parts import DonePart, Parts
from cpecgeo.scale.questions import Exposure, Nearest, Question, Targets, Within, prepare
from cpecgeo.scale.sinks import Sink, Writing, read_rings, sink
from cpecgeo.scale.sources import Source, is_bytes
from cpecgeo.scale.stream import Job, OnProgress, Run, run
from cpecgeo.scale.tables import Csv, GeoPackage

__all__ = ["BATCH_ROWS", "PART_ROWS", "exposure_file", "nearest_file", "within_file"]

BATCH_ROWS = 262_144
PART_ROWS = 4_194_304

_Path = str | Path
CrsLike = str | int | pyproj.CRS | None
_Bad = Literal["raise", "keep"]


def nearest_file(
    src: _Path,
    out: _Path,
    *,
    targets: SubjectLike | Targets,
    k: int = 1,
    max_km: float | None = None,
    resume: bool = False,
    replace: bool = False,
    batch_rows: int = BATCH_ROWS,
    part_rows: int = PART_ROWS,
    progress: bool | OnProgress = False,
    lon: str | None = None,
    lat: str | None = None,
    layer: str | None = None,
    crs: CrsLike = None,
    thousands: str | None = None,
    encoding: str | None = None,
    bad: _Bad = "raise",
    safe_cells: bool = False,
) -> Run:
    r"""Find the nearest target of every row of a file, which may be larger than memory.

    Parameters
    ----------
    src : str or Path
        GeoParquet, Parquet with columns of lon and lat (or a folder of either), CSV (``.csv.gz``
        too), GeoPackage. Points with a CRS may be in any; lon and lat are degrees on WGS 84.
    out : str or Path
        ``.parquet`` or ``.geoparquet`` (GeoParquet), ``.csv``, ``.tsv``, ``.csv.gz``, or the name
        of a folder, which then holds the parts as they are. It appears only when it is complete.
    targets : SubjectLike or Targets
        Corridors, places, layers, geometries of your own, in any mixture; see `cpecgeo.nearest`.
    k : int
        How many targets per row; with more than 1 each row is repeated, nearest first, and a
        column `rank` counts from 1.
    max_km : float, optional
        Look no farther.
    resume : bool
        Keep the finished parts of an interrupted run, after their hash is verified.
    replace : bool
        Where `out` is a folder with an earlier result, replace that. Files always are; folders
        with anything else in them never.
    batch_rows, part_rows : int
        Rows in memory at once, and rows that an interruption loses at most.
    progress : bool or callable
        True shows a bar with rows per second and time left. A function is called with a
        `cpecgeo.scale.Progress`.
    lon, lat : str, optional
        Names of the columns, where they aren't recognized.
    layer : str, optional
        Of a GeoPackage with more than one.
    crs : str or CRS, optional
        The CRS of positions that have none of their own, as in `cpecgeo.read`: of columns ``x``
        and ``y``, or ``"GCJ-02"`` and ``"BD-09"`` of Chinese maps.
    thousands : str, optional
        The separator of thousands in numbers as text, in columns used for computing.
    encoding : str, optional
        Of CSV that isn't UTF-8, as in `cpecgeo.read`; the result is UTF-8.
    bad : {"raise", "keep"}
        Whether coordinates out of range end the run, or have no answer, as missing ones.
    safe_cells : bool
        Put an apostrophe before text in CSV that a spreadsheet would run as a formula.

    Returns
    -------
    Run
        How many rows, parts and seconds it took. The rows keep their order and columns, and
        have besides `target`, `distance_km` (geodesic), `near_lon`, `near_lat` (the closest
        point), `km` (chainage on a corridor, else km along the line), `side` of the line
        (both missing where the target is a point or an area), `accuracy_km` of the leg or target
        there and, where the file has an `accuracy_km`, `point_accuracy_km`; with ``_near`` behind
        a name that the file has too. Text stays as it is, numbers in CSV among it.

    Raises
    ------
    FileError
        A file can't be read or written, changed while it was read, or the disk is full; `out` is
        a folder with files that no run wrote.
    InputError, CRSError, CoordinateError, GeometryError, InputTypeError, UnknownNameError
        As the verbs in memory; messages name the row, from 1.

    Warns
    -----
    DataWarning
        Rows lie at 0, 0, seem to have lon and lat swapped, or lie far from all others.

    Notes
    -----
    Parts are kept in a folder ``.NAME.parts`` beside `out` until it is complete. The same
    input, options and version give the same bytes, however often a run was interrupted.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.csv").write_text("id,lon,lat\n7,67.0,24.9\n")
    >>> nearest_file(folder / "in.csv", folder / "out.csv", targets="ml1").rows_out
    1
    >>> (folder / "out.csv").read_text().splitlines()[0]
    'id,lon,lat,target,distance_km,near_lon,near_lat,km,side,accuracy_km'
    """
    job = _job(
        src, out, Nearest(k, max_km, thousands), targets,
        Choice(layer, lon, lat, crs, thousands, encoding), batch_rows=batch_rows,
        part_rows=part_rows, bad=bad, safe_cells=safe_cells, replace=replace,
    )  # fmt: skip
    return run(job, resume=resume, progress=progress)


def within_file(
    src: _Path,
    out: _Path,
    *,
    targets: SubjectLike | Targets,
    km: float,
    certainty: str | Sequence[str] | None = None,
    resume: bool = False,
    replace: bool = False,
    batch_rows: int = BATCH_ROWS,
    part_rows: int = PART_ROWS,
    progress: bool | OnProgress = False,
    lon: str | None = None,
    lat: str | None = None,
    layer: str | None = None,
    crs: CrsLike = None,
    thousands: str | None = None,
    encoding: str | None = None,
    bad: _Bad = "raise",
    safe_cells: bool = False,
) -> Run:
    r"""Select the rows of a file within a distance of the targets.

    Parameters
    ----------
    km : float
        Geodesic kilometres, 0 or more.
    certainty : {"sure", "likely", "open"} or several of them, optional
        As `cpecgeo.within`.
    src, out, targets, resume, replace, batch_rows, part_rows, progress, lon, lat, layer
        As `nearest_file`.
    crs, thousands, encoding, bad, safe_cells
        As `nearest_file`.

    Returns
    -------
    Run
        The rows in their order, with `target` (the nearest), `distance_km`, `accuracy_km`
        and `certainty`.

    Raises
    ------
    FileError, InputError, CRSError, CoordinateError, GeometryError, UnknownNameError

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.csv").write_text("lon,lat\n67.0,24.9\n60.0,40.0\n")
    >>> within_file(folder / "in.csv", folder / "out.parquet", targets="ml1", km=20).rows_out
    1
    """
    job = _job(
        src, out, Within(km, certainty, thousands), targets,
        Choice(layer, lon, lat, crs, thousands, encoding), batch_rows=batch_rows,
        part_rows=part_rows, bad=bad, safe_cells=safe_cells, replace=replace,
    )  # fmt: skip
    return run(job, resume=resume, progress=progress)


def exposure_file(
    src: _Path,
    out: _Path,
    *,
    targets: SubjectLike | Targets,
    km: float | Sequence[float] = (5, 10, 25, 50),
    value: str | None = None,
    resume: bool = False,
    batch_rows: int = BATCH_ROWS,
    part_rows: int = PART_ROWS,
    progress: bool | OnProgress = False,
    lon: str | None = None,
    lat: str | None = None,
    layer: str | None = None,
    crs: CrsLike = None,
    thousands: str | None = None,
    encoding: str | None = None,
    bad: _Bad = "raise",
) -> Run:
    r"""Sum the rows of a file, and one of its columns, in rings around the targets.

    Parameters
    ----------
    km : float or sequence of float
        Outer radii of the rings, ascending; a point at a radius counts in the ring inside it.
    value : str, optional
        A column to sum; rows without a number are `missing`, and a sum of such alone is empty.
    src, out, targets, resume, batch_rows, part_rows, progress, and those of reading
        As `nearest_file`; `out` is ``.csv`` or ``.parquet``.

    Returns
    -------
    Run
        `out` has one row per ring: `km_from`, `km_to`, `features`, and with `value` its sum and
        `missing`; `features_low`, `features_high`, `<value>_low`, `<value>_high` count what surely
        lies in the ring and all that may, as `cpecgeo.exposure` has them. Points are moved by
        their column `accuracy_km`, where there is one; empty where no accuracy is known.

    Raises
    ------
    FileError, InputError, CRSError, CoordinateError, GeometryError, UnknownNameError

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.csv").write_text("lon,lat,people\n67.0,24.9,10\n67.1,24.9,5\n")
    >>> src, out = folder / "in.csv", folder / "o.csv"
    >>> _ = exposure_file(src, out, targets="ml1", km=[50], value="people")
    >>> (folder / "o.csv").read_text().splitlines()[1]
    '0,50,2,2,2,15,15,15,0'
    """
    question = Exposure(check_radii(km), value, thousands)
    job = _job(
        src, out, question, targets, Choice(layer, lon, lat, crs, thousands, encoding),
        batch_rows=batch_rows, part_rows=part_rows, bad=bad, safe_cells=False, replace=False,
    )  # fmt: skip
    if job.sink.kind == "folder":
        raise InputError(f"{out} names a folder; rings are one small table: name .csv or .parquet.")

    def finish(parts: Parts, done: list[DonePart]) -> Path:
        whole = parts.folder / "whole"
        writing = Writing(job.sink, whole)
        writing.append(_sum_rings([read_rings(parts.path(p.number)) for p in done], question))
        writing.finish()
        return whole

    # Only the final sums are rounded, so parts are kept in Arrow's format with all digits.
    inner = Sink("rings")
    parts = dataclasses.replace(job.parts, suffix=inner.suffix, together=False)
    return run(
        dataclasses.replace(job, sink=inner, parts=parts),
        resume=resume,
        progress=progress,
        finish=finish,
    )


def _sum_rings(tables: list[pa.Table], question: Exposure) -> pa.Table:
    """Return one row per ring over all batches; only the final sums are rounded."""
    whole = pa.concat_tables(tables).to_pandas()
    rings = whole.groupby(["km_from", "km_to"], sort=True)
    sums = {f"{question.value}{end}" for end in ("", "_low", "_high")}
    out = rings.agg({c: math.fsum if c in sums else "sum" for c in whole.columns[2:]})
    out = question.finish(out).reset_index()
    return pa.Table.from_pandas(out, preserve_index=False).replace_schema_metadata()


def open_source(path: Path, choice: Choice = Choice()) -> Source:  # noqa: B008
    """Open a file to be read in batches, by its suffix; other formats are an `InputError`."""
    if not path.exists():
        raise FileError(f"There is no file {path}.")
    name = "" if path.is_dir() or not has_format(path.name) else find_format(path).name
    if choice.encoding is not None and name != "CSV":
        raise InputError(f"{path.name} says its encoding itself; leave encoding= out.")
    if choice.layer is not None and (name in {"CSV", "GeoParquet"} or path.is_dir()):
        raise InputError(f"{path.name} has no layers; leave layer= out.")
    if path.is_dir() or name == "GeoParquet":
        return Parquet.open(path, choice)
    if name == "CSV":
        return Csv.open(path, choice)
    if name == "GeoPackage":
        return GeoPackage.open(path, choice)
    raise InputError(
        f"{path.name} can't be streamed; .parquet, .geoparquet, .csv, .csv.gz and .gpkg can. "
        "Convert it first."
    )


def _job(
    src: _Path,
    out: _Path,
    question: Question,
    subject: SubjectLike | Targets,
    choice: Choice,
    *,
    batch_rows: int,
    part_rows: int,
    bad: str,
    safe_cells: bool,
    replace: bool,
) -> Job:
    path, target = local(src, "src"), local(out, "out")
    before = fingerprint(path) if path.exists() else []
    if bad not in {"raise", "keep"}:
        raise InputError(f'bad is {bad!r}; it is "raise" or "keep".')
    for name, rows in (("batch_rows", batch_rows), ("part_rows", part_rows)):
        if not isinstance(rows, int) or rows < 1:
            raise InputError(f"{name} is {rows!r}; a whole number of rows, 1 or more, is needed.")
    source = open_source(path, choice)
    written = sink(target, safe_cells=safe_cells)
    _keep_apart(path, target)
    if written.kind != "folder" and target.is_dir():
        raise FileError(f"{out} is a folder; name a file.")
    if isinstance(question, Exposure):
        question.check(source.schema.names, path.name)
    if written.kind == "csv":
        lost = [f.name for f in source.schema if is_bytes(f.type) and f.name != source.geometry]
        if lost:
            text = f"{path.name} has bytes in {', '.join(map(repr, lost[:8]))}, which CSV can't "
            text += "hold and which are left out; write Parquet to keep them."
            warn(text)
    prepared = prepare(subject)
    k = getattr(question, "k", 1)
    key = {
        "source": str(path.resolve()),
        "source changed": before,
        "columns": [None if said is None else str(said) for said in dataclasses.astuple(choice)],
        "question": repr(question),
        "targets": prepared.digest,
        "rows": [batch_rows, part_rows],
        "format": [written.suffix, written.separator, safe_cells],
        "bad": bad,
        "version": data_version(),
    }
    parts = Parts(target, written.suffix, written.is_together, key, replace)
    batch = max(1, batch_rows // min(k, len(prepared)))
    keep = bad == "keep"
    return Job(source, question, prepared, written, parts, part_rows, batch, keep, before)


def _keep_apart(source: Path, out: Path) -> None:
    """Refuse a result that would replace its source, under any name, or lie inside its folder."""
    if _is_same(source, out):
        raise InputError(f"{out} is the file that is read; write to another.")
    holders = {*source.resolve().parents, *source.parent.resolve().parents, source.parent.resolve()}
    for folder in (out, out.parent / f".{out.name}.parts"):
        if any(_is_same(holder, folder) for holder in holders):
            raise InputError(
                f"{folder} is a folder that holds {source}, which is read; write to another."
            )
    if source.is_dir() and out.suffix == ".parquet" and _is_same(source, out.parent):
        raise InputError(
            f"{out} would lie among the files of {source}, which are read; write to another folder."
        )


def _is_same(one: Path, other: Path) -> bool:
    """Return whether two paths are the same file: names may differ by case, links or ``..``."""
    try:
        return one.samefile(other)
    except OSError:
        return False
