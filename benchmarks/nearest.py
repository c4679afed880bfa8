"""Point to nearest line: every method from a GeoSeries in lon, lat to distances."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

import cpecgeo as cg
from benchmarks import samples
from benchmarks.clock import best, length, number, one_thread, table
from benchmarks.postgis import MissingError, Server
from cpecgeo.geodesy import Index

UTM = 32642
SAMPLE = 300  # points whose error is measured


class SkippedError(RuntimeError):
    """A peer can't be measured here; the message says why."""


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


def _spatial() -> Path | None:
    """DuckDB's spatial extension out of its Python package, if that is installed."""
    found = importlib.util.find_spec("duckdb_extension_spatial")
    places = found.submodule_search_locations if found else []
    return next((p for v in places for p in Path(v).rglob("*.duckdb_extension")), None)


def duckdb(points, lines):
    """DuckDB spatial: least distance over lines in UTM 42N."""
    try:
        import duckdb as duck
    except ImportError as error:
        raise SkippedError("duckdb isn't installed") from error
    db = duck.connect()
    try:
        db.execute(f"LOAD '{_spatial()}'" if _spatial() else "INSTALL spatial; LOAD spatial")
    except Exception as error:
        raise SkippedError(f"no spatial extension for DuckDB {duck.__version__} here") from error
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


def polars(points, lines):
    """polars-st: least distance over lines in UTM 42N."""
    try:
        import polars as pl
        import polars_st as st
    except ImportError as error:
        raise SkippedError("polars-st isn't installed") from error
    flat = [pl.lit(wkb) for wkb in lines.to_crs(UTM).to_wkb()]

    def run():
        frame = pl.DataFrame({"geometry": points.to_crs(UTM).to_wkb().to_numpy()})
        away = [st.geom("geometry").st.distance(line) for line in flat]
        return frame.select(pl.min_horizontal(away)).to_series().to_numpy() / 1e3

    return run


def _load(server: Server, points, lines) -> None:
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


def _asked(server: Server, sql: str):
    """Distances, and the seconds that the server states."""
    seconds = server.fastest(sql)
    out = server.run(f"{sql} ORDER BY row")
    return seconds, np.array([float(v.split("|")[1]) for v in out.split()]) / 1e3


def postgis(server: Server):
    """PostGIS geography, spheroid: each line to all points, so that its tree is made once."""

    def measured(points, lines):
        _load(server, points, lines)
        return _asked(
            server,
            "SELECT row, min(m) AS m FROM lines l CROSS JOIN LATERAL (SELECT row, "
            "ST_Distance(l.g, p.g, true) AS m FROM points p OFFSET 0) q GROUP BY row",
        )

    return measured


def postgis_pieces(server: Server):
    """PostGIS geography: nearest pieces by its index, then the spheroid."""

    def measured(points, lines):
        _load(server, points, lines)
        server.run(
            "DROP TABLE IF EXISTS pieces; CREATE TABLE pieces AS SELECT "
            "ST_Subdivide(g::geometry, 16)::geography AS g FROM lines; "
            "CREATE INDEX ON pieces USING gist (g); VACUUM ANALYZE pieces;"
        )
        return _asked(
            server,
            "SELECT row, m FROM points p CROSS JOIN LATERAL (SELECT min(d) AS m FROM (SELECT "
            "ST_Distance(s.g, p.g, true) AS d FROM pieces s ORDER BY s.g <-> p.g LIMIT 4) c) n",
        )

    return measured


def _methods(server: Server | None, most: int) -> dict:
    """Return each method and its number of points on each set of lines; slow ones get fewer."""
    missing = "PostgreSQL with PostGIS isn't installed"
    return {
        "shapely STRtree on segments, UTM 42N": (strtree, most, most, most, most),
        "SedonaDB KNN join, UTM 42N": (sedona, 50_000, 200_000, 20_000, 5_000),
        "geopandas `sjoin_nearest`, UTM 42N": (sjoin, 100_000, 200_000, 20_000, 2_000),
        "DuckDB spatial, UTM 42N": (duckdb, 100_000, 200_000, 50_000, 3_000),
        "polars-st `distance`, UTM 42N": (polars, 100_000, 200_000, 5_000, 500),
        "spherely (sphere)": (spherely, 100_000, 200_000, 20_000, 2_000),
        "PostGIS geography, spheroid": (
            postgis(server) if server else missing, 50_000, 50_000, 20_000, 1_000,
        ),
        "PostGIS, nearest pieces, spheroid": (
            postgis_pieces(server) if server else missing, 20_000, 20_000, 10_000, 10_000,
        ),
    }  # fmt: skip


