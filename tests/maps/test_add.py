import dataclasses
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import LineString, MultiPoint, Point, box

import cpecgeo
from cpecgeo.errors import (
    CoordinateError,
    CRSError,
    InputError,
    InputTypeError,
    UnknownNameError,
)
from cpecgeo.maps import Map, cpec, cpec_map, explore
from cpecgeo.maps.classes import classify_colors
from cpecgeo.maps.colors import CATEGORIES, DASHES, LOOKS, MISSING, OTHER, check_color
from cpecgeo.maps.drawings import color_drawing, list_drawings
from cpecgeo.maps.layer import CANVAS_ABOVE, encode_layer
from cpecgeo.maps.style import Style


def bare(**options):
    return Map(background=False, **options)


def layer(made, name):
    return next(v for v in made.data()["layers"].values() if v["name"] == name)


@pytest.fixture
def towns():
    return gpd.GeoDataFrame(
        {"name": ["Rohri", "Quetta", "Lost"], "people": [1.0, 2.0, np.nan]},
        geometry=[Point(68.9, 27.69), Point(67.0, 30.2), None],
        index=[10, 20, 30],
        crs="EPSG:4326",
    )


def test_add_chains_and_leaves_the_frame_alone(towns):
    before = towns.copy()
    made = bare()
    assert made.add(towns, name="Towns").add(Point(67, 25)) is made
    pd.testing.assert_frame_equal(pd.DataFrame(towns), pd.DataFrame(before))


def test_any_crs_lands_in_the_same_place(towns):
    one = bare().add(towns.dropna(), name="T").data()
    two = bare().add(towns.dropna().to_crs(32642), name="T").data()
    assert one["layers"] == two["layers"]


def test_no_crs_is_refused(towns):
    with pytest.raises(CRSError, match="set_crs"):
        bare().add(towns.set_crs(None, allow_override=True))


def test_swapped_coordinates_are_refused():
    with pytest.raises(CoordinateError, match="swapped"):
        bare().add(Point(25, 167))


def test_missing_geometry_is_kept_but_not_drawn(towns):
    got = layer(bare().add(towns, name="T"), "T")
    assert got["n"] == 3
    assert got["geometry"][2] == 0


@pytest.mark.parametrize(
    "x",
    [
        Point(67, 25),
        LineString([(67, 25), (68, 26)]),
        box(66, 24, 67, 25),
        MultiPoint([(1, 2), (3, 4)]),
    ],
)
def test_bare_geometries(x):
    assert layer(bare().add(x, name="G"), "G")["n"] == 1


def test_series_and_empty_frames():
    series = gpd.GeoSeries([Point(67, 25)], crs=4326)
    assert layer(bare().add(series, name="S"), "S")["n"] == 1
    empty = gpd.GeoDataFrame({"name": []}, geometry=[], crs=4326)
    made = bare().add(empty, name="E")
    assert layer(made, "E")["n"] == 0
    assert made.html()


@pytest.mark.parametrize("x", [3, None, [1, 2], {"a": 1}])
def test_what_cannot_be_drawn_says_what_can(x):
    with pytest.raises(InputTypeError, match="GeoDataFrame"):
        bare().add(x)


def test_unknown_options_columns_and_colours(towns):
    with pytest.raises(UnknownNameError, match="radius"):
        bare().add(towns, raduis=3)
    with pytest.raises(UnknownNameError, match="people"):
        bare().add(towns, popup=["peple"])
    with pytest.raises(InputError, match="colour"):
        bare().add(towns, color="red; background: url(x)")
    with pytest.raises(InputError, match="opacity"):
        bare().add(towns, fill=3)
    with pytest.raises(InputError, match="pixels"):
        bare().add(towns, radius=0)


def test_popup_columns_in_the_order_given(towns):
    got = layer(bare().add(towns, name="T", popup=["people", "name"]), "T")
    assert [f[0] for f in got["fields"]] == ["people", "name"]


def test_without_popup_all_columns_of_a_users_frame(towns):
    got = layer(bare().add(towns.assign(depth_km=1.5), name="T"), "T")
    assert got["fields"] == [["people", "People", ""], ["depth_km", "Depth", "km"]]


