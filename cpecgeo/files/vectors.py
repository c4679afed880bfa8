"""Reading and writing by GDAL (GeoJSON, GeoPackage, shapefile and others), and Parquet."""

from __future__ import annotations

import codecs
import contextlib
import glob
import json
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import pyogrio.raw
import shapely.errors

from cpecgeo.errors import (
    CpecgeoError,
    CpecgeoWarning,
    FileError,
    GeometryError,
    GeometryWarning,
    InputError,
    MissingExtraError,
    warn,
)
from cpecgeo.files.disk import ask_sqlite, first_line, translating, unpack, zip_files
from cpecgeo.files.fields import fid_name
from cpecgeo.files.formats import Choice, Format, choose_layer, examine, find_format
from cpecgeo.files.numbers import unify
from cpecgeo.files.wellknown import refuse_deep
from cpecgeo.geodesy import lonlat

__all__ = ["read_vector", "to_lonlat", "write_parquet", "write_vector"]

_PARTS = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg"})
# GDAL's warnings that repeat ours, or that nobody can act on.
_NOISE = ("Non closed ring", "Measured (M) geometry", "time zone", "timezone", "offset",
          "Several features with id", ".id parsed incompletely")  # fmt: skip


def read_vector(path: Path, what: str, choice: Choice) -> gpd.GeoDataFrame:
    """Read a layer by GDAL, as a `Reader`, after a check that the content matches the suffix.

    Open rings are closed, with a warning. Another warning names values that GDAL couldn't keep.
    """
    form = find_format(path)
    if path.suffix.casefold() == ".zip":
        with unpack(path, what, _PARTS) as files:
            shapes = {f.stem: f for f in files if f.suffix.casefold() == ".shp"}
            if not shapes:
                raise FileError(f"{what} holds no shapefile; unpack it, and name the file in it.")
            name = choose_layer(list(shapes), choice.layer, what)
            plain = Choice(crs=choice.crs, encoding=choice.encoding)
            return _read(shapes[name], what, plain, form)
    with _in_utf8(path, what) if "JSON" in form.name else contextlib.nullcontext(path) as whole:
        return _read(whole, what, choice, form)


def _read(path: Path, what: str, choice: Choice, form: Format) -> gpd.GeoDataFrame:
    driver = str(form.driver)
    if driver == "GeoJSONSeq" and path.stat().st_size == 0:
        return gpd.GeoDataFrame(geometry=[], crs=4326)
    there, ids = examine(path, driver, what)
    if driver in {"GeoJSONSeq", "TopoJSON"}:
        there = f"{driver}:{there}"
    encoding = choice.encoding
    if driver == "ESRI Shapefile":
        encoding = encoding or _guess_encoding(path, what)
    with _translate(what, form) as remarks:
        names = [str(row[0]) for row in pyogrio.list_layers(there)]
        if not names:
            raise FileError(f"{what} holds no layer; {form.name} with features is needed.")
        layer = choose_layer(names, choice.layer, what)
        try:
            frame = _read_whole_numbers(there, layer, "raise", encoding, driver)
        except shapely.errors.GEOSException:
            frame = _read_whole_numbers(there, layer, "fix", encoding, driver)
            warn(f"{what} has rings that aren't closed; they were closed.", GeometryWarning)
        is_said = any("Measured (M)" in str(remark.message) for remark in remarks)
        if is_said or (driver == "GPKG" and _may_have_measures(path, layer)):
            frame = _add_measures(frame, there, layer, what)
    frame = _add_numbers(frame, driver, ids)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(f"{what} has no geometry; features with positions are needed.")
    _refuse_lost(frame, driver, path, there, layer, what)
    return frame


@contextlib.contextmanager
def _in_utf8(path: Path, what: str) -> Iterator[Path]:
    """Yield a JSON file, or a copy in UTF-8 of one in UTF-16, which GDAL can't read."""
    with translating(what), path.open("rb") as file:
        is_wide = file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
    if not is_wide:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder:
        copy = Path(folder) / path.name
        try:
            copy.write_bytes(path.read_bytes().decode("utf-16").encode())
        except UnicodeError as error:
            reason = getattr(error, "reason", error)
            raise FileError(
                f"{what} begins as UTF-16 and isn't ({reason}); save it as UTF-8."
            ) from None
        yield copy


def _may_have_measures(path: Path, layer: str) -> bool:
    """Return whether a GeoPackage states measures; GDAL doesn't report it for mixed layers."""
    query = "SELECT m FROM gpkg_geometry_columns WHERE table_name = ?"
    return ask_sqlite(path, query, layer) not in {(), (0,)}


