"""Figures of reports from the raw files, by walks along densified lines and pyproj alone."""

import json
from itertools import pairwise
from math import ceil
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod

import cpecgeo as cg

GEOD = Geod(ellps="WGS84")
DATA = Path(__file__).parents[2] / "data"


def walk(coords, step_m):
    """Return lon and lat of the middles of equal steps along geodesics, and the metres of each."""
    rows = []
    for a, b in pairwise(coords):
        azimuth, _, metres = GEOD.inv(*a, *b)
        n = max(1, ceil(metres / step_m))
        at = (np.arange(n) + 0.5) * metres / n
        lon, lat, _ = GEOD.fwd(np.full(n, a[0]), np.full(n, a[1]), np.full(n, azimuth), at)
        rows.append(np.column_stack((lon, lat, np.full(n, metres / n))))
    return np.vstack(rows)


def away_km(spot, spots):
    """Measure from one point to each of many, in km."""
    lon, lat = np.full(len(spots), spot[0]), np.full(len(spots), spot[1])
    return np.asarray(GEOD.inv(lon, lat, spots[:, 0], spots[:, 1])[2]) / 1e3


def line_of(corridor):
    drawn = {}
    for path in ("lines.geojson", "odbl/lines.geojson"):
        features = json.loads((DATA / path).read_text(encoding="utf-8"))["features"]
        drawn |= {f["properties"]["id"]: f["geometry"]["coordinates"] for f in features}
    sections = pd.read_csv(DATA / "corridors.csv").set_index("id").loc[corridor, "sections"]
    return np.vstack([walk(drawn[name], 200) for name in sections.split()])


def spot_of(table, name):
    row = pd.read_csv(DATA / table).set_index("id").loc[name]
    return np.array([[row["lon"], row["lat"]]])


def part(name, key):
    return next(p.table for p in cg.report(name, draw=False).parts if p.key == key)


@pytest.mark.parametrize(
    ("name", "spots"),
    [
        *((c, lambda c=c: line_of(c)) for c in ("taxila-havelian", "n25", "mining")),
        *((m, lambda m=m: spot_of("crossings.csv", m)) for m in ("torkham", "chaman")),
        ("rashakai", lambda: spot_of("zones.csv", "rashakai")),
    ],
)
def test_people_nearby(name, spots):
    places = pd.read_csv(DATA / "derived" / "places.csv")
    where = spots()
    near = np.full(len(places), np.inf)
    for i, (lon, lat) in enumerate(places[["lon", "lat"]].to_numpy()):
        here = where[(abs(where[:, 0] - lon) < 0.7) & (abs(where[:, 1] - lat) < 0.6)]
        if len(here):
            near[i] = away_km((lon, lat), here).min()
    rings = places["population"].groupby(pd.cut(near, [-1, 5, 10, 25, 50]), observed=False)
    told = part(name, "people")
    assert told["features"].tolist() == rings.size().tolist()
    # Towns of which none has a figure aren't towns of 0 people.
    people = rings.sum().where((rings.count() > 0) | (rings.size() == 0))
    np.testing.assert_array_equal(told["population"].to_numpy(float), people)
    assert told["missing"].tolist() == (rings.size() - rings.count()).tolist()


@pytest.mark.parametrize("name", ["taxila-havelian", "n25", "mining"])
def test_district_shares(name):
    features = json.loads((DATA / "derived" / "districts.geojson").read_text("utf-8"))["features"]
    shapes = [shapely.geometry.shape(f["geometry"]) for f in features]
    spots = line_of(name)
    step, district = shapely.STRtree(shapes).query(
        shapely.points(spots[:, :2]), predicate="intersects"
    )
    names = pd.Series([f["properties"]["name"] for f in features]).iloc[district].to_numpy()
    walked = pd.Series(spots[step, 2]).groupby(names).sum() / 1e3
    told = part(name, "districts")
    by_name = told.groupby("name")["length_km"].sum()
    assert sorted(by_name.index) == sorted(walked.index)
    # Right to half a step where a district is entered and left.
    visits = told.groupby("name").size()
    assert ((by_name - walked).abs() <= 0.2 * visits + 0.01).all()
    assert told["share"].sum() == pytest.approx(1, abs=1e-9)
    assert told["length_km"].sum() == pytest.approx(spots[:, 2].sum() / 1e3, abs=1e-5)


@pytest.mark.parametrize(("market", "hours"), [("chaman", 3.0), ("torkham", 1.5)])
def test_what_a_market_is_reached_from(market, hours):
    edges = cg.network().edges
    edges = edges[(edges["mode"] == "road") & (edges["status"] == "operating")]
    edges = edges[(edges["km"] > 0) & (edges["season"] == "")].reset_index(drop=True)
    edges["cost"] = edges["km"] / edges["kmh"]
    here = spot_of("crossings.csv", market)[0]
    steps = [walk(np.asarray(g.coords), 50) for g in edges.geometry]
    away = [away_km(here, s) for s in steps]
    start = min(range(len(edges)), key=lambda i: away[i].min())
    along = [(np.cumsum(s[:, 2]) - s[:, 2] / 2) / s[:, 2].sum() for s in steps]
    entry = along[start][away[start].argmin()]
    graph = nx.MultiGraph()
    graph.add_weighted_edges_from(edges[["u", "v", "cost"]].itertuples(index=False))
    origin = edges.loc[start]
    graph.add_edge("here", origin["u"], weight=entry * origin["cost"])
    graph.add_edge("here", origin["v"], weight=(1 - entry) * origin["cost"])
    cost = nx.single_source_dijkstra_path_length(graph, "here")
    km, reached = 0.0, []
    for i, edge in edges.iterrows():
        x = along[i] * edge["cost"]
        took = np.minimum(
            cost.get(edge["u"], np.inf) + x, cost.get(edge["v"], np.inf) + edge["cost"] - x
        )
        if i == start:
            took = np.minimum(took, abs(x - entry * edge["cost"]))
        inside = took <= hours
        km += steps[i][inside, 2].sum() / steps[i][:, 2].sum() * edge["km"]
        reached.append(steps[i][inside])
    reached = np.vstack(reached)
    places = pd.read_csv(DATA / "derived" / "places.csv").set_index("id")
    towns = {
        name for name, *spot in places[["lon", "lat"]].itertuples()
        if away_km(spot, reached).min() <= 5
    }  # fmt: skip
    told = cg.market(market, hours=hours).reached
    assert told.chainage_km == pytest.approx(km, abs=0.5)
    assert set(told.towns["id"]) == towns


def test_several_areas_are_one_subject():
    areas = [shapely.box(67, 25, 67.5, 25.5), shapely.box(70, 30, 70.2, 30.2)]
    report = cg.report(gpd.GeoSeries(areas, index=["a", "b"], crs=4326))
    glance = next(part.table for part in report.parts if part.key == "glance").iloc[0]
    geod = Geod(ellps="WGS84")
    exact = sum(abs(geod.geometry_area_perimeter(area)[0]) for area in areas) / 1e6
    assert glance["area_km2"] == pytest.approx(exact, abs=0.1)
    assert glance["features"] == 2