def test_two_layers_of_one_name_are_two_layers(towns):
    data = bare().add(towns, name="T").add(towns, name="T").data()
    assert len(data["layers"]) == 2


def test_first_name_is_the_title(towns):
    assert bare().add(towns, name="My towns").data()["title"] == "My towns"
    assert bare(title="Own").add(towns, name="My towns").data()["title"] == "Own"


def test_colour_by_numbers_and_categories():
    frame = pd.DataFrame({"v": np.arange(10.0), "k": list("ababababab")})
    frame.loc[3, "v"] = np.nan
    colors, legend = classify_colors(frame, "v")
    assert colors[3] == MISSING
    assert len(legend) == 6
    assert colors[0] == legend[0][1]
    assert colors[9] == legend[-2][1]
    assert legend[-1] == ("no value (1)", MISSING)
    assert [label for label, _ in classify_colors(frame, "k")[1]] == ["a", "b"]
    assert classify_colors(frame.assign(v=7.0), "v")[1][0][0] == "7"


@pytest.mark.parametrize("color", ["#abc", "#aabbcc", "teal", "rgb(1, 2, 3)", "hsl(120 50% 50%)"])
def test_css_colours(color):
    assert check_color(color) == color


def test_kinds_can_be_told_apart_and_read_on_the_land():
    def light(color):
        v = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        v = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in v]
        return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]

    land = light("#fbf9f4")
    for kind, look in LOOKS.items():
        assert (land + 0.05) / (light(look.color) + 0.05) >= 4.5, kind
    lines = [LOOKS[k].color for k in ("road", "rail", "mining")]
    assert len(set(lines)) == 3
    sites = [(LOOKS[k].shape) for k in ("crossings", "ports", "zones", "energy", "mines")]
    assert len(set(sites)) == 5