def _add_measures(frame: gpd.GeoDataFrame, there: str, layer: str, what: str) -> Any:
    """Return features with the measures (M) of their vertices, which GDAL gives only as Arrow."""
    try:
        meta, table = pyogrio.read_arrow(there, layer=layer, columns=[])
    except ImportError:
        warn(
            f"{what} may have measures (M) in its {len(frame):,} geometries, which are left out; "
            "they are read with pyarrow: pip install 'cpecgeo[scale]'."
        )
        return frame
    if not isinstance(frame, gpd.GeoDataFrame):
        return frame
    column = table[meta["geometry_name"] or "wkb_geometry"]
    refuse_deep(column, what)
    shapes = frame.geometry.to_numpy().copy()
    found = shapely.from_wkb(column.to_numpy(), on_invalid="ignore")
    with_m = shapely.has_m(found)
    shapes[with_m] = found[with_m]
    return frame.set_geometry(gpd.GeoSeries(shapes, frame.index, crs=frame.crs))


def _add_numbers(frame: gpd.GeoDataFrame, driver: str, ids: dict[str, list[Any]] | None) -> Any:
    """Index rows from 0, and add columns with the features' numbers and ids."""
    numbers = frame.index.to_numpy()
    frame = frame.reset_index(drop=True)
    if driver == "GPKG" and len(numbers) and (numbers.min(), numbers.max()) != (1, len(numbers)):
        frame.insert(0, fid_name(frame.columns), numbers)
    if ids is None or len(ids["id"]) != len(frame):
        return frame
    # GDAL's own ids of GeoJSON features aren't reliable.
    for place, (name, values) in enumerate(ids.items()):
        kinds = {type(one) for one in values if one is not None}
        mixed = len(kinds) > 1  # such as 1.5 and 2, which stay as they are written
        column = unify([None if one is None else str(one) for one in values] if mixed else values)
        if name in frame and name == "id":
            frame["id"] = column
        else:
            frame.insert(place, next(n for n in (name, f"{name}_2") if n not in frame), column)
    return frame


def _guess_encoding(path: Path, what: str) -> str | None:
    """Return "UTF-8" for a shapefile whose text is UTF-8 and that doesn't state it, else None.

    With None GDAL reads the text as ISO 8859-1, without a warning.
    """
    beside = {f.suffix.casefold(): f for f in path.parent.glob(f"{glob.escape(path.stem)}.*")}
    if ".dbf" not in beside:
        warn(f"{what} has no .dbf beside it, so it has no columns.")
        return None
    if ".cpg" in beside:
        return None
    with beside[".dbf"].open("rb") as file:
        head = file.read(32)
        # 0 is no statement; 0x57, «ANSI», is whatever the writer's system used.
        if len(head) < 32 or head[29] not in {0, 0x57}:
            return None
        file.seek(int.from_bytes(head[8:10], "little"))
        text = file.read()
    if text.isascii():
        return None
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        warn(
            f"{what} has no .cpg that says what its text is, which is read as ISO 8859-1; if names "
            'are wrong, say what it is, such as encoding="cp1256" (Arabic, Urdu) or '
            'encoding="gb18030" (Chinese).'
        )
        return None
    return "UTF-8"


def _refuse_lost(
    frame: gpd.GeoDataFrame, driver: str, path: Path, there: str, layer: str, what: str
) -> None:
    """Refuse files from which GDAL drops features or geometries without a warning."""
    if driver == "FlatGeobuf":
        stated = pyogrio.read_info(there, layer=layer)["features"]
        if stated > len(frame):
            raise FileError(
                f"{what} states {stated:,} features, of which {len(frame):,} can be read; it is "
                "damaged, or not wholly written."
            )
    elif driver == "GeoJSON" and frame.geometry.isna().any():
        _refuse_unread(frame, path, what)


def _refuse_unread(frame: gpd.GeoDataFrame, path: Path, what: str) -> None:
    """Refuse GeoJSON with geometries that GDAL reads as missing, such as coordinates in quotes."""
    try:
        held = json.loads(path.read_bytes())
        features = held.get("features", [held])
        empty = sum(feature.get("geometry", feature) is None for feature in features)
    except (ValueError, RecursionError, AttributeError, TypeError):
        return  # GDAL also reads files that break JSON's rules
    if (lost := int(frame.geometry.isna().sum()) - empty) > 0:
        raise GeometryError(
            f"{what} has {lost} geometries that can't be read; GeoJSON wants coordinates as "
            "arrays of numbers, without quotes."
        )


