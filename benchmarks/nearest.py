"""Point to nearest line: every method from a GeoSeries in lon, lat to distances."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from benchmarks import samples
from benchmarks.clock import best, length, number, table
from benchmarks.postgis import MissingError, Server
from cpecgeo.geodesy import Index

UTM = 32642
SAMPLE = 300  # points whose error is looked at


class SkippedError(RuntimeError):
    """A peer can't be measured here; the message says why."""


def ours(points, lines):
    index = Index(lines)

    def run():
        return index.nearest(points)["distance_km"].to_numpy()

    return run


def strtree(points, lines):
    """Shapely's index over two-point segments in UTM 42N."""
    flat = lines.to_crs(UTM)
    xy, part = shapely.get_coordinates(flat.array, return_index=True)
    start = np.flatnonzero(part[1:] == part[:-1])
    segments = shapely.linestrings(np.stack((xy[start], xy[start + 1]), axis=1))
    tree = shapely.STRtree(segments)

    def run():
        there = points.to_crs(UTM).array
        (row, _), distance = tree.query_nearest(there, return_distance=True, all_matches=False)
        km = np.empty(len(there))
        km[row] = distance / 1e3
        return km

    return run


def sjoin(points, lines):
    """Geopandas sjoin_nearest in UTM 42N."""
    flat = gpd.GeoDataFrame(geometry=lines.to_crs(UTM))

    def run():
        there = gpd.GeoDataFrame(geometry=points.to_crs(UTM))
        joined = flat.sindex and there.sjoin_nearest(flat, distance_col="m")
        return joined["m"].groupby(level=0).first().to_numpy() / 1e3

    return run


def spherely(points, lines):
    """Spherely: distance on the sphere, least over lines."""
    try:
        import spherely as sp
    except ImportError as error:
        raise SkippedError("spherely isn't installed") from error
    there = [sp.create_linestring(shapely.get_coordinates(g)) for g in lines]

    def run():
        here = sp.points(points.x.to_numpy(), points.y.to_numpy())
        return np.min([sp.distance(here, g) for g in there], axis=0) / 1e3

    return run


def sedona(points, lines):
    """SedonaDB: KNN join in UTM 42N."""
    try:
        import sedonadb
    except ImportError as error:
        raise SkippedError("sedonadb isn't installed") from error
    db = sedonadb.connect()
    flat = gpd.GeoDataFrame({"line": range(len(lines))}, geometry=lines.to_crs(UTM))
    db.create_data_frame(flat).to_view("lines", overwrite=True)

    def run():
        there = gpd.GeoDataFrame({"row": np.arange(len(points))}, geometry=points.to_crs(UTM))
        db.create_data_frame(there).to_view("points", overwrite=True)
        frame = db.sql(
            "SELECT p.row, ST_Distance(p.geometry, l.geometry) AS m FROM points p "
            "JOIN lines l ON ST_KNN(p.geometry, l.geometry, 1, FALSE)"
        ).to_pandas()
        return frame.groupby("row")["m"].min().to_numpy() / 1e3

    return run


def duckdb(points, lines):
    """DuckDB spatial: least distance over lines in UTM 42N."""
    try:
        import duckdb as duck
    except ImportError as error:
        raise SkippedError("duckdb isn't installed") from error
    db = duck.connect()
    try:
        db.execute("INSTALL spatial; LOAD spatial")
    except Exception as error:
        raise SkippedError("DuckDB's spatial extension can't be downloaded here") from error
    flat = lines.to_crs(UTM).to_wkb()
    db.execute("CREATE TABLE lines AS SELECT ST_GeomFromWKB(unnest($1)) AS g", [list(flat)])

    def run():
        there = points.to_crs(UTM)
        frame = gpd.pd.DataFrame({"row": np.arange(len(there)), "x": there.x, "y": there.y})
        db.register("points", frame)
        sql = (
            "SELECT min(ST_Distance(ST_Point(x, y), g)) m FROM points, lines "
            "GROUP BY row ORDER BY row"
        )
        return db.execute(sql).fetchnumpy()["m"] / 1e3

    return run


