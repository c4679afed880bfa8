"""A line matched to tracks drawn for the purpose: what is followed, and where the old line stays."""

import numpy as np
import pytest
from pyproj import Geod
from shapely.geometry import LineString, Point

from cpecgeo.geodesy import Chainage, length_km
from cpecgeo.osm.elements import from_answers
from cpecgeo.osm.graph import Graph
from cpecgeo.osm.matching import Anchor, match

GEOD = Geod(ellps="WGS84")


def at(east_km, north_km=0.0):
    """A position by km east along the 25th parallel, nearly, and km north of there."""
    lon, lat, _ = GEOD.fwd(67.0, 25.0, 90, 1000 * east_km)
    lon, lat, _ = GEOD.fwd(lon, lat, 0, 1000 * north_km)
    return lon, lat


def tracks(*lines):
    """A railway network of separate tracks; the same position is the same node."""
    number, nodes, ways = {}, [], []
    for i, line in enumerate(lines):
        refs = []
        for xy in line:
            if xy not in number:
                number[xy] = len(number) + 1
                nodes.append({"type": "node", "id": number[xy], "lon": xy[0], "lat": xy[1]})
            refs.append(number[xy])
        ways.append({"type": "way", "id": i, "nodes": refs, "tags": {"railway": "rail"}})
    return Graph.of(from_answers([{"elements": [*nodes, *ways]}]), "rail", {})


def anchor(km, spot=None, *, tolerance_km=1.0, held=False):
    return Anchor(f"km {km:g}", float(km), Point(spot or at(km)), tolerance_km, held)


def matched(net, anchors):
    """Match the straight line from km 0 to the last anchor, with a vertex at each 10 km."""
    end = anchors[-1].km
    km = np.append(np.arange(0.0, end, 10.0), end)
    old = Chainage(LineString([at(one) for one in km]), km)
    return match(net, net.segments.km, anchors, old), old


STRAIGHT = [at(km, 0.2) for km in (-5, 0, 15, 30, 45, 65)]


def test_a_track_beside_the_line_is_followed_from_end_to_end():
    found, _ = matched(tracks(STRAIGHT), [anchor(0), anchor(20, held=True), anchor(60)])
    assert found.gaps == []
    assert found.missed == []
    assert found.ways == (0,)
    assert [round(off, 3) for _, _, off in found.met] == pytest.approx([0.2] * 3, abs=0.01)
    # The feet of the three anchors, and the vertices of the track between them.
    east = [GEOD.inv(67.0, 25.0, x, y)[2] / 1000 for x, y in found.xy]
    assert east == pytest.approx([0, 15, 20, 30, 45, 60], abs=0.25)
    assert [vertex for _, vertex, _ in found.met] == [0, 2, 5]
    assert found.measures_km[[0, 2, 5]].tolist() == [0, 20, 60]
    assert np.isnan(found.measures_km[[1, 3, 4]]).all()
    assert length_km(LineString(found.xy)) == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(
    ("track", "gap", "kept", "reason"),
    [
        ([at(20, 0.2), at(65, 0.2)], (0, 30), [0, 10, 20], "no track near the start"),
        ([at(-5, 0.2), at(35, 0.2)], (30, 60), [40, 50, 60], "no track near the end"),
        ([at(0, 5), at(60, 5)], (0, 60), [0, 10, 20, 30, 40, 50, 60], "no track near the start"),
    ],
)
def test_where_a_track_begins_or_ends_the_old_line_stays(track, gap, kept, reason):
    found, old = matched(tracks(track), [anchor(0), anchor(30), anchor(60)])
    ((start, end, *names, why),) = found.gaps
    assert ((start, end), why) == (gap, reason)
    assert names == [f"km {km:g}" for km in gap]
    corners = {tuple(xy) for xy in found.xy}
    assert {old.at(float(km)).coords[0] for km in kept} <= corners
    assert (found.measures_km[0], found.measures_km[-1]) == (0, 60)
    assert len(found.missed) == 3 - len(found.met)
    assert all("no track within 1.0 km" in why for _, why in found.missed)
    for end in (0, 60):
        if end in kept:
            place = 0 if end == 0 else -1
            assert tuple(found.xy[place]) == old.at(float(end)).coords[0]