def _read_whole_numbers(
    there: str, layer: str, on_invalid: str, encoding: str | None, driver: str
) -> Any:
    """Read a layer, indexed by feature numbers; whole numbers stay whole where some are missing.

    pyogrio would make them floats, which have only sixteen digits.
    """
    # GDAL trusts the count stated in these files; a filter makes it count. A stated count too small
    # would lose features, one too large would use up memory.
    where = "1 = 1" if driver in {"GPKG", "FlatGeobuf"} else None
    frame = pyogrio.read_dataframe(
        there, layer=layer, on_invalid=on_invalid, fid_as_index=True, encoding=encoding, where=where
    )
    # read_info has it too, but fails where a file's description isn't UTF-8.
    told = pyogrio.raw.read(
        there, layer=layer, max_features=1, read_geometry=False, encoding=encoding
    )[0]
    kinds = dict(zip(told["fields"], told["dtypes"], strict=True))
    if "geometry" in kinds and isinstance(frame, gpd.GeoDataFrame):
        own = pyogrio.read_dataframe(
            there, layer=layer, columns=["geometry"], read_geometry=False, where=where
        )
        name = next(n for n in ("geometry_2", "geometry_of_row") if n not in frame)
        frame.insert(0, name, own["geometry"].to_numpy())
        warn(f"The column 'geometry' beside the shapes is called {name!r}.")
    whole = [c for c in frame if str(kinds.get(c)).startswith("int") and frame[c].dtype.kind == "f"]
    if any((frame[c].abs() >= 2**53).any() for c in whole):
        try:
            import pyarrow as pa
        except ImportError:
            warn(
                "Whole numbers of more than 15 digits are read without pyarrow, so they lose "
                "digits: pip install 'cpecgeo[scale]'."
            )
        else:
            exact = {pa.int64(): pd.Int64Dtype()}.get
            long = pyogrio.read_dataframe(
                there, layer=layer, columns=whole, read_geometry=False, use_arrow=True, where=where,
                arrow_to_pandas_kwargs={"types_mapper": exact},
            )  # fmt: skip
            return frame.assign(**{c: long[c].set_axis(frame.index) for c in whole})
    return frame.assign(**{c: frame[c].astype("Int64") for c in whole})


@contextlib.contextmanager
def _translate(what: str, form: Format) -> Iterator[list[warnings.WarningMessage]]:
    """Turn GDAL's errors and warnings into ours, naming the file; yield the recorded warnings."""
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            yield remarks
        except CpecgeoError:
            raise
        except (
            pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError,
            shapely.errors.ShapelyError,
        ) as error:  # fmt: skip
            if "read geometry" in str(error):  # for a GeoPackage that is read with a filter
                raise GeometryError(
                    f"{what} has geometries that can't be read: damaged or nested too deep; mend "
                    "or drop them."
                ) from error
            raise FileError(f"{what} can't be read as {form.name}: {first_line(error)}.") from error
    for text in dict.fromkeys(str(r.message) for r in remarks):
        kind = next((r.category for r in remarks if str(r.message) == text), UserWarning)
        if issubclass(kind, CpecgeoWarning):
            warn(text, kind)
        elif issubclass(kind, RuntimeWarning) and not any(n in text for n in _NOISE):
            warn(f"{what}: {text}")


def write_vector(
    frame: gpd.GeoDataFrame, path: Path, form: Format, layer: str, metadata: dict[str, str]
) -> None:
    """Write a table of features by GDAL; names and values fit the format already.

    In an existing GeoPackage the layer is added. It alone has metadata.
    """
    shape = frame.geometry.name
    options: dict[str, Any] = {"driver": form.driver}
    target = path
    if form.driver in {"GPKG", "FlatGeobuf"} and len(set(frame.geom_type)) > 1:
        # Otherwise single geometries would become multiple ones.
        options |= {"geometry_type": "Unknown", "promote_to_multi": False}
    if form.driver == "GPKG":
        taken = {str(c).casefold() for c in frame.columns if c != shape}
        options |= {
            "layer": layer,
            "layer_metadata": metadata,
            # Columns with these names are the user's own.
            "FID": fid_name(taken),
            "GEOMETRY_NAME": next(n for n in ("geom", "geometry", "gpkg_geom") if n not in taken),
        }
    elif form.driver == "GeoJSON":
        options["RFC7946"] = "YES"
    elif form.driver == "FlatGeobuf":
        options["SPATIAL_INDEX"] = "NO"  # it would reorder the rows
    elif form.driver == "ESRI Shapefile":
        options["encoding"] = "UTF-8"
        if path.suffix.casefold() == ".zip":
            stem = path.name.casefold().removesuffix(".zip").removesuffix(".shp")
            target = path.parent / "unzipped" / f"{path.name[: len(stem)]}.shp"
            target.parent.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # lengths of columns, time zones
        pyogrio.write_dataframe(frame, target, **options)
    if target is not path:
        files = sorted(target.parent.iterdir())
        zip_files(files, path)
        for file in files:
            file.unlink()
        target.parent.rmdir()


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet, and as GeoParquet where it has a geometry."""
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError(
            "Parquet is written by pyarrow: pip install 'cpecgeo[scale]'."
        ) from error


def to_lonlat(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return geometries in lon, lat, with their heights, invalid ones unchanged."""
    # Verbs refuse collections, but formats can store them.
    is_collection = (shapes.geom_type == "GeometryCollection").to_numpy()
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        checked = lonlat(shapes[~is_collection], what="the table", missing="keep")
    is_mended = any(issubclass(r.category, GeometryWarning) for r in remarks)
    if not is_mended and not shapes.has_z.any() and not is_collection.any():
        return checked
    return shapes if shapes.crs.equals("EPSG:4326") else shapes.to_crs(4326)