def linear(color):
    v = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* (D65) of linear sRGB."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
              [0.0193339, 0.1191920, 0.9503041]]  # fmt: skip
    x = np.array(to_xyz) @ rgb / np.array([0.95047, 1.0, 1.08883])
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), severity 1.0.
SIGHT = {
    "all": np.eye(3),
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("kind", SIGHT)
def test_lines_differ_for_everyone(kind):
    """A difference of 20 is seen at a glance; two colours of one hue differ by about 12."""
    seen = [
        lab(np.clip(np.array(SIGHT[kind]) @ linear(LOOKS[k].color), 0, 1))
        for k in ("road", "rail", "mining")
    ]
    for i, a in enumerate(seen):
        for b in seen[i + 1 :]:
            assert np.linalg.norm(a - b) >= 20


def test_lines_differ_in_grey():
    """By lightness, or by the ties that railways have."""
    made = bare().add(cpecgeo.layer("sections").dropna(subset="geometry"), name="S")
    looks = layer(made, "S")["looks"]
    ties = {one["color"]: one.get("ties", False) for one in looks}
    assert ties[LOOKS["rail"].color]
    assert not ties[LOOKS["road"].color]
    light = {k: lab(linear(LOOKS[k].color))[0] for k in ("road", "mining")}
    assert abs(light["road"] - light["mining"]) >= 20


def test_every_status_has_its_own_dash():
    assert len(set(DASHES.values())) == len(DASHES)


def test_many_points_go_to_a_canvas():
    def cloud(n):
        frame = gpd.GeoDataFrame(
            {"name": [str(i) for i in range(n)]},
            geometry=gpd.points_from_xy(np.linspace(60, 78, n), np.full(n, 30.0)),
            crs=4326,
        )
        return encode_layer(frame, Style())

    assert "cloud" in cloud(CANVAS_ABOVE + 1)
    assert "geometry" in cloud(CANVAS_ABOVE)


def test_a_row_of_two_points_keeps_many_points_off_the_canvas():
    n = CANVAS_ABOVE + 1
    shapes = list(shapely.points(np.linspace(60, 78, n), np.full(n, 30.0)))
    shapes[7] = MultiPoint([(61, 30), (62, 31)])
    frame = gpd.GeoDataFrame({"name": [str(i) for i in range(n)]}, geometry=shapes, crs=4326)
    payload = encode_layer(frame, Style())
    # A canvas has one position per row. Here both points are drawn, and each row keeps its values.
    assert "cloud" not in payload
    assert len(payload["geometry"]) == n
    assert payload["geometry"][7][0] == 1


def test_long_edges_are_drawn_as_geodesics():
    line = LineString([(20, 50), (120, 50)])
    frame = gpd.GeoDataFrame({"name": ["x"]}, geometry=[line], crs=4326)
    ((_, (text,)),) = encode_layer(frame, Style())["geometry"]
    from test_encode import lonlats

    lat = lonlats(text)[:, 1]
    assert len(lat) > 100
    assert lat.max() > 60


def test_nearest_draws_connecting_lines(towns):
    points = towns.dropna()
    result = cpecgeo.nearest(points, cpecgeo.corridor("ml1"))
    made = bare().add(result, geometry=points, name="Nearest")
    links = layer(made, "Nearest: links")
    assert [g[0] for g in links["geometry"]] == [2, 2]
    assert ["distance_km", "Distance", "km"] in links["fields"]
    assert layer(made, "Nearest")["n"] == 2


def test_a_table_without_geometry_needs_one(towns):
    with pytest.raises(InputTypeError, match="geometry="):
        bare().add(pd.DataFrame({"v": [1]}))
    with pytest.raises(InputTypeError, match="same index"):
        bare().add(pd.DataFrame({"v": [1]}, index=[99]), geometry=towns)
    made = bare().add(pd.DataFrame({"v": [1]}, index=[20]), geometry=towns, name="M")
    assert layer(made, "M")["n"] == 1


def test_lon_and_lat_columns_are_points():
    assert layer(bare().add(pd.DataFrame({"lon": [67.0], "lat": [25.0]}), name="P"), "P")["n"] == 1


def test_crossed_pieces_of_a_corridor():
    ml1 = cpecgeo.corridor("ml1")
    table = pd.DataFrame({"name": ["a", "b"], "km_in": [0.0, 100.0], "km_out": [100.0, 250.0]})
    got = layer(bare().add(table, geometry=ml1, name="Crossed"), "Crossed")
    assert [g[0] for g in got["geometry"]] == [2, 2]
    assert {"km_in", "km_out"} <= {f[0] for f in got["fields"]}


def test_corridors_bring_sections_stops_and_posts():
    ml1 = cpecgeo.corridor("ml1")
    data = bare().add(ml1).data()
    assert data["title"] == ml1.title
    assert layer(bare().add(ml1), ml1.title)["n"] == len(ml1.sections)
    assert layer(bare().add(ml1), "Stops")["n"] == ml1.stops.geometry.notna().sum()
    posts = data["posts"][ml1.title]
    from test_encode import lonlats

    assert posts["decimals"] == 4, "known to a kilometre, written to 8 m"
    at = lonlats(posts["points"], 1e-4)
    assert posts["first_km"] == 0
    assert len(at) == int(ml1.end_km) + 1
    want = ml1.at(481.0)
    assert np.abs(at[481] - [want.x, want.y]).max() < 0.51e-4


def test_posts_do_not_drift_by_rounding():
    kkh = cpecgeo.corridor("kkh")
    from test_encode import lonlats

    at = lonlats(bare().add(kkh).data()["posts"][kkh.title]["points"], 1e-4)
    last = kkh.at(float(len(at) - 1))
    assert np.abs(at[-1] - [last.x, last.y]).max() < 0.51e-4


def test_routes_and_places_by_their_shape():
    route = cpecgeo.route("Rohri Junction", "Sibi", mode="rail")
    name = (
        f"Rohri Junction \u2013 Sibi, {route.chainage_km:,.0f}\u00a0km, {route.hours:,.1f}\u00a0h"
    )
    assert layer(bare().add(route), name)["n"] == len(route.legs)
    assert layer(bare().add(cpecgeo.place("Gwadar Port")), "Gwadar Port")["n"] == 1


def test_names_are_looked_up():
    assert layer(bare().add("ports"), "ports")["n"] == len(cpecgeo.layer("ports"))
    assert bare().add("ML-1").data()["posts"]
    with pytest.raises(UnknownNameError, match="corridor, section, place"):
        bare().add("Xanadu of the East")


def test_explore_fits_the_thing():
    made = explore("ml2")
    west, south, east, north = made.data()["view"]
    assert west < 69 < east
    assert south < 27 < north
    assert east - west < 8


@pytest.fixture(scope="module")
def full():
    return cpec_map()


def test_full_map_is_small_and_each_corridor_too(full):
    assert len(full.html().encode()) <= 900_000
    for name in ("ml1", "kkh", "eastern", "western", "mining"):
        assert len(cpecgeo.corridor(name).explore().html().encode()) <= 570_000, name


def test_full_map_has_all_groups(full):
    data = full.data()
    names = {layer["name"] for layer in data["layers"].values() if layer["control"]}
    assert {
        "Roads", "Railways", "Mining corridor", "Border markets and crossings", "Ports",
        "Economic zones", "Energy", "Mines", "Stations", "Cities", "Towns", "Districts",
        "Disputed boundaries",
    } <= names  # fmt: skip


def test_each_section_of_a_corridor_is_on_the_full_map(full):
    layers = full.data()["layers"]
    drawn = set()
    for kind in ("road", "rail", "mining"):
        ids = layers[kind]["columns"]["id"]
        drawn |= set(ids if isinstance(ids, list) else ids["v"])
    wanted = set()
    for name in cpecgeo.corridors().index:
        sections = cpecgeo.corridor(str(name)).sections
        wanted |= set(sections.loc[sections.geometry.notna(), "id"])
    assert wanted <= drawn


def test_full_map_says_disputed_boundaries_are_no_position(full):
    data = full.data()
    assert "not a position" in data["note"]
    assert any("disputed" in note for note in data["notes"])


def test_solid_borders_stop_where_boundaries_are_disputed():
    from cpecgeo.maps.background import _ground

    _, _, borders = _ground()
    disputed = shapely.union_all(cpecgeo.layer("disputed").geometry.array)
    shared = shapely.intersection(borders, shapely.buffer(disputed, 0.005))
    assert shapely.length(shared) < 0.02 * shapely.length(disputed)


def test_style_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Style().color = "red"


def test_a_misspelt_colour_or_column_is_answered_with_near_names(towns):
    with pytest.raises(UnknownNameError, match="people"):
        bare().add(towns, color="peple")
    with pytest.raises(UnknownNameError, match="crimson"):
        bare().add(towns, color="crimsom")


@pytest.mark.parametrize(
    ("option", "near"), [({"shape": "dimond"}, "diamond"), ({"pane": "lines"}, "line")]
)
def test_shapes_and_panes_are_of_a_fixed_set(towns, option, near):
    with pytest.raises(UnknownNameError, match=near):
        bare().add(towns, **option)
    with pytest.raises(InputError, match="weight"):
        bare().add(towns, weight=-1)


def test_shapes_are_those_that_the_page_draws():
    from cpecgeo.maps import libraries
    from cpecgeo.maps.colors import SHAPES

    block = libraries.read_asset("layers.js").split("const SHAPES = {")[1].split("};")[0]
    assert [line.split(":")[0].strip() for line in block.strip().splitlines()] == list(SHAPES)


def test_layers_of_a_users_own_have_colours_of_their_own(towns):
    ml1 = cpecgeo.corridor("ml1")
    points = towns.dropna()
    made = bare().add(ml1).add(points, name="A").add(points, name="B")
    made.add(cpecgeo.nearest(points, ml1), geometry=points, name="N")

    def color(name):
        return layer(made, name)["looks"][0]["color"]

    assert len({color(n) for n in (ml1.title, "A", "B", "N")}) == 4
    assert color("N") == color("N: links"), "one thing has one colour"


def test_results_bring_the_names_of_what_they_are_about(towns):
    points = towns.dropna()
    made = bare().add(cpecgeo.nearest(points, "ml1"), geometry=points, name="N")
    names = layer(made, "N")["columns"]["name"]
    assert names == ["Rohri", "Quetta"]
    assert layer(made, "N: links")["columns"]["name"] == ["Rohri", "Quetta"]


def test_corridors_by_name_keep_their_title_and_layers_their_look():
    made = bare().add("ml1").add("ports")
    assert layer(made, cpecgeo.corridor("ml1").title)
    assert layer(made, "ports")["looks"][0]["shape"] == LOOKS["ports"].shape


def test_names_of_areas_lie_inside_them():
    from cpecgeo.maps.background import read_ground_names

    provinces = cpecgeo.layer("provinces").set_index("name").geometry
    for row in read_ground_names()["province"].itertuples():
        at = shapely.get_parts(row.geometry)
        assert len(at) >= 5
        assert shapely.contains(provinces[row.name], at).all(), row.name


@pytest.mark.parametrize("what", ["line", "stretch", "crossed", "rings"])
def test_a_line_of_openstreetmap_is_credited_without_a_column_that_says_so(what):
    kkh = cpecgeo.corridor("kkh")
    frame = {
        "line": lambda: gpd.GeoSeries([kkh.line], crs=4326),
        "stretch": lambda: gpd.GeoSeries([kkh.between(1000, 1100)], crs=4326).to_crs(4326),
        "crossed": lambda: kkh.crossed("provinces"),
        "rings": lambda: cpecgeo.rings("kkh", 10),
    }[what]()
    told = encode_layer(frame, Style())["credits"]
    assert told == [("\u00a9 OpenStreetMap contributors", "Open Database Licence 1.0")]


def test_credits_come_from_a_fixed_list():
    frame = gpd.GeoDataFrame(
        {"source": ["GeoNames <img src=x onerror=alert(1)>"], "licence": ["ODbL-1.0"]},
        geometry=[Point(67, 25)],
        crs=4326,
    )
    assert encode_layer(frame, Style())["credits"] == [
        ("© OpenStreetMap contributors", "Open Database Licence 1.0"),
        ("GeoNames", "CC BY 4.0"),
    ]


def test_the_legend_of_rings_says_their_limits():
    ports = cpecgeo.layer("ports")
    for km, labels in (([50], ["0 to 50 km"]), ([5, 10], ["0 to 5 km", "5 to 10 km"])):
        frame = cpecgeo.rings(ports, km=km, dissolve=False)
        colors, legend = classify_colors(frame, "km_to")
        assert [label for label, _ in legend] == labels
        assert colors[: len(km)] == [color for _, color in legend]
        assert len(set(colors)) == len(km)
        part = layer(bare().add(frame, name="Rings"), "Rings")
        assert [entry["label"] for entry in part["legend"]] == labels


def test_rings_and_buffers_are_layers_and_radius_is_kept():
    made = bare().add(cpecgeo.rings("Gwadar Port", km=[5, 10]), name="Rings")
    made.add(cpecgeo.buffer("Gwadar Port", 20), name="Twenty km")
    assert layer(made, "Rings")["n"] == 2
    assert [e["label"] for e in layer(made, "Rings")["legend"]]
    assert layer(made, "Twenty km")["geometry"][0][0] == 3
    towns = cpecgeo.layer("places").head(5)
    assert layer(bare().add(towns, name="T", radius=9), "T")["style"]["radius"] == 9


@pytest.mark.parametrize(
    ("option", "near"),
    [({"zzz": 3}, None), ({"language": "ur"}, "lang"), ({"zoom_strat": 3}, "zoom_start")],
)
def test_options_that_no_map_has_are_refused_with_near_names(option, near):
    with pytest.raises(UnknownNameError, match="option of a map") as caught:
        bare(**option)
    assert near is None or near in caught.value.near
    assert bare(max_zoom=9, zoom_snap=1).options["max_zoom"] == 9


@pytest.mark.parametrize(
    "style",
    [
        {"fill": "dark"}, {"fill": [0.5]}, {"radius": [5]}, {"radius": None}, {"radius": True},
        {"weight": "wide"}, {"color": 3}, {"color": ["red"]}, {"shape": 1}, {"label": 0},
        {"legend": 5}, {"popup": "name"}, {"scheme": 3}, {"scheme": ["a"]}, {"cmap": 4},
    ],
)  # fmt: skip
def test_a_style_of_a_wrong_type_is_named_with_its_rule(towns, style):
    (name,) = style
    with pytest.raises(InputTypeError, match=f"{name} is .*must be"):
        bare().add(towns, **style)


@pytest.mark.parametrize(
    "idle",
    [
        {"cmap": "YlGnBu"}, {"k": 4}, {"scheme": [1]}, {"center": 0}, {"unit": "t"},
        {"cmap": "YlGnBu", "color": "teal"}, {"unit": "t", "radius": "people"},
    ],
)  # fmt: skip
def test_options_of_classes_are_refused_where_nothing_has_classes(towns, idle):
    made = bare()
    with pytest.raises(InputError, match=f"{next(iter(idle))} is .*coloured by values; .*color="):
        made.add(towns, **idle)
    assert made.data()["layers"] == {}
    with pytest.raises(UnknownNameError, match="people"):
        made.add(towns, **{"color": "poeple"} | idle | {"color": "poeple"})


def test_options_of_classes_are_heeded_or_refused(towns):
    reds = ["#ffeeee", "#880000"]
    rings = cpecgeo.rings("Gwadar Port", km=[5, 10])
    got = layer(bare().add(rings, name="R", cmap=reds), "R")
    assert [e["color"] for e in got["legend"]] == reds
    assert [e["label"] for e in got["legend"]] == ["0 to 5 km", "5 to 10 km"]
    placed = towns.set_geometry([Point(67, 25), Point(67, 26), Point(67, 27)], crs=4326)
    got = layer(bare().add(placed, name="T", color="name", cmap=reds), "T")
    assert [e["color"] for e in got["legend"]] == [*reds, OTHER]
    reach = cpecgeo.reach("Torkham", hours=2, mode="road")
    got = layer(bare().add(reach, name="R", cmap=reds), "R")
    assert got["legend"][0]["color"] == reds[0]
    for wrong in ({"k": 3}, {"scheme": [5]}, {"center": 1.0}):
        with pytest.raises(InputError, match="name has categories"):
            bare().add(towns, color="name", **wrong)
    with pytest.raises(InputError, match="k and breaks"):
        bare().add(towns, color="people", k=3, scheme=[1.5])


def test_more_categories_than_colours_are_one_class_of_their_own():
    frame = pd.DataFrame({"k": [*("abcdefgh" * 2), "i", "j", None]})
    colors, legend = classify_colors(frame, "k")
    assert len(set(colors[:8])) == 8
    assert colors[-3:] == [OTHER, OTHER, MISSING]
    assert [label for label, _ in legend] == [*"abcdefgh", "2 others", "no value (1)"]
    assert OTHER not in CATEGORIES


def test_classes_of_numbers_by_scheme():
    frame = pd.DataFrame({"v": [0.0, 1, 2, 3, 100]})
    colors, legend = classify_colors(frame, "v", scheme="equal_interval", k=2, unit="t")
    assert [label for label, _ in legend] == ["0 to 50 t", "50 to 100 t"]
    assert colors[:4] == [legend[0][1]] * 4
    colors, legend = classify_colors(frame, "v", scheme=[2, 50])
    assert [label for label, _ in legend] == ["below 2", "2 to 50", "50 and more"]
    assert [colors.index(c) for _, c in legend] == [0, 2, 4]
    with pytest.raises(InputError, match="rise"):
        classify_colors(frame, "v", scheme=[3, 1])
    with pytest.raises(UnknownNameError, match="quantiles"):
        classify_colors(frame, "v", scheme="quantile")
    with pytest.raises(InputError, match="2 to 9"):
        classify_colors(frame, "v", k=1)


def test_the_popup_tells_the_value_that_the_colour_stands_for(towns):
    named = towns.assign(source="survey", accuracy_km=1.0)
    got = layer(bare().add(named, name="T", color="people", unit="m"), "T")
    assert got["fields"][0] == ["people", "People", "m"]
    assert got["legendTitle"] == "People"
    assert got["style"]["fill"] > 0.5
    titled = layer(bare().add(named, name="T", color="people", legend="Residents"), "T")
    assert titled["legendTitle"] == "Residents"
    assert layer(bare().add(named, name="T", color="people", legend=""), "T")["legend"] == []


def test_columns_of_one_name_are_both_kept(towns):
    twice = pd.concat([towns, towns[["people"]] * 10], axis=1)
    got = layer(bare().add(twice, name="T", color="people"), "T")
    assert [f[0] for f in got["fields"]] == ["people", "people (2)"]
    assert got["columns"]["people (2)"][:2] == [10, 20]


def test_routes_are_named_by_their_ends_and_length():
    ways = cpecgeo.routes("Lahore", "Karachi", k=2)
    names = [v["name"] for v in bare().add(list(ways)).data()["layers"].values()]
    assert len(set(names)) == len(ways) + 2
    for n in names[: len(ways)]:
        assert re.fullmatch(r"Lahore – Karachi, [\d,]+\u00a0km, [\d.]+\u00a0h", n), n
    assert names[len(ways) :] == ["Start and end", "Towns on the way"]


def names_of(made):
    return [v["name"] for v in made.data()["layers"].values()]


def test_every_kind_of_thing_is_drawn(tmp_path):
    """Whatever `resolve` takes, `add` takes."""
    route = cpecgeo.route("Rohri Junction", "Sibi", mode="rail")
    reach = cpecgeo.reach("Gwadar", km=50, mode="road")
    market, port = cpecgeo.market("Torkham"), cpecgeo.place("Gwadar Port")
    line = LineString([(67, 25), (68, 26)])
    path = tmp_path / "villages.csv"
    path.write_text("name,lon,lat\nA,67.5,25.5\nB,67.6,25.4\n")
    section = cpecgeo.layer("sections").set_index("id").loc["raikot-thakot", "name"]
    for x, name in [
        ("raikot-thakot", section), ("Gwadar Port", "Gwadar Port"), ("district:Quetta", "Quetta"),
        ("Balochistan", "Balochistan"), (market, market.name), (port, port.name),
        (str(path), "villages.csv"), (path, "villages.csv"),
        (pd.DataFrame({"Longitude": [67.0], "Latitude": [25.0]}), "Result"),
        ([line, Point(67, 25)], "2 geometries"),
    ]:  # fmt: skip
        made = bare().add(x)
        assert names_of(made) == [name], x
        assert any(made.data()["layers"]["layer0"]["geometry"])
    mixed = bare().add([route, reach, market, "ml2", line, str(path)])
    names = names_of(mixed)
    assert {market.name, cpecgeo.corridor("ml2").title, "LineString", "villages.csv"} <= set(names)
    assert len(names) == len(set(names)) == 12
    assert mixed.data()["posts"]


def test_results_follow_a_corridor_by_name():
    table = pd.DataFrame(cpecgeo.crossed("ml2", "districts").drop(columns="geometry"))
    got = layer(bare().add(table, geometry="ml2", name="Crossed"), "Crossed")
    assert [g[0] for g in got["geometry"]] == [2] * len(table)
    same = cpecgeo.layer("ports")
    frame = cpecgeo.nearest(same.dropna(subset="geometry"), "ml1")
    frame["km_in"], frame["km_out"] = 0.0, 1.0
    links = bare().add(frame, geometry=same.dropna(subset="geometry"), name="N")
    assert "N: links" in names_of(links), "a series has a method called between too"


def test_colours_of_classes():
    frame = pd.DataFrame({"v": [1.0, 2, 3, 4], "change": [-20.0, -5, 5, 20]})
    first, last = "#ffffd9", "#081d58"  # ColorBrewer's YlGnBu of nine
    _, legend = classify_colors(frame, "v", k=4, cmap="YlGnBu")
    assert (legend[0][1], legend[-1][1]) == (first, last)
    _, legend = classify_colors(frame, "v", k=2, cmap=["#000000", "#ffffff"])
    assert [c for _, c in legend] == ["#000000", "#ffffff"]
    with pytest.raises(UnknownNameError, match="YlGnBu"):
        classify_colors(frame, "v", cmap="YlGnBo")
    with pytest.raises(InputError, match="#rrggbb"):
        classify_colors(frame, "v", cmap=["red", "blue"])
    colors, _ = classify_colors(frame, "change", scheme=[-10, 0, 10])
    red = [int(c[1:3], 16) > int(c[5:7], 16) for c in colors]
    assert red == [True, True, False, False], "the colours turn at 0"
    assert len(set(colors)) == 4
    _, legend = classify_colors(frame, "change", k=3)
    assert len({c for _, c in legend}) == 3


def test_of_several_routes_each_has_its_colour_and_its_own_place():
    route = cpecgeo.route("Karachi", "Hyderabad", mode="road")
    drawn = [
        d
        for d in list_drawings([route] * 4, name=None, geometry=None, style={})
        if (shapely.get_dimensions(d.frame.geometry) == 1).any()
    ]
    looks = [color_drawing(d, "#000000") for d in drawn]
    assert [look.weight for look in looks] == [4.0] * 4
    assert [look.extra["aside"] for look in looks] == [-7.5, -2.5, 2.5, 7.5]
    assert [look.color for look in looks] == list(CATEGORIES[:4])


@pytest.mark.parametrize(
    ("shapes", "pane"),
    [
        ([shapely.Point(67, 25)], "point"),
        ([shapely.LineString([(67, 25), (68, 26)])], "line"),
        ([shapely.Point(67, 25), shapely.LineString([(67, 25), (68, 26)])], "line"),
        ([shapely.box(67, 25, 68, 26), shapely.LineString([(67, 25), (68, 26)])], "area"),
    ],
)
def test_a_layer_lies_at_the_height_of_its_widest_shapes(shapes, pane):
    frame = gpd.GeoDataFrame({"n": range(len(shapes))}, geometry=shapes, crs=4326)
    assert encode_layer(frame, Style())["style"]["pane"] == pane


def test_marks_of_sites_are_small_and_alike():
    """A mark of 10 pixels or more would cover a town beside it; less important sites are smaller."""
    sizes = {layer: radius for layer, _, _, radius, _ in cpec._SITES}
    assert all(3 <= size <= 5.5 for size in sizes.values())
    assert min(sizes, key=sizes.get) == "interchanges"


def test_edges_of_a_reach_are_split_where_their_time_passes_a_limit():
    """The way from Turbat to Mand begins at 2.6 h and ends at 5.7 h."""
    reach = cpecgeo.reach("Gwadar", hours=10, mode="road")
    drawn = next(list_drawings(reach, name=None, geometry=None, style={}))
    way, whole = (f[f["name"] == "Turbat\u2013Mand"] for f in (drawn.frame, reach.edges))
    low, high = whole["cost_from"].min(), whole["cost_to"].max()
    assert low < 2.7
    assert high > 5.7
    assert sorted(way["cost_from"]) == pytest.approx(sorted([*whole["cost_from"], 5.0]))
    edge = whole.loc[whole["km"].idxmax()]
    share = (5.0 - edge["cost_from"]) / (edge["cost_to"] - edge["cost_from"])
    first = way[way["cost_from"] == low].geometry
    assert np.asarray(cpecgeo.length_km(first))[0] == pytest.approx(
        share * cpecgeo.length_km(edge.geometry), abs=1e-6
    )
    assert way["km"].sum() == pytest.approx(whole["km"].sum())
    # Nothing is lost, and no stretch lies in two classes.
    total = np.asarray(cpecgeo.length_km(reach.edges.geometry)).sum()
    assert np.asarray(cpecgeo.length_km(drawn.frame.geometry)).sum() == pytest.approx(
        total, abs=1e-6
    )
    place = [np.searchsorted([2.5, 5, 7.5], drawn.frame[c], side="right") for c in
             ("cost_from", "cost_to")]  # fmt: skip
    assert (place[0] == place[1]).all()


def test_several_routes_with_a_name_say_how_long_they_are():
    routes = cpecgeo.routes("Gwadar", "Quetta", k=2)
    drawn = list_drawings(list(routes), name="Ways", geometry=None, style={})
    names = [one.name for one in drawn][: len(routes)]
    assert names == [
        f"Ways {k}, {r.chainage_km:,.0f}\u00a0km, {r.hours:,.1f}\u00a0h"
        for k, r in enumerate(routes, 1)
    ]
