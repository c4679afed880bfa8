"""When borders and passes are shut: dates and seasons, each on either side of its bound."""

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import LineString, Point, Polygon, box

import cpecgeo as cg
from cpecgeo.errors import InputError
from cpecgeo.routing import closures
from cpecgeo.routing.graph import Network, load_shared


def row(begun=None, ended=None, season=(None, None)):
    nothing = float("nan")
    names = ("from", "to", "season_from", "season_to")
    values = (begun, ended, *season)
    return {n: nothing if v is None else v for n, v in zip(names, values, strict=True)}


@pytest.mark.parametrize(
    ("year", "month", "holds"),
    [(2020, 6, False), (2020, 7, True), (2021, 1, True), (2020, None, False), (2021, None, True)],
)
def test_a_closure_holds_from_its_month_on(year, month, holds):
    """Without a month, a border counts as shut in a year if it is shut in June, its middle."""
    assert closures._applies(row("2020-07"), year, month) is holds


@pytest.mark.parametrize(
    ("year", "month", "holds"),
    [(2024, 11, True), (2024, 12, False), (2025, 1, False), (2024, None, True), (1999, 3, True)],
)
def test_a_closure_ends_with_its_month(year, month, holds):
    assert closures._applies(row(ended="2024-11-30"), year, month) is holds


@pytest.mark.parametrize(
    ("month", "shut"),
    [(11, False), (12, True), (1, True), (3, True), (4, False), (7, False), (None, False)],
)
def test_winter_runs_over_the_end_of_the_year(month, shut):
    winter = row(ended="2024-11-30", season=("12-01", "03-31"))
    assert closures._applies(winter, 2020, month) is shut
    # From 2025 on the pass is open all year, so winter doesn't shut it.
    assert not closures._applies(winter, 2025, month)


@pytest.mark.parametrize(("month", "inside"), [(4, False), (5, True), (10, True), (11, False)])
def test_a_season_within_one_year(month, inside):
    assert closures._within(month, "05-15", "10-31") is inside
    assert closures._within(month, "05-16", "10-14") is (inside and month not in {5, 10})


def test_the_borders_of_the_table_are_shut():
    crossings = np.array(["", "khunjerab-pass", "torkham", "chaman"], object)
    net = SimpleNamespace(columns={"crossing": crossings})

    def shut(year, month):
        return set(crossings[closures.is_shut(net, year, month)])

    assert "khunjerab-pass" in shut(2020, 1)
    assert "khunjerab-pass" not in shut(2020, 7) | shut(2026, 1) | shut(None, 1)
    assert {"torkham", "chaman"} <= shut(2025, 10)
    assert not {"torkham", "chaman"} & shut(2025, 9)
    # Without a year it is today's state.
    assert {"torkham", "chaman"} <= shut(None, None)
    assert "" not in shut(2020, 1)
    # The bundled network goes over the border at the pass alone.
    crossings = load_shared().columns["crossing"]
    assert set(crossings) == {"", "khunjerab-pass"}
    assert closures.is_shut(load_shared(), 2020, 1).sum() == (crossings != "").sum()


def test_snow_shuts_the_roads_that_have_a_season():
    net = load_shared()
    seasons = net.columns["season"]
    assert (closures.is_open_in(net, None) == (seasons == "")).all()
    summer, winter = closures.is_open_in(net, 7), closures.is_open_in(net, 1)
    assert summer[seasons == ""].all()
    assert winter[seasons == ""].all()
    assert (summer & ~winter).any()
    for first, last in {tuple(s.split("/")) for s in seasons if s}:
        here = np.asarray(seasons == f"{first}/{last}", bool)
        for month in range(1, 13):
            day = f"{month:02}-15"
            inside = first <= day <= last if first <= last else day >= first or day <= last
            assert (closures.is_open_in(net, month)[here] == inside).all()


def edge(*xy, km):
    """Return a network of one edge, with equal km between its vertices."""
    line, measures = LineString(xy), np.linspace(0, km, len(xy))
    nodes = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(*zip(xy[0], xy[-1], strict=True)), crs=4326
    )
    return Network(nodes, gpd.GeoDataFrame(geometry=[line], crs=4326), (measures,))


def test_an_area_closes_what_lies_in_it_and_nothing_that_it_only_touches():
    net = edge((67, 25), (68, 25), (69, 25), km=200.0)
    np.testing.assert_allclose(closures._spans(net, 0, box(67.5, 24, 68.5, 26)), [[50, 150]])
    both = box(67.1, 24, 67.2, 26).union(box(68.8, 24, 70, 26))
    # Along a geodesic, degrees aren't exactly even.
    np.testing.assert_allclose(closures._spans(net, 0, both), [[10, 20], [180, 200]], atol=1e-3)
    corner = Polygon([(68, 25), (67.9, 26), (68.1, 26)])
    assert closures._spans(net, 0, corner).shape == (0, 2)
    # An edge without length that meets the area lies in it as a whole.
    still = edge((67, 25), (67, 25), km=0.0)
    assert closures._spans(still, 0, box(66, 24, 68, 26)).tolist() == [[0, 0]]


def test_a_point_far_from_the_network_is_named_by_its_coordinates():
    point = Point(70, 28)
    for given in (["m5", point], gpd.GeoSeries([point], crs=4326)):
        with pytest.raises(InputError, match=r"avoid=\(70, 28\) lies 16\.6 km from the network"):
            cg.route("Lahore", "Karachi", avoid=given)
    with pytest.raises(InputError, match="avoid='Washuk' lies"):
        cg.route("Lahore", "Karachi", avoid="Washuk")