def test_a_gap_in_the_middle_keeps_the_old_line_between_its_anchors():
    left, right = [at(-5, 0.2), at(25, 0.2)], [at(35, 0.2), at(65, 0.2)]
    spots = [anchor(km) for km in (0, 20, 40, 60)]
    found, old = matched(tracks(left, right), spots)
    assert found.gaps == [(20, 40, "km 20", "km 40", "no path on mapped track")]
    corners = [tuple(xy) for xy in found.xy]
    assert old.at(30.0).coords[0] in corners
    # Its ends are those of the track.
    assert old.at(20.0).coords[0] not in corners
    assert old.at(40.0).coords[0] not in corners
    assert found.ways == (0, 1)


@pytest.mark.parametrize(("tolerance", "is_met"), [(0.19, False), (0.21, True)])
def test_an_anchor_is_met_within_its_own_tolerance(tolerance, is_met):
    spots = [anchor(0), anchor(30, tolerance_km=tolerance), anchor(60)]
    found, _ = matched(tracks(STRAIGHT), spots)
    assert (len(found.met), len(found.missed)) == ((3, 0) if is_met else (2, 1))
    assert found.gaps == []


def bent(km, track_km):
    """A track from km 0 to a km, straight in two halves, that is as long as said."""
    low, high = 0.0, track_km
    for _ in range(60):
        north = (low + high) / 2
        line = [at(0), at(km / 2, north), at(km)]
        low, high = (north, high) if length_km(LineString(line)) < track_km else (low, north)
    return line


@pytest.mark.parametrize(
    ("km", "track_km", "is_kept"),
    [
        # 1.4 times the chainage, and 3 km more for short legs.
        (10, 16.9, False),
        (10, 17.1, True),
        (100, 142.5, False),
        (100, 143.5, True),
    ],
)
def test_a_track_that_makes_too_great_a_detour_is_not_followed(km, track_km, is_kept):
    found, _ = matched(tracks(bent(km, track_km)), [anchor(0), anchor(km)])
    whys = [why for *_, why in found.gaps]
    told = f"mapped track is {track_km:.1f} km for a chainage of {km:.1f} km"
    assert whys == ([told] if is_kept else [])
    assert found.ways == (() if is_kept else (0,))
    length = km if is_kept else track_km
    assert length_km(LineString(found.xy)) == pytest.approx(length, abs=0.01)


def test_a_detour_is_one_beside_the_straight_line_where_the_chainage_is_short():
    """Posts may count less than the ground."""
    spots = [anchor(0), Anchor("far", 50.0, Point(at(100)), 1.0, held=False)]
    old = Chainage(LineString([at(0), at(100)]), [0.0, 50.0])
    net = tracks(bent(100, 140))
    assert match(net, net.segments.km, spots, old).gaps == []


@pytest.mark.parametrize(("deep", "is_by"), [(0.6, True), (0.9, False)])
def test_a_detour_to_an_anchor_is_worth_three_times_its_distance(deep, is_by):
    """The main track passes it half a km off; the one beside it is longer by twice its depth."""
    spot = at(30, -0.5)
    main = [at(-1), at(29), at(31), at(61)]
    beside = [at(29), at(29, -deep), at(30, -deep), spot, at(31, -0.5), at(31)]
    longer = length_km(LineString(beside)) - 2
    assert longer == pytest.approx(2 * deep, abs=0.01)
    assert (longer < 3 * 0.5) is is_by
    found, _ = matched(tracks(main, beside), [anchor(0), anchor(30, spot), anchor(60)])
    assert (1 in found.ways) is is_by


@pytest.mark.parametrize(("sidings", "is_whole"), [(5, True), (6, False)])
def test_of_the_six_nearest_tracks_the_one_that_goes_on_is_chosen(sidings, is_whole):
    short = [[at(29.9, 0.01 * n), at(30.1, 0.01 * n)] for n in range(1, sidings + 1)]
    found, _ = matched(tracks(STRAIGHT, *short), [anchor(0), anchor(30), anchor(60)])
    assert (found.gaps == []) is is_whole


def test_a_foot_on_a_vertex_is_that_vertex():
    main = [at(0), at(30), at(60)]
    found, _ = matched(tracks(main), [anchor(0), anchor(30, held=True), anchor(60)])
    assert len(found.xy) == 3
    assert found.measures_km.tolist() == [0, 30, 60]
    assert [vertex for _, vertex, _ in found.met] == [0, 1, 2]


def test_without_any_track_the_old_line_stays_whole():
    found, old = matched(Graph.of(from_answers([]), "rail", {}), [anchor(0), anchor(25)])
    assert found.met == []
    assert [why for *_, why in found.gaps] == ["no track near the start"]
    assert found.xy.tolist() == [list(xy) for xy in old.line.coords]
