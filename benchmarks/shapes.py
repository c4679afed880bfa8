"""Buffers beside their peers'."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from benchmarks import samples
from benchmarks.clock import best, number, table
from benchmarks.postgis import Server
from cpecgeo.geodesy import Index, buffer
from cpecgeo.testing import reference_nearest

GEOD = Geod(ellps="WGS84")
SAMPLE = 400


def radial_error(shape, line, km: float) -> tuple[float, float]:
    """Greatest and mean relative error at vertices and midpoints of the boundary."""
    places = []
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        xy = shapely.get_coordinates(ring)
        azimuth, _, size = GEOD.inv(*xy[:-1].T, *xy[1:].T)
        middle = np.column_stack(GEOD.fwd(*xy[:-1].T, azimuth, np.asarray(size) / 2)[:2])
        places += [xy[:-1], middle]
    places = np.concatenate(places)
    # All places by the index, whose worst are then measured by the slow reference.
    rough = np.abs(Index(line).find(places).metres[:, 0] / 1e3 / km - 1)
    worst = places[np.argsort(rough)[-SAMPLE:]]
    slow = np.abs(reference_nearest(worst, line)["distance_km"].to_numpy() / km - 1)
    return float(slow.max()), float(rough.mean())


def _projected(crs):
    def run(series, km):
        return series.to_crs(crs).buffer(km * 1e3).to_crs(4326).iloc[0]

    return run


def _estimated(series, km):
    return series.to_crs(series.estimate_utm_crs()).buffer(km * 1e3).to_crs(4326).iloc[0]


def _centred(series, km):
    x, y = np.mean(np.reshape(series.total_bounds, (2, 2)), axis=0)
    return _projected(f"+proj=aeqd +lat_0={y} +lon_0={x} +datum=WGS84")(series, km)


def _sedona():
    import sedonadb

    db = sedonadb.connect()

    def run(series, km):
        db.create_data_frame(gpd.GeoDataFrame(geometry=series)).to_view("line", overwrite=True)
        sql = (
            "SELECT ST_AsBinary(ST_Buffer(ST_GeogFromWKB(ST_AsBinary(geometry)), "
            f"{km * 1e3})) AS g FROM line"
        )
        return shapely.from_wkb(db.sql(sql).to_pandas()["g"].iloc[0])

    run(gpd.GeoSeries([shapely.LineString([(67, 25), (68, 26)])], crs=4326), 10)
    return run


def buffers(server: Server | None) -> str:
    """Buffers of ML-1 by radius."""
    text = ""
    for name, line, radii in (
        ("5,000 vertices, traced to some 30 m", samples.traced(5_000), (1, 5, 10, 50, 100)),
        ("5,000 vertices, smooth", samples.ml1(5_000), (1, 5, 10, 50, 100)),
        ("22 vertices", samples.ml1(22), (1, 10)),
    ):
        series = gpd.GeoSeries([line], crs=4326)
        if server is not None:
            server.run(
                f"DROP TABLE IF EXISTS one; CREATE TABLE one AS SELECT '{line.wkt}'::geography AS g"
            )
        for km in radii:
            methods = {
                "**cpecgeo**": lambda s, r: buffer(s, r).iloc[0],
                "UTM 42N": _projected(32642),
                "estimated UTM": _estimated,
                "centred equidistant": _centred,
            }
            rows, base = [], None
            try:
                methods["SedonaDB geography"] = _sedona()
            except Exception as error:  # noqa: BLE001 - whatever a peer raises, the run goes on
                skipped = str(error).splitlines()[0][:80]
                rows.append(["SedonaDB geography", "–", "–", "–", f"skipped: {skipped}"])
            timed = {n: best(lambda m=m, s=series, r=km: m(s, r), 5) for n, m in methods.items()}
            if server is not None:
                sql = f"SELECT ST_Buffer(g, {km * 1e3}) FROM one"
                seconds = min(server.milliseconds(sql) for _ in range(3)) / 1e3
                shape = shapely.from_wkt(
                    server.run(f"SELECT ST_AsText(ST_Buffer(g, {km * 1e3})) FROM one").strip()
                )
                timed["PostGIS geography"] = seconds, shape
            base = timed["UTM 42N"][0]
            for method, (seconds, shape) in timed.items():
                most, mean = radial_error(shape, line, km)
                rows.append(
                    [method, number(seconds), f"{seconds / base:.2f}", f"{most:.1e}", f"{mean:.1e}"]
                )
                print(name, km, rows[-1], flush=True)
            title = f"### ML-1, {name}, {km} km\n\n"
            text += (
                title
                + table(
                    ["method", "seconds", "× UTM's time", "greatest radial error", "mean"], rows
                )
                + "\n"
            )
    return text