def postgis(server: Server | None):
    """PostGIS geography, spheroid; the time the server states, data loaded before."""

    def prepared(points, lines):
        if server is None:
            raise SkippedError("PostgreSQL with PostGIS isn't installed")
        values = ",".join(f"('{g.wkt}'::geography)" for g in lines)
        server.run(
            "DROP TABLE IF EXISTS lines; CREATE TABLE lines (g geography); "
            f"INSERT INTO lines VALUES {values}"
        )
        rows = "\n".join(
            f"{i}\t{x!r}\t{y!r}"
            for i, (x, y) in enumerate(shapely.get_coordinates(points.array).tolist())
        )
        server.run(
            "DROP TABLE IF EXISTS points; CREATE TABLE points (row int, x float8, y float8);\n"
            f"COPY points FROM STDIN;\n{rows}\n\\.\n"
            "ALTER TABLE points ADD g geography; "
            "UPDATE points SET g = ST_Point(x, y)::geography; VACUUM ANALYZE points;"
        )
        sql = (
            "SELECT row, min(ST_Distance(p.g, l.g, true)) AS m "
            "FROM points p CROSS JOIN lines l GROUP BY row"
        )
        out = server.run(f"{sql} ORDER BY row")
        prepared.seconds = min(server.milliseconds(sql) for _ in range(3)) / 1e3
        return lambda: np.array([float(v.split("|")[1]) for v in out.split()]) / 1e3

    return prepared


def run(server: Server | None, most: int) -> str:
    """All tables of this part, in Markdown."""
    sets = {
        "ML-1, 22 vertices": gpd.GeoSeries([samples.ml1(22)], crs=4326),
        "ML-1, 5,000 vertices": gpd.GeoSeries([samples.ml1(5_000)], crs=4326),
        "30 lines, 100,000 vertices": samples.thirty_lines(),
    }
    # How many points a method gets: slow ones fewer, or the run would take hours.
    methods = {
        "**cpecgeo**": (ours, {1: most, 30: most}),
        "shapely STRtree on segments, UTM 42N": (strtree, {1: most, 30: most}),
        "SedonaDB KNN join, UTM 42N": (sedona, {1: most, 30: 20_000}),
        "geopandas `sjoin_nearest`, UTM 42N": (sjoin, {1: 100_000, 30: 10_000}),
        "DuckDB spatial, UTM 42N": (duckdb, {1: 100_000, 30: 10_000}),
        "spherely (sphere)": (spherely, {1: 100_000, 30: 5_000}),
        "PostGIS geography, spheroid": (postgis(server), {1: 100_000, 30: 1_000}),
    }
    text = ""
    for title, lines in sets.items():
        rows, speeds = [], {}
        sample = samples.points(SAMPLE)
        truth = samples.truth_km(sample, lines)
        for name, (method, counts) in methods.items():
            count = min(most, counts[len(lines)])
            try:
                every = samples.points(count, seed=4)
                call = method(every, lines)
                seconds = method.seconds if hasattr(method, "seconds") else best(call)[0]
                speeds[name] = count / seconds
                error = np.abs(method(sample, lines)() - truth).max() * 1e3
            except (SkippedError, MissingError) as reason:
                rows.append([name, "–", "–", "–", f"skipped: {reason}"])
                continue
            times = speeds["**cpecgeo**"] / speeds[name]
            rows.append(
                [
                    name,
                    f"{count:,}",
                    number(speeds[name]),
                    f"{times:.2f}" if times < 10 else f"{times:.0f}",
                    length(error),
                ]
            )
            print(title, rows[-1], flush=True)
        text += (
            f"### {title}\n\n"
            + table(
                ["method", "points", "points / s", "cpecgeo is × faster", "greatest error"], rows
            )
            + "\n"
        )
    return text + _growth(sets["ML-1, 5,000 vertices"], most * 10)


def _growth(lines, most: int) -> str:
    index = Index(lines)
    rows = []
    for count in [10**i for i in range(4, 8) if 10**i <= most]:
        every = samples.points(count, seed=5)
        seconds, _ = best(lambda every=every: index.nearest(every))
        rows.append([f"{count:,}", number(seconds), number(count / seconds)])
    return (
        "### From 10⁴ to 10⁷ points, ML-1, 5,000 vertices\n\n"
        + table(["points", "seconds", "points / s"], rows)
        + "\n"
    )
