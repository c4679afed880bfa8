"""The map in a report, and the figures of a shape: what is on it, how large, and where."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

import cpecgeo as cg
from cpecgeo.features.resolve import resolve
from cpecgeo.maps import Map
from cpecgeo.maps.words import find_words
from cpecgeo.reports.document import describe_shape, draw_map, merge_shapes

EN = find_words("en")


def drawn(monkeypatch, things):
    """The map that is drawn of things, before it is a page."""
    made = []
    monkeypatch.setattr(Map, "html", lambda self: made.append(self) or "page")
    (part,) = draw_map("Title", things, EN)
    assert (part.key, part.page, part.alt) == ("map", "page", "Map of Title")
    return made[0]


def named(shape):
    return cg.geodesy.lonlat([shape]).to_frame("geometry").assign(name="here")


def layers(made):
    return {one["name"]: one for one in made.data()["layers"].values()}


@pytest.mark.parametrize(
    ("shape", "is_small"),
    [
        (shapely.Point(67.0, 30.2), True),
        (shapely.box(67.0, 30.2, 67.39, 30.25), True),
        (shapely.box(67.0, 30.2, 67.05, 30.59), True),
        (shapely.box(67.0, 30.2, 67.41, 30.25), False),
        (shapely.box(67.0, 30.2, 67.05, 30.61), False),
    ],
)
def test_what_is_small_is_shown_with_its_surroundings(monkeypatch, shape, is_small):
    made = drawn(monkeypatch, {"here": named(shape)})
    west, south, east, north = shape.bounds
    aside = 0.4 if is_small else 0
    assert made.view == pytest.approx([west - aside, south - aside, east + aside, north + aside])


def test_a_map_has_the_sixty_first_towns_around_its_things(monkeypatch):
    ml1 = cg.corridor("ml1")
    made = drawn(monkeypatch, {ml1.title: ml1})
    west, south, east, north = made.view
    found = layers(made)
    cities, towns = found["Cities"], found["Towns"]
    assert cities["n"] + towns["n"] == 60
    places = cg.layer("places").cx[west - 0.4 : east + 0.4, south - 0.4 : north + 0.4]
    assert cities["n"] == min(60, (places["rank"] <= 6).sum())
    assert (cities["style"]["radius"], cities["style"]["order"]) == (3.4, 4)
    assert (towns["style"]["radius"], towns["style"]["order"]) == (2.4, 0)
    assert (cities["style"]["labelClass"], towns["style"]["labelClass"]) == ("city", "place")
    # Where there are few, all of them, a little beyond the edge too.
    spot = cg.place("Gwadar").point
    small = drawn(monkeypatch, {"here": named(spot)})
    near = cg.layer("places").cx[spot.x - 0.8 : spot.x + 0.8, spot.y - 0.8 : spot.y + 0.8]
    assert 0 < len(near) < 60
    some = layers(small)
    assert sum(some[name]["n"] for name in ("Cities", "Towns") if name in some) == len(near)


@pytest.mark.parametrize(
    ("names", "asides"),
    [(["ml1"], [None]), (["ml1", "n5"], [-2, 2]), (["ml1", "n5", "kkh"], [-4, 0, 4])],
)
def test_several_corridors_have_a_colour_each_and_run_beside_one_another(
    monkeypatch, names, asides
):
    things = {cg.corridor(name).title: cg.corridor(name) for name in names}
    made = layers(drawn(monkeypatch, things))
    found = [made[title] for title in things]
    assert [one["style"].get("aside") for one in found] == asides
    colors = {look["color"] for one in found for look in one["looks"]}
    assert len(colors) == len(names) or names == ["ml1"]


def shape_of(*shapes, **columns):
    frame = gpd.GeoDataFrame(columns or None, geometry=list(shapes), crs=4326)
    subject = resolve(frame if columns else frame.geometry, "x")
    return describe_shape(subject, None)


def test_the_figures_of_a_shape():
    line = shapely.LineString([(67, 25), (68, 26), (69, 25.5)])
    row = shape_of(line)
    assert row["drawn_km"] == round(cg.geodesy.length_km(line), 3)
    assert shapely.Point(row["lon"], row["lat"]).distance(line) < 1e-9
    area = shapely.Point(70, 30).buffer(0.5)
    row = shape_of(area)
    assert row["area_km2"] == round(float(cg.geodesy.area_km2(area)), 1)
    assert (row["lon"], row["lat"]) == (pytest.approx(70), pytest.approx(30))
    assert "drawn_km" not in row
    row = shape_of(shapely.Point(67, 25))
    assert (row["lon"], row["lat"]) == (67, 25)
    assert {"points", "features", "drawn_km", "area_km2"}.isdisjoint(row)


def test_several_points_have_no_position_but_bounds():
    several = [shapely.Point(67, 25), shapely.MultiPoint([(68, 26), (66, 27)])]
    row = shape_of(*several)
    assert row["points"] == 3
    assert [row[c] for c in ("west", "south", "east", "north")] == [66, 25, 68, 27]
    assert {"lon", "lat", "features"}.isdisjoint(row)
    # Two at one place are one position.
    assert shape_of(shapely.Point(67, 25), shapely.Point(67, 25))["features"] == 2
    lines = [shapely.LineString([(67 + i, 25), (67.5 + i, 25)]) for i in range(3)]
    assert shape_of(*lines)["features"] == 3
    assert merge_shapes(resolve(cg.geodesy.lonlat(lines), "x")).length == pytest.approx(1.5)


def test_a_single_row_says_what_its_table_says():
    said = {"name": ["A"], "status": ["planned"], "basis": ["surveyed"], "province": [None]}
    row = shape_of(shapely.Point(67, 25), **said)
    assert row["status"] == "planned"
    assert "province" not in row
    two = shape_of(shapely.Point(67, 25), shapely.Point(68, 25), name=["A", "B"], status=["x", "y"])
    assert "status" not in two
    # An outline's basis isn't that of a position.
    assert "basis" not in shape_of(shapely.box(67, 25, 68, 26), **said)
    assert shape_of(shapely.Point(67, 25), **said).get("basis") == "surveyed"
    sindh = describe_shape(resolve("province:Sindh", "x"), None)
    assert "province" not in sindh
    quetta = describe_shape(resolve("district:Quetta", "x"), None)
    assert quetta["province"] == "Balochistan"
    assert np.isclose(
        quetta["area_km2"], cg.geodesy.area_km2(resolve("district:Quetta", "x").geometry), atol=0.05
    )


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (shapely.Point(67, 30.2), "of here"),
        (shapely.MultiPoint([(67, 30.2), (67.5, 30.4)]), "of these points"),
        (shapely.MultiPoint([(67, 30.2), (67.5, 30.4), (68, 30)]), "of these points"),
        (shapely.LineString([(67, 30.2), (67.5, 30.4)]), "of here"),
    ],
)
def test_people_live_near_the_thing_or_near_several_points(shape, told):
    frame = cg.geodesy.lonlat([shape]).to_frame("geometry")
    frame.attrs["title"] = "here"
    lead = cg.report(frame, draw=False).lead
    assert told in lead
    length = f"is {cg.length_km(shape):,.0f} km long as drawn." if shape.length else "km long"
    assert (length in lead) == (shape.length > 0)


def test_an_area_states_its_size_first():
    area = shapely.box(67, 30, 67.5, 30.5)
    lead = cg.report(area, draw=False).lead
    assert f" has {cg.geodesy.area_km2(area):,.0f} km²." in lead


@pytest.mark.parametrize("make", [lambda g: g, lambda g: gpd.GeoSeries([g], crs=4326)])
def test_a_ring_is_told_and_drawn_as_a_line(make):
    ring = shapely.LinearRing([(67, 25), (68, 25), (68, 26)])
    line = shapely.LineString(ring.coords)
    assert cg.crossed(make(ring), "districts").equals(cg.crossed(make(line), "districts"))
    leads = [cg.report(make(g), draw=False).lead for g in (ring, line)]
    assert leads[0].replace("LinearRing", "LineString") == leads[1]
    made = [Map(background=False).add(make(g), name="ring").data()["layers"] for g in (ring, line)]
    assert made[0] == made[1]