def run(server: Server | None, most: int) -> str:
    """All tables of this part, in Markdown."""
    sets = {
        "ML-1 as drawn": gpd.GeoSeries([cg.corridor("ml1").line], crs=4326),
        "ML-1, 22 vertices": gpd.GeoSeries([samples.ml1(22)], crs=4326),
        "ML-1, 5,000 vertices": gpd.GeoSeries([samples.ml1(5_000)], crs=4326),
        "30 lines, 100,000 vertices": samples.thirty_lines(),
    }
    return "".join(
        f"### {title}\n\n{_one_set(i, title, lines, server, most)}\n"
        for i, (title, lines) in enumerate(sets.items())
    ) + _growth(sets, most * 10)


def _one_set(which: int, title: str, lines, server: Server | None, most: int) -> str:
    every, sample = samples.points(most, seed=4), samples.points(SAMPLE)
    truth = samples.truth_km(sample, lines)
    index = Index(lines)
    cg.nearest(every, lines)  # the first call of this size compiles
    error = np.abs(index.nearest(sample)["distance_km"].to_numpy() - truth).max() * 1e3
    speed = most / best(lambda: cg.nearest(every, lines))[0]
    rows = [["**cpecgeo** `cg.nearest`", f"{most:,}", number(speed), "1", length(error)]]
    with one_thread():
        single = most / best(lambda: cg.nearest(every, lines))[0]
    kept = most / best(lambda: index.nearest(every))[0]
    rows += [
        ["the same, one thread", f"{most:,}", number(single), number(speed / single), "same"],
        ["the same, line indexed before", f"{most:,}", number(kept), number(speed / kept), "same"],
    ]
    if which == 0:
        named = most / best(lambda: cg.nearest(every, "ml1"))[0]
        row = ['`cg.nearest(points, "ml1")`: chainage and accuracy too', f"{most:,}"]
        rows.insert(1, [*row, number(named), number(speed / named), "same"])
    print(title, *rows, flush=True)
    for name, (method, *counts) in _methods(server, most).items():
        count = min(most, counts[which])
        some = every.iloc[:count]
        try:
            if isinstance(method, str):
                raise SkippedError(method)  # noqa: TRY301 - one place for all that is skipped
            answer = method(some, lines)
            # PostGIS states its time itself; the others are timed here.
            seconds = answer[0] if isinstance(answer, tuple) else best(answer)[0]
            got = method(sample, lines)
            got = got[1] if isinstance(got, tuple) else got()
        except (SkippedError, MissingError) as reason:
            rows.append([name, "–", "–", "–", f"skipped: {reason}"])
            continue
        repeats = 3 if count == most else 9  # short calls vary more
        ours = count / best(lambda some=some: cg.nearest(some, lines), repeats)[0]
        times = ours * seconds / count
        rows.append(
            [
                name,
                f"{count:,}",
                number(count / seconds),
                f"{times:.2f}" if times < 10 else f"{times:,.0f}",
                length(np.abs(got - truth).max() * 1e3),
            ]
        )
        print(title, rows[-1], flush=True)
    head = ["method", "points", "points / s", "cpecgeo is × faster", "greatest error"]
    return table(head, rows)


def _growth(sets: dict, most: int) -> str:
    indexes = {title: Index(lines) for title, lines in sets.items()}
    rows = []
    for count in [10**i for i in range(4, 8) if 10**i <= most]:
        every = samples.points(count, seed=5)
        speeds = [
            number(count / best(lambda i=i, e=every: i.nearest(e), 1 + 2 * (count <= 10**6))[0])
            for i in indexes.values()
        ]
        rows.append([f"{count:,}", *speeds])
        print(*rows[-1], flush=True)
    return "### From 10⁴ to 10⁷ points\n\ncpecgeo, points / s, all threads.\n\n" + table(
        ["points", *indexes], rows
    )
