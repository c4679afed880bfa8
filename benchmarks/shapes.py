"""Buffers beside their peers'."""

from __future__ import annotations

import time

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Geod

from benchmarks import samples
from benchmarks.clock import best, number, processor, table
from benchmarks.postgis import Server
from cpecgeo.geodesy import Index, buffer
from cpecgeo.geodesy._compile import compile_kernel, threads
from cpecgeo.geodesy._offset import trace
from cpecgeo.testing import reference_nearest

GEOD = Geod(ellps="WGS84")
SAMPLE = 400
RADII = (1, 5, 10, 50, 100)
FINE = 43  # segments of a quarter circle that are true to 1e-4 of the radius
PATIENCE = 20  # seconds after which a peer isn't asked for another buffer of the same line


def radial_error(shape, line, km: float) -> tuple[float, float]:
    """Greatest and mean relative error at vertices and midpoints of the boundary."""
    places = []
    for ring in shapely.get_rings(shapely.get_parts(shape)):
        xy = shapely.get_coordinates(ring)
        azimuth, _, size = GEOD.inv(*xy[:-1].T, *xy[1:].T)
        middle = np.column_stack(GEOD.fwd(*xy[:-1].T, azimuth, np.asarray(size) / 2)[:2])
        places += [xy[:-1], middle]
    places = np.concatenate(places)
    # The index measures all places; the slow reference then measures the worst.
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


def _postgis(server: Server, line):
    server.run(f"DROP TABLE IF EXISTS one; CREATE TABLE one AS SELECT '{line.wkt}'::geography AS g")

    def timed(_series, km):
        sql = f"SELECT ST_Buffer(g, {km * 1e3}) FROM one"
        text = server.run(f"SELECT ST_AsText(ST_Buffer(g, {km * 1e3})) FROM one").strip()
        return server.fastest(sql), shapely.from_wkt(text)

    return timed


def _timed(method):
    return lambda series, km: best(lambda: method(series, km), 5)


def _methods(server: Server | None, line) -> dict:
    """Calls that return seconds and the buffer; a text says why there is none."""
    methods = {
        "**cpecgeo**": _timed(lambda s, km: buffer(s, km).iloc[0]),
        "UTM 42N": _timed(_projected(32642)),
        "estimated UTM": _timed(_estimated),
        "centred equidistant": _timed(_centred),
    }
    try:
        methods["SedonaDB geography"] = _timed(_sedona())
    except Exception as error:  # noqa: BLE001 - whatever a peer raises, the run goes on
        methods["SedonaDB geography"] = f"skipped: {str(error).splitlines()[0][:80]}"
    missing = "skipped: PostgreSQL with PostGIS isn't installed"
    methods["PostGIS geography"] = _postgis(server, line) if server else missing
    return methods


def _one_line(name: str, line, radii, server: Server | None) -> str:
    series, methods, text = gpd.GeoSeries([line], crs=4326), _methods(server, line), ""
    for km in radii:
        rows, base = [], None
        for method, call in methods.items():
            if isinstance(call, str):
                rows.append([method, "–", "–", "–", call])
                continue
            seconds, shape = call(series, km)
            most, mean = radial_error(shape, line, km)
            rows.append([method, seconds, "", f"{most:.1e}", f"{mean:.1e}"])
            if method == "UTM 42N":
                base = seconds
            if seconds > PATIENCE:
                methods[method] = f"left out: {seconds:.0f} s at {km} km"
        for row in rows:
            if isinstance(row[1], float):
                row[1:3] = number(row[1]), f"{row[1] / base:.2f}"
            print(name, km, *row, flush=True)
        head = ["method", "seconds", "× UTM's time", "greatest radial error", "mean"]
        text += f"### ML-1, {name}, {km} km\n\n{table(head, rows)}\n"
    return text


def _in_utm(series, km, segments: int = 16):
    return series.to_crs(32642).buffer(km * 1e3, segments).to_crs(4326)


def _greatest_error(made, series, km: float) -> float:
    """Return the greatest error of a few buffers, by the slow reference."""
    worst = 0.0
    for row in np.linspace(0, len(series) - 1, 6).astype(int):
        one, shape = series.iloc[row], made.iloc[row]
        if one.geom_type == "Point":
            xy = shapely.get_coordinates(shape)
            azimuth, _, size = GEOD.inv(*xy[:-1].T, *xy[1:].T)
            middle = np.column_stack(GEOD.fwd(*xy[:-1].T, azimuth, np.asarray(size) / 2)[:2])
            places = np.concatenate((xy, middle))
            spot = np.broadcast_to((one.x, one.y), places.shape)
            off = np.abs(np.asarray(GEOD.inv(*spot.T, *places.T)[2]) / 1e3 / km - 1).max()
        else:
            line = one.boundary if one.geom_type == "Polygon" else one
            off = radial_error(shape, line, km)[0]
        worst = max(worst, float(off))
    return worst


def _measured(call) -> tuple[float, float, object]:
    """Processor seconds of all threads and seconds on the clock of one run, and its result."""
    start, wall = time.process_time(), time.perf_counter()
    result = call()
    return time.process_time() - start, time.perf_counter() - wall, result


def _beside(name: str, own, peer, *more: str) -> list[str]:
    """A row: processor time and time on the clock, ours, theirs, and ours as a share of theirs."""
    row = [name]
    for one, two in zip(own[:2], peer[:2], strict=True):
        row += [number(one), number(two), f"{one / two:.2f}"]
    return [*row, *more]


