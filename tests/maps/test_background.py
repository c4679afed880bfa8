"""The ground of a map: thin lines, names one after another, and points for them inside areas."""

import base64
import io

import pandas as pd
import pytest
import shapely
from PIL import Image
from pyproj import Transformer

import cpecgeo as cg
from cpecgeo.maps import background
from cpecgeo.maps.background import BACKGROUNDS
from cpecgeo.maps.libraries import inline_asset


@pytest.fixture(scope="module")
def drawn():
    """What each background draws, made anew: frame, style and options by name."""
    return {
        (name, options["name"], turn): (frame, style, options)
        for name, make in BACKGROUNDS.items()
        for turn, (frame, style, options) in enumerate(make())
    }


def of(drawn, name):
    return [found for (_, title, _), found in drawn.items() if title == name]


def test_names_come_one_kind_after_another_as_one_zooms_in(drawn):
    zooms = {
        title: [style.label_zoom for _, style, _ in of(drawn, title)]
        for title in ("Names of countries", "Names of provinces", "Rivers", "Lakes", "Districts")
    }
    (country,), (large, small) = zooms["Names of countries"], zooms["Names of provinces"]
    (river,), (lake,), (district,) = zooms["Rivers"], zooms["Lakes"], zooms["Districts"]
    order = [country, large, river, lake, small, district]
    assert order == sorted(set(order))
    assert (country, district) == (4, 8)
    orders = {
        title: of(drawn, title)[0][1].extra["order"] for title in ("Rivers", "Lakes", "Districts")
    }
    # They give way to everything else.
    assert set(orders.values()) == {-2}
    assert {style.extra["order"] for _, style, _ in of(drawn, "Names of provinces")} == {2}


def test_boundaries_are_the_thinner_the_less_they_divide(drawn):
    def weight(title):
        return of(drawn, title)[0][1].weight

    assert 1.5 > weight("Disputed boundaries") > weight("Boundaries") > weight("Provinces") > 1
    assert weight("Rivers") == weight("Provinces")
    assert 1 > weight("Coast") == weight("Districts") > 0.5
    lakes = of(drawn, "Lakes")[0][1].extra["path"]
    assert lakes == {"color": background.RIVER, "weight": 0.6, "fillOpacity": 1}
    for title in ("Countries", "Pakistan"):
        frame, style, _ = of(drawn, title)[0]
        assert style.extra["path"] == {"stroke": False, "fillOpacity": 1}
        assert ("Pakistan" in set(frame["name"])) == (title == "Pakistan")
    assert of(drawn, "Districts")[0][1].fill == 0
    assert of(drawn, "Rivers")[0][1].color == background.RIVER
    assert of(drawn, "Lakes")[0][1].color == background.LAKE


def test_positions_on_the_ground_are_of_a_hundred_metres(drawn):
    """As good as outlines are, whose simplified lines are half a km off at most."""
    for (name, title, _), (_, style, _) in drawn.items():
        decimals = 5 if name in {"disputed", "districts"} else 3
        assert style.decimals == decimals, title
    whole = cg.layer("provinces")
    simple = background._simplify(whole)
    for one, other in zip(whole.geometry, simple.geometry, strict=True):
        off = shapely.hausdorff_distance(one.boundary, other.boundary)
        assert off < 0.03
    few, many = (shapely.get_num_coordinates(f.geometry).sum() for f in (simple, whole))
    assert 0.4 * many < few < 0.7 * many


def test_the_relief_lies_where_its_picture_says():
    """A picture in the projection of web maps has square pixels."""
    west, south, east, north = background.RELIEF
    to_metres = Transformer.from_crs(4326, 3857, always_xy=True).transform
    (x0, y0), (x1, y1) = to_metres(west, south), to_metres(east, north)
    picture = base64.b64decode(inline_asset("relief.webp").partition(",")[2])
    width, height = Image.open(io.BytesIO(picture)).size
    assert (x1 - x0) / (y1 - y0) == pytest.approx(width / height, rel=0.01)
    lines = shapely.union_all(cg.layer("corridors").geometry)
    assert shapely.box(*background.RELIEF).contains(cg.corridor("ml1").line)
    assert shapely.box(*background.RELIEF).intersection(lines).length > 0.9 * lines.length


