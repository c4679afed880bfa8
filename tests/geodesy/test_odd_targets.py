"""Copies of targets, areas around points, and antipodes give what each target gives alone."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, Point, box

from cpecgeo.geodesy import Index, densify
from tests.effort import tries

from .samples import GEOD, LINES

KINDS = [
    Point(67, 25), Point(67.5, 25.2), LineString([(66, 24), (68, 26)]), box(67, 25, 68, 26),
    LineString([(68, 26), (66, 24)]), box(67.2, 24.5, 69, 25.5), MultiPoint([(67, 25), (70, 27)]),
]  # fmt: skip
FIELDS = ("metres", "lon", "lat", "along", "side", "path")


def each_alone(targets, xy):
    """Return for each point all targets, each by an index of its own, nearest first."""
    alone = [Index(t).find(xy) for t in targets]
    metres = np.column_stack([a.metres[:, 0] for a in alone])
    return alone, np.argsort(np.round(metres, 6), axis=1, kind="stable"), metres


@tries(60)
@given(
    st.lists(st.sampled_from(range(len(KINDS))), min_size=1, max_size=12),
    st.lists(st.tuples(st.floats(65, 71), st.floats(23, 28)), min_size=1, max_size=8),
    st.integers(1, 5),
)
def test_copies_are_answered_in_their_order(chosen, spots, k):
    targets, xy = [KINDS[i] for i in chosen], np.array(spots, float)
    k = min(k, len(targets))
    alone, order, metres = each_alone(targets, xy)
    found = Index(targets).find(xy, k=k)
    np.testing.assert_allclose(found.metres, np.take_along_axis(metres, order[:, :k], 1), atol=1e-6)
    for row in range(len(xy)):
        assert len(set(found.target[row])) == k
        for rank in range(k):
            target = found.target[row, rank]
            one = alone[target]
            for name in FIELDS:
                got, want = getattr(found, name)[row, rank], getattr(one, name)[row, 0]
                assert got == pytest.approx(want, abs=1e-6, nan_ok=True), name
            # No copy is answered before an earlier one.
            before = [i for i in range(target) if chosen[i] == chosen[target]]
            assert set(before) <= set(found.target[row, :rank])


def test_many_copies_take_no_longer_than_one():
    """If each copy were measured, ten thousand points would take a minute."""
    xy = np.random.default_rng(1).uniform((60, 24), (78, 37), (10_000, 2))
    one = Index([Point(70, 30)]).find(xy)
    found = Index([Point(70, 30)] * 50_000).find(xy, k=2)
    assert (found.target == [0, 1]).all()
    assert (found.metres == one.metres).all()


def test_a_point_in_an_area_is_answered_as_with_a_second_rank():
    areas = [box(66, 24, 67, 25), box(66.5, 24.5, 68, 26), box(70, 30, 71, 31)]
    targets = [LineString([(65, 23), (72, 32)]), *areas, Point(66.7, 24.7)]
    xy = np.random.default_rng(2).uniform((65, 23), (72, 32), (3_000, 2))
    xy[:2] = (66.7, 24.7), (66, 24.5)
    one, two = (Index(targets).find(xy, k=k) for k in (1, 2))
    assert (one.target == two.target[:, :1]).mean() == 1
    for name in ("metres", "lon", "lat", "along", "side", "path", "piece"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name)[:, :1], err_msg=name)
    assert 100 < (one.metres == 0).sum() < 2_900
    few = Index(targets).find(xy, limit_m=20_000)
    held = one.metres[:, 0] <= 20_000
    assert (few.target[:, 0] == np.where(held, one.target[:, 0], -1)).all()


ANTIPODES = {
    "lines": [LINES["22 vertices"], LINES["zigzag"], LineString([(70, 30), (71, 31)])],
    "apart": [LineString([(70, 30), (71, 31)]), Point(69, 29), Point(-20, 10), box(67, 25, 68, 26)],
    "equator": [LineString([(10, -1), (11, 1), (12, -1)]), LineString([(9, 0), (13, 0)])],
    "pole": [LineString([(0, 88), (120, 88)]), Point(60, 89.9)],
}


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("name", ANTIPODES)
def test_near_antipodes_nothing_is_nearer(name, k):
    targets = ANTIPODES[name]
    k = min(k, len(targets))
    around = shapely.get_coordinates(targets[0])
    rng = np.random.default_rng(7)
    chosen = around[rng.integers(len(around), size=90)]
    xy = np.column_stack((chosen[:, 0] - 180, -chosen[:, 1]))
    xy += rng.normal(0, 1, (90, 1)) * rng.choice([1e-6, 0.01, 0.3, 3], (90, 1))
    xy = np.column_stack(((xy[:, 0] + 180) % 360 - 180, np.clip(xy[:, 1], -90, 90)))
    found = Index(targets).find(xy, k=k)
    least = []
    for target in targets:
        if isinstance(target, Point):
            dense = shapely.get_coordinates(target)
        else:
            line = target.boundary if target.geom_type == "Polygon" else target
            dense = shapely.get_coordinates(densify(line, 0.5))
        pairs = np.broadcast_arrays(xy[:, :1], xy[:, 1:], dense[:, 0], dense[:, 1])
        metres = np.asarray(GEOD.inv(*map(np.ravel, pairs))[2]).reshape(len(xy), -1)
        least.append(metres.min(axis=1))
    least = np.column_stack(least)
    # The samples are 500 m apart, and none may be nearer than what was found.
    want = np.sort(least, axis=1)[:, :k]
    assert (found.metres <= want + 1e-3).all()
    assert (want - found.metres < 500).all()
    assert np.abs(np.take_along_axis(least, found.target, 1) - found.metres).max() < 500
    ends = np.broadcast_arrays(xy[:, :1], xy[:, 1:], found.lon, found.lat)
    to_place = np.asarray(GEOD.inv(*map(np.ravel, ends))[2]).reshape(found.metres.shape)
    assert np.abs(found.metres - to_place).max() < 1e-3


def test_sides_near_antipodes_are_those_of_the_way_there():
    """From north of a line that runs east, the way over the pole comes from the left."""
    line = LineString([(60, 30), (70, 30)])
    spots = np.array([(-115.0, -28.0), (-115.0, -33.0)])
    found = Index(line).find(spots)
    assert (found.metres > 19_000_000).all()
    for row, (x, y) in enumerate(zip(found.lon[:, 0], found.lat[:, 0], strict=True)):
        out = GEOD.inv(x, y, *spots[row])[0]
        there, ahead = shapely.get_coordinates(line), None
        ahead = (
            GEOD.inv(*there[0], *there[1])[0] if x < 65 else GEOD.inv(*there[1], *there[0])[0] + 180
        )
        assert found.side[row, 0] == (-1 if (out - ahead) % 360 < 180 else 1)


@pytest.mark.parametrize("metres", [0.5, 3e4, 9e6, 19.9e6])
def test_sides_at_the_vertex_that_closes_a_line(metres):
    """A narrow corner is the same corner wherever the line starts, near and at the antipodes."""
    corner = [(70, 30), (70.2, 30.02), (70.2, 29.98)]
    azimuth = np.linspace(0, 350, 36) + 0.1
    spots = np.column_stack(
        GEOD.fwd(np.full(36, 70.0), np.full(36, 30.0), azimuth, np.full(36, metres))[:2]
    )
    told = []
    for start in range(3):
        turned = np.roll(corner, start, axis=0)
        line = LineString(np.vstack((turned, turned[:1])))
        near = Index([line]).nearest(shapely.points(spots))
        here = np.hypot(near["lon"] - 70, near["lat"] - 30) < 1e-9
        told.append(near["side"].astype(str).where(here, "elsewhere").tolist())
    assert told[0] == told[1] == told[2]
    assert told[0].count("right") + told[0].count("left") > 9
    if metres < 1e6:
        assert set(told[0]) == {"left", "elsewhere"}  # It is clockwise.


def test_where_a_line_turns_back_its_first_passage_tells_the_side():
    there = [(70, 30), (70.1, 30.05), (70.2, 30.02)]
    line = LineString([*there, *there[-2::-1]])
    azimuth = np.arange(181, 270, 8.0)
    spots = GEOD.fwd(*np.full((2, len(azimuth)), 70.0) - [[0], [40]], azimuth, azimuth)[:2]
    near = Index([line]).nearest(shapely.points(np.column_stack(spots)))
    assert (near["km"] == 0).all()
    ahead = GEOD.inv(*there[0], *there[1])[0]
    right = (azimuth - ahead) % 360 < 180
    assert (near["side"] == np.where(right, "right", "left")).all()
