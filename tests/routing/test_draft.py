"""A network under construction: edges cut in two, changes within a corridor, countries at sea."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

import cpecgeo as cg
from cpecgeo.catalogue.files import read_table
from cpecgeo.geodesy import distance_km, length_km
from cpecgeo.routing import additions
from cpecgeo.routing.additions import _Draft, extend, find_countries
from cpecgeo.routing.graph import _extend
from tests.effort import tries

NET = cg.network()
LONG = [i for i, km in enumerate(NET.lengths) if km > 5]


def draft(own=()):
    return _Draft(list(NET.rows), list(NET.measures), NET.nodes.to_dict("records"), set(own))


@tries(40)
@given(st.sampled_from(LONG), st.floats(0.001, 0.999), st.booleans())
def test_an_edge_cut_in_two_is_still_the_whole(edge, share, is_own):
    made, whole, km = draft([edge] if is_own else ()), NET.rows[edge], share * NET.lengths[edge]
    count = len(made.rows)
    node = made.split(edge, km)
    assert (node, len(made.rows)) == (len(NET.nodes), count + 1)
    first, rest = made.rows[edge], made.rows[-1]
    assert (first["u"], first["v"], rest["u"], rest["v"]) == (whole["u"], node, node, whole["v"])
    assert first["km"] == pytest.approx(km)
    assert first["km"] + rest["km"] == pytest.approx(whole["km"])
    assert first["hours"] == pytest.approx(share * whole["hours"])
    assert first["hours"] + rest["hours"] == pytest.approx(whole["hours"])
    one, two = first["geometry"], rest["geometry"]
    assert one.coords[-1] == two.coords[0] == made.nodes[node]["geometry"].coords[0]
    assert length_km(one) + length_km(two) == pytest.approx(length_km(whole["geometry"]))
    for row, at in ((first, edge), (rest, -1)):
        measures = made.measures[at]
        assert len(measures) == len(row["geometry"].coords)
        assert (measures[0], measures[-1]) == (0, pytest.approx(row["km"]))
        assert (np.diff(measures) >= 0).all()
        assert not measures.flags.writeable
    vertices = {*whole["geometry"].coords, one.coords[-1]}
    assert {*one.coords, *two.coords} == vertices
    assert made.own == ({edge, count} if is_own else set())


@pytest.mark.parametrize("metres", [0.0005, 0.002, 100])
def test_an_edge_is_cut_at_its_end_only_where_it_is_the_end(metres):
    """A millimetre decides."""
    for edge in LONG[:20]:
        row, length = NET.rows[edge], NET.lengths[edge]
        ends = [draft().split(edge, km) for km in (metres / 1e3, length - metres / 1e3)]
        new = len(NET.nodes)
        assert ends == ([row["u"], row["v"]] if metres < 0.001 else [new, new])


def test_an_edge_is_cut_at_a_vertex_without_a_second_one():
    edge = next(i for i in LONG if len(NET.measures[i]) > 4)
    km, count = NET.measures[edge][2], len(NET.measures[edge])
    made = draft()
    made.split(edge, float(km))
    parts = [len(made.rows[at]["geometry"].coords) for at in (edge, -1)]
    assert parts == [3, count - 2]


def own_line(kinds, stops):
    """Two stretches from the main line near Rohri into the desert, with stops."""
    rohri = cg.place("Rohri Junction").point
    xy = [(rohri.x, rohri.y), (rohri.x + 0.5, rohri.y - 0.1), (rohri.x + 1.0, rohri.y - 0.3)]
    rows = cg.geodesy.lonlat([LineString(xy[:2]), LineString(xy[1:])]).to_frame("geometry")
    rows = rows.assign(name=["A", "B"], kind=list(kinds))
    named = {name: xy[at] for name, at in stops.items()}
    return cg.Corridor.from_line(rows, name="own", stops=named)


def test_where_a_corridor_goes_on_by_road_one_changes():
    line = own_line(("rail", "road"), {"Start": 0, "Middle": 1, "End": 2})
    net = extend(NET, (line,), 2.0)
    changes = net.edges[net.edges["section"].str.startswith("transfer-own-")]
    here = changes[changes["name"] == "Change at Middle"]
    (row,) = here.to_dict("records")
    hours = read_table("transfers.csv")["hours"].median()
    assert (row["mode"], row["km"], row["hours"]) == ("transfer", 0, hours)
    modes = [net.nodes["mode"].iloc[row[end]] for end in ("u", "v")]
    assert sorted(modes) == ["rail", "road"]
    points = [net.nodes.geometry.iloc[row[end]] for end in ("u", "v")]
    assert points[0].equals(points[1])
    assert row["geometry"].length == 0
    way = cg.route("Rohri Junction", (line.line.coords[-1][0], line.line.coords[-1][1]), extra=line)
    assert "Change at Middle" in way.legs["name"].tolist()
    # By one mode alone there is nothing to change to.
    both = extend(NET, (own_line(("road", "road"), {"Middle": 1}),), 2.0).edges
    assert "Change at Middle" not in both["name"].tolist()


@pytest.mark.parametrize(
    "at",
    [
        (62.0, 24.0),
        (66.0, 24.0),
        (61.5, 25.0),
        (70.0, 20.0),
        (58.0, 24.5),
        (90.0, 0.0),
        (67.3, 23.7),
    ],
)
def test_a_line_at_sea_is_of_the_country_that_is_nearest(at):
    """By geodesic distance, not by degrees."""
    line = LineString([(at[0] - 0.1, at[1]), (at[0] + 0.1, at[1])])
    countries = cg.layer("countries")
    away = cg.distance_km(countries.geometry, Point(at))
    expected = countries["name"].iloc[int(np.argmin(away))]
    inland = LineString([(69.0, 30.0), (69.2, 30.0)])
    lines = cg.geodesy.lonlat([inland, line])
    assert find_countries(lines) == ["Pakistan", expected]


def test_of_two_countries_as_near_in_degrees_the_nearer_in_km_counts(monkeypatch):
    """At 60° north a degree of longitude is half as long as one of latitude."""

    def square(west, south):
        return cg.geodesy.lonlat([Point(west, south).buffer(0.5, cap_style="square")]).iloc[0]

    shapes = [
        {"name": "far", "geometry": square(10.0, 80.0)},
        {"name": "north", "geometry": square(10.0, 62.0)},
        {"name": "east", "geometry": square(12.3, 60.0)},
    ]
    monkeypatch.setattr(additions, "read_features", lambda _path: shapes)
    line = cg.geodesy.lonlat([LineString([(9.9, 60.0), (10.1, 60.0)])])
    km = [distance_km(Point(10.0, 60.0), one["geometry"]) for one in shapes]
    assert km[2] < km[1] < km[0]
    assert find_countries(line) == ["east"]


def test_an_edge_is_extended_to_its_nodes_without_more_km():
    xy, km = np.array([(67.0, 25.0), (67.5, 25.0), (68.0, 25.0)]), np.array([0.0, 40.0, 90.0])
    same, at = _extend(xy, km, xy[0], xy[-1])
    assert (same is xy, at is km) == (True, True)
    for start, end, expected in (
        ((66.9, 25.0), (68.0, 25.0), [0, 0, 40, 90]),
        ((67.0, 24.9), (68.0, 25.0), [0, 0, 40, 90]),
        ((67.0, 25.0), (68.0, 25.1), [0, 40, 90, 90]),
        ((66.9, 25.0), (68.1, 25.0), [0, 0, 40, 90, 90]),
    ):
        made, at = _extend(xy, km, np.array(start), np.array(end))
        assert at.tolist() == expected
        assert (tuple(made[0]), tuple(made[-1])) == (start, end)
        assert {*map(tuple, made)} >= {*map(tuple, xy)}


def test_a_catchment_of_nothing_has_no_towns():
    found = cg.reach("Gwadar", km=1e-9)
    assert len(found.edges) == 0
    assert len(found.towns) == 0
    assert {"cost_at", "access_km", "name"} <= set(found.towns)
    assert (found.towns.attrs["left_out"], found.towns.attrs["left_out_km"]) == (0, 20)