def test_names_of_areas_have_points_inside_the_widest_first(drawn):
    areas = {
        **dict(cg.layer("countries").set_index("name").geometry.items()),
        **dict(cg.layer("provinces").set_index("name").geometry.items()),
    }
    seen = 0
    for title in ("Names of countries", "Names of provinces"):
        for frame, _, _ in of(drawn, title):
            for name, points in zip(frame["name"], frame.geometry, strict=True):
                if name == background.SEA[0]:
                    continue
                area, each = areas[name], shapely.get_parts(points)
                assert 1 <= len(each) <= 9
                assert shapely.distance(area, points) < 0.02
                inside = shapely.distance(each, area.boundary)
                assert shapely.contains(area.buffer(0.02), each).all(), name
                if title == "Names of provinces":
                    # The first is where the area is widest.
                    assert inside[0] > inside.max() - 0.1, name
                seen += 1
    assert seen > 10


def test_small_countries_and_pakistan_have_no_name_and_the_sea_has_one(drawn):
    ((names, _, _),) = of(drawn, "Names of countries")
    countries = cg.layer("countries").set_index("name").geometry
    large = {
        name
        for name, shape in background._ground()[0].set_index("name").geometry.items()
        if shape.area >= 1
    }
    assert set(names["name"]) == large - {"Pakistan"} | {"Arabian Sea"}
    at = names.set_index("name").geometry
    sea = at.pop("Arabian Sea")
    assert not shapely.intersects(countries.to_numpy(), sea).any()
    assert shapely.distance(shapely.union_all(countries.to_numpy()), sea) < 2
    # They are named beside Pakistan, as far as they come near.
    near = shapely.box(60.2, 22.0, 79.0, 40.0)
    for name, points in at.items():
        if shapely.intersection(countries[name], near).area > 1.1:
            assert near.covers(points), name


def test_large_provinces_are_named_before_small_ones(drawn):
    (large, _, _), (small, _, _) = of(drawn, "Names of provinces")
    provinces = cg.layer("provinces")
    area = pd.Series(shapely.area(provinces.geometry.to_numpy()), index=provinces["name"])
    assert area[large["name"]].min() > 4 >= area[small["name"]].max()
    assert {"Punjab", "Sindh", "Balochistan"} <= set(large["name"])
    assert len(small) >= 1


def test_coasts_and_boundaries_are_apart_from_the_frame_and_from_disputed_lines():
    countries, coast, borders = background._ground()
    west, south, east, north = countries.total_bounds
    frame = shapely.box(west, south, east, north).exterior
    assert 0.015 < shapely.distance(coast, frame) < 0.025
    disputed = shapely.union_all(cg.layer("disputed").geometry.to_numpy())
    assert 0.025 < shapely.distance(borders, disputed) < 0.035
    assert shapely.intersection(coast, borders).length == 0
    # A boundary of two countries is drawn once; a coast belongs to one.
    around = shapely.boundary(countries.geometry.to_numpy())
    for lines, count in ((coast, 1), (borders, 2)):
        middle = shapely.line_interpolate_point(shapely.get_parts(lines), 0.5, normalized=True)
        near = shapely.dwithin(around[:, None], middle[None, :], 1e-5).sum(axis=0)
        assert (near == count).all()


def test_the_ground_of_figures_is_that_of_maps():
    ground = background.read_ground()
    home = cg.layer("countries").set_index("name").geometry["Pakistan"]
    assert ground["home"].area == pytest.approx(home.area, rel=0.01)
    assert shapely.intersection(ground["home"], ground["land"]).area < 1e-6
    names = background.read_ground_names()
    assert set(names) == {"country", "province"}
    provinces = cg.layer("provinces").set_index("name").geometry
    for name, points in names["province"].set_index("name").geometry.items():
        # In print a name has more candidates, and they are closer.
        each = shapely.get_parts(points)
        assert 9 < len(each) <= 54, name
        assert shapely.contains(provinces[name].buffer(0.01), each).all()