def _as_one(series):
    """Points or lines as one geometry; None of polygons, which may overlap."""
    kind = series.iloc[0].geom_type
    made = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings}.get(kind)
    return gpd.GeoSeries([made(series.array)], crs=4326) if made else None


def many() -> str:
    """Buffers of many points, lines and polygons, each alone and dissolved, beside UTM."""
    kinds = {
        "100,000 points": samples.points(100_000),
        "10,000 lines of 40 vertices": samples.lines(10_000, 40),
        "1,000 polygons of 200 vertices": samples.areas(1_000, 200),
    }
    rows, united = [], []
    for name, series in kinds.items():
        few = series[: len(series) // 10]
        for km in (5, 25):
            buffer(few[:1_000], km)  # the first call compiles
            tenth, part = processor(lambda x=few, r=km: buffer(x, r), 2)
            own = _measured(lambda x=series, r=km: buffer(x, r))
            peer = _measured(lambda x=series, r=km: _in_utm(x, r))
            errors = [f"{_greatest_error(v[2], series, km):.1e}" for v in (own, peer)]
            growth = f"{own[0] / tenth / 10:.2f}"
            rows.append(_beside(f"{name}, {km} km", own, peer, growth, *errors))
            del own, peer, part
            ours = _measured(lambda x=few, r=km: shapely.union_all(buffer(x, r).array))
            theirs = _measured(lambda x=few, r=km: shapely.union_all(_in_utm(x, r).array))
            size = shapely.area(ours[2])
            label = f"{len(few):,} {name.split(maxsplit=1)[1]}, {km} km"
            share = f"{shapely.area(theirs[2]) / size - 1:.1e}"
            united.append(_beside(f"{label}, united", ours, theirs, share))
            whole = _as_one(few)
            if whole is not None:
                ours = _measured(lambda x=whole, r=km: buffer(x, r).iloc[0])
                share = f"{shapely.area(theirs[2]) / shapely.area(ours[2]) - 1:.1e}"
                united.append(_beside(f"{label}, as one geometry", ours, theirs, share))
            print(rows[-1], *united[-2:], flush=True)
    head = []
    for kind in ("processor s", "clock s"):
        head += [kind, f"UTM's {kind}", "× UTM's"]
    errors = ["a tenth of them × 10", "greatest radial error", "UTM's"]
    return (
        "GeoSeries in, GeoSeries out. Processor seconds are those of all threads together; seconds "
        f"on the clock are of {threads()} threads, where UTM 42N in geopandas uses one. GEOS leaves "
        "out vertices that change a buffer by less than 1 % of its radius, and has 64 to a circle; "
        "an error of 10⁻⁴ needs some 170. The column before the errors is the processor time for all, "
        "divided by ten times that for a tenth of them: 1 means that time grows in proportion.\n\n"
        + table(["each alone", *head, *errors], rows)
        + "\nAnd dissolved: `shapely.union_all` of either, and in the other rows `buffer` of one "
        "multi-geometry, beside the same of UTM's:\n\n"
        + table(["dissolved", *head, "UTM's area, relative difference"], united)
    )


def apart() -> str:
    """Buffers of one line, taken apart."""
    rows = []
    for name, line, km in (
        ("22 vertices, 1 km", samples.ml1(22), 1),
        ("22 vertices, 10 km", samples.ml1(22), 10),
        ("5,000 vertices, smooth, 1 km", samples.ml1(5_000), 1),
        ("5,000 vertices, smooth, 10 km", samples.ml1(5_000), 10),
        ("5,000 vertices, traced, 1 km", samples.traced(5_000), 1),
    ):
        series, metres = gpd.GeoSeries([line], crs=4326), km * 1e3
        own, made = processor(lambda x=series, r=km: buffer(x, r), 50)
        peer, flat = processor(lambda x=series, r=km: _in_utm(x, r), 50)
        fine, _ = processor(lambda x=series, r=km: _in_utm(x, r, FINE), 50)
        placed, (xy, count) = processor(lambda x=line, r=metres: _ring(x, r), 50)
        drawn, _ = processor(lambda v=xy, n=count: shapely.Polygon(v[:n]).is_valid, 50)
        counts = [shapely.get_num_coordinates(v.iloc[0]) for v in (made, flat)]
        rest = own - placed - drawn
        times = [number(1e3 * v) for v in (own, peer, fine, placed, drawn, rest)]
        each = f"{1e9 * placed / count:.0f}"
        rows.append([name, f"{counts[0]:,}, {counts[1]:,}", *times, each, f"{own / peer:.2f}"])
        print(*rows[-1], flush=True)
    head = ["one line", "vertices: ours, UTM's", "ms: ours", "UTM's", "UTM's as fine"]
    parts = ["placed and checked", "made a polygon", "input and series", "ns per vertex"]
    return table([*head, *parts, "× UTM's"], rows)


def _ring(line, metres: float):
    """The boundary of a line's buffer, as coordinates, and how many of them hold."""
    xy = np.ascontiguousarray(shapely.get_coordinates(line))
    lines = np.empty((2_000 + 12 * len(xy), 2))
    return lines, compile_kernel(trace)(xy, metres, 0.96e-4 * metres, lines)


def buffers(server: Server | None) -> str:
    """Buffers of ML-1 by radius."""
    buffer(samples.ml1(22), 10)  # the first call compiles
    return (
        _one_line("5,000 vertices, traced to some 30 m", samples.traced(5_000), RADII, server)
        + _one_line("5,000 vertices, smooth", samples.ml1(5_000), RADII, server)
        + _one_line("22 vertices", samples.ml1(22), (1, 10), server)
    )
